// The examples as their users have them: built and served by their own commands, and asked by typing and clicking.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { ask, nativeAnswer } from "./harness/ask.js";
import { launch } from "./harness/browsers.js";
import { complaints, until } from "./harness/page.js";
import { kill, printed, start } from "./harness/process.js";
import { serve } from "./harness/server.js";
import { CHAT, EXAMPLES, importMapPolicy, plain } from "./harness/site.js";
import { townHall } from "./harness/town-hall.js";

const run = promisify(execFile);

let folder, browser, native;
before(async () => {
  await access(join(EXAMPLES, "node_modules/.bin/vite")).catch(() => {
    throw new Error(`${EXAMPLES} has no packages: npm ci --prefix examples`);
  });
  folder = await mkdtemp(join(tmpdir(), "azulejo-e2e-examples-"));
  // Without WebGPU the pages needn't measure which device is faster.
  browser = await launch("chromium-cpu");
  native = await nativeAnswer();
});
after(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** Asks the page at an address. */
async function askAt(url, answer) {
  const page = await browser.newPage(url);
  await ask(page, native, { answer });
  await page.close();
}

/** Asks the page that a server with these mounts has, under the strict policy. */
async function askServed(mounts, answer, options) {
  const server = await serve(mounts, options);
  try {
    await askAt(server.url("/"), answer);
    // zod, which the AI SDK is made with, tries once whether it may eval, and does without.
    const own = (report) => !(report["blocked-uri"] === "eval" && mounts["/"].endsWith("web-ai-sdk"));
    assert.deepEqual(server.violations.filter(own), []);
  } finally {
    await server.close();
  }
}

describe("examples", () => {
  test("web-minimal", () => askServed(CHAT, "#log .assistant span"));

  test("web-import-map", async () => askServed(plain("web-import-map"), "#answer", { policy: await importMapPolicy() }));

  for (const bundler of ["esbuild", "rollup", "webpack"]) {
    test(`web-bundlers: npm run build:${bundler}`, async () => {
      const cwd = join(EXAMPLES, "web-bundlers");
      const out = join(cwd, "dist", bundler);
      await rm(out, { recursive: true, force: true });
      await run("npm", ["run", `build:${bundler}`], { cwd });
      await askServed({ "/": out });
    });
  }

  for (const name of ["web-vite", "web-openai-sdk", "web-ai-sdk"]) {
    const cwd = join(EXAMPLES, name);

    test(`${name}: npm run build`, async () => {
      const out = join(folder, name);
      await run("npm", ["run", "build", "--", "--outDir", out], { cwd });
      await askServed({ "/": out });
    });

    test(`${name}: npm start`, async () => {
      const vite = start("npm", ["start"], { cwd, env: { BROWSER: "none", NO_COLOR: "1" } });
      try {
        const [, url] = await printed(vite, /Local:\s+(http:\S+)/);
        await askAt(url);
      } finally {
        await kill(vite);
      }
    });
  }

  test("web-chat-frameworks: npm run build, in React, Vue and Svelte", async () => {
    const out = join(folder, "frameworks");
    await run("npm", ["run", "build", "--", "--outDir", out], { cwd: join(EXAMPLES, "web-chat-frameworks") });
    const site = await townHall(join(folder, "town-hall"));
    const server = await serve({ ...site, "/": `${out}/` });
    try {
      for (const name of ["react", "vue", "svelte"]) {
        const page = await browser.newPage(server.url(`/${name}.html`));
        const see = (code, what) =>
          until(() => page.evaluate(code), `${name}: ${what}`).catch(async (error) => {
            throw new Error(`${error.message}\n${(await page.console()).join("\n")}`);
          });
        await see("document.querySelector('azulejo-chat')?.shadowRoot?.querySelector('textarea') != null", "the chat is open");
        await page.evaluate("void document.querySelector('azulejo-chat').ask('Quanto custa o Cartão Vila?')");
        await see("[...document.querySelector('azulejo-chat').shadowRoot.querySelectorAll('a')].some((a) => a.href.includes('/pt-PT/cartao-vila.html#'))", "it searches");
        await see("document.querySelector('#asked').textContent === 'Quanto custa o Cartão Vila?'", "its event comes");
        assert.deepEqual(complaints(await page.console()), []);
        await page.close();
      }
      assert.deepEqual(server.violations, []);
    } finally {
      await server.close();
    }
  });
});
