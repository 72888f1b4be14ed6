// The examples as their users have them: built and served by their own commands, and asked by typing and clicking.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { launch } from "./harness/browsers.js";
import { complaints, until } from "./harness/page.js";
import { kill, printed, start } from "./harness/process.js";
import { greedyAnswer } from "./harness/program.js";
import { serve } from "./harness/server.js";
import { CHAT, DEMO, EXAMPLES } from "./harness/site.js";

const QUESTION = "Where do glass bottles go?";
const run = promisify(execFile);

let folder, browser, native;
before(async () => {
  await access(join(EXAMPLES, "node_modules/.bin/vite")).catch(() => {
    throw new Error(`${EXAMPLES} has no packages: npm ci --prefix examples`);
  });
  folder = await mkdtemp(join(tmpdir(), "azulejo-e2e-examples-"));
  // Without WebGPU the pages needn't measure which device is faster.
  browser = await launch("chromium-cpu");
  native = await greedyAnswer(DEMO, QUESTION, 200);
  assert.notEqual(native.stop_reason, "max_tokens", "the answer ends by itself");
});
after(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** Asks the page at an address, and sees the native program's answer come piece by piece, and nothing that is amiss. */
async function ask(url, answer) {
  const page = await browser.newPage(url);
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
  assert.ok(lengths.length >= native.tokens.length / 2, `of ${native.tokens.length} tokens it came in ${lengths.length} pieces`);
  assert.deepEqual(complaints(await page.console()), [], "nothing is said on the console");
  assert.deepEqual((await page.requests()).filter((asked) => new URL(asked).origin !== new URL(url).origin), []);
  await page.close();
}

/** Asks the page that a server with these mounts has, under the strict policy. */
async function askServed(mounts, answer) {
  const server = await serve(mounts);
  try {
    await ask(server.url("/"), answer);
    // zod, which the AI SDK is made with, tries once whether it may eval, and does without.
    const own = (report) => !(report["blocked-uri"] === "eval" && mounts["/"].endsWith("web-ai-sdk"));
    assert.deepEqual(server.violations.filter(own), []);
  } finally {
    await server.close();
  }
}

describe("examples", () => {
  test("web-minimal", () => askServed(CHAT, "#log .assistant span"));

  for (const name of ["web-vite", "web-openai-sdk", "web-ai-sdk"]) {
    const cwd = join(EXAMPLES, name);

    test(`${name}: npm run build`, async () => {
      const out = join(folder, name);
      await run("npm", ["run", "build", "--", "--outDir", out], { cwd });
      await askServed({ "/": out }, "#answer");
    });

    test(`${name}: npm start`, async () => {
      const vite = start("npm", ["start"], { cwd, env: { BROWSER: "none", NO_COLOR: "1" } });
      try {
        const [, url] = await printed(vite, /Local:\s+(http:\S+)/);
        await ask(url, "#answer");
      } finally {
        await kill(vite);
      }
    });
  }
});
