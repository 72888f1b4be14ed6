// The officers' kit, docs/public-administration: each test that it names is one, each link leads somewhere, and the texts of
// the element that it quotes are the element's.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { en } from "../src/language/en.js";

const ROOT = "../../..";
const FOLDER = join(ROOT, "docs/public-administration");
const pages = readdirSync(FOLDER).map((name) => ({ name, text: readFileSync(join(FOLDER, name), "utf8") }));
const read = (name: string) => pages.find((page) => page.name === name)?.text ?? "";
/** The table of tests: word, file, title. */
const tests = [...read("README.md").matchAll(/^\| ([a-z-]+)(?: [¹²])? \| `([^`]+)` \| (.+) \|$/gm)].map(([, word, file, title]) => ({ word, file, title }));

test("kit_each test that is named is one", () => {
  assert.ok(tests.length > 30);
  for (const { word, file, title } of tests) {
    assert.ok(readFileSync(join(ROOT, file!), "utf8").includes(title!), `${word}: ${file} has no test "${title}"`);
  }
  const words = tests.map(({ word }) => word!);
  assert.equal(new Set(words).size, words.length, "no word twice");
  const named = new Set(pages.flatMap(({ text }) => [...text.matchAll(/\[([^\]]+)\]\(README\.md#tests\)/g)].map(([, word]) => word!)));
  named.delete("tests");
  assert.deepEqual([...named].filter((word) => !words.includes(word)), [], "words without a test");
  assert.deepEqual(words.filter((word) => !named.has(word)), [], "tests that no page names");
});

test("kit_each link leads to a file, and to a heading of it", () => {
  const slug = (heading: string) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s-]/gu, "").trim().replaceAll(" ", "-");
  for (const { name, text } of pages) {
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path, anchor] = target!.split("#") as [string, string | undefined];
      const file = join(FOLDER, path || name);
      assert.ok(existsSync(file), `${name}: ${target}`);
      if (!anchor) continue;
      const headings = [...readFileSync(file, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading]) => slug(heading!));
      assert.ok(headings.includes(anchor), `${name}: ${target}; there are ${headings.join(", ")}`);
    }
  }
});

test("kit_what it quotes of the element is what the element says", () => {
  const said = new Set(Object.values(en).flatMap((text) => (typeof text === "string" ? [text] : Object.values(text))));
  const quoted = [...read("ai-act.md").matchAll(/"([^"]+)"(?: and "([^"]+)"| above it)? \((?:string )?`(\w+)`(?:, `(\w+)`)?\)/g)];
  const pairs = quoted.flatMap(([, one, other, key, next]) => [[key, one], ...(next ? [[next, other]] : [])]);
  assert.equal(pairs.length, 4);
  for (const [key, text] of pairs) assert.equal(en[key as keyof typeof en], text, `ai-act.md: ${key}`);
  // The first column of the mistakes.
  const mistakes = [...read("hosting.md").matchAll(/^\| "([^"…]+)/gm)].map(([, text]) => text!.trim());
  assert.ok(mistakes.length > 8);
  for (const text of mistakes) assert.ok([...said].some((one) => one.startsWith(text)), `hosting.md: "${text}"`);
});
