// Serves the chat page of examples/web-minimal with the built package and the demonstration model, and opens it in this
// machine's browser; or, with --check, asks a question in one without a window and prints the answer.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { launch } from "./harness/browsers.js";
import { serve } from "./harness/server.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const QUESTION = "Onde posso renovar o cartão de cidadão?";
const server = await serve({
  "/": join(ROOT, "examples/web-minimal"),
  "/azulejo/": join(ROOT, "web/packages/azulejo/dist"),
  "/models/": join(ROOT, "models"),
});

if (process.argv.includes("--check")) {
  try {
    await check();
  } finally {
    await server.close();
  }
} else {
  console.log(`\nthe demo is at ${server.url("/")} (Ctrl-C ends it)`);
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
