// Real browser engines for the tests: `launch(name)` starts one with a fresh profile.
//
// An engine that cannot start is an error: a machine that runs these tests has all three. What an engine cannot *do*
// (`ABILITIES`) a test reports with `notRun`, and node prints it; it never counts as passed.

import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startChromium } from "./chromium.js";
import { startFirefox } from "./firefox.js";
import { startWebkit } from "./webkit.js";

const START = {
  chromium: (options) => startChromium({ ...options, gpu: true }),
  "chromium-cpu": (options) => startChromium({ ...options, gpu: false }),
  firefox: (options) => startFirefox({ ...options, gpu: true }),
  "firefox-cpu": (options) => startFirefox({ ...options, gpu: false }),
  webkit: (options) => startWebkit(options),
  // With an origin private file system that is there and fails, as automation is a private window.
  "webkit-private": (options) => startWebkit({ ...options, features: FILE_SYSTEM }),
};
const FILE_SYSTEM = ["FileSystem", "AccessHandle", "FileSystemWritableStream", "StorageAPI", "StorageAPIEstimate"];

/** Every configuration, and those that a test of something other than devices runs in. AZULEJO_BROWSERS narrows both. */
const chosen = (names) => {
  const only = process.env.AZULEJO_BROWSERS?.split(",");
  return only ? names.filter((name) => only.includes(name)) : names;
};
export const CONFIGURATIONS = chosen(["chromium", "chromium-cpu", "firefox", "firefox-cpu", "webkit"]);
export const ENGINES = chosen(["chromium", "firefox", "webkit"]);

const QUOTA = "this engine's quota cannot be set";
const PRIVATE = "WebKitGTK keeps nothing when its process ends: automation is a private window";

/** What the engines of these machines lack, with what a test prints instead. */
const LACKS = {
  "chromium-cpu": { webgpu: "WebGPU is off in this configuration" },
  "firefox-cpu": { webgpu: "WebGPU is off in this configuration" },
  firefox: { quota: QUOTA },
  webkit: {
    quota: QUOTA,
    webgpu: "WebKitGTK has no WebGPU",
    opfs: "this configuration has no origin private file system",
    profile: PRIVATE,
  },
};

/** Why `name` cannot do `ability` ("webgpu", "opfs", "profile", "quota"), or null if it can. */
export const lack = (name, ability) => LACKS[name]?.[ability] ?? null;

/** Says in the test's output that a part was not run, and why; true if so. */
export function notRun(t, name, ability) {
  const why = lack(name, ability);
  if (why) t.diagnostic(`not run: ${t.name}: ${why}`);
  if (why) t.skip(`not run: ${why}`);
  return why !== null;
}

/**
 * Starts an engine: `{name, profile, newPage(url), close(), kill(), restart()}`. `kill` ends it like a crash and keeps
 * its profile; `restart` starts it again on it. `close` ends it and deletes the profile.
 */
export async function launch(name, options = {}) {
  if (!START[name]) throw new Error(`no browser ${name}: ${Object.keys(START).join(", ")}`);
  const profile = await mkdtemp(join(tmpdir(), `azulejo-e2e-${name}-`));
  const removal = { recursive: true, force: true, maxRetries: 10, retryDelay: 200 };
  const atExit = () => rmSync(profile, removal);
  process.once("exit", atExit);
  const removeProfile = () => {
    process.off("exit", atExit);
    return rm(profile, removal);
  };
  const begin = () =>
    START[name]({ ...options, profile }).catch((error) => {
      throw new Error(`${name} cannot be started on this machine: ${error.message}`, { cause: error });
    });
  let engine;
  try {
    engine = await begin();
  } catch (error) {
    await removeProfile();
    throw error;
  }
  let alive = true;
  return {
    name,
    profile,
    newPage: (url) => engine.newPage(url),
    async kill() {
      alive = false;
      await engine.kill();
    },
    async restart() {
      if (alive) await engine.kill();
      engine = await begin();
      alive = true;
    },
    async close() {
      if (alive) await engine.close();
      alive = false;
      await removeProfile();
    },
  };
}
