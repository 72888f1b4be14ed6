// Whether a passage of the site supports a sentence of an answer. No model is asked: what must be right to the letter
// (numbers, prices, times, dates, addresses, names) must stand in the passage, at the same place and of the same thing;
// and most of the sentence's words must be the passage's. Where that can't be told, the sentence isn't supported: then the
// passage is quoted in its own words, which costs the visitor nothing but a smoother sentence.

import { languageFor, type Language } from "../language/languages.js";
import type { Passage } from "../search/passage.js";
import { agrees, factsOf, type Fact } from "./facts.js";
import { sentencesOf } from "./sentences.js";
import { denies, isOpposite, isSameWord, wordsOf, type Word } from "./words.js";

export { sentencesOf } from "./sentences.js";

/** Why a sentence is supported, or isn't. */
export type Reason =
  /** Its facts and most of its words stand in the passage. */
  | "supported"
  /** It has no word that says anything ("Of course!"). */
  | "nothing-said"
  /** A number, price, time, date, telephone number or address stands in no passage. */
  | "fact-missing"
  /** All facts stand there, but not together, or of another thing. */
  | "fact-elsewhere"
  /** A name stands in no passage. */
  | "name-missing"
  /** The passage says the opposite. */
  | "contradicted"
  /** Too few of its words stand in one place of a passage. */
  | "too-little-shared";

/** What the check found of one sentence. */
export interface Verdict {
  readonly sentence: string;
  readonly supported: boolean;
  /** Which of the passages supports it; of an unsupported sentence, which comes nearest; null where none has a word of it. */
  readonly passage: number | null;
  readonly reason: Reason;
}

/** The least share of a sentence's content words that stand in the place which supports it. */
export const LEAST_SHARED = 0.6;
/** The same where passage and sentence are in different languages, whose words differ; then a fact must agree too. */
export const LEAST_SHARED_ACROSS = 0.3;
/** What a word of the page's title or heading weighs, which all that stands below may leave out. */
const HEADING_WEIGHT = 0.4;

/** A sentence or line of a passage, or the claim itself. */
interface Unit {
  readonly text: string;
  readonly words: readonly Word[];
  readonly facts: readonly Fact[];
  readonly clauses: readonly Clause[];
  readonly denies: boolean;
}

/** A part of a unit between commas and the like, which says one thing. */
interface Clause {
  readonly start: number;
  readonly words: readonly Word[];
  readonly facts: readonly Fact[];
}

function unit(text: string, language: Language): Unit {
  const words = wordsOf(text, language);
  const facts = factsOf(text);
  const isFact = (place: number) => facts.some(({ start, end }) => place >= start && place < end);
  const content = words.filter(({ start }) => !isFact(start));
  const bounds = [0];
  for (const { index, 0: mark } of text.matchAll(/[,;:()|•–—]\s|\s(?:e|y|i|and|eta|o|ou|or|edo)\s|[()]/gu)) if (!isFact(index) && !isFact(index + mark.length - 2)) bounds.push(index + 1);
  const clauses = bounds.map((start, index) => {
    const isIn = ({ start: place }: { start: number }) => place >= start && place < (bounds[index + 1] ?? Infinity);
    return { start, words: content.filter(isIn), facts: facts.filter(isIn) };
  });
  return { text, words: content, facts, clauses, denies: denies(text, language) };
}

/** A passage as it is compared. */
interface Known {
  readonly units: readonly Unit[];
  /** Its title's and heading's words and facts, which hold for all of it. */
  readonly head: Unit;
  readonly language: Language;
}

const known = new WeakMap<Passage, Known>();

function knownOf(passage: Passage, fallback: Language): Known {
  let found = known.get(passage);
  if (!found) {
    const language = languageFor(passage.lang) ?? fallback;
    const units = sentencesOf(passage.text, language).map((text) => unit(text, language));
    found = { units, head: unit(`${passage.title}. ${passage.heading}.`, language), language };
    known.set(passage, found);
  }
  return found;
}

const has = (words: readonly Word[], word: Word, areRelated: boolean) => words.some(({ text }) => isSameWord(text, word.text, areRelated));

/** The best place of a passage for a claim. */
interface Place {
  readonly shared: number;
  readonly reason: Reason;
}

/** How bad a reason is: the nearest miss is the one that is told. */
const NEARNESS: readonly Reason[] = ["too-little-shared", "fact-missing", "name-missing", "fact-elsewhere", "contradicted", "supported"];

function judge(claim: Unit, passage: Known, language: Language): Place {
  const across = passage.language.slice(0, 2) !== language.slice(0, 2);
  let best: Place = { shared: 0, reason: "too-little-shared" };
  const spans: Unit[][] = passage.units.map((each) => [each]);
  for (let first = 0; first + 1 < passage.units.length; first++) spans.push(passage.units.slice(first, first + 2));
  for (let first = 0; first + 2 < passage.units.length; first++) spans.push(passage.units.slice(first, first + 3));
  for (const span of spans) {
    const place = judgeSpan(claim, span, passage.head, across);
    const gain = NEARNESS.indexOf(place.reason) - NEARNESS.indexOf(best.reason);
    if (gain > 0 || (gain === 0 && place.shared > best.shared)) best = place;
  }
  return best;
}

function judgeSpan(claim: Unit, span: readonly Unit[], head: Unit, across: boolean): Place {
  const words = span.flatMap((each) => each.words);
  const facts = span.flatMap((each) => each.facts);
  let weight = 0;
  let sum = 0;
  let missingName = false;
  for (const word of claim.words) {
    const here = has(words, word, across);
    const above = has(head.words, word, across);
    const counts = above && !here ? HEADING_WEIGHT : 1;
    weight += counts;
    if (here || above) sum += counts;
    else if (word.isName) missingName = true;
  }
  const shared = weight ? sum / weight : 0;
  const place = (reason: Reason): Place => ({ shared, reason });
  const all = [...facts, ...head.facts];
  const missing = claim.facts.some((fact) => !all.some((other) => agrees(fact, other)));
  const touches = claim.words.length === 0 || sum > 0;
  const enough = shared >= (across ? LEAST_SHARED_ACROSS : LEAST_SHARED) && (!across || claim.facts.length > 0 || shared >= LEAST_SHARED);
  // A claim of facts alone ("From 9h to 17h.") stands on them.
  if (!touches || (claim.words.length === 0 && claim.facts.length === 0)) return place("too-little-shared");
  if (missing) return place(enough || sum > 0 ? "fact-missing" : "too-little-shared");
  if (!enough && claim.words.length > 0) return place("too-little-shared");
  if (missingName && !across) return place("name-missing");
  if (!areTogether(claim, span, head, across)) return place("fact-elsewhere");
  const denied = span.some((each) => each.denies);
  if (claim.denies !== denied && (claim.denies || span.every((each) => each.denies))) return place("contradicted");
  if (isOpposite(claim.words, words)) return place("contradicted");
  return place("supported");
}

/**
 * Whether each fact of the claim is said of the same thing. The facts of one clause stand in one unit; and where the
 * passage has several facts of a kind, the clause that has this one is the one that shares most words with the claim's.
 */
function areTogether(claim: Unit, span: readonly Unit[], head: Unit, across: boolean): boolean {
  for (const clause of claim.clauses) {
    const facts = clause.facts.filter((fact) => !head.facts.some((other) => agrees(fact, other)));
    if (facts.length === 0) continue;
    // What the clause is about: its own words, or the whole claim's where it has none but facts.
    const about = clause.words.length ? clause.words : claim.words;
    const holds = span.some((each) => facts.every((fact) => isSaidOf(fact, about, each, head, across)));
    if (!holds) return false;
  }
  return true;
}

function isSaidOf(fact: Fact, about: readonly Word[], where: Unit, head: Unit, across: boolean): boolean {
  const rivals = where.clauses.filter((clause) => clause.facts.some(({ kind }) => kind === fact.kind));
  const holders = rivals.length ? rivals.filter((clause) => clause.facts.some((other) => agrees(fact, other))) : where.clauses.filter((clause) => clause.facts.some((other) => agrees(fact, other)));
  if (holders.length === 0) return false;
  const others = rivals.filter((clause) => !holders.includes(clause) && clause.words.length > 0);
  if (others.length === 0) return true;
  const fit = (clause: Clause) =>
    about.reduce((sum, word) => sum + (has(clause.words, word, across) ? (has(head.words, word, across) ? HEADING_WEIGHT : 1) : 0), 0);
  const most = Math.max(...holders.map(fit));
  return others.every((clause) => fit(clause) < most || (fit(clause) === most && most === 0));
}

/**
 * Checks one sentence of an answer against the passages that it was made from.
 *
 * @param language the sentence's language; a passage has its own
 * @example
 * check("A renovação custa 15 €.", passages, "pt-PT"); // { supported: true, passage: 0, reason: "supported", ... }
 */
export function check(sentence: string, passages: readonly Passage[], language: Language): Verdict {
  const claim = unit(sentence.replace(/[*_`#>]+/g, ""), language);
  if (claim.words.length === 0 && claim.facts.length === 0) return { sentence, supported: false, passage: null, reason: "nothing-said" };
  let best: Place & { passage: number | null } = { shared: 0, reason: "too-little-shared", passage: null };
  passages.forEach((passage, index) => {
    const place = judge(claim, knownOf(passage, language), language);
    const gain = NEARNESS.indexOf(place.reason) - NEARNESS.indexOf(best.reason);
    if (gain > 0 || (gain === 0 && place.shared > best.shared)) best = { ...place, passage: index };
  });
  return { sentence, supported: best.reason === "supported", passage: best.passage, reason: best.reason };
}
