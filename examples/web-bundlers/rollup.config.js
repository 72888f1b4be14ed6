// Rollup copies nothing by itself: the package's worker and its WebAssembly go beside the JavaScript, by their own names.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import resolve from "@rollup/plugin-node-resolve";

import site from "./site.js";

const inPackage = (name) => fileURLToPath(import.meta.resolve(`azulejo/${name}`));
const files = {
  ...site,
  "worker.js": inPackage("worker.js"),
  "azulejo_wasm_bg.wasm": inPackage("azulejo_wasm_bg.wasm"),
};

const copy = {
  name: "copy",
  generateBundle() {
    for (const [fileName, from] of Object.entries(files)) {
      this.emitFile({ type: "asset", fileName, source: readFileSync(from) });
    }
  },
};

export default { input: "main.js", output: { dir: "dist/rollup" }, plugins: [resolve(), copy] };
