// Where a sentence ends, and where a full stop doesn't end it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { sentencesOf } from "../src/grounding/sentences.js";

const CASES: readonly (readonly [string, string[]])[] = [
  ["Abre às 9h. Fica na Av. Central, n.º 5.", ["Abre às 9h.", "Fica na Av. Central, n.º 5."]],
  ["¿Dónde está? En la C. Mayor, 3. Abre hoy.", ["¿Dónde está?", "En la C. Mayor, 3.", "Abre hoy."]],
  ["El Sr. Puig l'atén. Truqueu-hi!", ["El Sr. Puig l'atén.", "Truqueu-hi!"]],
  ["Custa 1.200 €. Pode pagar em 12 vezes.", ["Custa 1.200 €.", "Pode pagar em 12 vezes."]],
  ["- Um\n- Dois\n\n1. Três", ["- Um", "- Dois", "1. Três"]],
  ["Open 9.30 a.m. to 5 p.m. on Mondays. Closed on Sundays.", ["Open 9.30 a.m. to 5 p.m. on Mondays.", "Closed on Sundays."]],
  ["unfinished", ["unfinished"]],
  ["", []],
];

for (const [text, expected] of CASES) test(JSON.stringify(text), () => assert.deepEqual(sentencesOf(text, "pt-PT"), expected));
