// esbuild copies nothing by itself: the package's worker and its WebAssembly go beside the JavaScript, by their own names.
// `--serve` serves the page as well.
import { parse } from "node:path";

import { context } from "esbuild";

import site from "./site.js";

const files = {
  ...site,
  "main.js": "main.js",
  "worker.js": "azulejo/worker.js",
  "azulejo_wasm_bg.wasm": "azulejo/azulejo_wasm_bg.wasm",
};
const outdir = "dist/esbuild";

const work = await context({
  // esbuild puts the ending to a name.
  entryPoints: Object.fromEntries(Object.entries(files).map(([to, from]) => [parse(to).name, from])),
  outdir,
  bundle: true,
  format: "esm",
  // What only `worker: false` needs stays a file of its own.
  splitting: true,
  minify: true,
  loader: { ".wasm": "copy", ".gguf": "copy", ".html": "copy", ".svg": "copy" },
  logLevel: "info",
});
await work.rebuild();
if (process.argv.includes("--serve")) await work.serve({ servedir: outdir, host: "127.0.0.1" });
else await work.dispose();
