// node run.js MODEL.gguf ...: azulejo beside wllama in Chromium, on the CPU, one thread each, in turns in one page.
import { dirname, join, resolve, basename } from "node:path";
import { fileURLToPath } from "node:url";

import { launch } from "../../../web/e2e/harness/browsers.js";
import { serve } from "../../../web/e2e/harness/server.js";

const [TOKENS, ROUNDS] = [24, 5];
const here = dirname(fileURLToPath(import.meta.url));
const files = process.argv.slice(2).map((file) => resolve(file));
// Without the strict policy, as the peer starts its worker from a blob: address.
const server = await serve(
  {
    "/": here,
    "/azulejo/": join(here, "../../../web/packages/azulejo/dist"),
    "/wllama/": join(here, "node_modules/@wllama/wllama/esm"),
    ...Object.fromEntries(files.map((file, i) => [`/model-${i}.gguf`, file])),
  },
  { policy: null },
);
const browser = await launch("chromium-cpu");
try {
  for (const [i, file] of files.entries()) {
    const page = await browser.newPage(server.url("/index.html"));
    const url = server.url(`/model-${i}.gguf`);
    const rounds = await page.evaluate(
      async (url, tokens, rounds) => {
        while (!window.measure) await new Promise((go) => setTimeout(go, 50));
        return window.measure(url, tokens, rounds);
      },
      url, TOKENS, ROUNDS,
    );
    const ratios = rounds.map(([ours, theirs]) => ours / theirs).sort((a, b) => a - b);
    console.log(`${basename(file)}: azulejo / wllama, decode: ${ratios.map((r) => r.toFixed(2)).join(" ")}; median ${ratios[ROUNDS >> 1].toFixed(2)}`);
    for (const [ours, theirs] of rounds) console.log(`  ${ours.toFixed(1)} / ${theirs.toFixed(1)} tokens/s`);
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
}
