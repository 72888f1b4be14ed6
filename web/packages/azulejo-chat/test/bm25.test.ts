// The search's scores, beside MiniSearch's for the same words in the same passages.

import assert from "node:assert/strict";
import { test } from "node:test";

import MiniSearch from "minisearch";

import { type Field, ranked, rarity, type Term } from "../src/search/bm25.js";

const NAMES = ["text", "heading"];
const BOOST = { text: 1, heading: 1.5 };

/** Texts of made-up words, some of them in nearly every passage and some in few: the same ones each time. */
function texts(): Record<string, string>[] {
  let seed = 7;
  const next = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  // The smaller of two numbers: low ones are frequent.
  const word = () => `w${Math.min(next(60), next(60))}`;
  const some = (count: number) => Array.from({ length: count }, word).join(" ");
  return Array.from({ length: 201 }, (_, id) => ({ id: String(id), text: some(3 + next(40)), heading: some(next(4)) }));
}

test("scores are MiniSearch's, whatever a word weighs", () => {
  const documents = texts();
  const weights: Record<string, number> = { w0: 1, w3: 0.5, w17: 1, w44: 0.343, w58: 1, w99: 1 };
  const peer = new MiniSearch({ fields: NAMES, tokenize: (text) => text.split(" ").filter(Boolean), processTerm: (term) => term });
  peer.addAll(documents);
  const expected = peer.search(Object.keys(weights).join(" "), { boost: BOOST, boostTerm: (term) => weights[term] ?? 1 });
  assert.ok(expected.length > 50);

  const words = NAMES.map((name) => documents.map((document) => document[name]!.split(" ").filter(Boolean)));
  const fields = words.map((of, i): Field => {
    // As MiniSearch counts them, when it indexes by itself.
    const lengths = of.map((words) => new Set(words).size);
    return { boost: BOOST[NAMES[i] as keyof typeof BOOST], lengths, average: lengths.reduce((sum, length) => sum + length) / lengths.length };
  });
  const terms = Object.entries(weights).map(([word, weight]): Term => {
    const counts = (of: string[][]) => of.map((words, passage) => [passage, words.filter((other) => other === word).length] as const);
    return { word, weight, fields: words.map((of) => new Map(counts(of).filter(([, count]) => count > 0))) };
  });
  const found = ranked(terms, fields);
  assert.deepEqual(found.map(({ score }) => score.toFixed(9)), expected.map(({ score }) => score.toFixed(9)));
  const told = (passages: readonly (readonly [number, number, readonly string[]])[]) =>
    new Map(passages.map(([passage, score, words]) => [passage, `${score.toFixed(9)} ${[...words].sort().join(" ")}`]));
  assert.deepEqual(
    told(found.map(({ passage, score, words }) => [passage, score, words])),
    told(expected.map(({ id, score, terms }) => [Number(id), score, terms])),
  );
});

test("equal passages come in the site's order, and a rare word tells more", () => {
  const field: Field = { boost: 1, lengths: [4, 4, 4], average: 4 };
  const of = (word: string, passages: number[]): Term => ({ word, weight: 1, fields: [new Map(passages.map((passage) => [passage, 1]))] });
  assert.deepEqual(ranked([of("a", [2, 0, 1])], [field]).map(({ passage }) => passage), [0, 1, 2]);
  assert.deepEqual(ranked([of("a", [0, 1]), of("b", [2])], [field]).map(({ passage }) => passage), [2, 0, 1]);
  assert.ok(rarity(0, 3) > rarity(1, 3) && rarity(3, 3) > 0);
});
