// Child processes that a test starts: each leads a process group of its own, so that killing it kills what it started.

import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Seconds that are waited for anything that should come, before it's said to hang. It measures nothing: a machine with
 * others' work on it can be ten times slower than an idle one.
 */
export const PATIENCE = 300;

const running = new Set();

// Whatever happens to the test run, no browser outlives it.
process.on("exit", () => running.forEach((child) => signal(child, "SIGKILL")));
for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => process.exit(1));

function signal(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch {
    // It has ended by itself.
  }
}

/** Starts a program; `cwd` and `stdio` as in node's `spawn`. What it says on stderr is kept in `.said` for error messages. */
export function start(program, args, { cwd, env = {}, stdio = ["ignore", "pipe", "pipe"] } = {}) {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio, detached: true });
  child.said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text) => (child.said = (child.said + text).slice(-20_000)));
  }
  child.on("error", (error) => (child.said += `${error.message}\n`));
  if (child.pid) running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Waits until the child has printed what `pattern` matches; an error with its last words if it ends before. */
export async function printed(child, pattern) {
  const until = Date.now() + PATIENCE * 1000;
  for (;;) {
    const match = pattern.exec(child.said);
    if (match) return match;
    if (!child.pid || child.exitCode !== null || child.signalCode !== null || Date.now() > until) {
      throw new Error(`${child.spawnfile} did not start:\n${child.said.slice(-2000)}`);
    }
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Ends a child and its group: at once, without a chance to tidy up, as a crash or a power cut would. */
export async function kill(child) {
  const ended = child.exitCode !== null || child.signalCode !== null || !child.pid;
  signal(child, "SIGKILL");
  if (!ended) await once(child, "exit");
  // Helpers of a browser that have left its group notice the closed pipes a moment later.
  await new Promise((done) => setTimeout(done, 200));
}
