// Builds dist/: index.js and the adapters (which share chunks), worker.js by itself, the engine's wasm, declarations,
// and whose code is in it.
// With --tests the unit tests go to build/test instead.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { uninterpreted } from "./uninterpreted.mjs";

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const local = (path) => join(here, path);
const { version } = JSON.parse(readFileSync(local("package.json"), "utf8"));

/**
 * `glue.js`: the generated bindings as a function that makes those of a new instance. They keep their instance in
 * variables of their module, of which there is one a page.
 */
const glue = {
  name: "glue",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\/glue\.js$/ }, () => ({ path: local("src/wasm/azulejo_wasm.js"), namespace: "glue" }));
    onLoad({ filter: /./, namespace: "glue" }, async ({ path }) => {
      // Callbacks that come late read from a memory that has nothing in it.
      const abandon = `export function abandon() {
        const memory = { buffer: new ArrayBuffer(65536) };
        wasm = new Proxy({}, { get: (_, name) => (name === "memory" ? memory : () => 0) });
        wasmInstance = wasmModule = null;
        cachedDataViewMemory0 = cachedFloat64ArrayMemory0 = cachedUint32ArrayMemory0 = cachedUint8ArrayMemory0 = null;
      }`;
      const stdin = { contents: readFileSync(path, "utf8") + abandon, resolveDir: dirname(path), sourcefile: path };
      const how = { stdin, bundle: true, format: "iife", globalName: "glue", target: "es2022", write: false };
      const { outputFiles } = await build({ ...how, absWorkingDir: here, logLevel: "warning" });
      return { contents: `export default function () {\n${outputFiles[0].text}\nreturn glue;\n}`, loader: "js" };
    });
  },
};

const common = {
  absWorkingDir: here,
  bundle: true,
  format: "esm",
  target: "es2022",
  logLevel: "warning",
  define: { AZULEJO_RELEASE: JSON.stringify(version) },
  plugins: [glue],
};

if (process.argv.includes("--tests")) await tests();
else await dist();

async function dist() {
  const engine = wasm();
  rmSync(local("dist"), { recursive: true, force: true });
  mkdirSync(local("dist"));
  writeFileSync(local("dist/azulejo_wasm_bg.wasm"), uninterpreted(readFileSync(engine)));
  const minify = { minify: true, legalComments: "none", metafile: true };
  const adapters = ["ai-sdk", "openai", "prompt-api", "remote"].map((name) => `src/adapters/${name}.ts`);
  const pages = await build({
    ...common,
    ...minify,
    entryPoints: ["src/index.ts", ...adapters],
    entryNames: "[name]",
    // Beside index.js, so that `new URL("azulejo_wasm_bg.wasm", import.meta.url)` finds the file from there too.
    chunkNames: "[name]-[hash]",
    splitting: true,
    outdir: "dist",
  });
  // By itself: bundlers take a worker's file as one.
  const worker = await build({ ...common, ...minify, entryPoints: ["src/worker.ts"], outdir: "dist" });
  // cargo xtask web says whose code is in the engine; the JavaScript is ours.
  const inputs = [pages, worker].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const strangers = inputs.filter((path) => !/^(glue:|src\/)/.test(path));
  if (strangers.length > 0) throw new Error(`code of others that THIRD-PARTY.txt doesn't name: ${strangers.join(", ")}`);
  copyFileSync(local("src/wasm/THIRD-PARTY.txt"), local("dist/THIRD-PARTY.txt"));
  copyFileSync(local("../../../LICENSE"), local("LICENSE"));
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.json"], { cwd: here, stdio: "inherit" });
}

/** The engine, optimised once more after the compiler: a minute's work, so that the last result is kept. */
function wasm() {
  const from = local("src/wasm/azulejo_wasm_bg.wasm");
  const hash = createHash("sha256").update(readFileSync(from)).digest("hex").slice(0, 16);
  const kept = local(`build/wasm/${hash}.wasm`);
  if (!existsSync(kept)) {
    console.log("wasm-opt: about a minute");
    rmSync(local("build/wasm"), { recursive: true, force: true });
    mkdirSync(local("build/wasm"), { recursive: true });
    const tool = join(dirname(require.resolve("binaryen/package.json")), "bin/wasm-opt");
    const enabled = ["bulk-memory", "simd", "nontrapping-float-to-int", "sign-ext", "mutable-globals",
      "reference-types", "multivalue"];
    // In the first KiB is what the stack never gets to, so that what is added to an address becomes a load's offset: no
    // sum wraps around to there. It saves an instruction in most loads of the kernels' loops.
    const flags = ["-O3", "--low-memory-unused", ...enabled.map((feature) => `--enable-${feature}`)];
    execFileSync(process.execPath, [tool, ...flags, from, "-o", `${kept}.part`], { cwd: here, stdio: "inherit" });
    renameSync(`${kept}.part`, kept);
  }
  return kept;
}

async function tests() {
  rmSync(local("build/test"), { recursive: true, force: true });
  const files = readdirSync(local("test")).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...common,
    entryPoints: files.map((name) => `test/${name}`),
    outdir: "build/test",
    platform: "node",
    packages: "external",
    splitting: true,
    sourcemap: "inline",
  });
}
