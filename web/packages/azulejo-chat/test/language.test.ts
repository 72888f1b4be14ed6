// Translations: whole, with the same keys and the same places to fill.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { ERROR_CODES } from "../../azulejo/src/errors.js";
import { failureText } from "../src/conversation/failure.js";
import { languageOf } from "../src/language/detect.js";
import { ca } from "../src/language/ca.js";
import { en } from "../src/language/en.js";
import { es } from "../src/language/es.js";
import { eu } from "../src/language/eu.js";
import { gl } from "../src/language/gl.js";
import { languageFor, LANGUAGES, type Language } from "../src/language/languages.js";
import { ptBR } from "../src/language/pt-BR.js";
import { ptPT } from "../src/language/pt-PT.js";
import { loadSpeaker, type Translation } from "../src/language/translation.js";

const ALL: Record<string, Translation> = { "pt-PT": ptPT, "pt-BR": ptBR, es, ca, gl, eu, en };

/** The names in braces, sorted. */
const places = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

for (const [language, translation] of Object.entries(ALL)) {
  test(`${language}: has English's keys and their places, and nothing is empty`, () => {
    assert.deepEqual(Object.keys(translation).sort(), Object.keys(en).sort());
    for (const [key, text] of Object.entries(translation)) {
      const english = en[key as keyof typeof en];
      const forms = typeof text === "string" ? [text] : Object.values(text);
      const wanted = places(typeof english === "string" ? english : english.other);
      for (const form of forms) {
        assert.ok(form.trim() === form && form !== "", `${key} is "${form}"`);
        assert.deepEqual(places(form), wanted, key);
      }
    }
  });

  test(`${language}: each error of the engine has words`, async () => {
    const speaker = await loadSpeaker(language as "en");
    for (const code of ERROR_CODES) {
      const text = failureText(speaker, { code, parameters: {} }, "device");
      assert.ok(text.length > 10 && !text.includes("{"), `${code}: ${text}`);
    }
    const integrity = (parameters: Record<string, string | number>) => failureText(speaker, { code: "integrity", parameters }, "device");
    assert.equal(integrity({ file: "model.gguf", chunk: 3 }), translation.errorIntegrity);
    assert.equal(integrity({ url: "/model.gguf.azulejo.json" }), translation.errorSettings, "a manifest that is none is the page's fault");
  });
}

test("languages aren't copies of each other", () => {
  const same = Object.entries(ALL).flatMap(([a, one]) =>
    Object.entries(ALL).filter(([b]) => a < b).map(([b, two]) => {
      const keys = Object.keys(en) as (keyof typeof en)[];
      return [a, b, keys.filter((key) => one[key] === two[key]).length / keys.length] as const;
    }));
  for (const [a, b, share] of same) assert.ok(share < 0.5, `${a} and ${b} share ${share}`);
});

test("every language has a chunk of its own, and numbers are its own", async () => {
  assert.deepEqual(Object.keys(ALL).sort(), [...LANGUAGES].sort());
  const [portuguese, english] = await Promise.all([loadSpeaker("pt-PT"), loadSpeaker("en")]);
  assert.equal(english.size(3_029_504), "3.0 MB");
  assert.equal(portuguese.size(3_029_504).replace(/\s/g, " "), "3,0 MB");
  assert.equal(english.size(1_403_000_000), "1.4 GB");
  assert.equal(english.count("found", 1), "1 passage found");
  assert.equal(english.count("found", 2), "2 passages found");
  assert.equal(portuguese.count("found", 1), "1 excerto encontrado");
  assert.equal(english.say("titleOf", { name: "{count}" }), "{count}: assistant", "what is filled in isn't filled itself");
});

test("a page's language is the nearest that is spoken", () => {
  const cases = { pt: "pt-PT", "pt-AO": "pt-PT", "pt-br": "pt-BR", "es-MX": "es", "ca-ES-valencia": "ca", fr: null, "": null };
  for (const [tag, language] of Object.entries(cases)) assert.equal(languageFor(tag), language, tag);
});

test("no text of the view stands outside the translations", () => {
  const views = readdirSync("src/view", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".tsx"));
  assert.ok(views.length > 8);
  for (const name of views) {
    const source = readFileSync(`src/view/${name}`, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    // Between two tags: letters that are no expression.
    const texts = [...source.matchAll(/>([^<>{}=;()]*\p{L}{2}[^<>{}=;()]*)<\//gu)].map((match) => match[1]);
    assert.deepEqual(texts, [], name);
  }
});

test("each text is said somewhere", () => {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name) && !name.startsWith("language/"));
  const all = sources.map((name) => readFileSync(`src/${name}`, "utf8")).join("\n");
  assert.deepEqual(Object.keys(en).filter((key) => !all.includes(`"${key}"`)), []);
});

test("a question's language is told from the page's", (t) => {
  const texts: { lang: Language; text: string }[] = JSON.parse(readFileSync("test/languages.json", "utf8"));
  // Portugal's and Brazil's are told apart by a word here and there.
  const wrong = (page?: Language) => texts.filter(({ lang, text }) => languageOf(text, LANGUAGES, page ?? lang).slice(0, 2) !== lang.slice(0, 2)).length / texts.length;
  const shares = [wrong(), wrong("es"), wrong("en")] as const;
  t.diagnostic(`wrong: ${shares.map((share) => share.toFixed(3)).join(", ")} on the page of its own language, Spanish, English`);
  assert.ok(shares[0] <= 0.01);
  assert.ok(shares[1] <= 0.1 && shares[2] <= 0.1);
});
