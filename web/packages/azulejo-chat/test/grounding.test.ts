// Answers over pages, each sentence judged by hand: what the check says of them. Those of held-out.json and near-misses.json
// were written without knowing the check, and by way of its faults have shaped it since; those of near-misses-held-out.json
// before its last change, half of them close to what the page says and wrong.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { agrees, factsOf } from "../src/grounding/facts.js";
import { check, sentencesOf } from "../src/grounding/index.js";
import type { Language } from "../src/language/languages.js";
import type { Passage } from "../src/search/passage.js";

interface Answer {
  id: string;
  lang: Language;
  passages: Passage[];
  sentences: { text: string; supported: boolean; why: string }[];
}
const read = (name: string): Answer[] => JSON.parse(readFileSync(`test/${name}.json`, "utf8"));
const answers = read("grounding");
const heldOut = read("held-out");
const nearMisses = read("near-misses");
const nearMissesHeldOut = read("near-misses-held-out");
/** Denials, bounds, lines of lists and subjects, by the check's own author: written once it heard them, before it was mended by them. */
const nearMissesKinds = read("near-misses-kinds");
const judge = (these: readonly Answer[]) => these.flatMap(({ id, lang, passages, sentences }) =>
  sentences.map((sentence) => ({ id, ...sentence, verdict: check(sentence.text, passages, lang) })),
);
const judged = judge(answers);

test("an invented number or name never passes", () => {
  const passed = [...judged, ...judge(heldOut), ...judge(nearMisses), ...judge(nearMissesHeldOut), ...judge(nearMissesKinds)].filter(({ why, verdict }) => (why === "invented-number" || why === "invented-name") && verdict.supported);
  assert.deepEqual(passed, []);
});

const SETS = [
  ["the answers", judged, 0.98, 0.9],
  ["the held-out answers", judge(heldOut), 0.95, 0.85],
  ["claims of one who had no part in the check", judge(nearMisses), 0.95, 0.55],
  ["near misses", judge(nearMissesHeldOut), 0.95, 0.85],
  ["near misses of denials, lists and subjects", judge(nearMissesKinds), 0.95, 0.9],
] as const;
for (const [name, these, precision, recall] of SETS) {
  test(`${name}: what passes is supported, and most of what is supported passes`, (t) => {
    const passed = these.filter(({ verdict }) => verdict.supported);
    const right = passed.filter(({ supported }) => supported).length;
    const all = these.filter(({ supported }) => supported).length;
    t.diagnostic(`precision ${(right / passed.length).toFixed(3)} (${right} of ${passed.length}), recall ${(right / all).toFixed(3)} (of ${all})`);
    assert.ok(right / passed.length >= precision, "precision");
    assert.ok(right / all >= recall, "recall");
  });
}

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

const page = (text: string, lang: string): Passage => ({ url: "page.html", anchor: null, title: "", heading: "", lang, text });

/** Of each kind: what a page says, what follows from it, and what comes near and doesn't. */
const KINDS: readonly (readonly [kind: string, lang: Language, page: string, right: string, wrong: string])[] = [
  ["a kind of days", "en", "Quiet hours end at 10:00 on Sundays. Building work may only be done on weekdays between 08:00 and 20:00.", "Building work may only be done on weekdays between 08:00 and 20:00.", "Building work may be done on Sundays between 08:00 and 20:00."],
  ["a kind of days", "pt-PT", "O balcão abre nos dias úteis às 9h00. Aos fins de semana há visitas às 10h00.", "O balcão abre às quartas-feiras às 9h00.", "O balcão abre aos fins de semana às 9h00."],
  ["days of a kind", "es", "El Ayuntamiento resuelve en 15 días hábiles.", "El Ayuntamiento resuelve en 15 días hábiles.", "El Ayuntamiento resuelve en 15 días naturales."],
  ["days of a kind", "eu", "Udalak 15 lanegunetan erantzuten du.", "Udalak 15 lanegunetan erantzuten du.", "Udalak 15 egun naturaletan erantzuten du."],
  ["an opposite", "es", "Si no hay respuesta en dos meses, la licencia se entiende concedida.", "La licencia se entiende concedida si no hay respuesta en dos meses.", "Si no hay respuesta en dos meses, la licencia se entiende denegada."],
  ["an opposite", "ca", "La sol·licitud es considera estimada si no hi ha resposta en tres mesos.", "La sol·licitud es considera estimada si no hi ha resposta en tres mesos.", "La sol·licitud es considera desestimada si no hi ha resposta en tres mesos."],
  ["an opposite by a prefix", "pt-PT", "O pedido é indeferido sem a planta.", "O pedido é indeferido sem a planta.", "O pedido é deferido sem a planta."],
  ["an opposite in the clause that supports", "es", "La obra debe empezar antes de 6 meses y acabar antes de un año.", "La obra debe empezar antes de 6 meses.", "La obra debe acabar antes de 6 meses."],
  ["an opposite in the clause that supports", "en", "A first offence costs between €60 and €300, a repeated one up to €1,500.", "A repeated offence costs up to €1,500.", "A repeated offence costs between €60 and €300."],
  ["a denial's scope", "en", "Confetti is not allowed, rice is.", "Rice is allowed.", "Rice is not allowed, confetti is."],
  ["a denial's scope", "gl", "As toallas son obrigatorias; as chanclas, non.", "As toallas son obrigatorias.", "As chanclas son obrigatorias."],
  ["an exception", "gl", "A piscina está aberta todo o ano, agás en agosto.", "A piscina está aberta todo o ano.", "A piscina está aberta en agosto."],
  ["a condition of a price", "gl", "O primeiro xoves hai recollida. O servizo é de balde ata tres vultos; cada un a maiores custa 6 €.", "O servizo é de balde ata tres vultos.", "O servizo custa 6 € por vulto desde o primeiro."],
  ["a condition of a price", "es", "La recogida es gratis para residentes; los demás la piden y cuesta 6 €.", "La recogida es gratis para residentes.", "La recogida para residentes cuesta 6 €."],
  ["a price and free", "es", "La entrada cuesta 3 €; es gratis para menores de 12 años.", "La entrada cuesta 3 €.", "La entrada cuesta 3 € para menores de 12 años."],
  ["a thing of a list", "gl", "Pódense levar libros e películas durante 7 días.", "Pódense levar libros e películas.", "Pódense levar libros, películas e música."],
  ["a thing behind an article", "pt-PT", "O cartão da biblioteca permite levar livros e revistas para casa.", "O cartão da biblioteca permite levar livros para casa.", "O cartão da piscina permite levar livros e revistas para casa."],
  ["a denial's verb", "pt-PT", "Não são cobradas multas aos leitores enquanto o pedido não estiver tratado.", "Não são cobradas multas aos leitores enquanto o pedido não estiver tratado.", "São cobradas multas aos leitores enquanto o pedido não estiver tratado."],
  ["a denial's verb", "pt-BR", "A taxa não é cobrada enquanto o recurso não for julgado.", "A taxa não é cobrada enquanto o recurso não for julgado.", "A taxa é cobrada enquanto o recurso não for julgado."],
  ["a denial's verb", "es", "No se cobra recargo mientras la reclamación no se resuelva.", "No se cobra recargo mientras la reclamación no se resuelva.", "Se cobra recargo mientras la reclamación no se resuelva."],
  ["a denial's verb", "ca", "No es cobren interessos mentre la sol·licitud no estigui resolta.", "No es cobren interessos mentre la sol·licitud no estigui resolta.", "Es cobren interessos mentre la sol·licitud no estigui resolta."],
  ["a denial's verb", "gl", "Non se cobran recargos mentres a solicitude non estea resolta.", "Non se cobran recargos mentres a solicitude non estea resolta.", "Cóbranse recargos mentres a solicitude non estea resolta."],
  ["a denial's verb", "en", "Late fees are not charged while the claim has not been decided.", "Late fees are not charged while the claim has not been decided.", "Late fees are charged while the claim has not been decided."],
  ["a denial's verb beside a \"without\"", "es", "Tras tres avisos sin respuesta, el carné queda anulado.", "Tras tres avisos sin respuesta, el carné queda anulado.", "Tras tres avisos sin respuesta, el carné no queda anulado."],
  ["a denial's verb beside a \"without\"", "en", "After two reminders without payment, the card is blocked.", "After two reminders without payment, the card is blocked.", "After two reminders without payment, the card is not blocked."],
  ["a denial of two things", "en", "Bicycles and dogs are not allowed on the lawn.", "Dogs are not allowed on the lawn.", "Bicycles are not allowed on the lawn, but dogs are allowed."],
  ["a denial of two things", "pt-PT", "Não é permitido comer nem ouvir música na sala.", "Não é permitido comer na sala.", "Na sala não é permitido comer, mas pode ouvir música."],
  ["a denial of two things", "es", "No está permitido correr ni comer en el recinto.", "No está permitido comer en el recinto.", "En el recinto no está permitido correr, pero se puede comer."],
  ["a denial of two things", "ca", "No està permès córrer ni menjar al recinte.", "No està permès córrer al recinte.", "No està permès córrer al recinte, però es pot menjar."],
  ["a denial in the next sentence", "en", "The lake ferry sails between the harbour and the island on weekdays. It does not sail in March or on public holidays.", "The lake ferry sails between the harbour and the island on weekdays.", "The lake ferry also sails in March and on public holidays."],
  ["a denial in the next sentence", "pt-PT", "O autocarro adaptado circula entre a estação e o mercado. Não circula em agosto.", "O autocarro adaptado circula entre a estação e o mercado.", "O autocarro adaptado circula em agosto."],
  ["a denial in the next sentence", "gl", "O barco une a vila coa illa cada día. Non navega en novembro.", "O barco une a vila coa illa cada día.", "O barco navega tamén en novembro."],
  ["a bound", "es", "El carné es gratuito para menores de 16 años. Los mayores de 65 años pagan la mitad.", "El carné es gratuito para menores de 16 años.", "El carné es gratuito para mayores de 16 años."],
  ["a bound in other words", "es", "Los mayores de 65 años pueden pedir la tarjeta dorada.", "Pueden pedir la tarjeta dorada quienes tienen más de 65 años.", "Pueden pedir la tarjeta dorada quienes tienen menos de 65 años."],
  ["a bound in other words", "ca", "Els majors de 65 anys poden demanar la targeta daurada.", "Poden demanar la targeta daurada les persones de més de 65 anys.", "Poden demanar la targeta daurada les persones de menys de 65 anys."],
  ["a bound in other words", "pt-PT", "Os maiores de 65 anos podem pedir o cartão dourado.", "Podem pedir o cartão dourado as pessoas com mais de 65 anos.", "Podem pedir o cartão dourado as pessoas com menos de 65 anos."],
  ["a bound in other words", "eu", "65 urtetik gorakoek txartel urdina eska dezakete.", "65 urte baino gehiago dituztenek txartel urdina eska dezakete.", "65 urte baino gutxiago dituztenek txartel urdina eska dezakete."],
  ["a line of a list", "eu", "Ostegunetan: 10:00–13:00\nIrailean itxita", "Ostegunetan 10:00–13:00.", "Irailean 10:00–13:00."],
  ["a line of a list", "eu", "Ostegunetan: 10:00–13:00\nIrailean itxita", "Irailean itxita dago.", "Ostegunetan itxita dago."],
  ["a line of a list", "es", "Lunes: de 9:00 a 12:00\nAgosto: cerrado", "En agosto está cerrado.", "Los lunes está cerrado."],
  ["a neighbouring sentence's subject", "en", "Lost clothes are kept at the desk for 60 days. Bank cards are sent to the bank after one day.", "Bank cards are sent to the bank after one day.", "Lost clothes are sent to the bank after one day."],
  ["a neighbouring sentence's subject", "pt-PT", "A roupa perdida fica guardada na receção durante 60 dias. Os telemóveis são entregues à polícia ao fim de uma semana.", "Os telemóveis são entregues à polícia ao fim de uma semana.", "A roupa perdida é entregue à polícia ao fim de uma semana."],
  ["a neighbouring sentence's subject", "gl", "A roupa perdida gárdase na recepción durante 60 días. Os documentos entréganse á policía nunha semana.", "Os documentos entréganse á policía nunha semana.", "A roupa perdida entrégase á policía nunha semana."],
  ["the page's own date", "es", "La piscina abre en junio.\nÚltima actualización: 3 de febrero de 2026", "La piscina abre en junio.", "La piscina se actualizó el 3 de febrero de 2026."],
];

for (const [kind, lang, text, right, wrong] of KINDS) {
  test(`${kind}, ${lang}: "${wrong}" isn't supported`, () => {
    assert.equal(check(wrong, [page(text, lang)], lang).supported, false);
    const verdict = check(right, [page(text, lang)], lang);
    assert.equal(verdict.supported, true, `${right} ${verdict.reason}`);
  });
}

/** Each sentence of each passage that says something. */
const said = [...new Map([...answers, ...heldOut, ...nearMissesHeldOut].flatMap(({ passages }) => passages).map((passage) => [passage.text, passage])).values()].flatMap((passage) => {
  const language = passage.lang as Language;
  return sentencesOf(passage.text, language).filter((sentence) => sentence.split(" ").length > 3).map((sentence) => ({ passage, language, sentence }));
});

test("a passage's own sentences pass", (t) => {
  const refused = said.filter(({ passage, language, sentence }) => !check(sentence, [passage], language).supported);
  t.diagnostic(`${said.length - refused.length} of ${said.length} pass`);
  assert.ok(refused.length <= said.length / 100, refused.map(({ sentence }) => sentence).join("\n"));
});

test("a passage's own sentence with a number that it doesn't have never passes", (t) => {
  const changed = said.flatMap(({ passage, language, sentence }) =>
    [...sentence.matchAll(/(?<!^\s*)\d+/g)].flatMap(({ index, 0: figures }) =>
      [1, 3, 10].flatMap((more) => {
        const other = String(Number(figures) + more).padStart(figures.length, "0");
        if (new RegExp(`(?<!\\d)0?${Number(other)}(?!\\d)`).test(passage.text)) return [];
        return { passage, language, text: sentence.slice(0, index) + other + sentence.slice(index + figures.length) };
      })));
  assert.ok(changed.length > 500);
  t.diagnostic(`${changed.length} changed`);
  assert.deepEqual(changed.filter(({ passage, language, text }) => check(text, [passage], language).supported).map(({ text }) => text), []);
});

test("a passage's own sentence with another of its facts in a fact's place hardly ever passes", (t) => {
  const swapped = said.flatMap(({ passage, language, sentence }) => {
    const others = sentencesOf(passage.text, language).flatMap((one) => factsOf(one, language).map((fact) => ({ ...fact, text: one.slice(fact.start, fact.end) })));
    return factsOf(sentence, language).flatMap((fact) =>
      others
        .filter((other) => other.kind === fact.kind && other.of === fact.of && other.bound?.side === fact.bound?.side && !agrees(fact, other) && !agrees(other, fact))
        .map((other) => ({ passage, language, text: sentence.slice(0, fact.start) + other.text + sentence.slice(fact.end) })));
  });
  assert.ok(swapped.length > 500);
  const passed = swapped.filter(({ passage, language, text }) => check(text, [passage], language).supported);
  t.diagnostic(`${passed.length} of ${swapped.length} pass`);
  assert.ok(passed.length <= swapped.length / 100, passed.map(({ text }) => text).join("\n"));
});
