// A site with the chat (pages/chat.html), and what tests do with its page: open it, ask, press, read, and see that nothing
// is amiss.

import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { serveModel } from "./chat-server.js";
import { makeManifest } from "./manifest.js";
import { complaints, until } from "./page.js";
import { STRICTEST_POLICY } from "./server.js";
import { chatSite, DEMO } from "./site.js";

export const MODEL = "/models/demo.gguf";
export const MANIFEST = `${MODEL}.azulejo.json`;
/** A question, the passage of the page's own index that answers it, and what the server's model writes. */
export const QUESTION = "Where do glass bottles go?";
export const IN_BIN = "Put glass bottles and jars in the green bin.";
const SENTENCES = [IN_BIN, "It costs 99 euros.", "The green bins are emptied on Tuesdays."];

/**
 * The site's server under the strictest policy, with the demonstration model and its `manifest`; `model` is the one of the
 * site's own server. What is made lies in `folder`. `reset` makes all as it was, `close` deletes it.
 */
export async function startChat() {
  const server = await chatSite({ policy: STRICTEST_POLICY });
  const folder = await mkdtemp(join(tmpdir(), "azulejo-e2e-chat-"));
  await copyFile(DEMO, join(folder, "demo.gguf"));
  // In chunks that a download can be seen by.
  const manifest = await makeManifest(join(folder, "demo.gguf"), 256 * 1024);
  server.mount(MANIFEST, join(folder, "demo.gguf.azulejo.json"));
  const model = serveModel(server, SENTENCES);
  const reset = () => {
    server.reset();
    Object.assign(model, { status: 200, cut: false, odd: false, hold: null, asked: [], sentences: SENTENCES });
  };
  const close = async () => {
    await server.close();
    await rm(folder, { recursive: true });
  };
  return { server, folder, manifest, model, reset, close };
}

/** Attributes that the chat has in tests. */
const ABOUT = { name: "Vila Nova", human: "/pages/empty.html", licence: "Apache-2.0" };

/** What tests do, in a browser and with a site's server that are there when it's done. */
export function chatIn(browser, server) {
  /** A page with the chat; its attributes, and `index` for a search. */
  const open = async (attributes) => {
    const query = new URLSearchParams({ "trusted-types": "azulejo", ...ABOUT, ...attributes });
    const url = server().url(`/pages/chat.html?${query}`);
    const page = Object.assign(await browser().newPage(url), { url });
    // Not a low one, which the chat has a layout of its own for.
    await page.resize(1000, 800);
    await until(() => page.evaluate(() => Boolean(window.ui?.one(".panel"))), "the chat is drawn");
    return page;
  };
  const text = (page) => page.evaluate(() => window.ui.text());
  const says = (page, words) =>
    until(async () => (await text(page)).includes(words), `the panel says "${words}"`).catch(async (error) => {
      throw new Error(`${error.message}; it says: ${await text(page)}\n${(await page.console()).join("\n")}`);
    });
  const press = (page, name) => page.evaluate((name) => window.ui.press(name), name);
  const ask = (page, question) => page.evaluate((question) => window.ui.ask(question), question);
  const focus = (page, what) => until(async () => (await page.evaluate(() => window.ui.focused())) === what, `the focus is on "${what}"`);
  /** Gives the chat other attributes; null takes one away. */
  const change = (page, attributes) =>
    page.evaluate((attributes) => {
      for (const [name, value] of Object.entries(attributes)) {
        if (value === null) window.chat.removeAttribute(name);
        else window.chat.setAttribute(name, value);
      }
    }, attributes);
  /** The last answer, when it's complete: its text as it is shown. */
  const answered = async (page, turns) => {
    const isDone = (turns) => window.ui.count(".turn") === turns && window.ui.one(".turn:last-child .answer")?.ariaBusy === "false";
    await until(() => page.evaluate(isDone, turns), `answer ${turns} is complete`);
    return page.evaluate(() => window.ui.one(".turn:last-child :is(.formatted, .text)").innerText);
  };
  const stored = (page) => page.evaluate(() => window.stored());
  const clean = async (page, state) => assert.deepEqual(await page.evaluate(() => window.complaints()), [], `axe: ${state}`);
  const fits = async (page, state) =>
    assert.deepEqual(await page.evaluate(() => {
      const wide = [...window.chat.shadowRoot.querySelectorAll(".panel, .panel *:not(.unseen, .unseen *, .wide, pre, svg *)")]
        .filter((node) => node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).overflowX !== "visible");
      const { scrollWidth, clientWidth } = document.documentElement;
      return [scrollWidth > clientWidth ? `the page: ${scrollWidth}` : "", ...wide.map((node) => node.className || node.localName)].filter(Boolean);
    }), [], `nothing scrolls sideways: ${state}`);
  /** Nothing was forbidden, said on the console or asked of another site; closes the page. */
  const end = async (page, expected = []) => {
    assert.deepEqual(await page.evaluate(() => window.e2eViolations), []);
    assert.deepEqual(server().violations, []);
    assert.deepEqual((await page.requests()).filter((url) => !url.startsWith(`${server().origin}/`) && !url.startsWith("blob:")), []);
    const said = complaints(await page.console()).filter((line) => !expected.some((known) => known.test(line)));
    assert.deepEqual(said, [], "nothing is said on the console");
    await page.close();
  };
  return { open, text, says, press, ask, focus, change, answered, stored, clean, fits, end };
}
