// Bytes of what a page loads before the model, as they are and compressed: brotli at its best, as a server that
// prepares its files sends them.
import { readFileSync, readdirSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";

const dist = new URL("packages/azulejo/dist/", import.meta.url);
// Entry points that a page takes only by importing them.
const ADAPTERS = /^(ai-sdk|prompt-api|openai|remote)\.js$/;
// What worker.js has, for `worker: false`: a page loads the one or the other, and worker.js is the larger one.
const HOST = /^host-\w+\.js$/;
const files = readdirSync(dist).filter((name) => /\.(js|wasm)$/.test(name)).sort();
let total = 0;
for (const name of files) {
  const bytes = readFileSync(new URL(name, dist));
  const packed = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
  const counts = !ADAPTERS.test(name) && !HOST.test(name);
  if (counts) total += packed;
  console.log(`${name.padEnd(28)} ${String(bytes.length).padStart(9)} ${String(packed).padStart(9)}${counts ? "" : "  not counted"}`);
}
console.log(`engine and JavaScript, brotli ${total}`);
