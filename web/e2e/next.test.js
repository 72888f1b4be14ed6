// examples/web-next: built and served by Next itself. Servers render the page with the package imported, and React's hook
// has one engine, whatever is mounted twice or left.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ask, nativeAnswer, QUESTION } from "./harness/ask.js";
import { launch } from "./harness/browsers.js";
import { complaints, until } from "./harness/page.js";
import { kill, printed, start } from "./harness/process.js";
import { EXAMPLES } from "./harness/site.js";

const cwd = join(EXAMPLES, "web-next");
const env = { NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1" };

/** Runs one of the example's commands, with a port that is free; its process and the address that it tells. */
async function served(...command) {
  const server = start("npm", ["run", ...command, "--", "--port", "0", "--hostname", "127.0.0.1"], { cwd, env });
  try {
    await printed(server, /Ready in/);
    return { server, url: (await printed(server, /Local:\s+(http:\S+)/))[1] };
  } catch (error) {
    await kill(server);
    throw error;
  }
}

const text = (page, selector) => page.evaluate((s) => document.querySelector(s)?.textContent, selector);
// React shows what came since it showed something last, at most once a frame.
const answers = (page) => ask(page, native, { pieces: 2 });
const isReady = (page) => until(async () => (await text(page, "#state")) === "Ready.", "the engine is ready");

let browser, native;
before(async () => {
  browser = await launch("chromium-cpu");
  native = await nativeAnswer();
});
after(() => browser?.close());

describe("npm start: built, and served with the strictest policy that Next works with", () => {
  let server, url;
  before(async () => ({ server, url } = await served("start")));
  after(() => server && kill(server));

  test("the server renders the page, which has imported the package", async () => {
    const answer = await fetch(url);
    const [html, policy] = [await answer.text(), answer.headers.get("content-security-policy")];
    assert.equal(answer.status, 200);
    assert.match(html, /id="state"[^>]*>Loading the engine…</);
    const script = policy.split("; ").find((rule) => rule.startsWith("script-src"));
    assert.match(script, /^script-src 'self' 'nonce-[\w-]+'$/);
    assert.notEqual((await fetch(url)).headers.get("content-security-policy"), policy, "a nonce is used once");
  });

  test("it answers", async () => {
    const page = await browser.newPage(url);
    await answers(page);
    assert.deepEqual(page.workers(), { now: 1, started: 1 });
    await page.close();
  });

  test("a page that is left has no engine, and another one when it is shown again", async () => {
    const page = await browser.newPage(url);
    await isReady(page);
    await page.click("#about");
    await until(() => text(page, "#chat"), "the other page is shown");
    await until(() => page.workers().now === 0, "the engine's worker has ended");
    await page.click("#chat");
    await isReady(page);
    assert.deepEqual(page.workers(), { now: 1, started: 2 });
    // While it loads, or is loaded: it doesn't matter when.
    await page.click("#about");
    await until(() => text(page, "#chat"), "the other page is shown");
    await page.click("#chat");
    await page.click("#about");
    await until(() => page.workers().now === 0, "the engine's worker has ended");
    assert.deepEqual(complaints(await page.console()), []);
    await page.close();
  });

  test("a new question ends the answer to the last one, and so does stopping it", async () => {
    const page = await browser.newPage(url);
    await isReady(page);
    await page.evaluate(() => (document.querySelector("#question").value = "Onde posso renovar o cartão de cidadão?"));
    const [first, rest] = await page.evaluate(async (question) => {
      const [form, field, answer, state] = ["form", "question", "answer", "state"].map((id) => document.getElementById(id));
      const until = (check) =>
        new Promise((done) => {
          const look = () => check() && (observer.disconnect(), done());
          const observer = new MutationObserver(look);
          observer.observe(document.body, { childList: true, characterData: true, subtree: true });
          look();
        });
      // Asks until an answer is seen half: on a busy machine React may show one when it is whole only.
      const begun = async () => {
        do {
          form.requestSubmit();
          await until(() => state.textContent === "Answering…");
          await until(() => answer.textContent);
        } while (state.textContent !== "Answering…");
        return answer.textContent;
      };
      const first = await begun();
      field.value = question;
      form.requestSubmit();
      await until(() => state.textContent === "Done.");
      const second = answer.textContent;
      await begun();
      document.getElementById("stop").click();
      await until(() => state.textContent === "Stopped.");
      return [first, { second, third: answer.textContent }];
    }, QUESTION);
    assert.ok(!native.text.startsWith(first), "the first question had another answer");
    assert.equal(rest.second, native.text);
    assert.ok(native.text.startsWith(rest.third), rest.third);
    assert.deepEqual(complaints(await page.console()), []);
    await page.close();
  });

  test("an error is shown, and the next question answered", async () => {
    const page = await browser.newPage(url);
    await isReady(page);
    await page.evaluate(() => (document.querySelector("#question").value = "¿Dónde? ".repeat(20_000)));
    await page.click("#send");
    await until(async () => /context/.test(await text(page, "#state")), "the error is shown");
    await page.evaluate(() => (document.querySelector("#question").value = ""));
    await answers(page);
    await page.close();
  });
});

describe("npm run dev: StrictMode, which mounts everything twice", () => {
  let server, url;
  before(async () => ({ server, url } = await served("dev")));
  after(() => server && kill(server));

  test("one engine, which answers", async () => {
    const page = await browser.newPage(url);
    await isReady(page);
    assert.deepEqual(page.workers(), { now: 1, started: 1 });
    await answers(page);
    await page.close();
  });
});
