// Serves the examples that need no packages: the town hall, and below it web-minimal (a chat without more), web-bench,
// web-import-map and web-offline, with the built packages and the demonstration model (the town hall with AZULEJO_MODEL, if
// that names a file), and opens the town hall in this machine's browser. Without a window: --check asks web-minimal a
// question and prints the answer; --bench measures and prints the table: --bench BROWSER 'model=ttl-160m&quant=Q4_0&device=cpu' ...
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { launch } from "./harness/browsers.js";
import { serve, STRICT_POLICY } from "./harness/server.js";
import { CHAT, DEMO, DIST, EXAMPLES, importMapPolicy, MODELS, plain } from "./harness/site.js";
import { townHall } from "./harness/town-hall.js";

const QUESTION = "Onde posso renovar o cartão de cidadão?";
const folder = await mkdtemp(join(tmpdir(), "azulejo-demo-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
process.on("SIGINT", () => process.exit(130));
const model = process.env.AZULEJO_MODEL ? resolve(process.env.INIT_CWD ?? ".", process.env.AZULEJO_MODEL) : DEMO;
const mounts = {
  ...(await townHall(join(folder, "served"), model)),
  "/chat/": CHAT["/"],
  "/chat/azulejo/": DIST,
  "/chat/models/": MODELS,
  ...plain("web-import-map", "/import-map/"),
  ...plain("web-offline", "/offline/"),
  "/bench/": join(EXAMPLES, "web-bench/"),
  "/bench/azulejo/": DIST,
  "/bench/models/": MODELS,
};
const withImportMap = await importMapPolicy();
const policy = (path) => (path.startsWith("/import-map/") ? withImportMap : STRICT_POLICY);
const server = await serve(mounts, { policy });

const [mode, ...rest] = process.argv.slice(2);
if (mode === "--check" || mode === "--bench") {
  try {
    await (mode === "--check" ? check() : bench(rest[0], rest.slice(1)));
  } finally {
    await server.close();
  }
} else {
  console.log(`\nthe town hall is at ${server.url("/")} (Ctrl-C ends it), and below it chat/, bench/, import-map/ and offline/`);
  const opener = { darwin: "open", win32: "explorer" }[process.platform] ?? "xdg-open";
  spawn(opener, [server.url("/")], { stdio: "ignore", detached: true }).on("error", () => {}).unref();
}

/** Asks in Chromium, by WebGPU whatever the page would choose, and fails if there is no answer. */
async function check() {
  const browser = await launch("chromium");
  try {
    const page = await browser.newPage(server.url("/chat/?device=webgpu"));
    const { state, answer } = await page.evaluate(async (question) => {
      const until = async (done) => {
        while (!done()) await new Promise((go) => setTimeout(go, 50));
      };
      const text = (selector) => document.querySelector(selector)?.textContent ?? "";
      const loading = () => document.querySelector("#send").disabled && !document.querySelector("#progress").hidden;
      await until(() => !loading());
      const state = text("#state");
      if (document.querySelector("#send").disabled) return { state, answer: "" };
      document.querySelector("#question").value = question;
      document.querySelector("#form").requestSubmit();
      await until(() => !document.querySelector("#send").hidden);
      return { state, answer: text("#log .assistant span") || text("#state") };
    }, QUESTION);
    console.log(`${state}\n\n> ${QUESTION}\n${answer}`);
    if (!/webgpu/.test(state) || answer.length < 20) throw new Error("the demo gave no answer by WebGPU");
  } finally {
    await browser.close();
  }
}

/** Measures each of the settings on the bench page, in one browser, and prints its table. */
async function bench(name, settings) {
  const browser = await launch(name);
  try {
    for (const setting of settings) {
      const page = await browser.newPage(server.url(`/bench/?${setting}&run`));
      const { state, cells } = await page.evaluate(async () => {
        const done = () => document.querySelector("#rows tr") && /^Done/.test(document.querySelector("#state").textContent);
        const failed = () => !document.querySelector("#run").disabled;
        await new Promise((go) => setTimeout(go, 500));
        while (!done() && !failed()) await new Promise((go) => setTimeout(go, 200));
        const cells = [...document.querySelectorAll("#rows td")].map((cell) => cell.textContent);
        return { state: document.querySelector("#state").textContent, cells };
      });
      console.log(`| ${name} | ${setting} | ${cells.length ? cells.join(" | ") : state} |`);
      await page.close();
    }
  } finally {
    await browser.close();
  }
}
