// Firefox, driven by puppeteer over WebDriver BiDi.

import puppeteer from "puppeteer-core";

import { opened } from "./page.js";
import { kill, PATIENCE } from "./process.js";

export async function startFirefox({ profile, gpu, prefs = {} }) {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.AZULEJO_FIREFOX ?? "/usr/bin/firefox-esr",
    headless: true,
    userDataDir: profile,
    protocolTimeout: 0,
    timeout: PATIENCE * 1000,
    handleSIGINT: false,
    extraPrefsFirefox: {
      "dom.webgpu.enabled": gpu,
      "dom.webgpu.workers.enabled": gpu,
      "gfx.webgpu.ignore-blocklist": true,
      "gfx.webrender.software": true,
      "network.captive-portal-service.enabled": false,
      "network.connectivity-service.enabled": false,
      ...prefs,
    },
  });
  const child = browser.process();
  const killAtExit = () => child.kill("SIGKILL");
  process.once("exit", killAtExit);

  return {
    async newPage(url) {
      return opened(await browser.newPage(), url);
    },
    async kill() {
      process.off("exit", killAtExit);
      await kill(child);
      await browser.disconnect().catch(() => {});
    },
    async close() {
      process.off("exit", killAtExit);
      const ended = child.exitCode === null ? new Promise((done) => child.once("exit", done)) : null;
      await Promise.race([browser.close().catch(() => {}), new Promise((done) => setTimeout(done, 10_000))]);
      await Promise.race([ended, new Promise((done) => setTimeout(done, 5000))]);
      await kill(child);
    },
  };
}
