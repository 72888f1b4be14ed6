// Runs the test files, one after the other. Where WebKitGTK's own process crashed (MiniBrowser does, now and then, with
// many windows), or trapped (the words are JavaScriptCore's; ../packages/azulejo/uninterpreted.mjs keeps it from doing so,
// as far as is known), the file is run once more and the output says so; any other failure is a failure.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const CRASH = /session deleted because of page crash|WebKitWebDriver: POST \S+: unknown error|failed: Out of bounds memory access/;
// Milliseconds for a whole file, which node's limit is for as well as for each of its tests: what waits inside has limits
// of its own (PATIENCE), so that this one is for what no one thought of.
const LIMIT = 20 * 60_000;
const here = dirname(fileURLToPath(import.meta.url));
const files = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(here).filter((name) => name.endsWith(".test.js")).sort();

/** Whether the file's tests passed, and what they printed. */
function run(file) {
  return new Promise((done) => {
    const tests = spawn(process.execPath, ["--test", `--test-timeout=${LIMIT}`, file], { cwd: here, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    tests.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      process.stdout.write(text);
    });
    tests.on("close", (code) => done({ passed: code === 0, output }));
  });
}

const failed = [];
for (const file of files) {
  let result = await run(file);
  if (!result.passed && CRASH.test(result.output)) {
    console.log(`\n== WebKitGTK crashed or trapped in ${file}: once more\n`);
    result = await run(file);
  }
  if (!result.passed) failed.push(file);
}
console.log(failed.length ? `\n== failed: ${failed.join(", ")}` : `\n== ${files.length} files passed`);
process.exitCode = failed.length ? 1 : 0;
