// What most tests start from: the server with the package, the pages and the models, as a site would have them.

import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { makeGguf } from "./gguf.js";
import { makeManifest } from "./manifest.js";
import { serve } from "./server.js";

const local = (path) => fileURLToPath(new URL(path, import.meta.url));
export const PACKAGE = local("../../packages/azulejo/");
/** The built package; AZULEJO_DIST names another build of it. */
export const DIST = process.env.AZULEJO_DIST ?? join(PACKAGE, "dist/");
export const PAGES = local("../pages/");
export const MODELS = local("../../../models/");
export const DEMO = join(MODELS, "azulejo-demo.gguf");
export const EXAMPLES = local("../../../examples/");
/** What a server of the chat without a bundler has, examples/web-minimal. */
export const CHAT = { "/": join(EXAMPLES, "web-minimal/"), "/azulejo/": DIST, "/models/": MODELS };

/** The server with `/azulejo/` (the built package), `/pages/` and `/models/demo.gguf`; options as of `serve`. */
export async function site(options) {
  await access(join(DIST, "index.js")).catch(() => {
    throw new Error(`${DIST} has no build: cargo xtask web`);
  });
  return serve({ "/azulejo/": DIST, "/pages/": PAGES, "/models/demo.gguf": DEMO }, options);
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
