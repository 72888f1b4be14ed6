// The town hall's pages with the chat, as they are: in each language a question finds the passage that answers it, before
// anything is agreed to; with the model, what is shown stands in a passage, and a citation opens the place. Chromium makes
// the pictures of the example's README on the way (pictures.js puts them there).

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ENGINES, launch } from "./harness/browsers.js";
import { complaints, until } from "./harness/page.js";
import { serve, STRICTEST_POLICY } from "./harness/server.js";
import { CHAT_BUDGET, chatBytes, PICTURES } from "./harness/site.js";
import { townHall } from "./harness/town-hall.js";

/** A question a language, the page and the heading's anchor that answer it, and what the passage must say. */
const QUESTIONS = [
  ["pt-PT", "Quanto custa o atestado de residência em papel?", "pt-PT/registo-de-residencia.html", "2,50 €"],
  ["pt-BR", "Qual é o telefone do posto de saúde?", "pt-BR/posto-de-saude.html", "000 555 160"],
  ["es", "¿Cuánto cuesta el duplicado de la tarjeta?", "es/tarjeta-vecinal.html", "9 €"],
  ["ca", "A quin contenidor van les ampolles de vidre?", "ca/residus.html", "vidre"],
  ["gl", "Canto tardan os resultados da análise de sangue?", "gl/centro-de-saude.html", "5 días"],
  ["eu", "Noiz ordaintzen da ibilgailuen zerga?", "eu/zergak.html", "martxoaren 1etik"],
  ["en", "How much does it cost to replace a lost card?", "en/resident-card.html", "€9"],
];

/** A question that the embedded model answers in words that a passage supports, and its language. */
const ANSWERED = ["ca", "A quin contenidor van les ampolles de vidre?"];
/** Bytes. */
const MOST_OF_A_PICTURE = 60_000;

let server, folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "azulejo-e2e-town-hall-"));
  server = await serve(await townHall(join(folder, "served")), { policy: STRICTEST_POLICY });
});
after(async () => {
  await server?.close();
  if (folder) await rm(folder, { recursive: true });
});

for (const name of ENGINES) {
  describe(name, () => {
    let browser;
    before(async () => (browser = await launch(name)));
    after(() => browser?.close());

    for (const [lang, question, path, words] of QUESTIONS) {
      test(`${lang}: found before anything is agreed to, then answered or quoted, and cited where it stands`, async () => {
        server.reset();
        const page = await browser.newPage(server.url(`/${lang}/index.html`));
        /** Evaluates code of the chat's element `chat` and its shadow `root`. */
        const run = (code) => page.evaluate(`(() => { const chat = document.querySelector("azulejo-chat"), root = chat.shadowRoot; return ${code}; })()`);
        const text = () => run("root?.textContent");
        const see = (code, what) =>
          until(() => run(code), `${lang}: ${what}`).catch(async (error) => {
            throw new Error(`${error.message}; it says ${await text()}\n${(await page.console()).join("\n")}`);
          });
        const links = () => run("[...root.querySelectorAll('[role=log] a[href]')].map((link) => link.href)");
        const isRight = (href) => href.startsWith(server.url(`/${path}#`));

        await see("root !== null && root.querySelector('button') !== null", "the chat is there");
        await run("(chat.device = 'cpu', chat.open())");
        await run(`chat.ask(${JSON.stringify(question)}) && null`);
        await see(`[...root.querySelectorAll('[role=log] a[href]')].some((link) => link.href.startsWith(${JSON.stringify(server.url(`/${path}#`))}))`, `${path} is found`);
        assert.ok((await text()).includes(words), `"${words}" is in what was found: ${await text()}`);
        const isModel = ({ path }) => /\.(?:gguf|wasm)$/.test(path);
        assert.deepEqual(server.log.filter(isModel), [], "neither a model nor an engine was fetched");
        // Later visits also ask the engine's JavaScript what is kept.
        const isFirst = lang === QUESTIONS[0][0];
        const fetched = chatBytes(server, "/azulejo-chat/", isFirst ? [] : ["azulejo/"]);
        assert.ok(fetched > 20_000 && fetched <= CHAT_BUDGET, `${fetched} bytes are fetched, search and all, before consent`);

        // What no passage supports isn't shown; then the passage is quoted.
        await run("(window.told = [], chat.addEventListener('azulejo-message', ({ detail }) => window.told.push(detail)), null)");
        await see("root.querySelector('.consent, .status button') !== null", "it offers the model");
        await run("(root.querySelector('.consent') || root.querySelector('.status button').click(), null)");
        await see("root.querySelector('.consent button.strong') !== null", "it asks");
        await run("root.querySelector('.consent button.strong').click()");
        await see("window.told.some(({ role }) => role === 'assistant')", "it answers");
        const [answer] = (await run("window.told")).filter(({ role }) => role === "assistant");
        const link = (await links()).find(isRight);
        assert.ok(link, `the right place is still cited: ${await links()}`);
        assert.ok(server.log.some(isModel));
        const pages = await Promise.all([...new Set(await links())].map(async (href) => (await fetch(href)).text()));
        for (const figure of answer.text.match(/\d+(?:[.,:h]\d+)*/g) ?? []) assert.ok(pages.some((html) => html.includes(figure)), `${figure} stands in no page: ${answer.text}`);
        assert.deepEqual(complaints(await page.console()), []);
        await page.close();

        const target = await browser.newPage(link);
        assert.ok(await target.evaluate(() => document.getElementById(decodeURIComponent(location.hash.slice(1))) !== null), link);
        await target.close();
        assert.deepEqual(server.violations, []);
      });
    }

    // Of what is on the pictures no test compares a pixel; that each of them can be made is what is tested.
    if (name === "chromium") {
      test("a walk through the chat, in pictures", async () => {
        await mkdir(PICTURES, { recursive: true });
        const page = await browser.newPage("about:blank");
        /** Evaluates code of the chat's element `chat` and its shadow `root`. */
        const run = (code) => page.evaluate(`(() => { const chat = document.querySelector("azulejo-chat"), root = chat?.shadowRoot; return ${code}; })()`);
        const see = (code, what) =>
          until(() => run(code), what).catch(async (error) => {
            throw new Error(`${error.message}; it says ${await run("root?.textContent")}`);
          });
        const picture = async (name) => {
          const path = join(PICTURES, `${name}.webp`);
          // Nothing moves, and what was drawn is on the screen.
          await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
          await page.picture(path);
          const { size } = await stat(path);
          assert.ok(size > 5_000 && size < MOST_OF_A_PICTURE, `${name}: ${size} bytes`);
        };
        const open = async (path, width, height) => {
          await page.resize(width, height);
          await page.goto(server.url(path));
          await see("root?.querySelector('button') != null", "the chat is there");
        };
        const ask = async (question) => {
          await run(`chat.ask(${JSON.stringify(question)}) && null`);
          await see("root.querySelector('.turn:last-child .results, .turn:last-child .quotation') !== null", `found: ${question}`);
        };
        await page.emulate({ colorScheme: "light", reducedMotion: "reduce" });

        await open("/en/index.html", 800, 680);
        await picture("closed");
        await run("chat.open()");
        await see("root.querySelector('.consent') !== null", "it asks");
        await page.resize(600, 860);
        await picture("consent");
        await page.resize(800, 680);
        await ask("How much does it cost to replace a lost card?");
        await picture("search");

        const [lang, question] = ANSWERED;
        await open(`/${lang}/index.html`, 800, 680);
        await run("(chat.device = 'cpu', chat.open())");
        await see("root.querySelector('.consent') !== null", "it asks");
        await ask(question);
        // The answer's first sentence is there with its passage; what the engine says from then on waits.
        await page.evaluate(() => {
          const isCited = () => document.querySelector("azulejo-chat").shadowRoot.querySelector(".citation") !== null;
          const Real = window.Worker;
          window.Worker = class extends Real {
            set onmessage(hear) {
              let held = null;
              super.onmessage = (event) => {
                if (held) return held.push(event);
                if (!isCited() || window.goesOn) return hear(event);
                held = [event];
                window.goOn = () => {
                  window.goesOn = true;
                  for (const event of held.splice(0)) hear(event);
                  held = null;
                };
              };
            }
          };
        });
        await run("root.querySelector('.consent button.strong').click()");
        await see("root.querySelector('.citation') !== null", "a sentence is cited");
        assert.equal(await run("root.querySelector('.answer').ariaBusy"), "true");
        await picture("answer");
        await page.evaluate(() => window.goOn());
        await see("root.querySelector('.answer').ariaBusy === 'false'", "the answer ends");

        await open("/en/index.html", 800, 680);
        await run("chat.open()");
        await see("root.querySelector('.consent') !== null", "it asks");
        await run("[...root.querySelectorAll('.consent button')].at(-1).click()");
        await run("chat.ask('There is smoke in my kitchen!') && null");
        await see("root.querySelector('.emergency') !== null && root.querySelector('.results') !== null", "whom to call");
        await picture("emergency");

        await open("/gl/index.html", 360, 680);
        await run("chat.open()");
        await see("root.querySelector('.consent') !== null", "it asks");
        await run("[...root.querySelectorAll('.consent button')].at(-1).click()");
        await ask("Canto tardan os resultados da análise de sangue?");
        await picture("phone");
        await page.close();
      });
    }
  });
}
