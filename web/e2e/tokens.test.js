// The browser says what the native program says: greedy answers on every engine, device and tier that runs here.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";

import { CONFIGURATIONS, lack, launch } from "./harness/browsers.js";
import { DEVICES, PROMPTS } from "./harness/devices.js";
import { greedyAnswer } from "./harness/program.js";
import { DEMO, site } from "./harness/site.js";

const TOKENS = 64;
// Answers by text; most end by themselves before that.
const ANSWER = 32;
/** What a held-out model goes on from, and for how many tokens. */
const [CONTINUED, CONTINUATION] = ["A praza do concello", 24];
const HELD_OUT = process.env.AZULEJO_E2E_MODELS;
const GOLDEN = fileURLToPath(new URL("../../tests/fixtures/golden/", import.meta.url));

/** The tiny models of all architectures that are there as GGUF files, and how transformers goes on from their prompts. */
async function goldens() {
  const goldens = [];
  for (const { name } of (await readdir(GOLDEN, { withFileTypes: true })).filter((entry) => entry.isDirectory())) {
    const file = (await readdir(join(GOLDEN, name))).find((file) => file.endsWith(".gguf"));
    if (!file) continue;
    const bytes = await readFile(join(GOLDEN, name, "expected.safetensors"));
    const data = 8 + Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.subarray(8, data));
    const integers = (tensor) => {
      const [from, to] = header[tensor].data_offsets;
      return Array.from({ length: (to - from) / 4 }, (_, i) => bytes.readInt32LE(data + from + 4 * i));
    };
    goldens.push({ name, path: join(GOLDEN, name, file), tokens: integers("tokens"), greedy: integers("greedy") });
  }
  return goldens;
}

let server, endless;
const expected = {};
before(async () => {
  server = await site();
  endless = await greedyAnswer(DEMO, PROMPTS.at(-1), TOKENS, "--ignore-eos");
  for (const prompt of PROMPTS) expected[prompt] = await greedyAnswer(DEMO, prompt, ANSWER);
});
after(() => server?.close());

for (const name of CONFIGURATIONS.filter((name) => DEVICES[name])) {
  describe(name, () => {
    let browser, page;
    before(async () => {
      browser = await launch(name);
      page = await browser.newPage(server.url("/pages/blank.html"));
    });
    after(() => browser?.close());

    for (const { tier, options } of DEVICES[name]) {
      const on = [options.device, tier].filter(Boolean).join(" ");
      test(`answers on ${on} are the native program's`, async () => {
        const info = await page.evaluate((o) => e2e.load("/models/demo.gguf", o), options);
        assert.equal(info.device.backend, options.device, JSON.stringify(info.device));
        if (tier) assert.equal(info.device.tier, tier, JSON.stringify(info.device));
        // A tier below the engine's own answers a part of them: software adapters are slow.
        for (const prompt of options.maxTier ? PROMPTS.slice(0, 2) : PROMPTS) {
          const { text, usage, finish } = await page.evaluate((p, n) => e2e.ask(p, { max_tokens: n }), prompt, ANSWER);
          const native = expected[prompt];
          assert.equal(text, native.text, prompt);
          assert.equal(usage.prompt_tokens, native.prompt_tokens, prompt);
          assert.equal(finish, native.stop_reason === "max_tokens" ? "length" : "stop", prompt);
        }
        // The same by numbers, and on beyond the ends.
        const ids = await page.evaluate(async (content, n) => {
          const prompt = await e2e.engine.tokenize([{ role: "user", content }]);
          return e2e.engine.debug.greedyTokens(prompt, n);
        }, PROMPTS.at(-1), TOKENS);
        assert.deepEqual(ids, endless.tokens);
        await page.evaluate(() => e2e.dispose());
      });
    }

    test("an answer that fills the context ends there and is kept; half a character is U+FFFD", async () => {
      const native = expected[PROMPTS[0]];
      const { full, half, whole } = await page.evaluate(async (options, prompt, context) => {
        await e2e.load("/models/demo.gguf", { ...options, context });
        const full = await e2e.ask(prompt, { max_tokens: 1000, ignore_eos: true });
        const [half, whole] = [await e2e.engine.tokenize("a\ud83d"), await e2e.engine.tokenize("a\ufffd")];
        await e2e.dispose();
        return { full, half, whole };
      }, DEVICES[name][0].options, PROMPTS[0], native.prompt_tokens + 8);
      assert.deepEqual([full.finish, full.usage.completion_tokens], ["length", 9]);
      assert.ok(full.text && native.text.startsWith(full.text), full.text);
      assert.deepEqual(half, whole);
    });

    test("WebGPU asked for where there is none is a clear error", async (t) => {
      if (!lack(name, "webgpu")) return t.skip("not run: this configuration has WebGPU");
      await assert.rejects(
        page.evaluate(() => e2e.load("/models/demo.gguf", { device: "webgpu" })),
        { code: "no_device" },
      );
    });

    test("without a wish the device that is faster here is taken, and answers the same", async () => {
      const info = await page.evaluate(() => e2e.load("/models/demo.gguf"));
      assert.ok(["webgpu", "cpu"].includes(info.device.backend), JSON.stringify(info.device));
      const { text } = await page.evaluate((p, n) => e2e.ask(p, { max_tokens: n }), PROMPTS[0], ANSWER);
      assert.equal(text, expected[PROMPTS[0]].text);
      await page.evaluate(() => e2e.dispose());
    });

    test("every architecture goes on as transformers does", async (t) => {
      const models = await goldens();
      assert.ok(models.length >= 9, `only ${models.length} models`);
      for (const { name: model, path, tokens, greedy } of models) {
        server.mount(`/models/${model}.gguf`, path);
        const load = (file, options) => e2e.load(`/models/${file}.gguf`, options);
        await page.evaluate(load, model, { ...DEVICES[name][0].options, kvType: "f32" });
        const ids = await page.evaluate((from, n) => e2e.engine.debug.greedyTokens(from, n), tokens, greedy.length);
        assert.deepEqual(ids, greedy, model);
        await page.evaluate(() => e2e.dispose());
      }
      t.diagnostic(models.map(({ name }) => name).join(", "));
    });

    test("a KV cache in 8 bits answers as the native program's does", async () => {
      const native = await greedyAnswer(DEMO, PROMPTS[0], ANSWER, "-ctk", "q8_0", "-ctv", "q8_0");
      await page.evaluate((o) => e2e.load("/models/demo.gguf", o), { ...DEVICES[name][0].options, kvType: "q8_0" });
      const { text } = await page.evaluate((p, n) => e2e.ask(p, { max_tokens: n }), PROMPTS[0], ANSWER);
      assert.equal(text, native.text);
      await page.evaluate(() => e2e.dispose());
    });

    test("held-out models say what the native program says", async (t) => {
      if (!HELD_OUT) return t.skip("not run: AZULEJO_E2E_MODELS names no folder of models");
      const files = (await readdir(HELD_OUT)).filter((file) => /Q4_(0|K_M)\.gguf$/.test(file));
      assert.ok(files.length > 0, `${HELD_OUT} has no *Q4_0.gguf or *Q4_K_M.gguf`);
      for (const file of files) {
        // A base model has no chat template: both go on from the text as it is.
        const native = await greedyAnswer(join(HELD_OUT, file), CONTINUED, CONTINUATION, "--raw");
        server.mount(`/models/${file}`, join(HELD_OUT, file));
        const info = await page.evaluate((f, o) => e2e.load(`/models/${f}`, o), file, DEVICES[name][0].options);
        const answer = await page.evaluate(
          (prompt, max_tokens) => e2e.engine.completions.create({ prompt, max_tokens, temperature: 0 }),
          CONTINUED, CONTINUATION,
        );
        const { usage, timings } = answer;
        const speed = timings.predicted_per_second.toPrecision(3);
        t.diagnostic(`${file} on ${info.device.name} (${info.device.tier}): ${usage.completion_tokens} tokens, ${speed} a second`);
        assert.equal(answer.choices[0].text, native.text, file);
        assert.equal(usage.prompt_tokens, native.prompt_tokens, file);
        assert.equal(usage.completion_tokens, native.tokens.length, file);
        await page.evaluate(() => e2e.dispose());
      }
    });
  });
}
