// What an engine holds: while it loads a file of a gigabyte, and after a hundred conversations on it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { CONFIGURATIONS, launch } from "./harness/browsers.js";
import { scratch, serveRandom, site } from "./harness/site.js";

const CONVERSATIONS = 100;
// Layers as wide as Salamandra-2B's, in Q8_0.
const GIGABYTE = { layers: 19, hidden: 2048, ffn: 5440, heads: 16, kvHeads: 16 };
const MOST_BYTES = 100e6;

let server;
before(async () => (server = await site()));
after(() => server?.close());

for (const name of CONFIGURATIONS) {
  describe(name, () => {
    let browser;
    before(async () => (browser = await launch(name)));
    after(() => browser?.close());

    test("a gigabyte is loaded through less than a tenth of it", async (t) => {
      const page = await browser.newPage(server.url("/pages/blank.html"));
      // On the CPU the engine's own memory holds the model.
      if (name !== "chromium") {
        const why = page.heap ? "without a GPU the model itself is in the heap" : `${name} does not tell the size of its heap`;
        t.diagnostic(`not run: ${why}`);
        return page.close();
      }
      const bytes = await serveRandom(server, await scratch(t), "gigabyte", GIGABYTE, 4 << 20);
      assert.ok(bytes >= 1e9, `${bytes} bytes are no gigabyte`);
      let loading = true;
      const loaded = page
        .evaluate(async () => {
          const { file, device } = await e2e.load(
            { url: "/models/gigabyte.gguf", manifest: "/models/gigabyte.gguf.azulejo.json" },
            { device: "webgpu", context: 64 },
          );
          return { file, device, ...(await e2e.engine.debug.memory()) };
        })
        .finally(() => (loading = false));
      // As engines leave it, garbage and all.
      let [most, looks] = [0, 0];
      for (; loading; looks++) most = Math.max(most, await page.heap({ collect: false }));
      const { file, device, wasmBytes } = await loaded;
      t.diagnostic(`${bytes} bytes: at most ${most} of JavaScript and wasm in ${looks} looks, ${wasmBytes} of them wasm; kept in ${file.storage}`);
      assert.equal(device.backend, "webgpu");
      assert.ok(file.verified);
      assert.ok(looks > 20, `${looks} looks`);
      assert.ok(most < MOST_BYTES, `${most} bytes`);
      await page.evaluate(() => e2e.dispose());
      await page.close();
    });

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
