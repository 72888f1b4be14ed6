// Words of danger in the seven languages, and words that only sound like it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ALWAYS, asWords, DANGERS, HARMLESS, isEmergency, TOLD } from "../src/emergency/index.js";
import { sentencesOf } from "../src/grounding/sentences.js";
import { fold } from "../src/language/fold.js";
import { alternativesOf, samplesOf } from "./samples.js";

const heldOut: { lang: string; text: string; emergency: boolean }[] = JSON.parse(readFileSync("test/emergencies-held-out.json", "utf8"));
/** Those of one who had no part in the words, and what comes near to them. */
const near: { lang: string; text: string; emergency: boolean }[] = JSON.parse(readFileSync("test/emergencies-near.json", "utf8"));
/** Whole kinds that two unheard texts stood for (stabbing, chest pain, other people's suicide, hanging, shooting, ...), with slips. */
const kinds: { lang: string; text: string; emergency: boolean }[] = JSON.parse(readFileSync("test/emergencies-kinds.json", "utf8"));
const texts: { lang: string; text: string; emergency: boolean }[] = [...JSON.parse(readFileSync("test/emergencies.json", "utf8")), ...near, ...kinds];

test("each danger is heard, in each language", () => {
  assert.deepEqual(texts.filter(({ text, emergency }) => emergency && !isEmergency(text)), []);
});

test("fees, courses, feasts and figures of speech are no danger", () => {
  const heard = texts.filter(({ text, emergency }) => !emergency && isEmergency(text));
  assert.deepEqual(heard, []);
});

test("of texts written before the words, each danger is heard, and nothing else", () => {
  assert.deepEqual(heldOut.filter(({ text, emergency }) => emergency !== isEmergency(text)), []);
});

test("what people ask an administration and what its pages say is no danger, but where they speak of one", () => {
  const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
  const questions: { question: string }[] = [...read("../../../examples/web-town-hall/questions.json"), ...read("test/unanswerable.json")];
  const answers: { lang: string; passages: { text: string }[] }[] = ["grounding", "held-out", "near-misses", "near-misses-held-out"].flatMap((name) => read(`test/${name}.json`));
  const said = answers.flatMap(({ lang, passages }) => passages.flatMap(({ text }) => sentencesOf(text, lang)));
  const all = [...questions.map(({ question }) => question), ...said];
  assert.ok(all.length > 500);
  const speaksOfOne = /112|passando mal/;
  assert.deepEqual(all.filter((text) => isEmergency(text) && !speaksOfOne.test(text)), []);
});

/** A text for an alternative, as it would stand in a sentence: a word stands before an apostrophe. */
const inSentence = (sample: string) => (/^['-]/.test(sample) ? `she${sample}` : sample.trim());

test("samples are of each alternative", () => {
  assert.deepEqual(samplesOf("(?:a|b[cd])e?(?! x)"), ["ae", "bce", "bde", "a"]);
  assert.deepEqual(samplesOf("x(?: \\S+){0,2} \\w*y|'s z"), ["x a ay", "x ay", "x a y", "'s z"]);
});

test("each alternative of each pattern can match, where it is a whole word", () => {
  const patterns = [...DANGERS.map(({ source }) => asWords(source)), HARMLESS, TOLD, ALWAYS].flatMap(({ source }) => {
    // What stands around all alternatives, or around none.
    const [, before = "", inner = source, after = ""] = /^(\(\?<!\\w\)|\\b)\(\?:(.*)\)(\(\?!\\w\)|\\b)$/u.exec(source) ?? [];
    return alternativesOf(inner).map((alternative) => ({ alternative, pattern: new RegExp(`${before}(?:${alternative})${after}`) }));
  });
  assert.ok(patterns.length > 200);
  const dead = patterns.flatMap(({ alternative, pattern }) =>
    samplesOf(alternative).map(inSentence)
      // Texts are compared folded: what isn't is never found.
      .filter((sample) => fold(sample) !== sample || ![sample, `oh ${sample} oh`, `${sample}!`].some((text) => pattern.test(text)))
      .map((sample) => `${sample}: ${alternative}`));
  assert.deepEqual(dead, []);
});
