// Runs the test files, each engine's part of a file by itself and two at a time, of different engines: two windows of one
// engine take the focus from each other. Where WebKitGTK's own process crashed (MiniBrowser does, now and then, with many
// windows), or trapped (the words are JavaScriptCore's; ../packages/azulejo/uninterpreted.mjs keeps it from doing so, as
// far as is known), the part is run once more and the output says so; any other failure is a failure.
//
// usage: node run.js [FILE.test.js ...]      AZULEJO_BROWSERS narrows the engines (harness/browsers.js)
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const CRASH = /session deleted because of page crash|WebKitWebDriver: POST \S+: unknown error|failed: Out of bounds memory access/;
// Milliseconds for a part, which node's limit is for as well as for each of its tests: what waits inside has limits
// of its own (PATIENCE), so that this one is for what no one thought of.
const LIMIT = 20 * 60_000;
/** The engines, and the configurations of each. */
const ENGINES = { chromium: ["chromium", "chromium-cpu"], firefox: ["firefox", "firefox-cpu"], webkit: ["webkit"] };
/** Files that aren't about engines, with the one that they need. */
const ONCE = {
  "answers.test.js": null,
  "examples.test.js": "chromium",
  "next.test.js": "chromium",
  "package.test.js": "chromium",
  "search.test.js": null,
};
const AT_ONCE = Math.min(2, availableParallelism());

const here = dirname(fileURLToPath(import.meta.url));
const files = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(here).filter((name) => name.endsWith(".test.js")).sort();
const wanted = process.env.AZULEJO_BROWSERS?.split(",");

/** The parts: a file, the engine that no other part may use meanwhile (or none), and the configurations it's run in. */
const waiting = files.flatMap((file) =>
  file in ONCE
    ? [{ file, engine: ONCE[file], configurations: wanted }]
    : Object.entries(ENGINES).flatMap(([engine, all]) => {
        const configurations = all.filter((name) => !wanted || wanted.includes(name));
        return configurations.length ? [{ file, engine, configurations }] : [];
      }),
);

const named = ({ file, engine }) => (engine ? `${file} in ${engine}` : file);

/** Whether the part's tests passed, and what they printed. */
function run({ file, configurations }) {
  return new Promise((done) => {
    const env = { ...process.env, ...(configurations && { AZULEJO_BROWSERS: configurations.join() }) };
    const tests = spawn(process.execPath, ["--test", `--test-timeout=${LIMIT}`, file], { cwd: here, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [tests.stdout, tests.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
    tests.on("close", (code) => done({ passed: code === 0, output }));
  });
}

/** Runs a part, once more if it was WebKitGTK that failed, and tells; whether it passed. */
async function tell(part) {
  const begun = Date.now();
  let result = await run(part);
  if (!result.passed && CRASH.test(result.output)) {
    console.log(`\n== WebKitGTK crashed or trapped in ${named(part)}: once more\n\n${result.output}`);
    result = await run(part);
  }
  const seconds = Math.round((Date.now() - begun) / 1000);
  console.log(`\n== ${named(part)} ${result.passed ? "passed" : "FAILED"} after ${seconds} s\n\n${result.output}`);
  return result.passed;
}

const parts = waiting.length;
const failed = [];
const running = new Set();
while (waiting.length || running.size) {
  const busy = new Set([...running].map(({ engine }) => engine));
  const at = running.size < AT_ONCE ? waiting.findIndex(({ engine }) => !engine || !busy.has(engine)) : -1;
  if (at >= 0) {
    const [part] = waiting.splice(at, 1);
    running.add(part);
    part.end = tell(part).then((passed) => {
      running.delete(part);
      if (!passed) failed.push(named(part));
    });
  } else {
    await Promise.race([...running].map(({ end }) => end));
  }
}
console.log(failed.length ? `\n== failed: ${failed.join(", ")}` : `\n== ${files.length} files passed, in ${parts} parts`);
process.exitCode = failed.length ? 1 : 0;
