// Serves the examples that need no packages (web-minimal, a chat, and below it web-bench, web-import-map and web-offline)
// with the built package and the demonstration model, and opens the chat in this machine's browser. Without a window:
// --check asks a question and prints the answer; --bench measures and prints the table: --bench BROWSER 'model=ttl-160m&quant=Q4_0&device=cpu' ...
import { spawn } from "node:child_process";
import { join } from "node:path";

import { launch } from "./harness/browsers.js";
import { serve, STRICT_POLICY } from "./harness/server.js";
import { CHAT, DIST, EXAMPLES, importMapPolicy, MODELS, plain } from "./harness/site.js";

const QUESTION = "Onde posso renovar o cartão de cidadão?";
const mounts = {
  ...CHAT,
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
  console.log(`\nthe chat is at ${server.url("/")} (Ctrl-C ends it), and below it bench/, import-map/ and offline/`);
  const opener = { darwin: "open", win32: "explorer" }[process.platform] ?? "xdg-open";
  spawn(opener, [server.url("/")], { stdio: "ignore", detached: true }).on("error", () => {}).unref();
}

/** Asks in Chromium, by WebGPU whatever the page would choose, and fails if there is no answer. */
async function check() {
  const browser = await launch("chromium");
  try {
    const page = await browser.newPage(server.url("/?device=webgpu"));
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
