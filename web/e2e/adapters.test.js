// The adapters with the real SDKs in a page under the strict policy, and one engine that tabs share.

import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { ENGINES, launch } from "./harness/browsers.js";
import { greedyAnswer } from "./harness/program.js";
import { DEMO, site } from "./harness/site.js";

const PROMPT = "Where do glass bottles go?";
const TOKENS = 16;
const bundled = (name) => fileURLToPath(new URL(`bundled/${name}`, import.meta.url));

/** The package as the site serves it, not a copy of it in the bundle. */
const served = {
  name: "served",
  setup: ({ onResolve }) =>
    onResolve({ filter: /^azulejo(\/|$)/ }, ({ path }) => ({
      path: path === "azulejo" ? "/azulejo/index.js" : `/azulejo/${path.slice("azulejo/".length)}.js`,
      external: true,
    })),
};

let server, folder, native;
before(async () => {
  server = await site();
  folder = await mkdtemp(join(tmpdir(), "azulejo-e2e-adapters-"));
  const options = { bundle: true, format: "esm", target: "es2022", minify: true, logLevel: "warning" };
  await build({ ...options, entryPoints: [bundled("adapters.js")], outdir: folder, plugins: [served] });
  await cp(bundled("index.html"), join(folder, "index.html"));
  server.mount("/bundled/", folder);
  native = await greedyAnswer(DEMO, PROMPT, TOKENS);
});
after(async () => {
  await server?.close();
  if (folder) await rm(folder, { recursive: true });
});

for (const name of ENGINES) {
  describe(name, () => {
    let browser, page;
    before(async () => {
      browser = await launch(name);
      page = await browser.newPage(server.url("/bundled/index.html"));
      await page.evaluate(async () => {
        window.engine = await e2e.createEngine("/models/demo.gguf", { device: "cpu" });
      });
    });
    after(() => browser?.close());

    test("the OpenAI SDK, whole and streamed", async () => {
      const { whole, streamed } = await page.evaluate(async (content, max_tokens) => {
        const client = e2e.openai(window.engine);
        const body = { model: "demo", messages: [{ role: "user", content }], temperature: 0, max_tokens };
        const whole = await client.chat.completions.create(body);
        let streamed = "";
        for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
          streamed += chunk.choices[0]?.delta?.content ?? "";
        }
        return { whole, streamed };
      }, PROMPT, TOKENS);
      assert.equal(whole.choices[0].message.content, native.text);
      assert.equal(whole.usage.prompt_tokens, native.prompt_tokens);
      assert.equal(streamed, native.text);
    });

    test("the OpenAI SDK's own errors", async () => {
      const refused = await page.evaluate(async () => {
        const body = { model: "demo", messages: [{ role: "user", content: "?" }], n: 3 };
        return e2e.openai(window.engine).chat.completions.create(body).then(() => null, ({ status, message }) => ({ status, message }));
      });
      assert.equal(refused.status, 400, JSON.stringify(refused));
    });

    test("the AI SDK, versions 7 and 6", async () => {
      const texts = await page.evaluate(async (prompt, maxOutputTokens) => {
        const { azulejo, azulejoV3, generateText, streamText, streamText6 } = e2e.ai;
        const how = { prompt, maxOutputTokens, temperature: 0 };
        const all = async (stream) => {
          let text = "";
          for await (const part of stream) text += part;
          return text;
        };
        return {
          generate: (await generateText({ model: azulejo(window.engine), ...how })).text,
          stream: await all(streamText({ model: azulejo(window.engine), ...how }).textStream),
          stream6: await all(streamText6({ model: azulejoV3(window.engine), ...how }).textStream),
        };
      }, PROMPT, TOKENS);
      assert.deepEqual(texts, { generate: native.text, stream: native.text, stream6: native.text });
    });

    test("the Prompt API", async () => {
      const told = await page.evaluate(async (prompt) => {
        const LanguageModel = e2e.languageModel((onProgress) => e2e.createEngine("/models/demo.gguf", { device: "cpu", onProgress }));
        const availability = await LanguageModel.availability();
        const session = await LanguageModel.create({ temperature: 0, topK: 1 });
        const whole = await session.prompt(prompt);
        const clone = await session.clone();
        let streamed = "";
        const fresh = await LanguageModel.create({ temperature: 0, topK: 1 });
        const reader = fresh.promptStreaming(prompt).getReader();
        for (let part = await reader.read(); !part.done; part = await reader.read()) streamed += part.value;
        const [used, ofClone] = [session.contextUsage, clone.contextUsage];
        for (const each of [session, clone, fresh]) each.destroy();
        return { availability, whole, streamed, used, ofClone };
      }, PROMPT);
      assert.ok(["available", "downloadable"].includes(told.availability), told.availability);
      assert.ok(told.whole.startsWith(native.text), told.whole);
      assert.equal(told.streamed, told.whole);
      assert.ok(told.used > native.prompt_tokens);
      assert.equal(told.ofClone, told.used);
    });

    test("tabs share one engine, which outlives the tab that made it", async () => {
      const open = async () => {
        const tab = await browser.newPage(server.url("/bundled/index.html"));
        await tab.evaluate(async () => {
          window.engine = await e2e.createEngine("/models/demo.gguf", { device: "cpu", worker: "shared" });
        });
        return tab;
      };
      const ask = (tab) =>
        tab.evaluate(async (content, max_tokens) => {
          const messages = [{ role: "user", content }];
          const answer = await window.engine.chat.completions.create({ messages, temperature: 0, max_tokens });
          return answer.choices[0].message.content;
        }, PROMPT, TOKENS);
      const first = await open();
      server.log.length = 0;
      const second = await open();
      assert.equal(server.log.filter((entry) => /\.(wasm|gguf)$/.test(entry.path)).length, 0, "nothing was loaded again");
      assert.deepEqual(await Promise.all([ask(first), ask(second)]), [native.text, native.text]);
      await first.close();
      assert.equal(await ask(second), native.text);
      await second.close();
    });

    test("tabs that share an engine interrupt their own answers only, and one that is disposed of leaves the others theirs", async () => {
      const open = async () => {
        const tab = await browser.newPage(server.url("/bundled/index.html"));
        await tab.evaluate(async () => {
          window.engine = await e2e.createEngine("/models/demo.gguf", { device: "cpu", worker: "shared" });
        });
        return tab;
      };
      const [one, two] = [await open(), await open()];
      // One tab's answer is being written while the other one interrupts, whose own waits for its turn, and goes.
      await one.evaluate(async (content) => {
        const body = { messages: [{ role: "user", content }], temperature: 0, max_tokens: 150, ignore_eos: true, stream: true };
        const stream = await window.engine.chat.completions.create(body);
        let begun;
        window.begun = new Promise((done) => (begun = done));
        window.answer = (async () => {
          let [text, last] = ["", null];
          for await (const { choices } of stream) {
            text += choices[0].delta.content ?? "";
            last = choices[0];
            if (text) begun();
          }
          return { text, ...last };
        })();
        await window.begun;
      }, PROMPT);
      const waiting = await two.evaluate(async (content, max_tokens) => {
        const create = () =>
          window.engine.chat.completions.create({ messages: [{ role: "user", content }], temperature: 0, max_tokens });
        const ended = create().then(() => "answered", ({ code, message }) => `${code}: ${message}`);
        await window.engine.interruptGenerate();
        await window.engine.dispose();
        return ended;
      }, PROMPT, TOKENS);
      assert.match(waiting, /^cancelled: The engine was disposed/);
      const whole = await one.evaluate(() => window.answer);
      assert.deepEqual([whole.finish_reason, "interrupted" in whole], ["length", false]);
      assert.ok(whole.text.startsWith(native.text), whole.text);
      // Its own does end.
      const cut = await one.evaluate(async (content) => {
        const body = { messages: [{ role: "user", content }], temperature: 0, max_tokens: 150, ignore_eos: true, stream: true };
        let last;
        for await (const { choices } of await window.engine.chat.completions.create(body)) {
          last = choices[0];
          if (choices[0].delta.content) await window.engine.interruptGenerate();
        }
        return last;
      }, PROMPT);
      assert.deepEqual([cut.finish_reason, cut.interrupted], ["length", true]);
      await one.close();
      await two.close();
    });

    test("a shared worker that ends ends what its tabs wait for", async () => {
      const tab = await browser.newPage(server.url("/pages/blank.html"));
      const told = await tab.evaluate(async (content) => {
        await e2e.load("/models/demo.gguf", { device: "cpu", worker: "shared", workerUrl: "/pages/trapping-worker.js?ends" });
        const body = { messages: [{ role: "user", content }], temperature: 0, max_tokens: 400, ignore_eos: true, stream: true };
        let pieces = 0;
        try {
          for await (const { choices } of await e2e.engine.chat.completions.create(body)) {
            if (choices[0].delta.content && ++pieces === 3) new BroadcastChannel("trap").postMessage("end");
          }
          return "answered";
        } catch ({ code, message }) {
          const after = await e2e.ask(content).then(() => "answered", (error) => error.code);
          return { code, message, after };
        }
      }, PROMPT);
      assert.deepEqual([told.code, told.after], ["internal", "internal"], JSON.stringify(told));
      assert.match(told.message, /has ended/);
      await tab.close();
    });

    for (const worker of [true, "shared", false]) {
      test(`a module that trapped is replaced, worker: ${worker}`, async () => {
        const open = async () => {
          const tab = await browser.newPage(server.url("/pages/blank.html"));
          await tab.evaluate(async (worker) => {
            if (!worker) await import("/pages/trapping.js");
            await e2e.load("/models/demo.gguf", { device: "cpu", worker, ...(worker ? { workerUrl: "/pages/trapping-worker.js" } : {}) });
          }, worker);
          return tab;
        };
        const ask = (tab) => tab.evaluate(async (p, n) => (await e2e.ask(p, { max_tokens: n })).text, PROMPT, TOKENS);
        const tabs = worker === "shared" ? [await open(), await open()] : [await open()];
        for (const tab of tabs) assert.equal(await ask(tab), native.text);
        const trapped = await tabs[0].evaluate(() => {
          const channel = new BroadcastChannel("trap");
          const heard = new Promise((done) => (channel.onmessage = ({ data }) => done(data)));
          channel.postMessage("trap");
          // On the page itself the one that hears is another channel of the same page.
          return heard;
        });
        assert.equal(trapped, 1, "there was one module, and it is nonsense now");
        assert.deepEqual(await Promise.all(tabs.map(ask)), tabs.map(() => native.text));
        for (const tab of tabs) {
          const events = await tab.evaluate(() => e2e.events.map(({ type }) => type).filter((type) => type.startsWith("device")));
          assert.deepEqual(events, ["device-restored"]);
          await tab.evaluate(() => e2e.dispose());
          await tab.close();
        }
      });
    }

    test("all of it under the strict policy", async () => {
      // zod, which the AI SDK is made with, tries once whether it may eval, and does without.
      const own = (violation) => !(violation.includes("eval") && violation.includes("/bundled/adapters.js"));
      assert.deepEqual((await page.evaluate(() => window.e2eViolations)).filter(own), []);
      assert.deepEqual(server.violations.filter((report) => own(JSON.stringify(report))), []);
      const strangers = (await page.requests()).filter((url) => !url.startsWith(`${server.origin}/`));
      assert.deepEqual(strangers, []);
    });
  });
}
