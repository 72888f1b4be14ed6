// What must be right to the letter, in the seven languages' spellings.

import assert from "node:assert/strict";
import { test } from "node:test";

import { agrees, factsOf } from "../src/grounding/facts.js";
import { languageOf } from "../src/language/detect.js";
import { LANGUAGES, type Language } from "../src/language/languages.js";

const keys = (text: string, language: Language) => factsOf(text, language).map(({ keys: [first] }) => first);

const SPELLINGS: readonly (readonly [string, readonly string[]])[] = [
  ["Abre das 9h00 às 12h30.", ["t540", "t750"]],
  ["de 9:00 a 14:00", ["t540", "t840"]],
  ["from 9 am to 5.30 pm", ["t540", "t1050"]],
  ["from 9am to 1:30pm", ["t540", "t810"]],
  ["a las 9 horas", ["t540"]],
  ["9:00etatik 14:00etara", ["t540", "t840"]],
  ["Custa 1.200,50 € ou € 15", ["m1200.5", "m15"]],
  ["It costs €1,200.50 or 9 euros", ["m1200.5", "m9"]],
  ["12 euro balio du", ["m12"]],
  ["É gratuito.", ["m0"]],
  ["an 21 % e o 5%", ["p21", "p5"]],
  ["até 12 de março de 2026", ["d3-12-2026"]],
  ["12/03/2026 e 2026-03-12", ["d3-12-2026", "d3-12-2026"]],
  ["March 12th, 2026 and 4 April", ["d3-12-2026", "d4-4"]],
  ["2026ko martxoaren 12a", ["d3-12-2026"]],
  ["del 10 de març al 4 d'abril", ["d3-10", "d4-4"]],
  ["martxoaren 1etik apirilaren 30era", ["d3-1", "d4-30"]],
  ["segunda-feira e sexta", ["w1", "w5"]],
  ["de luns a venres", ["w1", "w5"]],
  ["astelehenetik ostiralera", ["w1", "w5"]],
  ["on Mondays", ["w1"]],
  ["tel. 000 555 160", ["c000555160"]],
  ["+34 000 555 160", ["c000555160"]],
  ["registo@example.org", ["cregisto@example.org"]],
  ["https://www.example.org/a/", ["cexample.org/a"]],
  ["vinte e cinco dias", ["n25"]],
  ["twenty-five days, two thousand", ["n25", "n2000"]],
  ["hogeita bost egun", ["n25"]],
  ["trenta-cinc dies", ["n35"]],
  ["veinticinco", ["n25"]],
  ["[1] Custa 5 € [2]", ["m5"]],
  ["2. Leve o cartão", []],
  ["em maio", ["mo5"]],
  ["You may ask in May.", ["mo5"]],
  ["um dia, una casa", []],
];

for (const [text, expected] of SPELLINGS) test(`facts of "${text}"`, () => assert.deepEqual(keys(text, languageOf(text, LANGUAGES, "pt-PT")), expected));

test("facts agree whatever their spelling, and differ by a digit", () => {
  const same = (a: string, b: string) => agrees(factsOf(a, "pt-PT")[0]!, factsOf(b, "pt-PT")[0]!);
  assert.ok(same("9 horas", "9h00"));
  assert.ok(same("às 9", "9h00"));
  assert.ok(same("cinco dias", "5 days"));
  assert.ok(same("12 de março", "12 de março de 2026"));
  assert.ok(!same("12 de março de 2026", "12 de março"));
  assert.ok(!same("1 de março", "12 de março"));
  assert.ok(!same("15 €", "15 %"));
  assert.ok(!same("9h00", "9h30"));
});
