// Has a page measure, which takes longer than one question to a page may.
import { setTimeout as wait } from "node:timers/promises";

/** What the page's `window.measure(...settings)` tells in `window.told`, printed as it comes; the speeds at its end, if it tells some. */
export async function measured(page, ...settings) {
  await page.evaluate(async (settings) => {
    while (!window.measure) await new Promise((go) => setTimeout(go, 50));
    window.measure(...settings);
  }, settings);
  for (let printed = 0; ; await wait(500)) {
    const { lines, speeds, error, ended } = await page.evaluate(() => window.told);
    for (; printed < lines.length; printed++) console.log(lines[printed]);
    if (error) throw new Error(`${error}\n${(await page.console()).join("\n")}`);
    if (ended) return speeds;
  }
}
