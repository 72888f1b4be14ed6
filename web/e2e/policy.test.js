// A page under the strict policy: an answer without a violation, and not one request to another origin.

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { after, before, describe, test } from "node:test";

import { CONFIGURATIONS, ENGINES, launch } from "./harness/browsers.js";
import { complaints } from "./harness/page.js";
import { site } from "./harness/site.js";

let server;
before(async () => (server = await site()));
after(() => server?.close());

for (const name of CONFIGURATIONS) {
  describe(name, () => {
    let browser;
    before(async () => (browser = await launch(name)));
    after(() => browser?.close());

    const queries = ["worker=true", "worker=false", "worker=shared&trusted-types", "worker=true&trusted-types"];
    // With WebGPU off the devices differ and the ways to them don't.
    for (const query of ENGINES.includes(name) ? queries : queries.slice(0, 1)) {
      test(`an answer under the strict policy: ${query}`, async () => {
        server.reset();
        // The page's own script does it all: what a driver runs may be above the policy.
        const page = await browser.newPage(server.url(`/pages/answer.html?${query}`));
        const answer = await page.evaluate(() => window.e2eAnswer);
        assert.ok(answer.text.length > 10, JSON.stringify(answer));
        assert.deepEqual(await page.evaluate(() => window.e2eViolations), []);
        const requests = await page.requests();
        assert.deepEqual(requests.filter((url) => !url.startsWith(`${server.origin}/`)), []);
        assert.deepEqual(complaints(await page.console()), [], "nothing is said on the console");
        await page.close();
        // Workers have the policy too, and tell the server.
        assert.deepEqual(server.violations, []);
        assert.ok(server.log.some((entry) => entry.path.endsWith(".wasm")), "the engine was fetched");
      });
    }
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
      assert.equal(info.file.storage, "memory");
      assert.ok(text.length > 10, text);
    } finally {
      await browser.close();
      await plain.close();
    }
  });
}
