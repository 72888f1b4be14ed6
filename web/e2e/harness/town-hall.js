// The example of a town hall as its server has it: the site's pages, the element, a model with its manifest, and the index
// that the native program makes of the pages.

import { copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";

import { azulejo } from "./program.js";
import { CHAT_DIST, DEMO, EXAMPLES } from "./site.js";

export const PAGES_OF_TOWN_HALL = join(EXAMPLES, "web-town-hall/site/");

/**
 * What a server has for it, at "/"; what is made goes into `folder`. `model` is a file that the engine reads; the
 * demonstration model is copied, and others, which may be large, are linked.
 */
export async function townHall(folder, model = DEMO) {
  await mkdir(folder, { recursive: true });
  const file = join(folder, "model.gguf");
  await (model === DEMO ? copyFile(model, file) : symlink(model, file));
  await azulejo("manifest", file, "-q");
  await azulejo("index", PAGES_OF_TOWN_HALL, "-o", join(folder, "search-index.json"), "-q");
  return {
    "/": PAGES_OF_TOWN_HALL,
    "/azulejo-chat/": CHAT_DIST,
    "/models/model.gguf": model,
    "/models/model.gguf.azulejo.json": `${file}.azulejo.json`,
    "/search-index.json": join(folder, "search-index.json"),
    "/search-index/": join(folder, "search-index/"),
  };
}
