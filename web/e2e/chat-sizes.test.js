// <azulejo-chat> with larger text, as a site's own buttons and browsers' settings make it, in windows and places of several
// sizes, in each engine: nothing lies over anything else, nothing runs out of its box, and what leads out is in sight.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { ENGINES, launch } from "./harness/browsers.js";
import { chatIn, MANIFEST, MODEL, QUESTION, startChat } from "./harness/chat.js";
import { until } from "./harness/page.js";

const WINDOWS = [[1280, 720], [640, 700], [1000, 480], [320, 640], [320, 256]];
/** The text's size in percent: of 62.5, which some sites have and set their own text by, the chat's is 10 pixels. */
const TEXTS = [62.5, 100, 150, 200];
/** Those with the longest words, and a name that has some. */
const LANGUAGES = ["pt-PT", "eu", "en"];
const NAME = "Universidade da Raia";

let site, server;
before(async () => ({ server } = site = await startChat()));
after(() => site?.close());

/** In the page: what lies over something else, is cut off or out of reach. */
function amiss() {
  const root = window.chat.shadowRoot;
  const one = (selector) => root.querySelector(selector);
  const of = (selector) => one(selector).getBoundingClientRect();
  const em = parseFloat(getComputedStyle(window.chat).fontSize);
  const found = [];
  const panel = of(".panel");
  // Words that run out of their box, as one that is too narrow for them lets them.
  for (const node of root.querySelectorAll(".panel :is(h2, h3, p, dt, dd, button, a, li, span, strong):not(.unseen, .unseen *)")) {
    const range = document.createRange();
    for (const text of node.childNodes) {
      if (text.nodeType !== Node.TEXT_NODE || !text.data.trim()) continue;
      range.selectNodeContents(text);
      const box = node.closest("button, h2, h3, p, dt, dd, li, a.human") ?? node;
      const [words, around] = [range.getBoundingClientRect(), box.getBoundingClientRect()];
      if (words.width && (words.right > around.right + 1 || words.left < around.left - 1)) found.push(`"${text.data}" runs out of ${box.localName}`);
    }
  }
  // A term and what it stands for.
  for (const row of root.querySelectorAll("dl > div")) {
    const [term, text] = [...row.children].map((node) => {
      const range = document.createRange();
      range.selectNodeContents(node);
      return range.getBoundingClientRect();
    });
    if (term.right > text.left + 1 && term.bottom > text.top + 1) found.push(`"${row.firstChild.textContent}" lies over what it is of`);
    const { width } = row.lastChild.getBoundingClientRect();
    if (width < 6 * em) found.push(`${width} pixels are left to "${row.lastChild.textContent}"`);
  }
  // The parts, one below the other; where the panel scrolls as one they may lie over what scrolls.
  if (getComputedStyle(one(".foot")).display !== "contents") {
    const [top, log, foot] = [".top", ".log-place", ".foot"].map(of);
    if (top.bottom > log.top + 1 || log.bottom > foot.top + 1 || foot.bottom > panel.bottom + 1) found.push("the parts lie over each other");
    if (log.height < 6 * em) found.push(`the conversation has ${log.height} pixels`);
  }
  // What is always in sight, and isn't under anything.
  const [width, height] = [innerWidth, innerHeight];
  const isLeast = getComputedStyle(one(".top")).position === "static" && getComputedStyle(one(".foot")).display === "contents";
  if (isLeast && panel.height > 20.1 * em) found.push("the top scrolls away where there is room for it");
  const always = isLeast ? ["textarea", ".line button"] : [".menu-button", ".head > button", ".human", "textarea", ".line button"];
  for (const selector of always.filter(one)) {
    const { left, right, top, bottom } = of(selector);
    if (left < -1 || top < panel.top - 1 || right > width + 1 || bottom > Math.min(height, panel.bottom) + 1) {
      found.push(`${selector} is out of sight: ${[left, top, right, bottom].map(Math.round)}`);
      continue;
    }
    const there = root.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    if (!one(selector).contains(there)) found.push(`${selector} lies under ${there?.className || there?.localName}`);
  }
  return found;
}

for (const name of ENGINES) {
  describe(name, () => {
    let browser;
    before(async () => (browser = await launch(name)));
    after(() => browser?.close());
    beforeEach(() => site.reset());
    const { open, says, ask, change, clean, fits, end } = chatIn(() => browser, () => server);
    const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const enlarge = (page, percent) => page.evaluate((percent) => void (document.documentElement.style.fontSize = `${percent}%`), percent);

    test("text of all sizes, in windows of all sizes: nothing lies over anything else, and what leads out is in sight", async () => {
      const page = await open({ index: "", open: "", model: MODEL, manifest: MANIFEST, name: NAME });
      for (const lang of LANGUAGES) {
        await page.evaluate((lang) => (window.chat.lang = lang), lang);
        await until(() => page.evaluate((lang) => window.ui.one(".place").lang === lang && window.ui.one("dl") !== null, lang), `it asks in ${lang}`);
        for (const [width, height] of WINDOWS) {
          await page.resize(width, height);
          for (const percent of TEXTS) {
            await enlarge(page, percent);
            await page.evaluate(drawn);
            const state = `${lang}, ${width} x ${height}, text of ${percent} %`;
            assert.deepEqual(await page.evaluate(amiss), [], state);
            await fits(page, state);
          }
        }
      }
      // The whole page, with a header and a footer of its own.
      for (const [width, height, percent] of [[1280, 720, 200], [640, 700, 200], [320, 640, 100]]) {
        await page.resize(width, height);
        await enlarge(page, percent);
        await clean(page, `${width} x ${height}, text of ${percent} %`);
      }
      // What is asked is seen with the beginning of what is found.
      for (const [width, height] of [[1280, 720], [640, 700]]) {
        await page.resize(width, height);
        await enlarge(page, 200);
        // WebKit's window has its size a moment later.
        await until(() => page.evaluate((width) => innerWidth === width, width), `the window is ${width} wide`);
        await page.evaluate(drawn);
        const before = await page.evaluate(() => window.ui.count(".turn"));
        await ask(page, QUESTION);
        await until(() => page.evaluate((before) => window.ui.count(".results") > before, before), "it is found");
        await page.evaluate(drawn);
        const seen = await page.evaluate(() => {
          const of = (selector) => window.ui.one(selector).getBoundingClientRect();
          return [of(".top").bottom, of(".turn:last-child .question").top, of(".turn:last-child .results a").bottom, of(".line").top];
        });
        assert.deepEqual(seen, [...seen].sort((a, b) => a - b), `${width} x ${height}: ${seen}`);
        assert.deepEqual(await page.evaluate(amiss), [], `${width} x ${height}, with results`);
      }
      await end(page);
    });

    test("in the page's text: in a narrow column, a wide one, a low window, and a box as wide as what is in it", async () => {
      const page = await open({ index: "", model: MODEL, manifest: MANIFEST, name: NAME, mode: "inline", lang: "pt-PT" });
      await says(page, "Transferência");
      for (const [width, height, percent, place] of [
        [1280, 900, 100, "inline-size: 280px"], [1280, 900, 200, "inline-size: 640px"], [1280, 900, 100, ""], [1280, 480, 100, ""],
        [1000, 900, 100, "display: flex"], [1000, 900, 100, "float: left"],
      ]) {
        await page.resize(width, height);
        await enlarge(page, percent);
        await page.evaluate((place) => {
          document.querySelector("#place").style = place;
          window.chat.scrollIntoView({ block: "start" });
        }, place);
        await page.evaluate(drawn);
        const state = `${width} x ${height}, text of ${percent} %, ${place}`;
        const found = await page.evaluate(amiss);
        assert.deepEqual(found, [], state);
        assert.ok(await page.evaluate(() => window.ui.one(".panel").offsetWidth >= 250 && window.ui.one(".panel").offsetHeight >= 250), `${state}: it has a size`);
        await fits(page, state);
      }
      await change(page, { mode: null });
      await until(() => page.evaluate(() => window.ui.one(".launcher") !== null), "it is a button");
      await end(page);
    });
  });
}
