// <azulejo-chat> in each engine: under the strictest policy, with real inference on the demonstration model (on the CPU:
// devices are another test's), by the keyboard, and with everything that fails.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";

import { ENGINES, lack, launch } from "./harness/browsers.js";
import { chatIn, IN_BIN, MANIFEST, MODEL, QUESTION, startChat } from "./harness/chat.js";
import { until } from "./harness/page.js";
import { serve } from "./harness/server.js";
import { CHAT_BUDGET, CHAT_DIST, chatBytes, DEMO } from "./harness/site.js";

let site, server, model, folder;
before(async () => ({ server, model, folder } = site = await startChat()));
after(() => site?.close());

test("README's ten lines, as they are pasted into an empty page of any server", async () => {
  const readme = await readFile(join(CHAT_DIST, "../../README.md"), "utf8");
  const [, html] = /```html\n(.*?)```/s.exec(readme);
  await writeFile(join(folder, "index.html"), html);
  const model = { "/models/model.gguf": DEMO, "/models/model.gguf.azulejo.json": join(folder, "demo.gguf.azulejo.json") };
  const plain = await serve({ "/": `${folder}/`, "/azulejo-chat/": CHAT_DIST, ...model }, { policy: null });
  const browser = await launch(ENGINES[0]);
  try {
    const page = await browser.newPage(plain.url("/"));
    const buttons = '[...document.querySelector("azulejo-chat").shadowRoot.querySelectorAll("button")]';
    const find = (words) => `${buttons}.find((button) => button.textContent.includes("${words}"))`;
    await until(() => page.evaluate(`${find("Ask a question")} !== undefined`), "the button is there");
    await page.evaluate(`${find("Ask a question")}.click()`);
    await until(() => page.evaluate(`${find("Yes, download 3.0 MB")} !== undefined`), "it asks");
    await page.evaluate(`${find("Yes, download 3.0 MB")}.click()`);
    const text = () => page.evaluate(() => document.querySelector("azulejo-chat").shadowRoot.querySelector(".status")?.textContent ?? "");
    await until(async () => (await text()).includes("The AI is ready"), "the model is ready");
    assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector("azulejo-chat > a")).display === "none" ||
      document.querySelector("azulejo-chat > a").getClientRects().length), 0, "what stands for it without JavaScript isn't shown");
    const { attributes } = JSON.parse(await readFile(join(CHAT_DIST, "../custom-elements.json"), "utf8")).modules[0].declarations[0];
    const observed = await page.evaluate(() => customElements.get("azulejo-chat").observedAttributes);
    assert.deepEqual(["lang", ...attributes.map(({ name }) => name)], observed, "the manifest has all attributes");
  } finally {
    await browser.close();
    await plain.close();
  }
});

for (const name of ENGINES) {
  describe(name, () => {
    let browser;
    before(async () => (browser = await launch(name)));
    after(() => browser?.close());
    beforeEach(() => site.reset());
    const { open, text, says, press, ask, focus, answered, stored, clean, fits, end } = chatIn(() => browser, () => server);

    test("a conversation on the device by the keyboard alone: consent, download, answer, forgetting", async (t) => {
      const page = await open({ model: MODEL, manifest: MANIFEST, grounding: "off", device: "cpu" });
      await clean(page, "closed");
      // From the page's own link into the chat, and open.
      await page.evaluate(() => document.querySelector("#link").focus());
      await page.press("Tab");
      assert.equal(await page.evaluate(() => window.ui.focused()), "button Ask a question");
      await page.press("Enter");
      await focus(page, "textarea Your question");
      await says(page, "Would you like answers written by AI?");
      const owed = ["3.0 MB (3,029,504 bytes)", "Apache-2.0", "Talk to a person", "Not legally binding", "not a person", "Delete everything"];
      for (const words of owed) {
        assert.ok((await text(page)).includes(words), words);
      }
      await clean(page, "consent");
      // Nothing of the model or of the engine was fetched, and nothing is stored.
      assert.equal(server.bytes(MODEL), 0);
      assert.deepEqual(server.log.filter(({ path }) => /^\/chat\/azulejo\/|\.wasm$/.test(path)), []);
      assert.deepEqual(await stored(page), []);
      const fetched = chatBytes(server, "/chat/");
      assert.ok(fetched > 10_000 && fetched <= CHAT_BUDGET, `${fetched} bytes are fetched before consent`);

      // Back to the button that says yes.
      const slow = { bytesPerSecond: 100_000 };
      server.faults.set(MODEL, slow);
      for (let tabs = 0; !/Yes, download 3.0 MB/.test(await page.evaluate(() => window.ui.focused())); tabs++) {
        assert.ok(tabs < 6, await page.evaluate(() => window.ui.focused()));
        await page.press("Shift+Tab");
      }
      await page.press("Enter");
      await says(page, "Downloading: ");
      const bar = await page.evaluate(() => window.ui.one("[role=progressbar]").getAttribute("aria-valuetext"));
      assert.match(bar, /^Downloading: \d\.\d MB of 3\.0 MB$/);
      // The button that had the focus is gone.
      await focus(page, "textarea Your question");
      await clean(page, "downloading");
      slow.bytesPerSecond = 0;
      await says(page, "The AI is ready, on this device.");

      await page.write(QUESTION);
      await page.press("Enter");
      await says(page, "Read as text");
      const answer = await page.evaluate(() => {
        const { dataset, innerText } = window.ui.one(".answer");
        return { where: dataset.aiGenerated, text: innerText, lang: window.ui.one(".formatted, .text").lang };
      });
      assert.deepEqual([answer.where, answer.lang], ["device", "en"]);
      assert.match(answer.text, /[a-z]{3,} [a-z]{2,} /, "the model's own words");
      await clean(page, "an answer");

      // A screen reader hears it by sentences, and nothing of it is in a region that would read out each word.
      await until(() => page.evaluate(() => window.chatSaid.at(-1)?.[2] === "The answer is complete."), "all is announced");
      const told = await page.evaluate(() => window.chatSaid);
      assert.deepEqual([...new Set(told.map(([role, lang]) => `${role} ${lang}`))], ["status en"]);
      const said = told.map(([, , text]) => text);
      const from = said.indexOf("Writing…");
      assert.deepEqual(said.slice(0, 2), ["Would you like answers written by AI?", "Preparing…"]);
      assert.ok(said.slice(2, from).every((line) => /^(\d+% downloaded\.|Ready\.)$/.test(line)), said.join("|"));
      const heard = said.slice(from + 1, -1).join(" ");
      assert.ok(answer.text.replace(/\s+/g, " ").includes(heard), `${heard} in ${answer.text}`);
      assert.equal(await page.evaluate(() => window.ui.one("[role=log]").getAttribute("aria-live")), "off");
      assert.notDeepEqual(await stored(page), [], "the model is kept");
      const events = await page.evaluate(() => window.chatEvents.map(([name]) => name));
      for (const event of ["consent", "progress", "ready", "message"]) assert.ok(events.includes(event), event);

      await page.press("Escape");
      await focus(page, "button Ask a question");
      assert.equal(await page.evaluate(() => window.chat.opened), false);

      if (lack(name, "profile")) {
        t.diagnostic(`not run: the next visit: ${lack(name, "profile")}`);
        await page.press("Enter");
      } else {
        // The next visit: the model is there, and nothing of it is fetched.
        await page.goto(page.url);
        server.reset();
        await until(() => page.evaluate(() => window.ui?.one(".panel") !== null), "the chat is drawn again");
        await press(page, "Ask a question");
        await says(page, "The model is on this device already (3.0 MB)");
        await press(page, "Yes, start");
        await says(page, "The AI is ready, on this device.");
        assert.equal(server.bytes(MODEL), 0);
        assert.ok(!(await stored(page)).includes("cache azulejo"), "what isn't used isn't made, also where it is looked into");
      }

      for (const button of ["More", "Delete everything", "Delete"]) {
        await until(() => page.evaluate((button) => window.ui.find(button) !== null, button), button);
        await press(page, button);
      }
      await says(page, "The conversation and the model were deleted.");
      assert.equal(await page.evaluate(() => window.ui.count(".turn")), 0);
      assert.deepEqual(await stored(page), [], "nothing is left");
      await end(page);
    });

    test("search without a model, citations and quotations on the server's, and what is shown small, large, dark", async () => {
      const page = await open({ index: "", open: "", model: MODEL, server: "/v1" });
      await says(page, "On the server");
      // In a low window what gets the focus isn't below the line to write in, which stays in sight.
      for (const [width, height] of [[1000, 490], [1000, 560], [320, 256]]) {
        await page.resize(width, height);
        const [top, button, bottom] = await page.evaluate(async () => {
          window.ui.one(".menu-button").focus();
          window.ui.find("Not now").focus();
          // WebKit scrolls a moment later.
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const { top, bottom } = window.ui.find("Not now").getBoundingClientRect();
          const above = Math.max(0, window.ui.one(".top").getBoundingClientRect().bottom);
          return [above, [top, bottom], window.ui.one(".line").getBoundingClientRect().top];
        });
        assert.ok(button[0] >= top - 1 && button[1] <= bottom + 1, `${width} x ${height}: the button is at ${button}, between ${top} and ${bottom}`);
      }
      await page.resize(1000, 800);
      await ask(page, QUESTION);
      await says(page, IN_BIN);
      const links = await page.evaluate(() =>
        [...window.chat.shadowRoot.querySelectorAll(".results a")].map((a) => [a.href, a.target, a.rel]));
      assert.deepEqual(links, [[server.url("/pages/chat.html#link"), "_blank", "noopener"]], "another site's passage is no link");
      await clean(page, "search results beside consent");
      await fits(page, "search results");
      assert.equal(server.bytes(MODEL), 0);
      assert.deepEqual(model.asked, [], "nothing was sent");

      let go;
      model.hold = new Promise((done) => (go = done));
      await page.evaluate(() => window.ui.one("input[value=server]").click());
      await press(page, "Yes, use the server");
      await says(page, "The AI is ready, on the server");
      assert.ok((await text(page)).includes(`What you write is sent to ${new URL(server.origin).host}.`));
      // The question of before is answered; its first sentence is there while the others aren't.
      await until(() => page.evaluate(() => window.ui.one(".formatted")?.innerText.includes("green bin") === true), "the first sentence");
      await says(page, "Writing…");
      assert.equal(await page.evaluate(() => window.ui.one(".answer").getAttribute("aria-busy")), "true");
      await clean(page, "streaming");
      go();
      await says(page, "1 sentence isn't shown, as no page supports it.");
      const answer = await page.evaluate(() => window.ui.one(".formatted").textContent);
      assert.match(answer, /green bin\.\s*\[1\].*Tuesdays\.\s*\[1\]/);
      assert.doesNotMatch(await text(page), /99 euros/);
      const citation = await page.evaluate(() => {
        const link = window.ui.one(".citation a");
        return [link.href, link.getAttribute("aria-label")];
      });
      assert.deepEqual(citation, [server.url("/pages/chat.html#link"), "Source 1: Waste: Glass (opens in a new tab)"]);
      const [request] = model.asked;
      assert.deepEqual(request.messages.map(({ role }) => role), ["system", "user"]);
      assert.match(request.messages[1].content, /^\[1\] Waste - Glass\n/);
      await clean(page, "an answer with citations");

      // Nothing of this is in the passage.
      model.hold = null;
      await ask(page, "What does a library card cost?");
      await says(page, "The AI wrote nothing that the pages support.");
      assert.equal(await page.evaluate(() => window.ui.one("blockquote").textContent),
        "A library card costs 4.50 euros a year. Bring an identity card to the library.");
      await clean(page, "a quotation");
      await ask(page, "Zzz?");
      await says(page, "Nothing was found in the pages for this question.");

      await page.resize(320, 640);
      await fits(page, "320 pixels");
      await clean(page, "320 pixels");
      // Whoever leaves a panel that fills the window sees where the focus went.
      await page.evaluate(() => window.ui.one(".menu-button").focus());
      await page.press("Shift+Tab");
      await until(() => page.evaluate(() => !window.chat.opened), "the panel closes");
      assert.equal(await page.evaluate(() => document.activeElement.id), "link");
      await page.evaluate(() => window.chat.open());
      // Low windows: the question and the beginning of its answer are seen at once, and most of the window is theirs.
      for (const [width, height, share] of [[1000, 480, 0.6], [1000, 520, 0.5], [1000, 560, 0.5], [1000, 641, 0.35], [320, 256, 0.6]]) {
        await page.resize(width, height);
        const turns = await page.evaluate(() => window.ui.count(".turn"));
        await ask(page, QUESTION);
        await answered(page, turns + 1);
        const seen = await page.evaluate(() => {
          const of = (selector) => window.ui.one(selector).getBoundingClientRect();
          const isLow = getComputedStyle(window.ui.one(".foot")).display === "contents";
          return { top: Math.max(0, of(".top").bottom), bottom: of(isLow ? ".line" : ".foot").top, question: of(".turn:last-child .question").top,
            answer: of(".turn:last-child .author").bottom, all: innerHeight };
        });
        const words = `${width} x ${height}: ${JSON.stringify(seen)}`;
        assert.ok(seen.bottom - seen.top >= share * height, words);
        assert.ok(seen.question >= seen.top && seen.answer <= seen.bottom, words);
      }
      await page.resize(320, 256);
      await fits(page, "400 %");
      // WCAG's text spacing.
      await page.evaluate(() => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
          p { margin-block-end: 2em !important; }`);
        window.chat.shadowRoot.adoptedStyleSheets.push(sheet);
      });
      await fits(page, "text spacing");
      await page.resize(1000, 800);
      if (page.emulate) {
        await page.emulate({ media: "print" });
        const printed = await page.evaluate(() => [".panel", ".scroll", ".composer", ".launcher"].map((selector) => {
          const { display, overflowY } = getComputedStyle(window.ui.one(selector));
          return display === "none" ? display : overflowY;
        }));
        assert.deepEqual(printed, ["visible", "visible", "none", "none"], "all of a conversation is printed, and no more");
        await page.emulate({ media: "screen" });
      }
      const systems = [{ colorScheme: "dark" }, { colorScheme: "light", forcedColors: "active" }, { forcedColors: "none", contrast: "more" }];
      for (const media of page.emulate ? systems : []) {
        await page.emulate(media);
        await clean(page, JSON.stringify(media));
      }

      // On a light page, as the themes are for one.
      if (page.emulate) await page.emulate({ colorScheme: "light", forcedColors: "none", contrast: "no-preference" });
      for (const theme of ["agora", "govbr", "neutral"]) {
        await page.evaluate(async (theme) => {
          document.querySelector("#theme")?.remove();
          const link = Object.assign(document.createElement("link"), { id: "theme", rel: "stylesheet", href: `/themes/${theme}.css` });
          document.head.append(link);
          await new Promise((done) => (link.onload = done));
        }, theme);
        await clean(page, theme);
      }

      // What is saved is a file of the page's own making; no policy has a word for it.
      await press(page, "More");
      await says(page, "Save the conversation");
      const saved = await page.evaluate(async () => {
        let blob = null;
        const make = URL.createObjectURL;
        URL.createObjectURL = (given) => make.call(URL, (blob = given));
        window.ui.press("Save the conversation");
        URL.createObjectURL = make;
        return blob.text();
      });
      assert.match(saved, /\[1\] Waste: Glass: http/);
      assert.deepEqual(await stored(page), [], "nothing is kept of a conversation");
      await end(page);
    });

    test("refusals, failures and a server that fails in every way", async () => {
      // No consent: search alone, and nothing fetched.
      const page = await open({ index: "", open: "", model: MODEL, server: "/v1" });
      await says(page, "Would you like answers written by AI?");
      await press(page, "Not now");
      await says(page, "Search only, without AI.");
      await focus(page, "textarea Your question");
      await ask(page, QUESTION);
      await says(page, IN_BIN);
      assert.deepEqual([server.bytes(MODEL), model.asked.length && 0], [0, 0]);

      await press(page, "Set up AI answers");
      await says(page, "On the server");
      await page.evaluate(() => window.ui.one("input[value=server]").click());
      for (const [button, how, words] of [
        ["Yes, use the server", { status: 401 }, "The server refused the request."],
        ["Try again", { status: 429 }, "The server has too many requests at the moment."],
        ["Try again", { status: 500 }, "The server has a problem."],
        ["Try again", { status: 200, odd: true }, "The network failed."],
      ]) {
        Object.assign(model, how);
        await until(() => page.evaluate((button) => window.ui.find(button) !== null, button), button);
        await press(page, button);
        await says(page, words);
      }
      await clean(page, "an error");
      let go;
      const held = () => (model.hold = new Promise((done) => (go = done)));
      held();
      Object.assign(model, { status: 200, odd: false, cut: true });
      await press(page, "Try again");
      await says(page, "The AI is ready, on the server");
      // In mid-answer: what there is stays, with what failed.
      await until(() => page.evaluate(() => window.ui.one(".answer")?.textContent.includes("green bin") === true), "the first sentence");
      go();
      await says(page, "The network failed.");
      assert.match(await page.evaluate(() => window.ui.one(".answer").textContent), /green bin/);
      Object.assign(model, { cut: false, hold: null });
      await press(page, "Try again");
      await says(page, "1 sentence isn't shown");
      held();
      await ask(page, QUESTION);
      await until(() => page.evaluate(() => window.ui.count(".answer") === 2), "the second answer begins");
      await page.press("Escape");
      await says(page, "The answer was stopped.");
      assert.equal(await page.evaluate(() => window.chat.opened), true, "Esc stops first, and then closes");
      go();
      await end(page, [/status of (401|429|500)/, /status:? (401|429|500)/, /ERR_INCOMPLETE|incomplete/i]);

      const gone = await open({ model: "/models/gone.gguf", grounding: "off", open: "" });
      await says(gone, "The AI isn't set up.");
      await press(gone, "Set up AI answers");
      await says(gone, "The model isn't where it should be.");
      assert.equal(await gone.evaluate(() => window.ui.find("Yes")), null);
      await end(gone, [/404/]);

      // Gone between the manifest and the download; then the server is what is offered.
      const late = await open({ model: "/models/gone.gguf", manifest: MANIFEST, server: "/v1", grounding: "off", open: "" });
      await says(late, "Yes, download 3.0 MB");
      await press(late, "Yes, download 3.0 MB");
      await says(late, "The model isn't where it should be.");
      await press(late, "Use the server instead");
      await says(late, "Yes, use the server");
      await end(late, [/404/]);
    });

    test("two on a page, moved, and in another language while they run", async () => {
      // With search alone no policy of Trusted Types is needed.
      const page = await open({ index: "", two: "", emergency: "190 192", "trusted-types": "'none'" });
      await page.evaluate(() => window.chat.open());
      await until(() => page.evaluate(() => window.ui2.one(".panel") !== null), "the second one is drawn");
      await focus(page, "textarea Your question");
      // Esc closes it from the page too, and takes no focus away there.
      await page.evaluate(() => document.querySelector("#link").focus());
      await page.press("Escape");
      await until(() => page.evaluate(() => !window.chat.opened), "Esc closes it");
      assert.equal(await page.evaluate(() => document.activeElement.id), "link");
      await page.evaluate(() => window.chat.open());
      await focus(page, "textarea Your question");
      await ask(page, QUESTION);
      await says(page, IN_BIN);
      assert.equal(await page.evaluate(() => window.ui2.count(".turn")), 0, "each has its own conversation");
      await page.evaluate(() => window.ui2.ask("A library card?"));
      await until(() => page.evaluate(() => window.ui2.text().includes("4.50")), "the second one searches too");
      // Danger to life: at once, before what the search finds, and said before all else.
      await ask(page, "There's a fire in the green bin!");
      await says(page, "Is a person in danger?");
      const calls = () => [...window.chat.shadowRoot.querySelectorAll(".emergency a")].map((a) => [a.href, a.textContent]);
      assert.deepEqual(await page.evaluate(calls), [["tel:190", "Call 190"], ["tel:192", "Call 192"]]);
      await says(page, "Put glass bottles");
      const alerts = (await page.evaluate(() => window.chatSaid)).filter(([role]) => role === "alert");
      assert.match(alerts.map(([, , text]) => text).join(), /^Is a person in danger\? If someone's life/);
      // In small and low windows, too, the button to call is seen at once.
      for (const [width, height] of [[320, 640], [1000, 500], [320, 256]]) {
        await page.resize(width, height);
        const turns = await page.evaluate(() => window.ui.count(".turn"));
        await ask(page, "My grandfather has fallen and can't get up, he is bleeding a lot");
        await until(() => page.evaluate((turns) => window.ui.count(".turn .results, .turn .quotation") > 0 && window.ui.count(".turn") > turns, turns), "it is answered");
        const seen = await page.evaluate(() => {
          const of = (selector) => window.ui.one(selector).getBoundingClientRect();
          const isLow = getComputedStyle(window.ui.one(".foot")).display === "contents";
          return { top: Math.max(0, of(".top").bottom), bottom: of(isLow ? ".line" : ".foot").top, heading: of(".turn:last-child .emergency p").top, call: of(".turn:last-child .emergency a").bottom };
        });
        assert.ok(seen.heading >= seen.top && seen.call <= seen.bottom, `${width} x ${height}: ${JSON.stringify(seen)}`);
      }
      await page.resize(1000, 800);
      await clean(page, "two on a page, and an emergency");

      for (const [lang, words] of [["pt-PT", "Falar com uma pessoa"], ["pt-BR", "Falar com uma pessoa"], ["es", "Hablar con una persona"],
        ["ca", "Parlar amb una persona"], ["gl", "Falar cunha persoa"], ["eu", "Pertsona batekin hitz egin"], ["en", "Talk to a person"]]) {
        await page.evaluate((lang) => (document.documentElement.lang = lang), lang);
        await until(() => page.evaluate((lang) => window.ui.one(".place").lang === lang, lang), `it speaks ${lang}`);
        await says(page, words);
        assert.equal(await page.evaluate(() => window.ui.one(".question p").lang), "en", "what was said stays in its language");
      }
      // An element's own language goes before the page's.
      await page.evaluate(() => (window.chat.lang = "eu"));
      await says(page, "Pertsona batekin hitz egin");

      await page.evaluate(() => {
        window.chat.remove();
        document.querySelector("main").prepend(window.chat);
      });
      await until(() => page.evaluate(() => window.ui.text().includes("green bin")), "the conversation is there again");
      await ask(page, "library card");
      await says(page, "4.50");
      // Defined once, whoever imports it again.
      await page.evaluate(() => import("/chat/azulejo-chat.js?again"));
      await end(page);
    });
  });
}
