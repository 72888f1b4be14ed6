// examples/web-offline: a page that was here once opens and answers when its server is gone. WebKitGTK isn't asked: its
// automation is a private window, in which nothing is kept.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { ask, nativeAnswer } from "./harness/ask.js";
import { CONFIGURATIONS, launch } from "./harness/browsers.js";
import { until } from "./harness/page.js";
import { serve } from "./harness/server.js";
import { plain } from "./harness/site.js";

let native;
before(async () => (native = await nativeAnswer()));

for (const name of CONFIGURATIONS.filter((name) => /^(chromium|firefox)-cpu$/.test(name))) {
  describe(name, () => {
    let browser;
    before(async () => (browser = await launch(name)));
    after(() => browser?.close());

    test("after one visit the page answers without its server", async () => {
      const server = await serve(plain("web-offline"));
      const url = server.url("/");
      const page = await browser.newPage(url);
      await ask(page, native);
      const kept = () =>
        page.evaluate(async () => {
          const requests = await (await caches.open("page")).keys();
          return requests.map(({ url }) => new URL(url).pathname).sort();
        });
      await until(async () => (await kept()).includes("/azulejo/azulejo_wasm_bg.wasm"), "the page is kept");
      const files = await kept();
      assert.deepEqual(files.filter((path) => path.endsWith(".gguf")), [], "the model is the package's own to keep");
      assert.deepEqual(server.violations, []);
      await server.close();
      await page.goto(url);
      await ask(page, native);
      await page.close();
    });
  });
}
