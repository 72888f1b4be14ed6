// The package as published: packed, installed into an empty project, checked by TypeScript there, bundled, and answering.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { launch } from "./harness/browsers.js";
import { DEMO, PACKAGE, PAGES } from "./harness/site.js";
import { serve } from "./harness/server.js";

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const npm = (cwd, ...args) => run("npm", args, { cwd, env: { ...process.env, npm_config_loglevel: "error" } });

const APP = `import { createEngine } from "azulejo";

const engine = await createEngine("/models/demo.gguf");
const answer = await engine.chat.completions.create({
  messages: [{ role: "user", content: "Where do glass bottles go?" }],
  temperature: 0,
  max_tokens: 24,
});
document.title = answer.choices[0]!.message.content ?? "";
await engine.dispose();
`;

describe("the package as published", () => {
  let folder, files, packed;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "azulejo-e2e-package-"));
    const { stdout } = await npm(PACKAGE, "pack", "--json", "--pack-destination", folder);
    // npm 11 gives a list, or an object by name where it packs workspaces.
    const told = JSON.parse(stdout);
    packed = Array.isArray(told) ? told[0] : Object.values(told)[0];
    files = packed.files.map((file) => file.path);
    await writeFile(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
    await npm(folder, "install", "--offline", "--no-audit", "--no-fund", join(folder, packed.filename));
    await writeFile(join(folder, "app.ts"), APP);
  });
  after(() => folder && rm(folder, { recursive: true }));

  test("it has what it needs and nothing else", async () => {
    for (const needed of ["README.md", "package.json", "dist/index.js", "dist/worker.js", "dist/azulejo_wasm_bg.wasm", "dist/THIRD-PARTY.txt"]) {
      assert.ok(files.includes(needed), `${needed} is missing from ${files.join(", ")}`);
    }
    assert.ok(files.some((file) => /licen[cs]e/i.test(file)), "the licence is in it");
    const notices = await readFile(join(folder, "node_modules/azulejo/dist/THIRD-PARTY.txt"), "utf8");
    // Of ours there is none, of each kind of others one: the licence that is ours too, and one that wants to be told.
    assert.match(notices, /^wgpu v|, wgpu v/m);
    assert.match(notices, /\nmemchr v[\d.]+:\n\nThe MIT License|\n.*memchr v[^\n]*:\n\nThe MIT License/);
    assert.doesNotMatch(notices, /azulejo-|\/home\/|\/root\/|\bnaga v/);
    const strangers = files.filter((file) => !/^(dist\/|package\.json$|README\.md$|LICEN[CS]E)/.test(file) || /test/.test(file));
    assert.deepEqual(strangers, []);
    assert.deepEqual((await readdir(join(folder, "node_modules"))).filter((name) => !name.startsWith(".")), ["azulejo"]);
    const manifest = JSON.parse(await readFile(join(folder, "node_modules/azulejo/package.json"), "utf8"));
    assert.deepEqual(manifest.dependencies ?? {}, {});
    for (const [name, entry] of Object.entries(manifest.exports)) {
      for (const path of typeof entry === "string" ? [entry] : Object.values(entry)) {
        assert.ok(path === "./package.json" || files.includes(path.slice(2)), `${name}: ${path} is not packed`);
      }
    }
  });

  test("each function of the engine has the instruction for which JavaScriptCore doesn't interpret it", async () => {
    const engine = await readFile(join(folder, "node_modules/azulejo/dist/azulejo_wasm_bg.wasm"));
    const marks = engine.toString("latin1").split("\x41\x00\xfd\x0f\x1a").length - 1;
    assert.ok(marks > 5000, `${marks} functions have it`);
    // One more of 200 locals in two groups, whose size takes a byte more afterwards, and one of none.
    const body = [2, 100, 0x7f, 100, 0x7e, ...Array(114).fill(0x01), 0x20, 0, 0x41, 1, 0x6a, 0x0b];
    const small = Buffer.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...[1, 9, 2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 0], // types: i32 -> i32, nothing
      ...[3, 3, 2, 0, 1],
      ...[7, 5, 1, 1, 0x66, 0, 0], // exported as f
      ...[10, 128 + 2, 1, 2, body.length, ...body, 2, 0, 0x0b],
      ...[0, 3, 1, 0x78, 9], // a section of one's own behind it
    ]);
    const { uninterpreted } = await import(join(PACKAGE, "uninterpreted.mjs"));
    const changed = uninterpreted(small);
    assert.equal(changed.length, small.length + 2 * 5 + 1);
    const { instance } = await WebAssembly.instantiate(changed);
    assert.equal(instance.exports.f(41), 42);
    assert.equal(WebAssembly.Module.customSections(new WebAssembly.Module(changed), "x").length, 1);
  });

  test("its types are right for a strict project", async () => {
    const options = { strict: true, noEmit: true, target: "es2022", module: "esnext", moduleResolution: "bundler" };
    const entries = Object.keys(JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8")).exports);
    const modules = entries.filter((name) => !/\.\w+$/.test(name)).map((name) => `export * from "azulejo${name.slice(1)}";\n`);
    await writeFile(join(folder, "all.ts"), modules.join(""));
    const tsc = join(require.resolve("typescript/package.json"), "../bin/tsc");
    for (const lib of [["es2024", "dom", "dom.iterable", "dom.asynciterable", "esnext.disposable"], ["es2022", "dom"]]) {
      const compilerOptions = { ...options, lib, skipLibCheck: false, types: [] };
      await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.ts", "all.ts"] }));
      await run(process.execPath, [tsc, "-p", folder]).catch((error) => assert.fail(`${lib}: ${error.stdout || error.message}`));
    }
  });

  test("bundled by esbuild it answers in a page", async () => {
    const out = join(folder, "site");
    await mkdir(out);
    const { build } = await import("esbuild");
    await build({
      entryPoints: [join(folder, "app.ts")],
      outdir: out,
      bundle: true,
      format: "esm",
      target: "es2022",
      absWorkingDir: folder,
      logLevel: "silent",
    });
    // What a bundler that follows \`new URL(..., import.meta.url)\` does by itself.
    for (const name of ["worker.js", "azulejo_wasm_bg.wasm"]) {
      await cp(join(folder, "node_modules/azulejo/dist", name), join(out, name));
    }
    await writeFile(join(out, "index.html"), '<!doctype html><script type="module" src="app.js"></script>');
    const server = await serve({ "/": out, "/pages/": PAGES, "/models/demo.gguf": DEMO });
    const browser = await launch("chromium");
    try {
      const page = await browser.newPage(server.url("/index.html"));
      const title = await page.evaluate(async () => {
        while (!document.title) await new Promise((done) => setTimeout(done, 50));
        return document.title;
      });
      assert.match(title, /glass/i);
      assert.deepEqual(server.violations, []);
    } finally {
      await browser.close();
      await server.close();
    }
  });
});
