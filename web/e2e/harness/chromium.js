// Chromium, driven by playwright over its debugging port. It is started here and not by playwright, so that it can be
// killed like a crash and started again with the same profile.

import { chromium } from "playwright-core";

import { unwrapped, wrapped } from "./page.js";
import { kill, printed, start } from "./process.js";

const QUIET = [
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--disable-features=OptimizationHints,MediaRouter,Translate",
  "--password-store=basic",
];

export async function startChromium({ profile, gpu, flags = [] }) {
  const webgpu = gpu
    ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
    : ["--disable-features=WebGPU,WebGPUService", "--disable-blink-features=WebGPU"];
  const child = start(process.env.AZULEJO_CHROMIUM ?? "/usr/bin/chromium", [
    "--headless=new",
    "--no-sandbox",
    "--remote-debugging-port=0",
    `--user-data-dir=${profile}`,
    "--enable-precise-memory-info",
    ...QUIET,
    ...webgpu,
    ...flags,
    "about:blank",
  ]);
  const [, address] = await printed(child, /DevTools listening on (ws:\S+)/);
  const browser = await chromium.connectOverCDP(address, { timeout: 60_000 });
  const context = browser.contexts()[0];

  return {
    async newPage(url) {
      const page = await context.newPage();
      const seen = { requests: [], console: [] };
      page.on("request", (request) => seen.requests.push(request.url()));
      page.on("console", (message) => seen.console.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => seen.console.push(`uncaught: ${error}`));
      page.on("crash", () => seen.console.push("crash: the page's process ended"));
      await page.goto(url, { waitUntil: "load" });
      return {
        evaluate: async (code, ...args) => unwrapped(await page.evaluate(wrapped(code, args))),
        goto: (to) => page.goto(to, { waitUntil: "load" }),
        requests: () => [...seen.requests],
        console: () => [...seen.console],
        close: () => page.close(),
      };
    },
    async kill() {
      await kill(child);
      await browser.close().catch(() => {});
    },
    async close() {
      // Asked over the protocol, it writes its profile before it ends.
      const session = await browser.newBrowserCDPSession();
      const ended = new Promise((done) => child.once("exit", done));
      await session.send("Browser.close").catch(() => {});
      await Promise.race([ended, new Promise((done) => setTimeout(done, 5000))]);
      await kill(child);
      await browser.close().catch(() => {});
    },
  };
}
