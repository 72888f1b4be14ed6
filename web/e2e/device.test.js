// A lost device in mid-answer, and a stop at every stage.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { CONFIGURATIONS, launch, notRun } from "./harness/browsers.js";
import { DEMO, site } from "./harness/site.js";
import { greedyAnswer } from "./harness/program.js";

const PROMPT = "¿Cómo puedo sacar el pasaporte?";
const TOKENS = 24;

let server, native;
before(async () => {
  server = await site();
  native = await greedyAnswer(DEMO, PROMPT, TOKENS);
});
after(() => server?.close());

for (const name of CONFIGURATIONS) {
  describe(name, () => {
    let browser, page;
    const device = name === "chromium" || name === "firefox" ? "webgpu" : "cpu";
    const load = (options) => page.evaluate((o) => e2e.load("/models/demo.gguf", o), { device, ...options });
    before(async () => {
      browser = await launch(name);
      page = await browser.newPage(server.url("/pages/blank.html"));
    });
    after(() => browser?.close());

    for (const worker of [true, false]) {
      test(`a device lost in mid-answer changes nothing that is said, worker: ${worker}`, async (t) => {
        if (notRun(t, name, "webgpu")) return;
        await load({ worker });
        server.log.length = 0;
        const { text, usage, lost } = await page.evaluate(async (prompt, tokens) => {
          let lost = false;
          const answer = await e2e.ask(prompt, { max_tokens: tokens }, async (text) => {
            if (!lost && text.length > 10) {
              lost = true;
              await e2e.engine.debug.loseDevice();
            }
          });
          return { ...answer, lost };
        }, PROMPT, TOKENS);
        assert.ok(lost, "the device was lost while the answer came");
        assert.equal(text, native.text);
        assert.equal(usage.prompt_tokens, native.prompt_tokens);
        assert.equal(usage.completion_tokens, native.tokens.length);
        const events = await page.evaluate(() => e2e.events);
        assert.ok(events.some((e) => e.type === "device-lost") && events.some((e) => e.type === "device-restored"), JSON.stringify(events));
        assert.equal(server.bytes("/models/demo.gguf"), 0, "the weights came from the store");
        // Asking for subgroups left nothing behind on the page.
        const untouched = await page.evaluate(() => GPUAdapter.prototype.requestDevice.toString().includes("[native code]"));
        assert.ok(untouched, "the page's own requestDevice");
        // And it goes on being well.
        const again = await page.evaluate((p, n) => e2e.ask(p, { max_tokens: n }), PROMPT, TOKENS);
        assert.equal(again.text, native.text);
        await page.evaluate(() => e2e.dispose());
      });
    }

    test("conversations keep their caches apart, also on a device that is opened anew", async (t) => {
      if (notRun(t, name, "webgpu")) return;
      await load({ conversations: 2 });
      const ask = (prompt) => page.evaluate((p, n) => e2e.ask(p, { max_tokens: n }), prompt, TOKENS);
      const other = "Where do glass bottles go, and where do plastic bottles go?";
      const [first, second] = [await ask(PROMPT), await ask(other)];
      assert.equal(first.text, native.text);
      for (const lost of [false, true]) {
        if (lost) await page.evaluate(() => e2e.engine.debug.loseDevice());
        for (const [prompt, told] of [[PROMPT, first], [other, second], [PROMPT, first], [other, second]]) {
          const { text, usage } = await ask(prompt);
          assert.equal(text, told.text);
          if (!lost) assert.ok(usage.prompt_tokens_details.cached_tokens > usage.prompt_tokens / 2, JSON.stringify(usage));
        }
      }
      await page.evaluate(() => e2e.dispose());
    });

    test("a device lost between two answers is not noticed by the next", async (t) => {
      if (notRun(t, name, "webgpu")) return;
      await load();
      await page.evaluate(() => e2e.engine.debug.loseDevice());
      const { text } = await page.evaluate((p, n) => e2e.ask(p, { max_tokens: n }), PROMPT, TOKENS);
      assert.equal(text, native.text);
      await page.evaluate(() => e2e.dispose());
    });

    test("without a wish it ends on the CPU, with the reason, whatever the browser says of its GPU", async (t) => {
      if (notRun(t, name, "webgpu")) return;
      for (const fault of ["requestDevice rejects", "requestAdapter throws", "requestAdapter rejects", "there is no adapter"]) {
        const { device, text } = await page.evaluate(async (fault, prompt, tokens) => {
          const own = [[navigator.gpu, "requestAdapter"], [GPUAdapter.prototype, "requestDevice"]].map(([of, what]) => [of, what, of[what]]);
          const refuse = { rejects: () => Promise.reject(new DOMException("refused", "OperationError")), throws: () => { throw new TypeError("refused"); }, adapter: async () => null };
          const [what, how] = [fault.includes("Device") ? own[1] : own[0], fault.split(" ").at(-1)];
          what[0][what[1]] = refuse[how];
          try {
            // Without a measurement the GPU is taken where there is one, be it made of software.
            const { device } = await e2e.load("/models/demo.gguf", { worker: false, measure: false });
            return { device, text: (await e2e.ask(prompt, { max_tokens: tokens })).text };
          } finally {
            for (const [of, name, value] of own) of[name] = value;
            await e2e.dispose();
          }
        }, fault, PROMPT, TOKENS);
        assert.equal(device.backend, "cpu", fault);
        assert.match(device.choice, fault.startsWith("there") ? /no WebGPU adapter/ : /refused/, fault);
        assert.equal(device.choiceCode, fault.startsWith("requestDevice") ? "gpu_refused" : "no_webgpu", fault);
        t.diagnostic(`${fault}: ${device.choice}`);
        assert.equal(text, native.text, fault);
      }
    });

    for (const [slow, waits, options] of [
      ["its test", "mapAsync", {}],
      ["compiling", "popErrorScope", { selfTest: false }],
    ]) {
      test(`a GPU whose ${slow === "compiling" ? "programs take" : "test takes"} long isn't waited for, and takes over later`, async (t) => {
        if (notRun(t, name, "webgpu")) return;
        const { first, second, texts, phases } = await page.evaluate(async (waits, options, prompt, tokens) => {
          await azulejo.storage.forgetDevices();
          const of = waits === "mapAsync" ? GPUBuffer.prototype : GPUDevice.prototype;
          const own = of[waits];
          let go;
          const gone = new Promise((done) => (go = done));
          of[waits] = function (...args) {
            return gone.then(() => own.apply(this, args));
          };
          try {
            // Without a measurement the GPU is taken where there is one that passes, be it made of software.
            await e2e.load("/models/demo.gguf", { worker: false, measure: false, ...options });
            const first = e2e.engine.info.device;
            const ask = async () => (await e2e.ask(prompt, { max_tokens: tokens })).text;
            const texts = [await ask()];
            const changed = new Promise((done) => e2e.engine.addEventListener("device-changed", done));
            go();
            // An answer while it moves.
            texts.push(await ask());
            await changed;
            const second = e2e.engine.info.device;
            texts.push(await ask());
            return { first, second, texts, phases: e2e.progress.map((p) => p.phase) };
          } finally {
            of[waits] = own;
            await e2e.dispose();
          }
        }, waits, options, PROMPT, TOKENS);
        assert.deepEqual([first.backend, second.backend], ["cpu", "webgpu"]);
        t.diagnostic(`${first.choice}; ${second.choice}`);
        assert.equal(first.choiceCode, slow === "compiling" ? "gpu_compiles" : "gpu_untried");
        assert.deepEqual(texts, [native.text, native.text, native.text]);
        assert.ok(phases.includes(slow === "compiling" ? "compile" : "test"), phases.join(" "));
      });
    }

    test("a GPU that is still being tried when the engine is disposed is closed", async (t) => {
      if (notRun(t, name, "webgpu")) return;
      const { opened, closed } = await page.evaluate(async () => {
        await azulejo.storage.forgetDevices();
        const { mapAsync } = GPUBuffer.prototype;
        const { requestDevice } = GPUAdapter.prototype;
        const devices = [];
        let go;
        const gone = new Promise((done) => (go = done));
        GPUBuffer.prototype.mapAsync = function (...args) {
          return gone.then(() => mapAsync.apply(this, args));
        };
        GPUAdapter.prototype.requestDevice = async function (...args) {
          const device = await requestDevice.apply(this, args);
          devices.push(device);
          return device;
        };
        try {
          await e2e.load("/models/demo.gguf", { worker: false, measure: false });
          await e2e.dispose();
          go();
          await Promise.all(devices.map((device) => device.lost));
          return { opened: devices.length, closed: true };
        } finally {
          GPUBuffer.prototype.mapAsync = mapAsync;
          GPUAdapter.prototype.requestDevice = requestDevice;
        }
      });
      assert.ok(opened > 0 && closed);
    });

    test("a GPU made of software is neither tested nor measured, and progress says what is waited for", async (t) => {
      if (notRun(t, name, "webgpu")) return;
      const phases = await page.evaluate(async () => {
        await azulejo.storage.forgetDevices();
        await e2e.load("/models/demo.gguf");
        await e2e.dispose();
        return e2e.progress.map((p) => p.phase);
      });
      assert.ok(!phases.includes("test") && !phases.includes("measure"), phases.join(" "));
      assert.equal(phases[0], "probe");
      assert.equal(phases.at(-1), "ready");
    });

    test("a failed test of a GPU counts for a week, and can be forgotten", async (t) => {
      if (notRun(t, name, "webgpu")) return;
      const tiers = await page.evaluate(async () => {
        const options = { worker: false, device: "webgpu" };
        const tier = async () => {
          const { device } = await e2e.load("/models/demo.gguf", options);
          await e2e.dispose();
          return device.tier;
        };
        await azulejo.storage.forgetDevices();
        const best = await tier();
        // What was found, as it is kept, with the best tier failed: just now, and more than a week ago.
        const cache = await caches.open("azulejo-settings");
        const [entry] = await cache.keys();
        const found = await (await cache.match(entry)).json();
        const failed = async (at) => {
          await cache.put(entry, Response.json({ ...found, passed: [], failed: { [best]: "it was wrong" }, at }));
          return tier();
        };
        const now = Date.now();
        const day = 24 * 60 * 60 * 1000;
        const tiers = { best, today: await failed(now), later: await failed(now - 8 * day) };
        await failed(now);
        await azulejo.storage.forgetDevices();
        return { ...tiers, forgotten: await tier() };
      });
      assert.notEqual(tiers.today, tiers.best);
      assert.deepEqual([tiers.later, tiers.forgotten], [tiers.best, tiers.best]);
    });

    test("a GPU that is gone for good between two answers leaves the next to the CPU", async (t) => {
      if (notRun(t, name, "webgpu")) return;
      const { first, second, device } = await page.evaluate(async (prompt, tokens) => {
        const { device } = await e2e.load("/models/demo.gguf", { worker: false, measure: false });
        // It takes over later where it compiles slowly.
        if (device.backend === "cpu") await new Promise((done) => e2e.engine.addEventListener("device-changed", done));
        const ask = async () => (await e2e.ask(prompt, { max_tokens: tokens })).text;
        const first = await ask();
        const requestAdapter = navigator.gpu.requestAdapter;
        navigator.gpu.requestAdapter = async () => null;
        try {
          await e2e.engine.debug.loseDevice();
          return { first, second: await ask(), device: e2e.engine.info.device };
        } finally {
          navigator.gpu.requestAdapter = requestAdapter;
          await e2e.dispose();
        }
      }, PROMPT, TOKENS);
      assert.deepEqual([first, second], [native.text, native.text]);
      assert.equal(device.backend, "cpu");
      assert.match(device.choice, /lost/);
      assert.equal(device.choiceCode, "gpu_lost");
    });

    test("a second loss within a minute takes the tier below", async (t) => {
      if (notRun(t, name, "webgpu")) return;
      const before = await load();
      const after = await page.evaluate(async (prompt) => {
        for (let i = 0; i < 2; i++) {
          await e2e.engine.debug.loseDevice();
          await e2e.ask(prompt, { max_tokens: 4 });
        }
        return e2e.engine.info;
      }, PROMPT);
      assert.notEqual(after.device.tier, before.device.tier);
      const { text } = await page.evaluate((p, n) => e2e.ask(p, { max_tokens: n }), PROMPT, TOKENS);
      assert.equal(text, native.text);
      await page.evaluate(() => e2e.dispose());
    });

    test("a stop before, in the prompt, in the answer and by interruptGenerate; the next answer is whole", async () => {
      await load();
      const stops = await page.evaluate(async (prompt) => {
        const said = {};
        const body = { messages: [{ role: "user", content: prompt }], temperature: 0, max_tokens: 60 };
        const fate = (promise) => promise.then((c) => `answered: ${c.choices?.[0]?.finish_reason}`, (e) => e.name);
        const aborted = AbortSignal.abort();
        said.before = await fate(e2e.engine.chat.completions.create(body, { signal: aborted }));
        said.inBody = await fate(e2e.engine.chat.completions.create({ ...body, signal: aborted }));
        const soon = new AbortController();
        const long = { ...body, messages: [{ role: "user", content: `${prompt} `.repeat(12) }] };
        const started = e2e.engine.chat.completions.create(long, { signal: soon.signal });
        soon.abort();
        said.inPrompt = await fate(started);
        const middle = new AbortController();
        let pieces = 0;
        try {
          const stream = await e2e.engine.chat.completions.create({ ...body, stream: true }, { signal: middle.signal });
          for await (const chunk of stream) {
            if (chunk.choices[0]?.delta.content && ++pieces === 5) middle.abort();
          }
          said.inAnswer = "ended";
        } catch (error) {
          said.inAnswer = error.name;
        }
        said.piecesAfterStop = pieces - 5;
        const stream = await e2e.engine.chat.completions.create({ ...body, stream: true });
        let count = 0;
        for await (const chunk of stream) {
          if (chunk.choices[0]?.delta.content && ++count === 5) await e2e.engine.interruptGenerate();
        }
        said.interrupted = "ended";
        // A loop that is left.
        for await (const chunk of await e2e.engine.chat.completions.create({ ...body, stream: true })) {
          if (chunk.choices[0]?.delta.content) break;
        }
        return said;
      }, PROMPT);
      assert.equal(stops.before, "AbortError");
      assert.equal(stops.inBody, "AbortError");
      assert.equal(stops.inPrompt, "AbortError");
      assert.equal(stops.inAnswer, "AbortError");
      assert.ok(stops.piecesAfterStop <= 1, `${stops.piecesAfterStop} pieces came after the stop`);
      const { text } = await page.evaluate((p, n) => e2e.ask(p, { max_tokens: n }), PROMPT, TOKENS);
      assert.equal(text, native.text);
      await page.evaluate(() => e2e.dispose());
    });

    test("a stop while it loads", async () => {
      for (const phase of ["download", "upload", "compile"]) {
        const fate = await page.evaluate(async (phase, device) => {
          const abort = new AbortController();
          let seen = false;
          try {
            const engine = await azulejo.createEngine("/models/demo.gguf", {
              device,
              signal: abort.signal,
              onProgress: (p) => {
                if (p.phase === phase) (seen = true), abort.abort();
              },
            });
            await engine.dispose();
            return { seen, code: "loaded" };
          } catch (error) {
            return { seen, code: error.name };
          }
        }, phase, device);
        assert.equal(fate.code, fate.seen ? "AbortError" : "loaded", `${phase}: ${JSON.stringify(fate)}`);
      }
    });

    // A trap in a browser's own compiler can't be had at will: a worker says that it met one.
    test("a worker that meets a bug is replaced, and what it was asked is asked once more if nothing was told", async () => {
      const fates = await page.evaluate(async (device, prompt, tokens) => {
        const Real = window.Worker;
        const warn = console.warn;
        const fates = {};
        const cases = { atStart: ["load", 1, 0], always: ["load", 9, 0], inPrompt: ["generate", 1, 0], inAnswer: ["generate", 1, 3] };
        for (const [name, [call, workers, after]] of Object.entries(cases)) {
          const fate = (fates[name] = { made: 0, warned: 0 });
          console.warn = () => fate.warned++;
          window.Worker = class extends Real {
            constructor(...args) {
              super(...args);
              if (++fate.made > workers) return;
              const begun = new Promise((done) => this.addEventListener("message", done, { once: true }));
              const error = { code: "internal", message: "Something inside azulejo failed: a trap", hint: "" };
              const post = this.postMessage.bind(this);
              this.postMessage = (message) => {
                if (message.call !== call) return post(message);
                const fail = () => hear({ data: { id: message.id, error } });
                const hear = this.onmessage;
                if (after === 0) return void begun.then(() => setTimeout(fail));
                let told = 0;
                this.onmessage = (event) => {
                  hear(event);
                  if (event.data.event?.type === "token" && ++told === after) fail();
                };
                post(message);
              };
            }
          };
          let text = "";
          try {
            await e2e.load("/models/demo.gguf", { device });
            await e2e.ask(prompt, { max_tokens: tokens }, (so) => (text = so));
          } catch (error) {
            fate.code = error.code;
          }
          if (after > 0) {
            fate.cut = text;
            ({ text } = await e2e.ask(prompt, { max_tokens: tokens }));
          }
          fate.text = text;
          fate.restored = e2e.events.filter((event) => event.type === "device-restored").length;
          await e2e.dispose();
        }
        window.Worker = Real;
        console.warn = warn;
        return fates;
      }, device, PROMPT, TOKENS);
      const { cut, ...inAnswer } = fates.inAnswer;
      assert.ok(cut.length > 0 && native.text.startsWith(cut) && cut !== native.text, cut);
      assert.deepEqual({ ...fates, inAnswer }, {
        atStart: { made: 2, warned: 1, text: native.text, restored: 0 },
        always: { made: 2, warned: 2, code: "internal", text: "", restored: 0 },
        inPrompt: { made: 2, warned: 1, text: native.text, restored: 1 },
        inAnswer: { made: 2, warned: 1, code: "internal", text: native.text, restored: 1 },
      });
    });

    test("after dispose every call is a clear error", async () => {
      await load();
      const code = await page.evaluate(async () => {
        const engine = e2e.engine;
        await engine.dispose();
        await engine.dispose();
        return engine.chat.completions.create({ messages: [{ role: "user", content: "?" }] }).then(() => "answered", (e) => e.code);
      });
      assert.match(code, /^[a-z_]+$/);
      assert.notEqual(code, "answered");
    });
  });
}
