// Builds dist/: index.js, which registers the element, and chunks that are loaded when they are needed; declarations; the
// element's manifest and its React component (manifest.mjs); and standalone/, all that a server without a bundler needs,
// with the engine. With --tests the unit tests go to build/test instead.

import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build, transform } from "esbuild";

import { writeManifest } from "./manifest.mjs";

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const local = (path) => join(here, path);

/** Styles as texts, as small as they can be. */
const styles = {
  name: "styles",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

/** The engine where the standalone build has it: a folder beside the element's own files. */
const beside = {
  name: "beside",
  setup({ onResolve }) {
    onResolve({ filter: /^azulejo$/ }, () => ({ path: "./azulejo/index.js", external: true }));
    onResolve({ filter: /^azulejo\/remote$/ }, () => ({ path: "./azulejo/remote.js", external: true }));
  },
};

/** Bytes of the program that runs a model, as they are: a server that compresses sends a third. */
const engine = local("../azulejo/dist");
const engineBytes = ["azulejo_wasm_bg.wasm", "worker.js", "index.js"]
  .map((name) => statSync(join(engine, name), { throwIfNoEntry: false })?.size ?? 0)
  .reduce((sum, size) => sum + size, 0);

const common = {
  absWorkingDir: here,
  bundle: true,
  format: "esm",
  target: "es2022",
  logLevel: "warning",
  jsx: "automatic",
  jsxImportSource: "preact",
  splitting: true,
  plugins: [styles],
  define: { AZULEJO_ENGINE_BYTES: String(engineBytes) },
  // Not from its sources, where the compiler has its types from.
  external: ["azulejo", "azulejo/*"],
};

if (process.argv.includes("--tests")) await tests();
else await dist();

async function dist() {
  if (engineBytes === 0) throw new Error(`${engine} has no build: cargo xtask web`);
  rmSync(local("dist"), { recursive: true, force: true });
  const pages = { ...common, minify: true, legalComments: "none", metafile: true, chunkNames: "[name]-[hash]" };
  const { metafile } = await build({ ...pages, entryPoints: ["src/index.ts"], outdir: "dist" });
  const entryPoints = { "azulejo-chat": "src/index.ts" };
  await build({ ...pages, entryPoints, plugins: [styles, beside], external: [], outdir: "dist/standalone" });
  for (const name of readdirSync(engine)) {
    if (/\.(js|wasm|txt)$/.test(name)) cpSync(join(engine, name), local(`dist/standalone/azulejo/${name}`));
  }
  for (const folder of ["dist", "dist/standalone"]) writeFileSync(local(`${folder}/THIRD-PARTY.txt`), thirdParty(Object.keys(metafile.inputs)));
  copyFileSync(local("../../../LICENSE"), local("LICENSE"));
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.types.json"], { cwd: here, stdio: "inherit" });
  await writeManifest(here);
}

/** The licences of the packages whose code is in the build. */
function thirdParty(inputs) {
  const folders = new Set(inputs.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter(Boolean));
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(local(`${folder}/package.json`), "utf8"));
    const file = readdirSync(local(folder)).find((name) => /^licen[cs]e/i.test(name));
    if (!file) throw new Error(`${folder} has no licence text, which the build has to pass on`);
    return `${name} ${version} (${license})\n\n${readFileSync(local(`${folder}/${file}`), "utf8").trim()}\n`;
  });
  return `azulejo-chat has code of these packages.\n\n${texts.join(`\n${"-".repeat(72)}\n\n`)}`;
}

async function tests() {
  rmSync(local("build/test"), { recursive: true, force: true });
  const files = readdirSync(local("test")).filter((name) => /\.test\.tsx?$/.test(name));
  await build({
    ...common,
    entryPoints: files.map((name) => `test/${name}`),
    outdir: "build/test",
    platform: "node",
    packages: "external",
    sourcemap: "inline",
  });
}
