// Months, days of the week and numbers as the seven languages write them, folded. One table for all languages, since an
// answer and the page that it stands on may differ in theirs; words of two meanings (gl "terzo", es "segundo") are left out.

import type { Language } from "../language/languages.js";

const MONTHS = [
  "janeiro enero gener xaneiro urtarril january jan",
  "fevereiro febrero febrer febreiro otsail february feb",
  "marco marzo marc martxo march",
  "abril apiril april apr",
  "maio mayo maig maiatz may",
  "junho junio juny xuno ekain june jun",
  "julho julio juliol xullo uztail july jul",
  "agosto agost abuztu august aug",
  "setembro septiembre setiembre setembre irail september sept sep",
  "outubro octubre urri october oct",
  "novembro noviembre novembre azaro november nov",
  "dezembro diciembre desembre decembro abendu december dec",
];

const DAYS = [
  "segunda segunda-feira lunes dilluns luns astelehen monday mon",
  "terca terca-feira martes dimarts astearte tuesday tue",
  "quarta quarta-feira miercoles dimecres mercores asteazken wednesday wed",
  "quinta quinta-feira jueves dijous xoves ostegun thursday thu",
  "sexta sexta-feira viernes divendres venres ostiral friday fri",
  "sabado sabados dissabte larunbat saturday sat",
  "domingo domingos diumenge igande sunday sun",
];

/** What days from Monday to Friday are, as a fact. */
export const WORKING_WEEK = "w1-5";

const kind = (words: string) => new RegExp(`(?<!\\p{L})(?:${words})(?!\\p{L})`, "gu");

/** Words for days of a kind, each with what it is as a fact. */
export const KINDS_OF_DAYS: readonly (readonly [string, RegExp])[] = [
  [WORKING_WEEK, kind("(?:dias?|dies) (?:uteis|util|habil(?:es)?|habils?|laborables?|laborais|feiners?|de semana|de cada dia)|laborables|laborais|feiners|entre semana|entre setmana|week-?days?|working days?|business days?|lanegun\\p{L}*|astegun\\p{L}*")],
  ["w6-7", kind("(?:fin(?:s|es)?|fim) de semana|fins? de semanas?|caps? de setmana|week-?ends?|asteburu\\p{L}*")],
  ["wh", kind("(?:dias? )?(?:festivos?|feriados?)|(?:dies? )?festius?|(?:public|bank) holidays?|jaiegun\\p{L}*")],
];

/** Whether a day is one of a kind: Wednesday is one of the working week's. */
export const isAmong = (day: string, days: string): boolean => (/^w[1-5]$/.test(day) && days === WORKING_WEEK) || (/^w[67]$/.test(day) && days === "w6-7");

const NUMBERS: readonly (readonly [number, string])[] = [
  [0, "zero cero"],
  [2, "dois duas dos dues dous duas bi two"],
  [3, "tres hiru three"],
  [4, "quatro cuatro quatre catro lau four"],
  [5, "cinco cinc bost five"],
  [6, "seis sis sei six"],
  [7, "sete siete set zazpi seven"],
  [8, "oito ocho vuit oito zortzi eight"],
  [9, "nove nueve nou bederatzi nine"],
  [10, "dez diez deu hamar ten"],
  [11, "onze once hamaika eleven"],
  [12, "doze doce dotze hamabi twelve"],
  [13, "treze trece tretze hamahiru thirteen"],
  [14, "catorze quatorze catorce hamalau fourteen"],
  [15, "quinze quince hamabost fifteen"],
  [16, "dezasseis dezesseis dieciseis setze dezaseis hamasei sixteen"],
  [17, "dezassete dezessete diecisiete disset dezasete hamazazpi seventeen"],
  [18, "dezoito dieciocho divuit dezaoito hemezortzi eighteen"],
  [19, "dezanove dezenove diecinueve dinou hemeretzi nineteen"],
  [20, "vinte veinte vint hogei hogeita twenty"],
  [21, "veintiuno veintiun"],
  [22, "veintidos"],
  [23, "veintitres"],
  [24, "veinticuatro"],
  [25, "veinticinco"],
  [26, "veintiseis"],
  [27, "veintisiete"],
  [28, "veintiocho"],
  [29, "veintinueve"],
  [30, "trinta treinta trenta thirty"],
  [40, "quarenta cuarenta quaranta corenta berrogei berrogeita forty"],
  [50, "cinquenta cincuenta cinquanta fifty"],
  [60, "sessenta sesenta seixanta hirurogei hirurogeita sixty"],
  [70, "setenta setanta seventy"],
  [80, "oitenta ochenta vuitanta laurogei laurogeita eighty"],
  [90, "noventa noranta ninety"],
  [100, "cem cento cien ciento cent ehun hundred"],
  [200, "duzentos duzentas doscientos doscientas dos-cents duascentas berrehun"],
  [300, "trezentos trescientos tres-cents trescentos hirurehun"],
  [400, "quatrocentos cuatrocientos quatre-cents catrocentos laurehun"],
  [500, "quinhentos quinientos cinc-cents cincocentos bostehun"],
  [600, "seiscentos seiscientos sis-cents seiscentos seiehun"],
  [1000, "mil mila thousand"],
];

const table = (lists: readonly string[], first: number) =>
  new Map(lists.flatMap((list, index) => list.split(" ").map((word) => [word, index + first] as const)));

const months = table(MONTHS, 1);
const days = table(DAYS, 1);
const numbers = new Map(NUMBERS.flatMap(([value, list]) => list.split(" ").map((word) => [word, value] as const)));

/** Basque's declensions, that an "a" or "r" may stand before: "martxoaren", "astelehenetik", "ostiralera". */
const CASE = /(?:a|e|eta|r)?(?:ren|rako|ra|tik|an|n|ko|k|etan|etik|etara|era|raino|eraino|z|ez)?$/;

function find(words: ReadonlyMap<string, number>, word: string, fewest: number): number | null {
  const exact = words.get(word);
  if (exact !== undefined) return exact;
  // Only Basque's own words are declined, and they are long.
  for (let length = word.length - 1; length >= fewest; length--) {
    const value = words.get(word.slice(0, length));
    if (value !== undefined) return CASE.exec(word.slice(length))?.index === 0 ? value : null;
  }
  return null;
}

/** The month that a folded word names, 1 to 12; "may" and "march" only where `isCapital`, as English writes them. */
export const monthOf = (word: string, isCapital: boolean): number | null =>
  /^(?:may|march|mar|jan|sep|dec|set)$/.test(word) && !isCapital ? null : find(months, word, 4);

/** The day of the week that a folded word names, 1 (Monday) to 7. */
export const dayOf = (word: string): number | null => find(days, word.replace(/s$/, ""), 6) ?? days.get(word) ?? null;

/** Numbers of one language that are other words in another ("dos" is "of the" in Portuguese, "set" is no 7 in English). */
const ONLY: { readonly [word: string]: readonly string[] } = {
  dos: ["es", "ca"], deu: ["ca"], set: ["ca"], nou: ["ca"], sis: ["ca"], cent: ["ca"], vint: ["ca"], bi: ["eu"], sei: ["eu"],
  lau: ["eu"], hiru: ["eu"], bost: ["eu"], hamar: ["eu"], ten: ["en"], dez: ["pt", "gl"], dues: ["ca"], duas: ["pt", "gl"],
  once: ["es", "gl"],
};

/** The number that a folded word names; not 1, which is an article in six of the languages. */
export function numberOf(word: string, language: Language): number | null {
  if (Object.hasOwn(ONLY, word) && !ONLY[word]!.includes(language.slice(0, 2))) return null;
  return find(numbers, word, 5);
}
