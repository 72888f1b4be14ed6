// A first and a second visit in Chromium, each peer in a browser of its own: milliseconds from the page's wish to the
// first token, with an empty and a full store, and the most memory that the page's process had (a page of nothing has some).
//   node visit.js MODEL.gguf [--webgpu] [MODEL.onnx]
// Without --webgpu both are on the CPU, one thread each; with it a GPU made of software is what `device: "auto"` meets,
// with and without a choice.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { kill, printed, start } from "../../../web/e2e/harness/process.js";
import { serve } from "../../../web/e2e/harness/server.js";

const ROUNDS = 3;
const here = dirname(fileURLToPath(import.meta.url));
const words = process.argv.slice(2);
const webgpu = words.includes("--webgpu");
const files = words.filter((word) => !word.startsWith("--")).map((file) => resolve(file));
const [gguf, onnx] = [".gguf", ".onnx"].map((kind) => files.find((file) => extname(file) === kind));
if (!gguf) {
  console.error("usage: node visit.js MODEL.gguf [--webgpu] [MODEL.onnx]");
  process.exit(2);
}
const GPU = {
  webgpu: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
  cpu: ["--disable-features=WebGPU,WebGPUService", "--disable-blink-features=WebGPU"],
};
const device = webgpu ? "webgpu" : "cpu";
const VISITORS = [
  ["nothing", {}],
  ["azulejo", webgpu ? { device: "auto" } : { device }],
  ...(webgpu ? [["azulejo", { device: "auto", measure: false }], ["azulejo", { device }]] : []),
  ...(webgpu ? [] : [["wllama", {}]]),
  ...(onnx ? [["onnxruntime", { device, model: onnx }]] : []),
];

const server = await serve(
  {
    "/": here,
    "/azulejo/": join(here, "../../../web/packages/azulejo/dist"),
    "/wllama/": join(here, "node_modules/@wllama/wllama/esm"),
    "/onnxruntime/": join(here, "node_modules/onnxruntime-web/dist"),
    ...Object.fromEntries(files.map((file) => [`/${basename(file)}`, file])),
  },
  { policy: null },
);

/** The most bytes that a page's process of this browser had since it began (Linux tells). */
async function peak(browser) {
  let most = 0;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const group = (await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")).split(") ").at(-1).split(" ")[2];
    if (!command.includes("--type=renderer") || Number(group) !== browser.pid) continue;
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    most = Math.max(most, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024);
  }
  return most;
}

/** One visit, without a driver: one keeps what a page loads, in that page's process. */
async function visit(profile, peer, settings) {
  const wish = encodeURIComponent(JSON.stringify([peer, settings]));
  const child = start(process.env.AZULEJO_CHROMIUM ?? "/usr/bin/chromium", [
    "--headless=new", "--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-extensions", "--enable-logging=stderr", `--user-data-dir=${profile}`, ...GPU[device],
    server.url(`/index.html?visit=${wish}`),
  ]);
  try {
    const [, told] = await printed(child, /VISITED (\{.*\})/);
    const visited = JSON.parse(told);
    if (visited.error) throw new Error(`${peer}: ${visited.error}`);
    const bytes = await peak(child);
    // What is kept is on the disk a moment later.
    await wait(1000);
    return { ...visited, bytes };
  } finally {
    await kill(child);
  }
}

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];
const MB = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;
console.log(`${basename(gguf)}; medians of ${ROUNDS} rounds, ready / first token in ms, most memory of the page's process`);
const seen = new Map();
for (let round = 0; round < ROUNDS; round++) {
  for (const [peer, { model = gguf, ...settings }] of VISITORS) {
    const profile = await mkdtemp(join(tmpdir(), "azulejo-visit-"));
    const address = server.url(`/${basename(model)}`);
    for (const store of peer === "nothing" ? ["empty"] : ["empty", "full"]) {
      const told = await visit(profile, peer, { ...settings, model: address });
      const name = `${told.about}${settings.measure === false ? ", measure: false" : ""}, ${store} store`;
      seen.set(name, [...(seen.get(name) ?? []), told]);
    }
    await rm(profile, { recursive: true, force: true });
  }
}
for (const [name, told] of seen) {
  const of = (what) => median(told.map((t) => t[what]));
  const wasm = told[0].wasmBytes ? `, ${MB(of("wasmBytes"))} of it the engine's` : "";
  console.log(`  ${name}: ${of("ready").toFixed(0)} / ${of("first").toFixed(0)} ms, ${MB(of("bytes"))}${wasm}`);
}
await server.close();
