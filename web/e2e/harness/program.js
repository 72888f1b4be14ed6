// The native program, whose answers the browsers' are compared with. AZULEJO_PROGRAM says where it is.

import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const PROGRAM = process.env.AZULEJO_PROGRAM ?? fileURLToPath(new URL("../../../target/release/azulejo", import.meta.url));

/** Runs the program; what it printed as JSON. */
export async function azulejo(...args) {
  await access(PROGRAM).catch(() => {
    throw new Error(`${PROGRAM} is missing: cargo build --release -p azulejo-cli, or name it in AZULEJO_PROGRAM`);
  });
  const { stdout } = await run(PROGRAM, args, { maxBuffer: 1 << 26, env: { ...process.env, NO_COLOR: "1" } });
  return stdout;
}

/** The greedy answer to one chat message: `{text, tokens, prompt_tokens, stop_reason}`. */
export async function greedyAnswer(model, prompt, tokens, ...more) {
  const args = ["generate", "-m", model, "--device", "cpu", "--temp", "0", "-n", String(tokens), "--json", "-q", ...more];
  return JSON.parse(await azulejo(...args, "-p", prompt));
}
