// What of a text must be right to the letter: numbers, prices, times, dates, days, telephone numbers, addresses on the net.

import { fold } from "../language/fold.js";
import type { Language } from "../language/languages.js";
import { isStopWord } from "../language/stop-words.js";
import { boundOf, type Bound } from "./bounds.js";
import { dayOf, isAmong, KINDS_OF_DAYS, monthOf, numberOf, WORKING_WEEK } from "./calendar.js";

/** One of them, at its place in the text. */
export interface Fact {
  readonly kind: "address" | "contact" | "date" | "day" | "money" | "month" | "number" | "percent" | "time";
  /** What it may be written as, in one spelling each: 9 h is a time and a number of hours. Two facts agree in any. */
  readonly keys: readonly string[];
  /** What a number counts, where that is a span of time: 3 months are not 3 years. */
  readonly of?: Span;
  /** Which days a number of days counts, where that is said: 15 working days are not 15 days. */
  readonly days?: "calendar" | "working";
  /** Whether it counts what is no span of time: 6 books are not 6 days. */
  readonly isOfThings?: boolean;
  /** How often a price is paid. */
  readonly per?: Span;
  /** Whether it's where a range begins: "Monday to" Friday. */
  readonly goesTo?: boolean;
  /** Which end of a range it must be: "opens at 9", "closes at 14". */
  readonly edge?: "first" | "last";
  /** What it bounds, where it isn't the thing itself: "more than 30 days". */
  readonly bound?: Bound;
  /** Where it begins and ends in the text, with what bounds it. */
  readonly start: number;
  readonly end: number;
}

/** What a number may count. */
const THINGS = /^\p{L}{4,}$/u;

/** Spans of time, as numbers count them. */
export type Span = "minute" | "hour" | "day" | "week" | "month" | "year";

const SPANS: readonly (readonly [Span, RegExp])[] = [
  ["minute", /^(?:min(?:uto|ut)?s?|minut[eo]s?|minutu\w*)$/],
  ["hour", /^(?:h|horas?|hores?|hours?|ordu\w*)$/],
  ["day", /^(?:dias?|dies?|days?|(?:lan)?egun\w*)$/],
  ["week", /^(?:semanas?|setman(?:a|es)|weeks?|aste(?!art|az|le)\w*)$/],
  ["month", /^(?:mes|meses|mesos|months?|hilabete\w*)$/],
  ["year", /^(?:anos?|anys?|years?|urte\w*)$/],
];

/** Which days a number counts: before "days" in English, in "lanegun" itself, behind them in the other languages. */
const COUNTED_DAYS: readonly (readonly ["calendar" | "working", RegExp])[] = [
  ["working", /^\s*(?:(?:working|business|week) ?days?|(?:dias?|dies) (?:ute(?:is|s)|util(?:es)?|habil(?:es)?|habeis|habils?|laborables?|laborais|laborables|feiners)|lanegun\w*|egun (?:baliodun|laneguneko)\w*)(?!\p{L})/u],
  ["calendar", /^\s*(?:(?:calendar|consecutive) days?|(?:dias?|dies) (?:corridos?|seguidos|consecutivos|naturais|natural(?:e?s)?)|egun natural\w*)(?!\p{L})/u],
];

const MONEY = "(?:€|eur(?:os?|o)?\\b|r\\$|us\\$|\\$|reais\\b|real\\b|euro\\p{L}*)";
const NUMBER = "\\d{1,3}(?:[. ]\\d{3})+(?:,\\d+)?|\\d{1,3}(?:,\\d{3})+(?:\\.\\d+)?|\\d+(?:[.,]\\d+)?";

const CONTACT = /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+|(?:https?:\/\/|www\.)[^\s<>()"'«»]*[^\s<>()"'«».,;:!?]|(?:\+|\b00)?\(?\d{2,4}\)?(?:[ .-]?\d{2,4}){2,}(?!\d)/gu;
/** What has as many figures and is none: thousands (nine of them with spaces are a telephone's), a date. */
const AMOUNT = /^[1-9]\d{0,2}(?:\.\d{3})+$|^[1-9]\d{0,1}(?: \d{3})+$/;
const DAY = /^(?:\d{4}-\d{2}-\d{2}|\d{1,2}[.-]\d{1,2}[.-]\d{4})$/;
const DATE = /\b(\d{4})-(\d{2})-(\d{2})\b|\b(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{4}|\d{2}))?\b(?![/.,]?\d)/gu;
const TIME = /\b([01]?\d|2[0-4])\s?(?::|h|\.)\s?([0-5]\d)(?:\s?(?:h|min|horas|hores)\b)?(?:\s?([ap])\.?\s?m\b\.?)?|\b(1\d|2[0-3]|[1-9])\s?([ap])\.?\s?m\b\.?|\b([01]?\d|2[0-4])\s?(?:h(?:oras?|ores?|ours?)?\b|o'clock|etan\b|etatik\b|etara\b|ak arte\b)/gu;
const PRICE = new RegExp(`(${NUMBER})(\\s(?:mil|mila|thousand))?\\s?(?:de )?${MONEY}|${MONEY}\\s?(${NUMBER})`, "gu");
const PERCENT = new RegExp(`(${NUMBER})\\s?(?:%|por ?cento\\b|por ciento\\b|per cent\\b|percent\\b)|%\\s?(${NUMBER})`, "gu");
const PLAIN = new RegExp(`(${NUMBER})(\\s(?:mil|mila|thousand)\\b)?`, "gu");
/** Nothing to pay, in the words of each language; "nothing" of something else ("no interest") isn't. */
const FREE = new RegExp(
  "\\b(?:" +
    "gratis|gratuit[oa]s?|gratuits|gratuites|gratuit|gratuita?ment[e]?|de (?:graca|balde)|(?:sem|sin|sen|sense) (?:custos?|costes?|cost|pagar)|" +
    "doan|doako|doakoa|doanik|free of charge|free|at no cost|isent[oa]s?|exent[oa]s?|exempts?|" +
    "(?:nao|non?) (?:se |es |lles? )?(?:pag\\w+|custa\\w*|cuesta\\w*|costa\\w*)(?: nada| res)?|" +
    "(?:does|do)(?: not|n't) (?:pay|cost)(?: anything)?|(?:pays?|costs?) nothing|(?:not|n't) (?:have to |need to )?pay" +
    ")\\b(?! (?:juros|intereses|interessos|xuros|interest|recargo|multa)\\b)",
  "gu",
);
/** "As 8 da noite", "gaueko 8etan": on the clock, half a day later. */
const EVENING = /\b(\d{1,2})(?:(?::|h|\.)([0-5]\d))?\s?(?:h|horas|hores|o'clock)?\s(?:d[aeo] (?:la )?|del |in the |at )(?:tarde|tarda|vespre|noite|nit|noche|afternoon|evening|night)\b|\b(?:arratsaldeko|gaueko|iluntzeko)\s(\d{1,2})(?::([0-5]\d))?(?:etatik|etara|etan|era|ak)?\b/gu;
const FROM = /(?<![\d:.,])(\d{1,2})(?:[:h.]([0-5]\d))?\s?h?(?=\s(?:a|as|e|y|i|to|ate|hasta|fins)\s(?:as? |las |les )?$)/u;
const UNTIL = /^\s?(\d{1,2})(?::([0-5]\d))?(?=etara|era|ak arte)/u;
/** "As seis e meia", "las 6 y media", "half past one". */
const HALF = /(\d{1,2}|\p{L}+)\s(?:e|y|i|eta)\s(?:meia|media|mitja|erdi\w*)(?!\p{L})|\bhalf past (\p{L}+|\d{1,2})\b/gu;
/** A time of the clock's dial, which an afternoon's may be as well. */
const half = (minutes: number) => [`t${minutes}`, ...(minutes < 720 ? [`t${minutes + 720}`] : [])];
/** Where a sentence speaks of an afternoon, its small hours are that afternoon's. */
const AFTERNOON = /(?<!\p{L})(?:tardes?|tarda|vespre|noite|noche|nit|afternoons?|evenings?|arratsalde\w*|gaue\w*)(?!\p{L})/u;
/** A house's number behind the name of its street, whose last word tells which: "Rua da Escola, 5". */
const ADDRESS = /(\p{Lu}[\p{L}'’-]+)(?:,\s*|\s+)(?:(?:n\.?\s?[ºo°]\.?|núm\.?|num\.?|número|numero|no\.)\s*)?(\d{1,4})(?![\p{L}\d]|[.,:]\d|\s?[€%º°])(?!\s(?!helbide)\p{Ll}{4,}|\s?(?:a|to|e|y|i|-)\s?\d)/gu;
const WORD = /\p{L}+/gu;

/** What comes second or fourth; a day of the week has none of them behind it. */
const ORDERED = /^ (?:via|vez|parte|casa|fase|lingua|habitacao|morada|opcao|prestacao|parcela|pessoa|dose|chamada|classe|copia|metade|instancia|feira de)\b/;
/** The article is a number where it counts spans of time, or times; not a day, nor an hour ("one day", "book an hour"). */
const ONE = /\b(una?|uma?|unha|one)(?= (?:so |sola? |unica? |single )?(?:mes|mese|semana|setmana|ano|any|year|month|week|vez|vegada)\b)|\b(?:hilabete|aste|urte)\w* bat\b/gu;

/** A number as it's written in any of the languages: three figures behind a point or comma are thousands. */
function valueOf(written: string): number {
  const text = written.replace(/ /g, "");
  if (/^\d{1,3}(?:\.\d{3})+(?:,\d+)?$/.test(text) && !/^0/.test(text)) return Number(text.replace(/\./g, "").replace(",", "."));
  if (/^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(text) && !/^0/.test(text)) return Number(text.replace(/,/g, ""));
  return Number(text.replace(",", "."));
}

const time = (hour: number, minute: number, half: string | undefined) =>
  `t${((half ? (hour % 12) + (half === "p" ? 12 : 0) : hour) * 60 + minute) % 1440}`;

/** A telephone number without its country: the same with +351, 0034 or neither. */
const phone = (digits: string) => `c${digits.length > 9 ? digits.slice(-9) : digits}`;

/** The facts of a text, in their order; none lies within another. */
export function factsOf(text: string, language: Language): Fact[] {
  // Same length as the text, place for place, so that a fact's place is one in both.
  const folded = Array.from(text, (letter) => {
    const flat = fold(letter);
    return flat.length === letter.length ? flat : flat.slice(0, 1).padEnd(letter.length, " ");
  }).join("");
  const facts: Fact[] = [];
  const isAfternoon = AFTERNOON.test(folded);
  const taken = new Uint8Array(folded.length);
  const add = (kind: Fact["kind"], keys: string[], start: number, length: number) => {
    if (taken.subarray(start, start + length).includes(1)) return;
    taken.fill(1, start, start + length);
    facts.push({ kind, keys, start, end: start + length });
  };
  // Marks of citations are not facts.
  for (const { index, 0: mark } of folded.matchAll(/\[\d{1,2}\]|^\s*\d{1,2}[.)]\s/gmu)) taken.fill(1, index, index + mark.length);
  for (const { index, 0: found } of folded.matchAll(CONTACT)) {
    const digits = found.replace(/\D/g, "");
    if (/@|www|http/.test(found)) add("contact", [`c${found.replace(/^https?:\/\/(?:www\.)?|^www\.|\/$/g, "")}`], index, found.length);
    else if (digits.length >= 8 && !AMOUNT.test(found) && !DAY.test(found)) add("contact", [phone(digits)], index, found.length);
  }
  for (const { index, 0: found, 1: a, 2: mil, 3: b } of folded.matchAll(PRICE)) add("money", [`m${valueOf((a ?? b)!) * (mil ? 1000 : 1)}`], index, found.length);
  for (const { index, 0: found, 1: a, 2: b } of folded.matchAll(PERCENT)) add("percent", [`p${valueOf((a ?? b)!)}`], index, found.length);
  for (const match of folded.matchAll(DATE)) {
    const { index, 0: found, 1: year, 2: month, 3: day, 4: d, 5: m, 6: y } = match;
    // "9.30" is a time, "12-13" and "1/2" may be anything: without a year only a slash makes a date.
    if (!year && !y && !found.includes("/")) continue;
    const [dd, mm] = [Number(day ?? d), Number(month ?? m)];
    if (dd < 1 || dd > 31 || mm < 1 || mm > 12) continue;
    const full = year ?? (y && (y.length === 2 ? `20${y}` : y));
    add("date", [`d${mm}-${dd}${full ? `-${full}` : ""}`], index, found.length);
  }
  months(text, folded, taken, add);
  for (const { index, 0: found, 1: hour, 2: minute, 3: hora, 4: minutu } of folded.matchAll(EVENING)) {
    const value = Number(hour ?? hora);
    if (value > 24) continue;
    add("time", [time(value, Number(minute ?? minutu ?? 0), value < 12 ? "p" : undefined)], index, found.length);
    // The range's other end is in the same half of the day.
    const end = index + found.length;
    const [other, at] = hour ? [FROM.exec(folded.slice(0, index)), 0] : [UNTIL.exec(folded.slice(end)), end];
    if (other && Number(other[1]) < 12 && (Number(other[1]) < value) === !!hour) {
      add("time", [time(Number(other[1]), Number(other[2] ?? 0), "p")], at + other.index, other[0].trimEnd().length);
    }
  }
  for (const { index, 0: found, 1: hour, 2: past } of folded.matchAll(HALF)) {
    const name = hour ?? past!;
    const value = /^\d/.test(name) ? Number(name) : /^(?:una?|uma|one)$/.test(name) ? 1 : numberOf(name, language);
    const start = index + found.indexOf(name) - (past ? found.indexOf(name) : 0);
    if (value !== null && value <= 24) add("time", half(value * 60 + 30), start, index + found.length - start);
  }
  for (const match of folded.matchAll(TIME)) {
    const { index, 0: found, 1: hour, 2: minute, 3: half, 4: bare, 5: halfDay, 6: hours } = match;
    if (hour !== undefined) add("time", [time(Number(hour), Number(minute), half), ...(/[:h]/.test(found) ? [] : [`n${hour}.${minute}`])], index, found.length);
    else if (bare !== undefined) add("time", [time(Number(bare), 0, halfDay)], index, found.length);
    else add("time", [time(Number(hours), 0, undefined), `n${Number(hours)}`], index, found.length);
  }
  for (const { index, 0: found, 1: street, 2: number } of text.matchAll(ADDRESS)) {
    // A sentence's first word is no street's.
    if (index > 0) add("address", [`a${number}-${fold(street!)}`, `n${number}`], index + found.length - number!.length, number!.length);
  }
  for (const { index, 0: found, 1: number, 2: mil } of folded.matchAll(PLAIN)) {
    const value = valueOf(number!) * (mil ? 1000 : 1);
    add("number", [`n${value}`, ...(Number.isInteger(value) && value <= 24 ? isAfternoon && value < 12 ? half(value * 60) : [`t${(value * 60) % 1440}`] : [])], index, found.length);
  }
  for (const { index, 0: found } of folded.matchAll(FREE)) add("money", ["m0"], index, found.length);
  for (const { index, 0: found, 1: one } of folded.matchAll(ONE)) add("number", ["n1"], one ? index : index + found.lastIndexOf(" ") + 1, (one ?? "bat").length);
  kindsOfDays(folded, language, taken, add);
  words(folded, language, isAfternoon, taken, add);
  return bounded(folded, shared(folded, facts.sort((a, b) => a.start - b.start), language));
}

/** What stands between two facts of which the second says the kind of both: "60 a 300 €", "entre 9 e 12 h". */
const RANGE = /^\s*(?:a|as|ao?s?|ate|e|y|i|to|and|-|\u00d7|ata|fins a|hasta|until|eta|a les|a las|(?:e|y|i|and|a|to) (?:o|os|as|el|los|las|les|ls|the|l')|o|ou|or|edo|h\s*a)\s*$/;

/** Numbers with what stands behind them: a price in words, a span of time, or what a range's other end is. */
function shared(folded: string, facts: readonly Fact[], language: Language): Fact[] {
  const known: Fact[] = [];
  for (let index = facts.length - 1; index >= 0; index--) {
    let fact = facts[index]!;
    const next = known[0];
    const rest = folded.slice(fact.end);
    if (fact.kind === "number") {
      const value = fact.keys[0]!.slice(1);
      const money = new RegExp(`^\\s?(?:de\\s)?${MONEY}`, "u").exec(rest);
      const word = /^\s*(?:de\s+)?(\p{L}+)/u.exec(rest)?.[1] ?? "";
      const of = SPANS.find(([, names]) => names.test(word))?.[0];
      const days = COUNTED_DAYS.find(([, names]) => names.test(rest));
      const cents = /^\s?(?:de\s)?(?:cents?|centim[oe]?s?|centavos?|zentimo\w*)\b/.exec(rest);
      if (cents) fact = { ...fact, kind: "money", keys: [`m${Number(value) / 100}`], end: fact.end + cents[0].length };
      else if (/^\s?(?:por|per) ?c(?:i?en)to?\b/.test(rest)) fact = { ...fact, kind: "percent", keys: [`p${value}`] };
      else if (money) fact = { ...fact, kind: "money", keys: [`m${value}`], end: fact.end + money[0].length };
      else if (days) fact = { ...fact, of: "day", days: days[0], end: fact.end + days[1].exec(rest)![0].length };
      else if (of) fact = { ...fact, of };
      else if (THINGS.test(word) && !isStopWord(word, language)) fact = { ...fact, isOfThings: true };
      // "The card costs 6 €, its renewal 4."
      else if (isPrice(folded, facts[index - 1]) && /^\s*(?:$|[.,;)](?!\d))/u.test(rest)) fact = { ...fact, kind: "money", keys: [`m${value}`] };
      else if (next && RANGE.test(folded.slice(fact.end, next.start))) {
        if (next.kind === "money") fact = { ...fact, kind: "money", keys: [`m${value}`] };
        else if (next.kind === "percent") fact = { ...fact, kind: "percent", keys: [`p${value}`] };
        else if (next.kind === "time" && Number(value) <= 24) fact = { ...fact, kind: "time" };
        else if (next.kind === "number" && next.of) fact = { ...fact, of: next.of };
        else if (next.kind === "date" && Number(value) <= 31) fact = { ...fact, kind: "date", keys: [next.keys[0]!.replace(/^(d\d+)-\d+/, `$1-${value}`)] };
      }
    }
    known.unshift(fact);
  }
  // "The doctor within 3 days, a nurse within 2."
  let of: Span | undefined;
  return known.map((fact) => {
    if (fact.kind !== "number") return fact;
    const isBare = !fact.of && !fact.isOfThings && /^\s*(?:$|[.,;)](?!\d))/u.test(folded.slice(fact.end));
    of = fact.of ?? (isBare ? of : undefined);
    return of && isBare ? { ...fact, of } : fact;
  });
}

/** Whether a fact is a price, be its number in figures or in words. */
const isPrice = (folded: string, fact: Fact | undefined) =>
  !!fact && ((fact.kind === "money" && fact.keys[0] !== "m0") || (fact.kind === "number" && new RegExp(`^\\s?(?:de\\s)?${MONEY}`, "u").test(folded.slice(fact.end))));

/** What begins and ends there; in Basque, the verb stands behind. */
const FIRST = /(?<!\p{L})(?:abre\w*|abrir|obre\w*|opens?|comeca\w*|comenza\w*|empieza\w*|empeza\w*|comenca\w*|inicia\w*|starts?|begins?)(?: \p{L}+){0,2}\s*$/u;
const LAST = /(?<!\p{L})(?:fecha\w*|encerra\w*|cierra\w*|tanca\w*|pecha\w*|closes?|acaba\w*|termina\w*|remata\w*|finaliza\w*|ends?|finish\w*)(?: \p{L}+){0,2}\s*$/u;
const FIRST_BEHIND = /^\p{L}*\s(?:irekitzen|hasten|hasi)(?!\p{L})/u;
const LAST_BEHIND = /^\p{L}*\s(?:ixten|itxi|itxiko|amaitzen|bukatzen)(?!\p{L})/u;

function edgeOf(folded: string, { kind, start, end }: Fact): Pick<Fact, "edge"> {
  if (kind !== "time" && kind !== "date" && kind !== "number") return {};
  const [text, rest] = [folded.slice(Math.max(0, start - 40), start), folded.slice(end)];
  // A range tells both itself.
  if (/^\s*(?:h|horas|hores|am|pm)?\s*(?:a|as|ate|ata|hasta|to|-|fins)(?:\s\p{L}+)?\s\d/u.test(rest)) return {};
  if (FIRST.test(text) || FIRST_BEHIND.test(rest)) return { edge: "first" };
  if (LAST.test(text) || LAST_BEHIND.test(rest)) return { edge: "last" };
  return {};
}

/** "18 € por ano", "1.200 €, una vez al año", "€15 a month", "90 € urtean", "180 € mensais". */
const PERIODS: readonly (readonly [Span, RegExp])[] = (
  [
    ["day", "dia|day|egun\\p{L}*|diari[oa]s|diaris|diaries|daily"],
    ["week", "semana|setmana|week|aste\\p{L}*|semana(?:l|is)|semanales|weekly"],
    ["month", "mes|month|hile(?:an|ko|ro)|hilabete\\p{L}*|mensa(?:l|is)|mensual\\p{L}*|monthly"],
    ["year", "ano|any|year|urte(?:an|ko|ro)|anual|anuais|anuales|anuals|yearly|annually"],
  ] as const
).map(([span, names]) => [span, new RegExp(`^\\s*,?\\s*(?:(?:un|una|uma|once) \\p{L}+ )?(?:(?:por|al?|ao|per|cada|each|every|/|l')\\s?)*(?:${names})(?!\\p{L})`, "u")]);

function periodOf(folded: string, { kind, keys, end }: Fact): Pick<Fact, "per"> {
  if (kind !== "money" || keys[0] === "m0") return {};
  const rest = folded.slice(end, end + 40);
  const per = PERIODS.find(([, period]) => period.test(rest))?.[0];
  return per ? { per } : {};
}

const TO = /\s(?:a|as|ao|al|ate|ata|hasta|fins|to|till|until|through|-)(?:\s(?:a|o|as|os|la|las|el|les|al))?\s*$|etik\s*$/u;

/** Facts with what bounds them. */
function bounded(folded: string, facts: readonly Fact[]): Fact[] {
  return facts.map((bare, index) => {
    const before = facts[index - 1];
    const isOtherEnd = before?.kind === bare.kind && bare.start - before.end < 8;
    const goesTo = TO.test(folded.slice(bare.start, facts[index + 1]?.start ?? bare.end));
    const isWeek = goesTo && bare.keys[0] === "w1" && facts[index + 1]?.keys[0] === "w5";
    const week = isWeek ? { keys: [...bare.keys, WORKING_WEEK] } : {};
    const fact = { ...bare, ...(goesTo ? { goesTo } : {}), ...periodOf(folded, bare), ...week };
    if (fact.kind === "contact" || fact.kind === "address" || fact.kind === "day" || fact.keys[0] === "m0") return fact;
    const found = boundOf(folded, fact.start, fact.end);
    if (!found && !isOtherEnd) return { ...fact, ...edgeOf(folded, fact) };
    // What bounds the fact before or the one behind isn't this one's.
    if (!found || fact.start - found.before < (facts[index - 1]?.end ?? 0) || fact.end + found.after > (facts[index + 1]?.start ?? Infinity)) return fact;
    return { ...fact, bound: found, start: fact.start - found.before, end: fact.end + found.after };
  });
}

type Add = (kind: Fact["kind"], keys: string[], start: number, length: number) => void;

/** "12 de março de 2026", "March 12th, 2026", "2026ko martxoaren 12a", "março". */
function months(text: string, folded: string, taken: Uint8Array, add: Add): void {
  for (const { index, 0: word } of folded.matchAll(WORD)) {
    if (taken[index]) continue;
    const month = monthOf(word, text[index] !== folded[index]);
    if (month === null) continue;
    const before = /(\d{1,2})(?:\.?[ºªo]|st|nd|rd|th)?\s+(?:de\s+|d'\s*|do\s+|of\s+)?$/u.exec(folded.slice(Math.max(0, index - 14), index));
    const rest = folded.slice(index + word.length);
    const after = before ? null : /^\s+(?:the\s+)?(\d{1,2})(?:a|an|st|nd|rd|th|tik|ra|rako|raino|etik|era|ean)?\b(?!\d|[:h])/u.exec(rest);
    const end = index + word.length + (after?.[0].length ?? 0);
    const year = /^(?:\s*,?\s*(?:de\s+|del\s+|do\s+)?)(\d{4})\b/u.exec(folded.slice(end));
    const yearBefore = year ? null : /(\d{4})ko\s+$/u.exec(folded.slice(Math.max(0, index - 8), index));
    const day = before?.[1] ?? after?.[1];
    const start = index - (before?.[0].length ?? yearBefore?.[0].length ?? 0);
    const full = year?.[1] ?? yearBefore?.[1];
    const stop = end + (year?.[0].length ?? 0);
    if (day) add("date", [`d${month}-${Number(day)}${full ? `-${full}` : ""}`], start, stop - start);
    else add("month", [`mo${month}${full ? `-${full}` : ""}`], start, stop - start);
  }
}

/** "Nos dias úteis", "entre semana", "at weekends", "festivos": days of the week too, but for those that a number counts. */
function kindsOfDays(folded: string, language: Language, taken: Uint8Array, add: Add): void {
  for (const [key, pattern] of KINDS_OF_DAYS) {
    for (const { index, 0: found } of folded.matchAll(pattern)) {
      const before = /([\p{L}\d]+)\s*$/u.exec(folded.slice(0, index))?.[1] ?? "";
      if (!/\d$/.test(before) && numberOf(before, language) === null && !taken[index]) add("day", [key], index, found.length);
    }
  }
}

/** Days of the week, and numbers in words: "vinte e cinco", "twenty-five", "hogeita bost", "dois mil". */
function words(folded: string, language: Language, isAfternoon: boolean, taken: Uint8Array, add: Add): void {
  const found = [...folded.matchAll(/\p{L}+(?:-\p{L}+)*/gu)].flatMap(({ index, 0: word }) => {
    if (taken[index]) return [];
    // "segunda-feira" and "dos-cents" are one word, "twenty-five" and "trenta-cinc" are two.
    if (!word.includes("-") || dayOf(word) !== null || numberOf(word, language) !== null) return [{ index, word }];
    let place = index;
    return word.split("-").map((part) => ({ index: (place += part.length + 1) - part.length - 1, word: part }));
  });
  let open: { start: number; end: number; sum: number; last: number } | null = null;
  const close = () => {
    if (open) {
      const keys = [`n${open.sum}`, ...(open.sum > 24 ? [] : isAfternoon && open.sum < 12 ? half(open.sum * 60) : [`t${(open.sum * 60) % 1440}`])];
      add("number", keys, open.start, open.end - open.start);
    }
    open = null;
  };
  for (const { index, word } of found) {
    const day = dayOf(word);
    // "A second copy" is no Monday, in Portuguese.
    if (day !== null && !(/^(?:segunda|quarta|quinta|sexta)$/.test(word) && ORDERED.test(folded.slice(index + word.length)))) {
      close();
      add("day", [`w${day}`], index, word.length);
      continue;
    }
    const value = numberOf(word, language);
    const end = index + word.length;
    if (value === null) {
      if (!/^(?:e|y|i|and|eta)$/.test(word)) close();
      continue;
    }
    // A number goes on with a smaller one (twenty-five), or is multiplied (two thousand).
    const between = open ? folded.slice((open as { end: number }).end, index) : "";
    const together: boolean = open !== null && /^[\s-]*(?:(?:e|y|i|and|eta)\s+)?$/.test(between);
    const before = open as { start: number; end: number; sum: number; last: number } | null;
    if (before && together && value >= 100 && before.last < value && before.last < 100) {
      open = { ...before, end, sum: before.sum - before.last + before.last * value, last: before.last * value };
    } else if (before && together && value < before.last && before.last >= 20) {
      open = { ...before, end, sum: before.sum + value, last: value };
    } else {
      close();
      open = { start: index, end, sum: value, last: value };
    }
  }
  close();
}

/** Minutes of a span; a month has 30 days and a year 12 months, as people say. */
const MINUTES: { readonly [span in Span]: number } = { minute: 1, hour: 60, day: 1440, week: 10_080, month: 43_200, year: 518_400 };

const minutesOf = ({ keys, of }: Fact) => Number(keys.find((key) => key.startsWith("n"))?.slice(1)) * MINUTES[of!];

/** Whether two facts say the same. A date with a year is one without, where that says less. */
export function agrees(claimed: Fact, known: Fact): boolean {
  if (claimed.bound && (known.bound ? claimed.bound.side !== known.bound.side : claimed.bound.isStrict)) return false;
  if ((claimed.of && known.isOfThings) || (claimed.isOfThings && known.of)) return false;
  if (claimed.days && claimed.days !== known.days) return false;
  if (claimed.kind === "day" && known.kind === "day" && known.keys.length === 1 && isAmong(claimed.keys[0]!, known.keys[0]!)) return true;
  if (claimed.per && known.per && claimed.per !== known.per) return false;
  if (claimed.of && known.of && claimed.of !== known.of) return minutesOf(claimed) === minutesOf(known);
  // A street's number is no other number, nor another street's.
  const keys = claimed.kind === "address" ? claimed.keys.slice(0, 1) : claimed.keys;
  return keys.some((key) => known.keys.some((other) => key === other || other.startsWith(`${key}-`) && /^(?:d|mo)/.test(key)));
}
