// Asks an example as its visitors do, and looks at all that it does.

import assert from "node:assert/strict";

import { complaints, until } from "./page.js";
import { greedyAnswer } from "./program.js";
import { DEMO } from "./site.js";

export const QUESTION = "Where do glass bottles go?";

/** The native program's answer to the question. */
export async function nativeAnswer() {
  const native = await greedyAnswer(DEMO, QUESTION, 200);
  assert.notEqual(native.stop_reason, "max_tokens", "the answer ends by itself");
  return native;
}

/** Asks a page of an example, and sees the native program's answer come in `pieces` at least, and nothing that is amiss. */
export async function ask(page, native, { answer = "#answer", pieces = native.tokens.length / 2 } = {}) {
  const text = (selector) => page.evaluate((s) => document.querySelector(s)?.textContent, selector);
  const idle = (what) =>
    until(() => page.evaluate(() => !document.querySelector("#send").disabled), what).catch(async (error) => {
      throw new Error(`${error.message}; the page says: ${await text("#state")}; ${(await page.console()).join("\n")}`);
    });
  await idle("the page can be asked");
  await page.evaluate((selector) => {
    window.lengths = [];
    new MutationObserver(() => {
      const length = document.querySelector(selector)?.textContent.length ?? 0;
      if (length > (window.lengths.at(-1) ?? 0)) window.lengths.push(length);
    }).observe(document.body, { childList: true, characterData: true, subtree: true });
    window.changes = 0;
    new MutationObserver((changes) => {
      window.changes += changes.filter((change) => change.addedNodes.length > 0).length;
    }).observe(document.querySelector("#spoken"), { childList: true, subtree: true });
  }, answer);
  await page.type("#question", QUESTION);
  await page.click("#send");
  await until(async () => (await text("#state")) === "Done.", "the answer ends").catch(async (error) => {
    throw new Error(`${error.message}; the page says: ${await text("#state")}`);
  });
  await idle("the page can be asked again");
  assert.equal(await text(answer), native.text);
  // Screen readers are told each sentence once, and in which language it is.
  const { said, changes, language } = await page.evaluate((selector) => ({
    said: document.querySelector("#spoken").textContent,
    changes: window.changes,
    language: document.querySelector(selector).lang,
  }), answer);
  assert.equal(said, native.text);
  assert.ok(changes <= native.text.split(/[.!?:\n]+/).length + 1, `a screen reader is told ${changes} times`);
  assert.match(language, /^(pt|es|ca|gl|eu|en)$/);
  const lengths = await page.evaluate(() => window.lengths);
  assert.ok(lengths.length >= pieces, `of ${native.tokens.length} tokens it came in ${lengths.length} pieces`);
  assert.deepEqual(complaints(await page.console()), [], "nothing is said on the console");
  const origin = await page.evaluate(() => location.origin);
  assert.deepEqual((await page.requests()).filter((asked) => new URL(asked).origin !== origin), []);
}
