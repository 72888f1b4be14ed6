// Sixty answers over the example's pages, each sentence judged by hand: what the check says of them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { check } from "../src/grounding/index.js";
import type { Language } from "../src/language/languages.js";
import type { Passage } from "../src/search/passage.js";

interface Answer {
  id: string;
  lang: Language;
  passages: Passage[];
  sentences: { text: string; supported: boolean; why: string }[];
}
const answers: Answer[] = JSON.parse(readFileSync("test/grounding.json", "utf8"));
const judged = answers.flatMap(({ id, lang, passages, sentences }) =>
  sentences.map((sentence) => ({ id, ...sentence, verdict: check(sentence.text, passages, lang) })),
);

test("an invented number or name never passes", () => {
  const passed = judged.filter(({ why, verdict }) => (why === "invented-number" || why === "invented-name") && verdict.supported);
  assert.deepEqual(passed, []);
});

test("what passes is supported, and most of what is supported passes", (t) => {
  const passed = judged.filter(({ verdict }) => verdict.supported);
  const right = passed.filter(({ supported }) => supported).length;
  const all = judged.filter(({ supported }) => supported).length;
  t.diagnostic(`precision ${(right / passed.length).toFixed(3)} (${right} of ${passed.length}), recall ${(right / all).toFixed(3)} (of ${all})`);
  assert.ok(right / passed.length >= 0.98, "precision");
  assert.ok(right / all >= 0.9, "recall");
});

test("a verdict names the passage that supports the sentence, and why another isn't supported", () => {
  const [passage] = answers[0]!.passages;
  const told = (text: string) => check(text, [passage!], "pt-PT").reason;
  assert.deepEqual(check("O atestado em papel custa 2,50 €.", [passage!], "pt-PT"), {
    sentence: "O atestado em papel custa 2,50 €.", supported: true, passage: 0, reason: "supported",
  });
  assert.equal(told("O atestado em papel custa 4,50 €."), "fact-missing");
  assert.equal(told("O atestado em papel custa quatro euros."), "fact-missing");
  assert.equal(told("O atestado pela Internet custa 2,50 €."), "fact-elsewhere");
  assert.equal(told("O atestado não é válido durante 3 meses."), "contradicted");
  assert.equal(told("O atestado em papel prova a morada ao Ministério."), "name-missing");
  assert.equal(told("Com certeza!"), "too-little-shared");
  assert.equal(told("..."), "nothing-said");
});
