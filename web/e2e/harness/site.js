// What most tests start from: the server with the package, the pages and the models, as a site would have them.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";

import { makeGguf } from "./gguf.js";
import { makeManifest } from "./manifest.js";
import { serve, STRICT_POLICY } from "./server.js";

const local = (path) => fileURLToPath(new URL(path, import.meta.url));
export const PACKAGE = local("../../packages/azulejo/");
/** The built package; AZULEJO_DIST names another build of it. */
export const DIST = process.env.AZULEJO_DIST ?? join(PACKAGE, "dist/");
export const PAGES = local("../pages/");
export const MODELS = local("../../../models/");
export const DEMO = join(MODELS, "azulejo-demo.gguf");
export const EXAMPLES = local("../../../examples/");
/** Where tests put pictures. */
export const PICTURES = local("../../../target/pictures/");
/** What a server of the chat without a bundler has, examples/web-minimal. */
export const CHAT = { "/": join(EXAMPLES, "web-minimal/"), "/azulejo/": DIST, "/models/": MODELS };
/** What a server has for an example without packages, at a path; `name` is its folder. */
export const plain = (name, path = "/") => ({
  [path]: join(EXAMPLES, name, "/"),
  [`${path}azulejo/`]: DIST,
  [`${path}azulejo-demo.gguf`]: DEMO,
  "/web-minimal/": join(EXAMPLES, "web-minimal/"),
});

/** The strict policy of a page with an import map, which stands in the page and so is named by its hash. */
export async function importMapPolicy() {
  const html = await readFile(join(EXAMPLES, "web-import-map/index.html"), "utf8");
  const [, map] = /<script type="importmap">(.*?)<\/script>/s.exec(html);
  const hash = createHash("sha256").update(map).digest("base64");
  return STRICT_POLICY.replace("script-src 'self'", `script-src 'self' 'sha256-${hash}'`);
}

/** The server with `/azulejo/` (the built package), `/pages/` and `/models/demo.gguf`; options as of `serve`. */
export async function site(options) {
  await access(join(DIST, "index.js")).catch(() => {
    throw new Error(`${DIST} has no build: cargo xtask web`);
  });
  return serve({ "/azulejo/": DIST, "/pages/": PAGES, "/models/demo.gguf": DEMO }, options);
}

/** The built chat; its element is `/chat/azulejo-chat.js`. */
export const CHAT_DIST = local("../../packages/azulejo-chat/dist/standalone/");
const THEMES = local("../../packages/azulejo-chat/themes/");
const AXE = local("../../node_modules/axe-core/");

/** Bytes, compressed, that may be fetched of the chat before anything is agreed to. */
export const CHAT_BUDGET = 40_000;

/** What was fetched of the chat, served at `prefix`, but for some folders: each file once, compressed as servers do it that prepare their files. */
export function chatBytes(server, prefix, without = []) {
  const names = server.log.filter(({ path }) => path?.startsWith(prefix)).map(({ path }) => path.slice(prefix.length));
  const counted = new Set(names.filter((name) => !without.some((folder) => name.startsWith(folder))));
  return [...counted].reduce((sum, name) => sum + brotliCompressSync(readFileSync(join(CHAT_DIST, name))).length, 0);
}

/** The server with the chat's page, `/pages/chat.html`, and what looks for its faults of accessibility. */
export async function chatSite(options) {
  await access(join(CHAT_DIST, "azulejo/index.js")).catch(() => {
    throw new Error(`${CHAT_DIST} has no build: npm run build --prefix web`);
  });
  return serve({ "/chat/": CHAT_DIST, "/themes/": THEMES, "/axe/": AXE, "/pages/": PAGES, "/models/demo.gguf": DEMO }, options);
}

/** A folder that is gone when the test file ends. */
export async function scratch(t) {
  const folder = await mkdtemp(join(tmpdir(), "azulejo-e2e-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What tests of downloads load: 12.4 MB with a manifest of 24 chunks. */
export const RANDOM = { layers: 4, hidden: 512, ffn: 1024, heads: 8, kvHeads: 4 };
export const CHUNK = 512 * 1024;

/** Makes a model of `shape` in `folder` and serves it, with its manifest, as `/models/NAME.gguf`; its size in bytes. */
export async function serveRandom(server, folder, name = "random", shape = RANDOM, chunk = CHUNK) {
  const file = join(folder, `${name}.gguf`);
  const size = await makeGguf(file, DEMO, shape);
  await makeManifest(file, chunk);
  server.mount(`/models/${name}.gguf`, file);
  server.mount(`/models/${name}.gguf.azulejo.json`, `${file}.azulejo.json`);
  return size;
}
