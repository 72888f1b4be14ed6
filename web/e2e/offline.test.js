// examples/web-offline: a page that was here once opens and answers when its server is gone; and a page with the chat, by the
// same service worker and the lines of docs/public-administration/hosting.md. WebKitGTK isn't asked: its automation is a
// private window, in which nothing is kept.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ask, nativeAnswer } from "./harness/ask.js";
import { CONFIGURATIONS, launch } from "./harness/browsers.js";
import { until } from "./harness/page.js";
import { serve } from "./harness/server.js";
import { EXAMPLES, plain } from "./harness/site.js";
import { townHall } from "./harness/town-hall.js";

const QUESTION = "How much does it cost to replace a lost card?";
const PAGE = `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>Vilamarela</title>
  <script type="module" src="/azulejo-chat/azulejo-chat.js"></script>
  <script type="module" src="/keep.js"></script>
  <azulejo-chat human="/en/" sources="/search-index.json" device="cpu" open
    model="/models/model.gguf" manifest="/models/model.gguf.azulejo.json"></azulejo-chat>
</html>
`;

let native, folder, site;
before(async () => {
  native = await nativeAnswer();
  folder = await mkdtemp(join(tmpdir(), "azulejo-e2e-offline-"));
  const hosting = await readFile(join(EXAMPLES, "../docs/public-administration/hosting.md"), "utf8");
  const [, keep] = /```js\n(.*?)```/s.exec(hosting);
  const own = { "/keep.js": keep, "/offline.html": PAGE };
  for (const [path, text] of Object.entries(own)) await writeFile(join(folder, path), text);
  const paths = Object.keys(own).map((path) => [path, join(folder, path)]);
  const worker = join(EXAMPLES, "web-offline/service-worker.js");
  site = { ...(await townHall(join(folder, "served"))), ...Object.fromEntries(paths), "/service-worker.js": worker };
});
after(() => folder && rm(folder, { recursive: true }));

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

    test("a page with the chat, asked and agreed to once, searches and answers without its server", async () => {
      const server = await serve(site);
      const url = server.url("/offline.html");
      const page = await browser.newPage(url);
      /** Asks, agrees, and gives the whole of what is said. */
      const talk = async () => {
        const isDrawn = () => page.evaluate(() => Boolean(document.querySelector("azulejo-chat")?.shadowRoot?.querySelector(".panel")));
        await until(isDrawn, "the chat is drawn");
        await page.evaluate((question) => {
          const chat = document.querySelector("azulejo-chat");
          window.told = [];
          chat.addEventListener("azulejo-message", ({ detail }) => window.told.push(detail.role));
          void chat.ask(question);
        }, QUESTION);
        const press = () =>
          page.evaluate(() => {
            const yes = document.querySelector("azulejo-chat").shadowRoot.querySelector(".consent button.strong");
            yes?.click();
            return Boolean(yes);
          });
        await until(press, "it asks, and is told yes");
        await until(() => page.evaluate(() => window.told.includes("assistant")), "it answers");
        return page.evaluate(() => document.querySelector("azulejo-chat").shadowRoot.querySelector("[role=log]").innerText);
      };
      const first = await talk();
      assert.match(first, /Cartão Vila/);
      const kept = () =>
        page.evaluate(async () => (await (await caches.open("page")).keys()).map(({ url }) => new URL(url).pathname));
      for (const path of ["/offline.html", "/search-index.json", "/azulejo-chat/azulejo/azulejo_wasm_bg.wasm", "/models/model.gguf.azulejo.json"]) {
        await until(async () => (await kept()).includes(path), `${path} is kept`);
      }
      assert.deepEqual((await kept()).filter((path) => path.endsWith(".gguf")), []);
      assert.deepEqual(server.violations, []);
      await server.close();
      await page.goto(url);
      assert.equal(await talk(), first);
      await page.close();
    });
  });
}
