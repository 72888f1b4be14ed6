// Repeats what must never fail: RUNS times (10) the tests of resuming, corruption, lost devices and two tabs.
// usage: RUNS=10 npm run repeat -w e2e

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const RUNS = Number(process.env.RUNS ?? 10);
// The first load gives the text that the others are compared with.
const PATTERN = "a load reads the file once|crashed in mid-download|closed in mid-download|flipped|wrong in the store|device lost|second loss|two tabs";
const cwd = fileURLToPath(new URL(".", import.meta.url));

let failed = 0;
for (let round = 1; round <= RUNS; round++) {
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--test", "--test-concurrency=1", "--test-reporter=tap", `--test-name-pattern=${PATTERN}`, "download.test.js", "device.test.js"],
    { cwd, encoding: "utf8", maxBuffer: 1 << 26 },
  );
  const [, pass = "0"] = /^# pass (\d+)/m.exec(stdout) ?? [];
  console.log(`round ${round} of ${RUNS}: ${status === 0 ? "passed" : "FAILED"}, ${pass} tests`);
  if (status !== 0 || pass === "0") {
    failed += 1;
    console.log(stdout);
  }
}
process.exit(failed === 0 ? 0 : 1);
