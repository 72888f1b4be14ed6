// A page under the strict policy: an answer without a violation, and not one request to another origin.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { CONFIGURATIONS, ENGINES, launch } from "./harness/browsers.js";
import { complaints } from "./harness/page.js";
import { STRICTEST_POLICY } from "./harness/server.js";
import { DIST, site } from "./harness/site.js";

let server, strictest, other, folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "azulejo-e2e-policy-"));
  [server, strictest, other] = await Promise.all([site(), site({ policy: STRICTEST_POLICY }), site({ policy: null, cors: true })]);
  server.mount("/other/", folder);
});
after(async () => {
  await Promise.all([server, strictest, other].map((each) => each?.close()));
  if (folder) await rm(folder, { recursive: true });
});

for (const name of CONFIGURATIONS) {
  describe(name, () => {
    let browser;
    before(async () => (browser = await launch(name)));
    after(() => browser?.close());

    const queries = ["worker=true", "worker=false", "worker=shared&trusted-types=azulejo", "worker=true&trusted-types=azulejo"];
    // With WebGPU off the devices differ and the ways to them don't.
    for (const query of ENGINES.includes(name) ? queries : queries.slice(0, 1)) {
      // README's recipe: with a worker of its own a page needs no WebAssembly.
      test(`an answer under the strict policy: ${query}`, async () => {
        const served = query === "worker=false" ? server : strictest;
        served.reset();
        // The page's own script does it all: what a driver runs may be above the policy.
        const page = await browser.newPage(served.url(`/pages/answer.html?${query}`));
        const answer = await page.evaluate(() => window.e2eAnswer);
        assert.ok(answer.text.length > 10, JSON.stringify(answer));
        assert.deepEqual(await page.evaluate(() => window.e2eViolations), []);
        const requests = await page.requests();
        assert.deepEqual(requests.filter((url) => !url.startsWith(`${served.origin}/`)), []);
        assert.deepEqual(complaints(await page.console()), [], "nothing is said on the console");
        await page.close();
        // Workers have the policy too, and tell the served.
        assert.deepEqual(served.violations, []);
        assert.ok(served.log.some((entry) => entry.path.endsWith(".wasm")), "the engine was fetched");
      });
    }
  });
}

/** What a page meets that starts an engine in a way that its policy or the browser doesn't allow. */
for (const name of ENGINES) {
  describe(`${name}: what can't be started is an error that says why`, () => {
    let browser;
    before(async () => (browser = await launch(name)));
    after(() => browser?.close());

    /** What `createEngine` throws in a page, and whether anything of the given worker ran. */
    const refusal = async (page, options) =>
      page.evaluate(async (options) => {
        const warnings = [];
        const { warn } = console;
        console.warn = (...said) => warnings.push(said.join(" "));
        try {
          await azulejo.createEngine("/models/demo.gguf", { device: "cpu", ...options });
          return { code: "answered", warnings };
        } catch (error) {
          const { code, message, hint, parameters } = error;
          return { code, message, hint, parameters, isOurs: error instanceof azulejo.AzulejoError, warnings };
        } finally {
          console.warn = warn;
        }
      }, options);
    const check = (told, code, words) => {
      assert.deepEqual([told.code, told.isOurs, told.warnings], [code, true, []], JSON.stringify(told));
      assert.match(told.message, words);
      assert.ok(told.hint.length > 0);
    };

    test("a worker on another origin", async () => {
      const page = await browser.newPage(server.url("/pages/blank.html"));
      const url = other.url("/azulejo/worker.js");
      const told = await refusal(page, { workerUrl: url });
      check(told, "unsupported", /another origin/);
      assert.deepEqual(told.parameters, { url, origin: server.origin });
      await page.close();
    });

    test("the package from another origin: a worker that imports it, or what the policy needs for it", async () => {
      const answer = (page, worker) =>
        page.evaluate(async (url, worker) => {
          const { createEngine, AzulejoError } = await import(`${url}/azulejo/index.js`);
          try {
            const engine = await createEngine(`${url}/models/demo.gguf`, { device: "cpu", worker });
            const messages = [{ role: "user", content: "Where do glass bottles go?" }];
            const { choices } = await engine.chat.completions.create({ messages, temperature: 0, max_tokens: 8 });
            await engine.dispose();
            return { text: choices[0].message.content };
          } catch (error) {
            const { code, message, hint } = error;
            return { code, message, hint, isOurs: error instanceof AzulejoError };
          }
        }, cdn.origin, worker);
      const open = async (policy) => {
        const server = await site({ policy });
        return { server, page: await browser.newPage(server.url("/pages/empty.html")) };
      };
      const cdn = other;
      const rules = `default-src 'self'; connect-src ${cdn.origin}`;
      const allowed = await open(`${rules}; worker-src blob: ${cdn.origin}; script-src 'self' ${cdn.origin} 'wasm-unsafe-eval'`);
      const told = await answer(allowed.page, true);
      assert.ok(told.text?.length > 10, JSON.stringify([told, await allowed.page.console(), allowed.server.violations]));
      const shared = await answer(allowed.page, "shared");
      assert.deepEqual([shared.code, shared.isOurs], ["unsupported", true], JSON.stringify(shared));
      const refused = await open(`${rules}; worker-src 'self'; script-src 'self' ${cdn.origin}`);
      const without = await answer(refused.page, true);
      assert.deepEqual([without.code, without.isOurs], ["unsupported", true], JSON.stringify(without));
      assert.match(without.hint, /worker-src blob:/);
      for (const { page, server } of [allowed, refused]) {
        await page.close();
        await server.close();
      }
    });

    test("a page that is left while it loads", async () => {
      const page = await browser.newPage(server.url("/pages/blank.html"));
      const told = await page.evaluate(async () => {
        const onProgress = () => window.dispatchEvent(new Event("pagehide"));
        return azulejo.createEngine("/models/demo.gguf", { device: "cpu", onProgress }).then(
          () => null,
          ({ code, name, message }) => ({ code, name, message }),
        );
      });
      assert.deepEqual([told.code, told.name], ["cancelled", "AbortError"]);
      assert.match(told.message, /page was left/);
      await page.close();
    });

    test("a worker of another release", async () => {
      const page = await browser.newPage(server.url("/pages/blank.html"));
      const version = await page.evaluate(async () => {
        const { info } = await e2e.load("/models/demo.gguf", { device: "cpu" }).then(() => e2e.engine);
        await e2e.dispose();
        return info.version;
      });
      const script = await readFile(join(DIST, "worker.js"), "utf8");
      for (const [release, worker] of [["9.9.9", script.replaceAll(`"${version}"`, '"9.9.9"')], ["another release", "onmessage = (e) => postMessage({ id: e.data.id, answer: {} });"]]) {
        await writeFile(join(folder, "worker.js"), worker);
        for (const where of [true, "shared"]) {
          if (where === "shared" && release !== "9.9.9") continue;
          const told = await refusal(page, { worker: where, workerUrl: `/other/worker.js?${release}` });
          check(told, "unsupported", /worker.js is azulejo/);
          assert.deepEqual(told.parameters, { worker: release, page: version });
        }
      }
      await page.close();
    });

    test("what no worker can be sent", async () => {
      const page = await browser.newPage(server.url("/pages/blank.html"));
      const told = await page.evaluate(() =>
        azulejo.createEngine(new Proxy(new Blob(["GGUF"]), {})).then(() => null, ({ code, message }) => ({ code, message })));
      assert.equal(told.code, "invalid_argument", JSON.stringify(told));
      assert.match(told.message, /can't be sent/);
      await page.close();
    });

    test("Trusted Types: the package's own worker is trusted, and nothing else", async (t) => {
      const page = await browser.newPage(server.url("/pages/blank.html?trusted-types=azulejo%20mine"));
      if (!(await page.evaluate(() => "trustedTypes" in window))) return t.skip("not run: this engine has no Trusted Types");
      const stolen = await page.evaluate(async () => {
        const url = URL.createObjectURL(new Blob(["new BroadcastChannel('ran').postMessage('ran')"]));
        let ran = false;
        new BroadcastChannel("ran").onmessage = () => (ran = true);
        const error = await azulejo.createEngine("/models/demo.gguf", { workerUrl: url }).then(() => ({}), (error) => error);
        await new Promise((done) => setTimeout(done, 200));
        return { ran, code: error.code, message: error.message, hint: error.hint };
      });
      assert.deepEqual([stolen.ran, stolen.code], [false, "unsupported"], JSON.stringify(stolen));
      assert.match(stolen.message, /Trusted Types/);
      // The page's own policy may trust what it wants.
      const own = await page.evaluate(async () => {
        const mine = trustedTypes.createPolicy("mine", { createScriptURL: (url) => url });
        const workerUrl = mine.createScriptURL(new URL("/azulejo/worker.js", location.href).href);
        await e2e.load("/models/demo.gguf", { device: "cpu", workerUrl });
        const { text } = await e2e.ask("¿?", { max_tokens: 2 });
        await e2e.dispose();
        return text;
      });
      assert.equal(typeof own, "string");
      await page.close();
      const without = await browser.newPage(server.url("/pages/blank.html?trusted-types=mine"));
      const told = await refusal(without, {});
      assert.deepEqual([told.code, told.isOurs], ["unsupported", true], JSON.stringify(told));
      assert.match(told.hint, /trusted-types azulejo/);
      await without.close();
    });

    test("a service worker", async (t) => {
      const page = await browser.newPage(other.url("/pages/blank.html"));
      const told = await page.evaluate(async () => {
        const heard = new Promise((done) => (navigator.serviceWorker.onmessage = ({ data }) => done(data)));
        try {
          await navigator.serviceWorker.register("/pages/service-worker.js", { type: "module" });
        } catch (error) {
          return String(error);
        }
        const { active } = await navigator.serviceWorker.ready;
        active.postMessage("load");
        return heard;
      });
      if (typeof told === "string") return t.skip(`not run: this engine has no service workers that are modules: ${told}`);
      assert.equal(told.code, "unsupported", JSON.stringify(told));
      assert.match(told.message, /service worker/);
      await page.close();
    });
  });
}

/** An address of this machine that is not localhost, as a page that comes from there by http is not trusted. */
const network = Object.values(networkInterfaces()).flat().find((a) => a.family === "IPv4" && !a.internal)?.address;

for (const name of ENGINES) {
  test(`${name}: a page that comes by http has the CPU, keeps nothing and says why`, async (t) => {
    if (!network) {
      t.diagnostic(`not run: ${t.name}: this machine has no address but localhost`);
      return t.skip("not run: this machine has no address but localhost");
    }
    const [browser, plain] = await Promise.all([launch(name), site({ host: network })]);
    try {
      const page = await browser.newPage(plain.url("/pages/blank.html"));
      const { info, text } = await page.evaluate(async () => {
        const info = await e2e.load("/models/demo.gguf");
        const { text } = await e2e.ask("¿Cómo puedo sacar el pasaporte?", { max_tokens: 8 });
        await e2e.dispose();
        return { info, text };
      });
      assert.equal(info.device.backend, "cpu");
      assert.match(info.device.choice, /https/);
      assert.equal(info.device.choiceCode, "no_webgpu");
      assert.equal(info.file.storage, "memory");
      assert.ok(text.length > 10, text);
    } finally {
      await browser.close();
      await plain.close();
    }
  });
}
