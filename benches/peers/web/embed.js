// An encoder's vectors of 1,000 sentences of 30 tokens, azulejo beside Transformers.js, in turns in one page of Chromium, on
// the CPU:
//   node embed.js [--workers N] MODEL.gguf ONNX_FOLDER ...
// Folders are those of ../make_encoder_onnx.py; FOLDER:fp32 is the graph in F32. Transformers.js has the one thread that it
// has on a page that isn't cross-origin isolated; azulejo has as many workers as it takes by itself, or N.
import { readFile, readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { launch } from "../../../web/e2e/harness/browsers.js";
import { serve } from "../../../web/e2e/harness/server.js";
import { measured } from "./measured.js";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../../..");
const { values, positionals } = parseArgs({ options: { workers: { type: "string" } }, allowPositionals: true });
const workers = values.workers === undefined ? undefined : Number(values.workers);
const [model, ...folders] = positionals;
if (!model || folders.length === 0 || Number.isNaN(workers)) {
  console.error("usage: node embed.js [--workers N] MODEL.gguf ONNX_FOLDER[:fp32] ...");
  process.exit(2);
}
const docs = (await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md")).sort();
const texts = await Promise.all(docs.map((name) => readFile(join(root, "docs", name), "utf8")));
const words = texts.join(" ").match(/[A-Za-z]+/g);

const transformers = join(here, "node_modules/@huggingface/transformers");
const server = await serve(
  {
    "/": here,
    "/azulejo/": join(root, "web/packages/azulejo/dist"),
    "/transformers/": join(transformers, "dist"),
    "/onnxruntime/": join(transformers, "node_modules/onnxruntime-web/dist"),
    "/model.gguf": resolve(model),
    ...Object.fromEntries(folders.map((folder, i) => [`/models/encoder-${i}/`, resolve(folder.replace(/:fp32$/, ""))])),
  },
  { policy: null },
);
const browser = await launch("chromium-cpu");
try {
  for (const [i, folder] of folders.entries()) {
    console.log(folder);
    const page = await browser.newPage(server.url("/embed.html"));
    await measured(page, { words, encoder: `encoder-${i}`, dtype: folder.endsWith(":fp32") ? "fp32" : "q8", workers });
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
}
