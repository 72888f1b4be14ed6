// Makes the pictures of examples/web-town-hall/README.md anew: what town-hall.test.js sees in Chromium.

import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { EXAMPLES, PICTURES } from "./harness/site.js";

rmSync(PICTURES, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, ["--test", "--test-name-pattern=in pictures", "town-hall.test.js"], {
  cwd: fileURLToPath(new URL(".", import.meta.url)),
  env: { ...process.env, AZULEJO_BROWSERS: "chromium" },
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);
const to = join(EXAMPLES, "web-town-hall/pictures/");
cpSync(PICTURES, to, { recursive: true });
for (const name of readdirSync(to)) console.log(`${name}: ${statSync(join(to, name)).size} bytes`);
