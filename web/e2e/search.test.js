// Search over the town hall's pages as a visitor's browser does it: `azulejo index` makes the index, the widget's search
// reads it from a server. Recall is measured with the questions whose page is known.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { brotliCompressSync } from "node:zlib";

import { build } from "esbuild";

import { makeLargeSite } from "./harness/large-site.js";
import { azulejo } from "./harness/program.js";
import { serve } from "./harness/server.js";
import { EXAMPLES, scratch } from "./harness/site.js";

const TOWN = join(EXAMPLES, "web-town-hall/");
const SITE = join(TOWN, "site/");
const CHAT = new URL("../packages/azulejo-chat/", import.meta.url);
const json = async (path) => JSON.parse(await readFile(path, "utf8"));
const brotli = (bytes) => brotliCompressSync(bytes).length;
/** Bytes of the search's code, compressed. */
const MOST_CODE = 6_000;
/** Bytes of an index a page, compressed: 3 MB for 1,000. */
const MOST_A_PAGE = 3_000;

/** Bundles one of the search's modules, and imports it. */
async function bundled(folder, name, minify = false) {
  const outfile = join(folder, `${name}-${minify}.mjs`);
  await build({ absWorkingDir: CHAT.pathname, entryPoints: [`src/search/${name}.ts`], bundle: true, minify, format: "esm", outfile, logLevel: "error" });
  return outfile;
}

/** The index of a site in `folder`: what the program says of it, and the bytes of its files as they are and compressed. */
async function indexOf(site, folder) {
  const to = join(folder, "search-index.json");
  const told = JSON.parse(await azulejo("index", site, "-o", to, "--json", "-q"));
  const parts = (await readdir(join(folder, "search-index"))).map((name) => join(folder, "search-index", name));
  const sizes = await Promise.all([to, ...parts].map(async (path) => brotli(await readFile(path))));
  return { told, to, parts, compressed: sizes.reduce((sum, size) => sum + size, 0) };
}

describe("search over the town hall's pages", () => {
  const cleanUp = [];
  let folder, server, index, made;
  before(async () => {
    folder = await scratch({ after: (done) => cleanUp.push(done) });
    made = await indexOf(SITE, folder);
    server = await serve({ "/": folder });
    const { openIndex } = await import(pathToFileURL(await bundled(folder, "index")));
    index = await openIndex(`${server.origin}/search-index.json`);
  });
  after(async () => {
    await server?.close();
    for (const done of cleanUp) await done();
  });

  test("nine of ten questions find their page among the first three passages", async () => {
    const questions = await json(join(TOWN, "questions.json"));
    const rows = new Map();
    const missed = [];
    for (const { id, lang, kind, question, page } of questions) {
      const found = await index.search(question, { lang, limit: 3 });
      const pages = [page].flat().map((path) => path.replace(/index\.html$/, ""));
      const rank = found.findIndex(({ passage }) => pages.includes(passage.url));
      if (rank < 0) missed.push(id);
      for (const name of ["all", lang, kind]) {
        const row = rows.get(name) ?? { questions: 0, at1: 0, at3: 0 };
        rows.set(name, { questions: row.questions + 1, at1: row.at1 + (rank === 0), at3: row.at3 + (rank >= 0) });
      }
    }
    const share = (part, whole) => (part / whole).toFixed(3);
    console.log("| questions | | recall at 1 | at 3 |\n|---|---|---|---|");
    for (const [name, { questions, at1, at3 }] of rows) {
      console.log(`| ${name} | ${questions} | ${share(at1, questions)} | ${share(at3, questions)} |`);
    }
    console.log(`not found: ${missed.join(", ")}`);
    const { questions: all, at3 } = rows.get("all");
    assert.equal(all, 140);
    assert.ok(at3 / all >= 0.9, `recall at 3 is ${share(at3, all)}`);
  });

  test("most questions that no page answers find nothing", async () => {
    const questions = await json(new URL("test/unanswerable.json", CHAT));
    let none = 0;
    for (const { lang, question } of questions) none += (await index.search(question, { lang })).length === 0;
    console.log(`${none} of ${questions.length} questions that no page answers find nothing`);
    assert.ok(none >= 14, `${none} of ${questions.length}`);
  });

  test("a price, hours or documents of something else are no answer", async () => {
    const questions = {
      "pt-BR": "Qual o horário do zoológico?",
      es: "¿Cuánto cuesta la ITV?",
      ca: "Quin és l'horari del museu?",
      gl: "Horario do museo",
      eu: "Museoaren ordutegia",
      en: "museum opening hours",
    };
    for (const [lang, question] of Object.entries(questions)) {
      const found = await index.search(question, { lang });
      assert.deepEqual(found.map(({ passage }) => `${passage.url}: ${passage.heading}`), [], question);
    }
    // And without a thing to be about, they are asked of the town hall.
    for (const [lang, question] of [["es", "¿Qué horario tiene el ayuntamiento?"], ["en", "opening hours"], ["gl", "horario do concello"]]) {
      assert.ok((await index.search(question, { lang })).length > 0, question);
    }
  });

  test("every passage is where the index says, and its words are in the index", async () => {
    const { wordsOf } = await import(pathToFileURL(await bundled(folder, "words")));
    const { formsOf } = await import(pathToFileURL(await bundled(folder, "format")));
    const first = await json(made.to);
    const pages = new Set();
    for (const [language, part] of Object.entries(first.languages)) {
      const words = await json(join(folder, part.file));
      const forms = new Set([...formsOf(words.words)].map(([form]) => form));
      const stop = new Set(first.stop[language].split(" "));
      for (const { file } of words.texts) {
        const texts = await json(join(folder, file));
        for (const [page, anchor, heading, lang, text] of texts.passages) {
          const [url, title] = texts.pages[page];
          const html = await readFile(join(SITE, url.endsWith("/") || url === "./" ? `${url}index.html` : url), "utf8");
          assert.ok(anchor === null || html.includes(`id="${anchor}"`), `${url}#${anchor}`);
          assert.ok(html.includes(`lang="${lang}"`), `${url}: ${lang}`);
          pages.add(url);
          const missing = wordsOf(`${title} ${heading} ${text}`).filter((word) => !forms.has(word) && !stop.has(word));
          assert.deepEqual(missing, [], url);
        }
      }
    }
    assert.equal(pages.size, made.told.pages);
  });

  test("a page that asks to be left out is never found", async () => {
    assert.equal(made.told.left_out.noindex, 1);
    const found = await index.search("tasas de 2019", { lang: "es", limit: 50 });
    assert.ok(found.every(({ passage }) => !passage.url.includes("2019")));
  });

  test("code and index are small", async (t) => {
    const code = brotli(await readFile(await bundled(folder, "index", true)));
    const large = await scratch(t);
    const PAGES = 120;
    await makeLargeSite(join(large, "site"), PAGES);
    const { told, compressed } = await indexOf(join(large, "site"), large);
    assert.equal(told.pages, PAGES);
    console.log(`code ${code} bytes; town hall ${made.compressed} bytes; ${PAGES} made-up pages ${compressed} bytes (brotli)`);
    assert.ok(code <= MOST_CODE, `${code} bytes of code`);
    assert.ok(compressed <= PAGES * MOST_A_PAGE, `${compressed} bytes of index`);
    assert.ok(made.compressed <= made.told.pages * MOST_A_PAGE, `${made.compressed} bytes of the town hall's index`);
  });
});
