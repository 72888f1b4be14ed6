// Builds dist/: index.js, which registers the element, and chunks that are loaded when they are needed; declarations.
// With --tests the unit tests go to build/test instead.

import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const local = (path) => join(here, path);
const common = {
  absWorkingDir: here,
  bundle: true,
  format: "esm",
  target: "es2022",
  logLevel: "warning",
  jsx: "automatic",
  jsxImportSource: "preact",
  splitting: true,
};

if (process.argv.includes("--tests")) await tests();
else await dist();

async function dist() {
  rmSync(local("dist"), { recursive: true, force: true });
  await build({
    ...common,
    minify: true,
    legalComments: "none",
    entryPoints: ["src/index.ts"],
    chunkNames: "[name]-[hash]",
    external: ["azulejo", "azulejo/*"],
    outdir: "dist",
  });
  copyFileSync(local("../../../LICENSE"), local("LICENSE"));
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.json"], { cwd: here, stdio: "inherit" });
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
    sourcemap: "inline",
  });
}
