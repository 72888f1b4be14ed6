// The texts that other tests rely on hold together: the town hall's pages, the questions about them, the answers that the
// grounding is measured with.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { LANGUAGES, type Language } from "../src/language/languages.js";
import type { Passage } from "../src/search/passage.js";

/** `page` is one address or several below the site, each of which answers. */
interface Question {
  id: string;
  lang: Language;
  kind: "plain" | "slip" | "other-words" | "crossed";
  question: string;
  page: string | string[];
  answer: string[];
}

interface Answer {
  id: string;
  lang: Language;
  question: string;
  passages: Passage[];
  sentences: { text: string; supported: boolean; why: string }[];
}

const ROOT = new URL("../../../../../", import.meta.url);
const SITE = new URL("examples/web-town-hall/site/", ROOT);
const HOSTILE = new URL("web/e2e/pages/hostile-site/", ROOT);
const WHY = ["supported", "contradicted", "swapped-number", "invented-number", "invented-name", "not-there", "half", "no-content"];

const read = (path: string, base = SITE) => readFileSync(new URL(path, base), "utf8");
const json = <T>(path: string) => JSON.parse(read(path, ROOT)) as T[];
const ours = <T>(name: string) => json<T>(`web/packages/azulejo-chat/test/${name}.json`);

const questions = json<Question>("examples/web-town-hall/questions.json");
const answers = ours<Answer>("grounding");
const pages = readdirSync(SITE, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".html"));
const hostile = readdirSync(HOSTILE).filter((path) => path.endsWith(".html"));

/** A subject's pages: those that link to one another by `hreflang`, the page itself among them. */
const translations = (path: string) =>
  [path, ...[...read(path).matchAll(/hreflang="[^"]+" href="\.\.\/([^"]+)"/g)].map((match) => match[1]!)].sort();

/** What people read of some HTML that we wrote: `a` and `strong` are in a line of text, all else parts it. */
function text(html: string) {
  const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"' };
  return html
    .replace(/<\/?(a|strong)\b[^>]*>/g, "")
    .replace(/<[^>]+>/g, " ")
    .replace(/&(\w+);/g, (whole, name: string) => entities[name] ?? whole)
    .replace(/\s+/g, " ")
    .trim();
}

const main = (path: string) => text(/<main>([^]*)<\/main>/.exec(read(path))![1]!);
const ids = (html: string) => [...html.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]!);
const count = (html: string, part: RegExp) => html.match(part)?.length ?? 0;

/** Whether a text has these words or figures, and not as a part of longer ones. */
function has(all: string, words: string) {
  const escaped = words.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const edge = (end: string, look: string) => (/[\p{L}\p{N}]/u.test(end) ? look : "");
  const before = edge(words[0]!, "(?<![\\p{L}\\p{N}]|\\d[.,:])");
  const after = edge(words.at(-1)!, /\d$/.test(words) ? "(?!\\d|[.,:]\\d)" : "");
  return new RegExp(before + escaped + after, "u").test(all.toLowerCase());
}

test("pages_each has a language, a title, a description, one h1, one main and headings to link to", () => {
  assert.ok(pages.length >= 40, `${pages.length} pages`);
  assert.equal(hostile.length, 5);
  for (const [path, base] of [...pages.map((path) => [path, SITE] as const), ...hostile.map((path) => [path, HOSTILE] as const)]) {
    const html = read(path, base);
    const lang = /<html lang="([^"]+)">/.exec(html)?.[1];
    assert.ok(LANGUAGES.includes(lang as Language), `${path}: lang ${lang}`);
    if (path.includes("/")) assert.ok(path.startsWith(`${lang}/`), `${path}: lang ${lang}`);
    for (const part of [/^ {2}<title>.+<\/title>$/gm, /<meta name="description" content=".+">/g, /<h1 /g, /<main>/g, /<footer>/g])
      assert.equal(count(html, part), 1, `${path}: ${part}`);
    assert.equal(count(html, /<h[1-6]\b/g), count(html, /<h[1-6] id="[^"]+"/g), `${path}: a heading without an id`);
    assert.equal(new Set(ids(html)).size, ids(html).length, `${path}: an id stands there twice`);
  }
});

test("pages_have nothing that a strict policy forbids", () => {
  for (const path of pages) assert.doesNotMatch(read(path), /<script(?! type="module" src="[^"]+"><\/script>)|<style| style=| on\w+=|javascript:|https?:\/\//, path);
});

test("pages_each link leads somewhere", () => {
  for (const path of pages) {
    const html = read(path);
    for (const [, href] of html.matchAll(/ href="([^"]+)"/g)) {
      if (href!.startsWith("tel:")) assert.match(href!, /^tel:000555\d{3}$/, path);
      else if (href!.startsWith("mailto:")) assert.match(href!, /^mailto:[a-z]+@example\.org$/, path);
      else {
        const target = new URL(href!, new URL(path, SITE));
        const anchor = target.hash.slice(1);
        target.hash = "";
        assert.ok(existsSync(fileURLToPath(target)), `${path}: ${href}`);
        if (anchor) assert.ok(ids(readFileSync(target, "utf8")).includes(anchor), `${path}: ${href}`);
      }
    }
  }
});

test("pages_of a subject tell the same facts in each language", () => {
  for (const path of pages.filter((path) => path.includes("/"))) {
    const mine = facts(path);
    for (const other of translations(path)) {
      assert.deepEqual(translations(other), translations(path), `${path} and ${other} don't link to the same pages`);
      assert.deepEqual(facts(other), mine, `${other} tells other facts than ${path}`);
    }
  }
});

/** What can be compared whatever the language: telephones, addresses, and figures in one form. */
function facts(path: string) {
  const all = main(path);
  const lang = path.split("/")[0]!;
  const found = (part: RegExp, of = all) => [...new Set(of.match(part))].sort();
  const amount = (figures: string) =>
    Number(lang === "en" ? figures.replace(/[^\d.]/g, "") : figures.replace(/[^\d,]/g, "").replace(",", "."));
  const euros = lang === "en" || lang === "pt-BR" ? /€ ?\d[\d.,]*\d|€ ?\d/g : /\d+(?:[ .]\d{3})*(?:,\d+)? €/g;
  return {
    telephones: found(/\b000 \d{3} \d{3}\b/g),
    mail: found(/\b\w+@[\w.]+\w/g),
    places: found(/(?:Rua|Avenida|Estrada|Largo|Praça) (?:d\w+ )?\p{Lu}\p{L}+, \d+/gu),
    euros: [...new Set(found(euros).map(amount))].sort((one, two) => one - two),
    percent: found(/\d+(?:[.,]\d+)? ?%|% ?\d+(?:,\d+)?/g).map((figures) => figures.replace(/[% ]/g, "").replace(",", ".")).sort(),
    times: [...new Set(times(all, lang))].sort(),
  };
}

/** Times of day as minutes. A Catalan range says its h at the end alone: "de 9 a 13.30 h". */
function times(all: string, lang: string) {
  const minutes = (hours: string, more = "0", half = "") =>
    ((Number(hours) % (half ? 12 : 24)) + (half === "pm" ? 12 : 0)) * 60 + Number(more || 0);
  const each = (part: RegExp) => [...all.matchAll(part)].map((match) => minutes(match[1]!, match[2], match[3]));
  if (lang === "en") return each(/\b(\d{1,2})(?::(\d\d))?(am|pm)\b/g);
  if (lang.startsWith("pt")) return each(/\b(\d{1,2})h(\d\d)?\b/g);
  if (lang === "ca") return [...each(/\b(\d{1,2})(?:\.(\d\d))? h\b/g), ...each(/\b(\d{1,2})(?:\.(\d\d))? a [\d.]+ h\b/g)];
  return each(/\b(\d{1,2}):(\d\d)/g);
}

test("questions_are twenty a language, and their pages answer them", () => {
  assert.equal(questions.length, 140);
  assert.equal(new Set(questions.map(({ question }) => question)).size, 140);
  assert.equal(new Set(questions.map(({ id }) => id)).size, 140);
  for (const lang of LANGUAGES) {
    const kinds = questions.filter((question) => question.lang === lang).map(({ kind }) => kind);
    assert.equal(kinds.length, 20, lang);
    for (const [kind, least] of [["plain", 11], ["slip", 4], ["other-words", 2], ["crossed", 2]] as const)
      assert.ok(kinds.filter((one) => one === kind).length >= least, `${lang}: ${kind}`);
  }
  for (const { id, lang, kind, page, answer } of questions) {
    const right = [page].flat();
    assert.ok(right.length > 0 && answer.length > 0, id);
    for (const path of right) {
      assert.ok(pages.includes(path), `${id}: no page ${path}`);
      assert.equal(path.startsWith(`${lang}/`), kind !== "crossed", `${id}: ${path}`);
      assert.doesNotMatch(read(path), /noindex/, id);
      for (const words of answer) assert.ok(has(main(path), words), `${id}: "${words}" isn't in ${path}`);
    }
    if (kind !== "crossed") continue;
    assert.deepEqual([...right].sort(), translations(right[0]!), `${id}: not all of the subject's pages`);
  }
});

test("questions_without an answer and sentences about danger are as many in each language", () => {
  const unanswerable = ours<{ lang: Language; question: string }>("unanswerable");
  const emergencies = ours<{ lang: Language; text: string; emergency: boolean }>("emergencies");
  assert.equal(unanswerable.length, 21);
  assert.equal(emergencies.length, 378);
  assert.equal(new Set(emergencies.map(({ text }) => text)).size, 378);
  for (const lang of LANGUAGES) {
    assert.equal(unanswerable.filter((one) => one.lang === lang).length, 3, lang);
    for (const danger of [true, false])
      assert.equal(emergencies.filter((one) => one.lang === lang && one.emergency === danger).length, 27, lang);
  }
});

test("grounding_passages stand in their pages word for word, as the index cuts them", () => {
  // Rows of tables and points of lists are lines there, with signs of their own and the columns' names.
  const bare = (written: string) => written.replace(/[•:;\s]/g, "");
  for (const { id, passages } of answers) {
    assert.ok(passages.length >= 1, id);
    for (const { url, anchor, title, heading, lang, text: words } of passages) {
      const html = read(url.endsWith("/") ? `${url}index.html` : url);
      const found = [...html.matchAll(/<h(\d) id="([^"]+)">([^<]+)</g)].find((match) => match[2] === anchor);
      assert.ok(found, `${id}: no ${anchor} in ${url}`);
      assert.equal(heading, found[1] === "1" ? "" : text(found[3]!), id);
      assert.ok(text(/<title>(.*)<\/title>/.exec(html)![1]!).includes(title) || html.includes(title), id);
      assert.match(html, new RegExp(`<html lang="${lang}">`), id);
      const page = bare(main(url.endsWith("/") ? `${url}index.html` : url));
      for (const part of words.split(/\n(?:\d+\. )?|^\d+\. |[:;] /)) {
        assert.ok(page.includes(bare(part)), `${id}: this isn't in ${url}: ${part}`);
      }
    }
  }
});

test("grounding_sentences are of each kind, and invented figures stand in no passage", () => {
  assert.equal(answers.length, 60);
  const sentences = answers.flatMap((answer) => answer.sentences);
  const supported = sentences.filter((sentence) => sentence.supported).length / sentences.length;
  assert.ok(supported > 0.4 && supported < 0.6, `${supported} are supported`);
  for (const why of WHY) assert.ok(sentences.some((sentence) => sentence.why === why), why);
  for (const lang of LANGUAGES) assert.ok(answers.filter((answer) => answer.lang === lang).length >= 8, lang);
  assert.ok(answers.some(({ lang, passages }) => passages.every((passage) => passage.lang !== lang)), "none is across languages");

  const figures = (all: string) => all.match(/\d+(?:[.,:h]\d+)*/g) ?? [];
  for (const { id, passages, sentences } of answers) {
    const there = new Set(passages.flatMap((passage) => figures(passage.text)));
    for (const { text, supported, why } of sentences) {
      assert.ok(WHY.includes(why), `${id}: ${why}`);
      assert.equal(supported, why === "supported", `${id}: ${text}`);
      const invented = figures(text).filter((figure) => !there.has(figure));
      if (why === "invented-number") assert.ok(invented.length > 0, `${id}: nothing invented: ${text}`);
      if (why === "swapped-number") assert.deepEqual(invented, [], `${id}: ${text}`);
    }
  }
});
