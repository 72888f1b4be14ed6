// azulejo beside a peer in Chromium, on models of one shape, in turns in one page:
//   node run.js wllama MODEL.gguf ...        both on the CPU, one thread each
//   node run.js onnxruntime MODEL.onnx ...   a file of make_onnx.py beside Q4_0 of the same shape with random weights;
//                                            both by WebGPU on a software adapter (minutes), or with --cpu one thread each
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { launch } from "../../../web/e2e/harness/browsers.js";
import { serve } from "../../../web/e2e/harness/server.js";
import { measured } from "./measured.js";

const here = dirname(fileURLToPath(import.meta.url));
const [peer, ...rest] = process.argv.slice(2);
const device = peer === "wllama" || rest.includes("--cpu") ? "cpu" : "webgpu";
const files = rest.filter((word) => word !== "--cpu").map((file) => resolve(file));
if (!["wllama", "onnxruntime"].includes(peer) || files.length === 0) {
  console.error("usage: node run.js wllama MODEL.gguf ... | node run.js onnxruntime [--cpu] MODEL.onnx ...");
  process.exit(2);
}
// A software adapter needs seconds a token, a peer's many of them: fewer tokens, and more rounds, as others may be at work.
const [rounds, ourTokens, theirTokens] = device === "cpu" ? [5, 24, 24] : [7, 6, 1];

// Without the strict policy, as peers start workers and modules from blob: addresses.
const server = await serve(
  {
    "/": here,
    "/azulejo/": join(here, "../../../web/packages/azulejo/dist"),
    "/wllama/": join(here, "node_modules/@wllama/wllama/esm"),
    "/onnxruntime/": join(here, "node_modules/onnxruntime-web/dist"),
    ...Object.fromEntries(files.map((file, i) => [`/model-${i}${extname(file)}`, file])),
  },
  { policy: null },
);
const browser = await launch(device === "cpu" ? "chromium-cpu" : "chromium");
try {
  for (const [i, file] of files.entries()) {
    const page = await browser.newPage(server.url("/index.html"));
    const model = server.url(`/model-${i}${extname(file)}`);
    const theirs = { model, device, tokens: theirTokens };
    const ours = { model: peer === "wllama" ? model : { shape: "ttl-160m", quant: "Q4_0" }, device, tokens: ourTokens };
    console.log(basename(file));
    const speeds = await measured(page, peer, ours, theirs, rounds);
    const ratios = speeds.map(([ours, theirs]) => ours / theirs).sort((a, b) => a - b);
    console.log(`  ratios ${ratios.map((r) => r.toFixed(2)).join(" ")}; median ${ratios[rounds >> 1].toFixed(2)}`);
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
}
