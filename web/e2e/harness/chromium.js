// Chromium, driven by playwright over its debugging port. It is started here and not by playwright, so that it can be
// killed like a crash and started again with the same profile.

import { writeFile } from "node:fs/promises";
import { extname } from "node:path";

import { chromium } from "playwright-core";

import { opened } from "./page.js";
import { kill, PATIENCE, printed, start } from "./process.js";

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

/**
 * A function that says how many bytes the page and its workers hold now: JavaScript's heap, and what stands outside it,
 * array buffers and wasm memories. Garbage is collected first unless
 * `collect` is false.
 */
async function heapOf(context, page) {
  const session = await context.newCDPSession(page);
  const waiting = new Map();
  const workers = new Set();
  let calls = 0;
  session.on("Target.attachedToTarget", ({ sessionId, targetInfo }) => targetInfo.type === "worker" && workers.add(sessionId));
  session.on("Target.detachedFromTarget", ({ sessionId }) => {
    workers.delete(sessionId);
    for (const [id, [asked, answer]] of waiting) asked === sessionId && (waiting.delete(id), answer(null));
  });
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result } = JSON.parse(message);
    waiting.get(id)?.[1](result ?? null);
    waiting.delete(id);
  });
  await session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  const askWorker = (sessionId) =>
    new Promise((answer) => {
      waiting.set(++calls, [sessionId, answer]);
      const message = JSON.stringify({ id: calls, method: "Runtime.getHeapUsage" });
      session.send("Target.sendMessageToTarget", { sessionId, message }).catch(() => answer(null));
    });
  const bytes = (usage) => (usage ? usage.usedSize + usage.backingStorageSize : 0);
  return async ({ collect = true } = {}) => {
    if (collect) await session.send("HeapProfiler.collectGarbage");
    const all = await Promise.all([session.send("Runtime.getHeapUsage"), ...[...workers].map(askWorker)]);
    return all.reduce((sum, usage) => sum + bytes(usage), 0);
  };
}

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
  const browser = await chromium.connectOverCDP(address, { timeout: PATIENCE * 1000 });
  const context = browser.contexts()[0];

  return {
    async newPage(url) {
      const page = await context.newPage();
      const heap = await heapOf(context, page);
      let started = 0;
      page.on("worker", () => (started += 1));
      return {
        ...(await opened(page, url)),
        heap,
        // How the visitor has set the system: `{colorScheme, forcedColors, reducedMotion, contrast}`.
        emulate: (media) => page.emulateMedia(media),
        // A picture of the window, of the kind that the file's name says: .webp or .png.
        async picture(path) {
          const session = await context.newCDPSession(page);
          const format = extname(path).slice(1);
          const { data } = await session.send("Page.captureScreenshot", { format, ...(format === "webp" ? { quality: 55 } : {}) });
          await session.detach();
          await writeFile(path, data, "base64");
        },
        // The workers that the page has, and how many it ever started.
        workers: () => ({ now: page.workers().length, started }),
        // What the page's site may store, in bytes; its usual quota if absent.
        async setQuota(bytes) {
          const session = await context.newCDPSession(page);
          await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(url).origin, quotaSize: bytes });
          // It lasts as long as the session.
          if (bytes === undefined) await session.detach();
        },
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
