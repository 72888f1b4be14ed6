// Real models answer in every engine as the native program does: `cargo xtask real` fetches them and asks it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";

import { CONFIGURATIONS, launch } from "./harness/browsers.js";
import { DEVICES } from "./harness/devices.js";
import { site } from "./harness/site.js";

const ANSWERS = new URL("../../target/real/answers.json", import.meta.url);
const real = await readFile(ANSWERS, "utf8").then(JSON.parse, (error) => {
  if (error.code !== "ENOENT") throw error;
  return null;
});

let server;
before(async () => {
  server = await site();
});
after(() => server?.close());

for (const name of CONFIGURATIONS.filter((name) => DEVICES[name])) {
  describe(name, () => {
    let browser, page;
    before(async () => {
      if (!real) return;
      browser = await launch(name);
      page = await browser.newPage(server.url("/pages/blank.html"));
    });
    after(() => browser?.close());

    /** Asks as the native program was asked: in a conversation, or, without one, for more of a text. */
    const check = async (model, { messages, prompt, max_tokens, text, prompt_tokens }) => {
      const ask = async (messages, prompt, max_tokens) => {
        if (messages) return e2e.ask("", { messages, max_tokens });
        const { choices, usage } = await e2e.engine.completions.create({ prompt, max_tokens, temperature: 0 });
        return { text: choices[0].text, usage };
      };
      const answer = await page.evaluate(ask, messages, prompt, max_tokens);
      assert.equal(answer.text, text, model.name);
      assert.equal(answer.usage.prompt_tokens, prompt_tokens, model.name);
    };

    test("real models answer as in the native program", async (t) => {
      if (!real) return t.skip("not run: no real model is there; cargo xtask real fetches them");
      for (const [index, model] of real.models.entries()) {
        server.mount(`/models/real-${index}.gguf`, model.file);
        const load = (file, options) => e2e.load(file, options);
        const { device } = await page.evaluate(load, `/models/real-${index}.gguf`, DEVICES[name][0].options);
        t.diagnostic(`${model.name} on ${device.name} (${device.backend}, ${device.tier})`);
        assert.equal(device.backend, DEVICES[name][0].options.device);
        for (const answer of model.answers) await check(model, answer);
        await page.evaluate(() => e2e.dispose());
      }
    });

    test("a real encoder gives the native program's vectors", async (t) => {
      if (!real?.encoder) return t.skip("not run: no real encoder is there; cargo xtask real fetches it");
      const { file, sentences, vectors } = real.encoder;
      server.mount("/models/encoder.gguf", file);
      for (const worker of [true, false]) {
        const load = (options) => e2e.load("/models/encoder.gguf", options);
        const { embedding } = await page.evaluate(load, { ...DEVICES[name][0].options, worker });
        assert.equal(embedding.dimensions, vectors[0].length);
        const made = await page.evaluate(async (input) => {
          const { data } = await e2e.engine.embeddings.create({ input });
          return data.map(({ embedding }) => embedding);
        }, sentences);
        const cosine = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
        const lowest = Math.min(...made.map((vector, i) => cosine(vector, vectors[i])));
        // Vectors of length 1. Not `<`: what is no number must fail.
        assert.ok(made.length === vectors.length && lowest > 0.9999, `the lowest cosine is ${lowest}`);
        await page.evaluate(() => e2e.dispose());
      }
    });

    test("real models answer from a file that the visitor chose, in a worker", async (t) => {
      if (!real) return t.skip("not run: no real model is there; cargo xtask real fetches them");
      for (const [index, model] of real.models.entries()) {
        server.mount(`/models/real-${index}.gguf`, model.file);
        const load = async (address, options) => {
          const file = new File([await (await fetch(address)).blob()], "chosen.gguf");
          return e2e.load(file, { ...options, worker: true });
        };
        const { file } = await page.evaluate(load, `/models/real-${index}.gguf`, DEVICES[name][0].options);
        assert.deepEqual([file.name, file.storage], ["chosen.gguf", "file"]);
        await check(model, model.answers.at(-1));
        await page.evaluate(() => e2e.dispose());
      }
    });
  });
}
