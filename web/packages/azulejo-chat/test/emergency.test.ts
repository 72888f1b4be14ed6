// Words of danger in the seven languages, and words that only sound like it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { isEmergency } from "../src/emergency/index.js";

const texts: { lang: string; text: string; emergency: boolean }[] = JSON.parse(readFileSync("test/emergencies.json", "utf8"));

test("each danger is heard, in each language", () => {
  assert.deepEqual(texts.filter(({ text, emergency }) => emergency && !isEmergency(text)), []);
});

test("fees, courses, feasts and figures of speech are no danger", () => {
  const heard = texts.filter(({ text, emergency }) => !emergency && isEmergency(text));
  assert.deepEqual(heard, []);
});
