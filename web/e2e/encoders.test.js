// Many texts on the CPU, shared out to several workers: the vectors of one, bit for bit, and its errors.

import assert from "node:assert/strict";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";

import { ENGINES, launch } from "./harness/browsers.js";
import { makeManifest } from "./harness/manifest.js";
import { until } from "./harness/page.js";
import { CHUNK, scratch, site } from "./harness/site.js";

const FOLDER = fileURLToPath(new URL("../../tests/fixtures/encoders/bert/", import.meta.url));
const WORKERS = 3;
const TEXTS = 600;

/** The words that the model's vocabulary has whole. */
async function words() {
  const { model } = JSON.parse(await readFile(`${FOLDER}tokenizer.json`, "utf8"));
  return Object.keys(model.vocab).filter((word) => /^[a-z]{2,}$/.test(word));
}

let server, texts;
before(async () => {
  server = await site();
  server.mount("/models/bert.gguf", `${FOLDER}model-q8_0.gguf`);
  const known = await words();
  texts = Array.from({ length: TEXTS }, (_, i) =>
    Array.from({ length: 1 + ((i * 7) % 20) }, (_, k) => known[(i * 31 + k * k) % known.length]).join(" "));
});
after(() => server?.close());

for (const name of ENGINES) {
  describe(name, () => {
    let browser, page;
    before(async () => {
      browser = await launch(name);
      page = await browser.newPage(server.url("/pages/blank.html"));
      await page.evaluate(() => {
        e2e.embed = async (input) => {
          const { data, usage } = await e2e.engine.embeddings.create({ input, encoding_format: "base64" });
          const { wasmBytes } = await e2e.engine.debug.memory();
          return { vectors: data.map(({ embedding }) => embedding), indices: data.map(({ index }) => index), usage, wasmBytes };
        };
      });
    });
    after(() => browser?.close());
    const load = (maxWorkers) =>
      page.evaluate((options) => e2e.load("/models/bert.gguf", options), { device: "cpu", maxWorkers });
    const embed = (input) => page.evaluate((input) => e2e.embed(input), input);
    const dispose = () => page.evaluate(() => e2e.dispose());

    test("vectors that are shared out are those of one worker", async (t) => {
      await load(1);
      const alone = await embed(texts);
      await dispose();
      await load(WORKERS);
      const asked = server.log.length;
      const few = await embed(texts.slice(0, 2));
      assert.equal(few.wasmBytes, alone.wasmBytes, "two texts are one worker's");
      // Also while the others are being loaded.
      for (let time = 0; time < 2; time++) {
        const { vectors, indices, usage } = await embed(texts);
        assert.deepEqual(vectors, alone.vectors);
        assert.deepEqual(indices, alone.indices);
        assert.deepEqual(usage, alone.usage);
      }
      await until(async () => (await embed(texts)).wasmBytes > (WORKERS - 1) * alone.wasmBytes, "all workers have the model");
      assert.deepEqual((await embed(texts)).vectors, alone.vectors);
      const files = () => server.log.slice(asked).filter(({ path }) => path.endsWith(".gguf"));
      assert.deepEqual(files(), [], "the others read what is kept, and ask no one");
      if (name === "chromium") {
        await until(async () => (await page.evaluate(() => e2e.engine.debug.memory())).wasmBytes === alone.wasmBytes, "the others went");
        assert.deepEqual((await embed(texts)).vectors, alone.vectors);
      } else t.diagnostic("not run: that idle workers go is looked at in Chromium alone");
      await dispose();
    });

    test("a model that was deleted is not downloaded for further workers", async () => {
      const { file } = await load(WORKERS);
      const asked = server.log.length;
      await page.evaluate((id) => azulejo.storage.delete(id), file.id);
      assert.equal((await embed(texts)).vectors.length, TEXTS);
      assert.deepEqual(server.log.slice(asked).filter(({ path }) => path.endsWith(".gguf")), []);
      await dispose();
    });

    test("texts for a file that the visitor chose are shared out, too", async (t) => {
      const copy = join(await scratch(t), "bert.gguf");
      await copyFile(`${FOLDER}model-q8_0.gguf`, copy);
      await makeManifest(copy, CHUNK);
      server.mount("/models/bert.gguf.azulejo.json", `${copy}.azulejo.json`);
      await page.evaluate(async (options) => {
        const file = await (await fetch("/models/bert.gguf")).blob();
        return e2e.load({ file: new File([file], "bert.gguf"), manifest: "/models/bert.gguf.azulejo.json" }, options);
      }, { device: "cpu", maxWorkers: WORKERS });
      const { wasmBytes } = await page.evaluate(() => e2e.engine.debug.memory());
      await until(async () => (await embed(texts)).wasmBytes > (WORKERS - 1) * wasmBytes, "all workers have the file");
      await dispose();
    });

    test("an error in a share names the text, and ends the request", async () => {
      const { contextLength } = await load(WORKERS);
      const at = TEXTS - 10;
      const input = texts.with(at, Array(contextLength).fill(texts[0].split(" ")[0]).join(" "));
      const error = await page.evaluate((input) => e2e.embed(input).then(() => null, ({ code, message, parameters }) => ({ code, message, parameters })), input);
      assert.equal(error.code, "context_full");
      assert.match(error.message, new RegExp(`"input"\\[${at}\\]`));
      assert.equal(error.parameters.index, at);
      assert.equal((await embed(texts)).vectors.length, TEXTS);
      await dispose();
    });

    test("a request that is aborted, and one whose engine is disposed, end at once", async () => {
      await load(WORKERS);
      const ends = await page.evaluate(async (input) => {
        const told = (promise) => promise.then(() => "whole", (error) => error.code ?? error.message);
        const stop = new AbortController();
        const stopped = told(e2e.engine.embeddings.create({ input }, { signal: stop.signal }));
        const next = told(e2e.engine.embeddings.create({ input }));
        stop.abort(new Error("the visitor went on"));
        const first = [await stopped, await next];
        const last = told(e2e.engine.embeddings.create({ input }));
        await e2e.dispose();
        return [...first, await last];
      }, texts);
      assert.deepEqual(ends, ["the visitor went on", "whole", "cancelled"]);
    });

    test("more workers than one are for an engine in a worker of its own", async () => {
      for (const worker of [false, "shared"]) {
        const load = (options) => e2e.load("/models/bert.gguf", options).then(() => null, ({ code }) => code);
        assert.equal(await page.evaluate(load, { device: "cpu", worker, maxWorkers: 2 }), "invalid_argument");
      }
    });
  });
}
