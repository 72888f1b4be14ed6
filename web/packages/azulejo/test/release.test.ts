// An engine of another release than the JavaScript that calls it, as a browser's cache may have one.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { serve } from "../../../e2e/harness/server.js";
import { createEngine } from "../src/index.js";

test("an engine of another release is an error that says so, and the right one is taken afterwards", async () => {
  const local = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
  const { version } = JSON.parse(await readFile(local("package.json"), "utf8"));
  const folder = await mkdtemp(join(tmpdir(), "azulejo-release-"));
  const server = await serve({ "/old/": folder, "/wasm/": local("src/wasm"), "/models/": local("../../../models") });
  try {
    const bytes = await readFile(local("src/wasm/azulejo_wasm_bg.wasm"));
    for (let at = bytes.indexOf(version); at >= 0; at = bytes.indexOf(version, at + 1)) bytes.write("9.9.9", at);
    await writeFile(join(folder, "version.wasm"), bytes);
    // One that wants a function that this JavaScript doesn't have.
    const from = Buffer.from("./azulejo_wasm_bg.js");
    const wanted = [1, from.length, ...from, 1, 0x62, 0, 0];
    const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0];
    await writeFile(join(folder, "imports.wasm"), Uint8Array.from([...head, 2, wanted.length, ...wanted]));
    const load = (wasm: string) =>
      createEngine(server.url("/models/azulejo-demo.gguf"), { worker: false, device: "cpu", wasmUrl: server.url(wasm) });
    await assert.rejects(load("/old/version.wasm"), { code: "unsupported", parameters: { engine: "9.9.9", page: version } });
    await assert.rejects(load("/old/imports.wasm"), { code: "unsupported", message: /another release/ });
    await assert.rejects(load("/old/none.wasm"), { code: "network" });
    const engine = await load("/wasm/azulejo_wasm_bg.wasm");
    await engine.dispose();
  } finally {
    await server.close();
    await rm(folder, { recursive: true });
  }
});
