// A hundred conversations on one engine: what it holds is the same after them as after the first few.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { CONFIGURATIONS, launch } from "./harness/browsers.js";
import { site } from "./harness/site.js";

const CONVERSATIONS = 100;

let server;
before(async () => (server = await site()));
after(() => server?.close());

for (const name of CONFIGURATIONS) {
  describe(name, () => {
    let browser;
    before(async () => (browser = await launch(name)));
    after(() => browser?.close());

    test(`${CONVERSATIONS} conversations leave memory flat`, async (t) => {
      const page = await browser.newPage(server.url("/pages/blank.html"));
      const device = name === "chromium" || name === "firefox" ? "webgpu" : "cpu";
      // On the page itself, so that its own heap is what is measured.
      await page.evaluate((o) => e2e.load("/models/demo.gguf", o), { device, worker: false });
      const { early, late, answers } = await page.evaluate(async (count) => {
        const taken = async () => ({
          ...(await e2e.engine.debug.memory()),
          heap: performance.memory?.usedJSHeapSize ?? null,
        });
        let early;
        const answers = new Set();
        for (let i = 0; i < count; i++) {
          const { text } = await e2e.ask(["Onde posso renovar o cartão de cidadão?", "Where do glass bottles go?"][i % 2], { max_tokens: 8 });
          answers.add(text);
          if (i === 19) early = await taken();
        }
        return { early, late: await taken(), answers: answers.size };
      }, CONVERSATIONS);
      t.diagnostic(`after 20: ${JSON.stringify(early)}; after ${CONVERSATIONS}: ${JSON.stringify(late)}`);
      assert.equal(answers, 2, "each question has one answer, always");
      assert.equal(late.wasmBytes, early.wasmBytes, "the wasm memory has not grown");
      if (late.heap === null) t.diagnostic(`not run: ${name} does not tell the size of its heap`);
      else assert.ok(late.heap < early.heap + 10e6, `the heap grew from ${early.heap} to ${late.heap}`);
      await page.evaluate(() => e2e.dispose());
      await page.close();
    });
  });
}
