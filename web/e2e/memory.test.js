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
      // Buffers on the GPU that were made and not destroyed.
      await page.evaluate(() => {
        window.e2eBuffers = 0;
        if (!window.GPUDevice) return;
        const { createBuffer } = GPUDevice.prototype;
        GPUDevice.prototype.createBuffer = function (...args) {
          window.e2eBuffers += 1;
          return createBuffer.apply(this, args);
        };
        const { destroy } = GPUBuffer.prototype;
        GPUBuffer.prototype.destroy = function () {
          window.e2eBuffers -= 1;
          return destroy.apply(this);
        };
      });
      // On the page itself, so that its own heap is what is measured.
      await page.evaluate((o) => e2e.load("/models/demo.gguf", o), { device, worker: false });
      const answers = new Set();
      const questions = ["Onde posso renovar o cartão de cidadão?", "Onde posso pedir o passaporte?"];
      const converse = async (count) => {
        const texts = await page.evaluate(async (questions, count) => {
          const texts = [];
          for (let i = 0; i < count; i++) {
            texts.push((await e2e.ask(questions[i % 2], { max_tokens: 2 })).text);
          }
          return texts;
        }, questions, count);
        texts.forEach((text) => answers.add(text));
      };
      const taken = async () => ({
        ...(await page.evaluate(async () => ({ ...(await e2e.engine.debug.memory()), buffers: window.e2eBuffers }))),
        heap: page.heap ? await page.heap() : null,
      });
      await converse(20);
      const early = await taken();
      for (let done = 20; done < CONVERSATIONS; done += 20) await converse(20);
      const late = await taken();
      t.diagnostic(`after 20: ${JSON.stringify(early)}; after ${CONVERSATIONS}: ${JSON.stringify(late)}`);
      assert.ok(answers.size <= 2, "each question has one answer, always");
      assert.equal(late.wasmBytes, early.wasmBytes, "the wasm memory has not grown");
      assert.ok(late.buffers <= early.buffers + 4, "nor the number of buffers on the GPU");
      if (late.heap === null) t.diagnostic(`not run: ${name} does not tell the size of its heap`);
      else assert.ok(late.heap < early.heap + 4e6, `the heap grew from ${early.heap} to ${late.heap}`);
      await page.evaluate(() => e2e.dispose());
      await page.close();
    });
  });
}
