// Whether a passage of the site supports a sentence of an answer. No model is asked: what must be right to the letter
// (numbers, prices, times, dates, addresses, names) must stand in the passage, at the same place and of the same thing;
// and most of the sentence's words must be the passage's. Where that can't be told, the sentence isn't supported: then the
// passage is quoted in its own words, which costs the visitor nothing but a smoother sentence.

import { fold } from "../language/fold.js";
import { languageFor, type Language } from "../language/languages.js";
import type { Passage } from "../search/passage.js";
import { isBound } from "./binding.js";
import { agrees } from "./facts.js";
import { CLOSED, isCountedElsewhere, isOpposite, OPEN, PAYS } from "./opposites.js";
import { isByAnotherWay, isWider } from "./scope.js";
import { isTelling } from "./synonyms.js";
import { textOf, type Item, type Text } from "./text.js";
import { isSameWord, isVerbal, type Denial, type Word } from "./words.js";

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

/** The least share of a sentence's content words and facts that stand in the place which supports it. */
export const LEAST_SHARED = 0.6;
/** The same where passage and sentence are in different languages, whose words differ; then a fact must agree too. */
export const LEAST_SHARED_ACROSS = 0.3;
/** The same of each of its clauses that says two things or more: half a sentence isn't supported by the other half. */
const LEAST_OF_CLAUSE = 0.34;
/** What a word of the page's title or heading weighs, which all that stands below may leave out. */
const HEADING_WEIGHT = 0.4;
/** The most sentences that support one. */
const MOST_UNITS = 5;
/** The least share of its words alone: days and prices that agree say nothing of whose they are. */
const LEAST_WORDS = 0.3;

/** A passage as it is compared. */
interface Known {
  readonly text: Text;
  /** Its title and heading, which hold for all of it. */
  readonly head: Text;
  readonly language: Language;
}

/** A line of the page about itself ("Last updated: 3 February 2026"), folded: its date is no date of what the page is about. */
const OF_THE_PAGE =
  /^\W*(?:(?:ultima|darrera|data d[ae]|fecha de|data de) (?:(?:ultima|darrera) )?(?:actuali[zt]\p{L}*|atualiz\p{L}*|modific\p{L}*|revis\p{L}*|publica\p{L}*)|(?:pagina )?(?:actualizad[oa]|atualizad[oa]|actualitzad?[at]|publica[dt][oa]?|modificad[oa]) (?:el|o|em|en|a|no|ao)|(?:this )?(?:page )?(?:was )?(?:last )?(?:updated|modified|reviewed|published)|azken (?:eguner|aldak)\p{L}*)(?!\p{L})[^.]{0,40}$/u;

const known = new WeakMap<Passage, Known>();

function knownOf(passage: Passage, fallback: Language): Known {
  let found = known.get(passage);
  if (!found) {
    const language = languageFor(passage.lang) ?? fallback;
    const written = passage.text.split("\n").filter((line) => !OF_THE_PAGE.test(fold(line))).join("\n");
    found = { text: textOf(written, language), head: textOf(`${passage.title}\n${passage.heading}`, language), language };
    known.set(passage, found);
  }
  return found;
}

/** The best place of a passage for a claim. */
interface Place {
  readonly shared: number;
  readonly reason: Reason;
}

/** From far to near: the nearest miss is the one that is told. */
const NEARNESS: readonly Reason[] = ["too-little-shared", "fact-missing", "name-missing", "fact-elsewhere", "contradicted", "supported"];

const isNearer = (a: Place, b: Place) => {
  const gain = NEARNESS.indexOf(a.reason) - NEARNESS.indexOf(b.reason);
  return gain > 0 || (gain === 0 && a.shared > b.shared);
};

function judge(claim: Text, passage: Known, language: Language): Place {
  const across = passage.language.slice(0, 2) !== language.slice(0, 2);
  const isSame = (a: Item, b: Item) => (a.word && b.word ? isSameWord(a.word.text, b.word.text, across, language === "eu") : !!a.fact && !!b.fact && agrees(a.fact, b.fact));
  const units = passage.text.labels.length;
  let best: Place = { shared: 0, reason: "too-little-shared" };
  for (let count = 1; count <= MOST_UNITS; count++) {
    for (let first = 0; first + count <= units; first++) {
      const isIn = ({ unit }: Item) => unit >= first && unit < first + count;
      const place = judgeSpan(claim, passage, passage.text.items.filter(isIn), across, isSame);
      if (isNearer(place, best)) best = place;
    }
  }
  if (best.reason !== "supported") return best;
  // What is right somewhere may be said of something else, or be denied, where the passage comes nearest.
  if (!isBound(claim, passage.text, isSame) || isUnderAnotherLabel(claim, passage.text, isSame)) return { ...best, reason: "fact-elsewhere" };
  const unit = nearestUnit(claim, passage.text, isSame);
  const ellipses = ellipsesOf(claim, passage.text, unit, isSame);
  if (isContrary(claim, passage.text, unit, ellipses, isSame)) return { ...best, reason: "contradicted" };
  if (!ellipses.isNamed && (isDenied(claim, passage.text, isSame) || isFlipped(claim, passage.text, isSame))) return { ...best, reason: "contradicted" };
  if (isAcrossRecords(claim, passage.text, isSame) || isOfNeighbour(claim, passage.text, isSame)) return { ...best, reason: "fact-elsewhere" };
  if (isCountedElsewhere(claim, passage.text, passage.head, unit)) return { ...best, reason: "fact-elsewhere" };
  return best;
}

type IsSame = (claimed: Item, known: Item) => boolean;

function judgeSpan(claim: Text, { head, text }: Known, items: readonly Item[], across: boolean, isSame: IsSame): Place {
  let weight = 0;
  let sum = 0;
  let words = 0;
  let found = 0;
  let missing: Reason | null = null;
  const facts = claim.items.filter(({ fact }) => fact).length;
  const clauses = new Map<number, { of: number; shared: number }>();
  for (const item of claim.items) {
    const here = items.some((other) => isSame(item, other));
    // A word of the heading that one of its sentences is about isn't what the others are about.
    const above = head.items.some((other) => isSame(item, other)) && (facts > 0 || !text.items.some((other) => isSame(item, other)));
    const counts = above && !here ? HEADING_WEIGHT : 1;
    const clause = clauses.get(item.clause) ?? { of: 0, shared: 0 };
    clauses.set(item.clause, { of: clause.of + 1, shared: clause.shared + (here || above ? 1 : 0) });
    weight += counts;
    if (item.word) words++;
    if (item.word && (here || above)) found++;
    if (here || above) sum += counts;
    else if (item.fact || isTelling(item.word!.text)) missing = "fact-missing";
    else if (item.word!.isName && !across) missing ??= "name-missing";
  }
  const shared = weight ? sum / weight : 0;
  const place = (reason: Reason): Place => ({ shared, reason });
  if (sum === 0) return place("too-little-shared");
  if (missing === "fact-missing") return place(missing);
  if (shared < (across && facts > 0 ? LEAST_SHARED_ACROSS : LEAST_SHARED)) return place("too-little-shared");
  if (missing) return place(missing);
  const isContact = claim.items.some(({ fact }) => fact?.kind === "contact");
  if (!across && facts < 3 && !isContact && words > 0 && found / words < LEAST_WORDS) return place("too-little-shared");
  if (!across && facts === 0 && isScattered(claim, items, isSame)) return place("too-little-shared");
  const isHalf = !across && [...clauses.values()].some(({ of, shared }) => of > 1 && shared / of < LEAST_OF_CLAUSE);
  return place(isHalf ? "too-little-shared" : "supported");
}

/** Whether a claim without a fact, of one clause, has half of its words in one sentence and half in another. */
function isScattered(claim: Text, items: readonly Item[], isSame: IsSame): boolean {
  const shared = claim.items.filter((item) => items.some((other) => isSame(item, other)));
  if (new Set(shared.map(({ clause }) => clause)).size > 1) return false;
  return new Set(items.map(({ unit }) => unit)).size > 1 && !items.some(({ unit }) => shared.filter((item) => items.some((other) => other.unit === unit && isSame(item, other))).length > shared.length / 2);
}

/** Where a passage is a list of things and what holds for each, a claim about one isn't supported by another's line. */
function isUnderAnotherLabel(claim: Text, passage: Text, isSame: IsSame): boolean {
  if (passage.labels.filter((label) => label.length > 0).length < 2) return false;
  const isLabel = (item: Item) => !!item.word && passage.labels[item.unit]!.includes(item.word.text);
  const named = new Set(passage.items.filter((item) => isLabel(item) && claim.items.some((one) => isSame(one, item))).map(({ unit }) => unit));
  if (named.size === 0) return false;
  // What the claim says of it, in the lines that say it.
  const said = claim.items.filter((one) => !passage.items.some((item) => isLabel(item) && isSame(one, item)));
  const scores = scoresOf(said, passage, isSame);
  const best = Math.max(...scores);
  const nearest = scores.flatMap((score, unit) => (score === best && best > 0 ? [unit] : []));
  return nearest.length > 0 && nearest.every((unit) => !named.has(unit) && passage.labels[unit]!.length > 0);
}

/** How much of the rarer items each unit shares. */
function scoresOf(items: readonly Item[], passage: Text, isSame: IsSame): number[] {
  const scores = passage.labels.map(() => 0);
  for (const item of items) {
    const units = new Set(passage.items.filter((other) => isSame(item, other)).map(({ unit }) => unit));
    for (const unit of units) scores[unit]! += 1 / units.size;
  }
  return scores;
}

/** The least letters of a word that tells one passage from another. */
const TELLING = 5;

/** Whether what a claim begins with, which is what it's about, is another passage's and not the one's that would support it. */
function isOfAnother(claim: Text, passages: readonly Known[], supporting: number): boolean {
  const subject = claim.items.find(({ word }) => word)?.word?.text;
  if (!subject || subject.length < TELLING) return false;
  const has = ({ text, head }: Known) => [...text.items, ...head.items].some(({ word }) => word && isSameWord(word.text, subject, true, false));
  return !has(passages[supporting]!) && passages.some(has);
}

/**
 * Whether the claim names a thing of which no passage has a word: behind an article, or alone in a list ("books, films and
 * music"). Verbs and adjectives may be the answer's own.
 */
function namesAnotherThing(claim: Text, passages: readonly Known[], language: Language): boolean {
  const isAlone = ({ word, clause }: Item) => clause > 0 && word!.text.length > 3 && !isVerbal(word!.text) && claim.items.filter((other) => other.clause === clause).length === 1;
  const things = claim.items.flatMap((item) => (item.word && (item.word.isThing || isAlone(item)) ? item.word.text : []));
  const known = passages.flatMap(({ text, head }) => [...text.items, ...head.items].flatMap(({ word }) => word?.text ?? []));
  return things.some((thing) => !known.some((word) => isSameWord(thing, word, true, language === "eu")));
}

/** The unit that shares most of the claim's rarer words. */
function nearestUnit(claim: Text, passage: Text, isSame: IsSame): number {
  const scores = scoresOf(claim.items, passage, isSame);
  return scores.indexOf(Math.max(...scores));
}

interface Ellipses {
  /** Whether the claim speaks of what an ellipsis is about: its denial counts then, not that of the words before. */
  readonly isNamed: boolean;
  /** Whether it denies what the ellipsis affirms, or the other way round. */
  readonly isContrary: boolean;
}

/** What a claim says of the pairs of a sentence as "confetti is not allowed, rice is". */
function ellipsesOf(claim: Text, passage: Text, unit: number, isSame: IsSame): Ellipses {
  let [isNamed, isContrary] = [false, false];
  const has = (item: Item, clause: number) => passage.items.some((other) => other.clause === clause && isSame(item, other));
  passage.clauses.forEach((ellipsis, at) => {
    if (ellipsis.unit !== unit || !ellipsis.isElliptic) return;
    claim.clauses.forEach(({ denies }, mine) => {
      const items = claim.items.filter(({ clause }) => clause === mine);
      const named = items.some((item) => has(item, at) && !has(item, at - 1));
      const before = items.some((item) => has(item, at - 1));
      isNamed ||= named;
      isContrary ||= named ? ellipsis.denies !== denies : before && passage.clauses[at - 1]!.denies !== denies;
    });
  });
  return { isNamed, isContrary };
}

/** Days and the like, of which a sentence may say that something isn't: "it does not run in August". */
const isWhen = ({ fact }: Item) => fact?.kind === "day" || fact?.kind === "date" || fact?.kind === "month";

/** Whether the claim affirms with words, or of days, that the passage has in denials only. */
function isDenied(claim: Text, passage: Text, isSame: IsSame): boolean {
  return claim.items.some((item) => {
    if (isWhen(item) ? claim.parts[item.part]!.isNot : !item.word || claim.clauses.some(({ denies }) => denies)) return false;
    const there = passage.items.filter((other) => isSame(item, other));
    return there.length > 0 && there.every(({ clause }) => passage.clauses[clause]!.denies);
  });
}

/** How near to the best a part comes that may be meant as well. */
const AS_NEAR = 0.9;

/**
 * Whether a part of the claim affirms what the part of the passage that shares most with it denies, or the other way round:
 * "smoking is not allowed, but pets are" of a page that allows neither.
 */
function isFlipped(claim: Text, passage: Text, isSame: IsSame): boolean {
  // "No appointment needed" is "without an appointment"; but what says both is compared by its verb.
  const isSaid = (one: Denial, other: Denial) => one.isNot === other.isNot || (one.isNot ? !one.isWithout && other.isWithout : one.isWithout && !other.isWithout);
  return claim.parts.some((denial, part) => {
    const scores = passage.parts.map(() => 0);
    for (const item of claim.items.filter((one) => one.part === part)) {
      const there = new Set(passage.items.filter((other) => isSame(item, other)).map((other) => other.part));
      for (const one of there) scores[one]! += 1 / there.size;
    }
    const best = Math.max(0, ...scores);
    return best > 0 && !scores.some((score, one) => score >= AS_NEAR * best && isSaid(denial, passage.parts[one]!));
  });
}

/** Whether the claim takes one thing from a line of a list and another from another: of each line it must have two. */
function isAcrossRecords(claim: Text, passage: Text, isSame: IsSame): boolean {
  // Opening and closing are of every line that says when.
  const isAt = claim.items.some(({ fact }) => fact?.kind === "time");
  const matched = passage.items.filter((item) => !(isAt && item.word && (OPEN.test(item.word.text) || CLOSED.test(item.word.text))) && claim.items.some((one) => isSame(one, item)));
  const isOnly = (item: Item) => !passage.items.some((other) => other.unit !== item.unit && claim.items.some((one) => isSame(one, item) && isSame(one, other)));
  const touched = [...new Set(matched.filter((item) => passage.records[item.unit] && isOnly(item)).map(({ unit }) => unit))];
  return touched.length > 1 && touched.some((unit) => matched.filter((item) => item.unit === unit).length < 2);
}

/** The least words and facts of a sentence, beside which a line is a heading. */
const LEAST_OF_SENTENCE = 3;

/** Whether the claim says of one sentence's subject what another sentence says of its own. */
function isOfNeighbour(claim: Text, passage: Text, isSame: IsSame): boolean {
  const units = passage.labels.map((_, at) => passage.items.filter((item) => item.unit === at));
  const subject = claim.items[0]!;
  const scores = scoresOf(claim.items.slice(1), passage, isSame);
  const unit = scores.indexOf(Math.max(...scores));
  // "Bank cards are sent to the bank": what is said again isn't the subject's alone.
  const isOnce = (word: Word) => units[unit]!.filter((item) => item.word && isSame({ ...subject, word }, item)).length === 1;
  const own = passage.subjects[unit]!;
  if (!subject.word || own.length === 0 || own.filter(isOnce).some((word) => claim.items.some((item) => isSame(item, { ...subject, word })))) return false;
  const there = passage.items.filter((item) => isSame(subject, item));
  return there.length > 0 && there.every((item) => scores[item.unit]! < scores[unit]! && units[item.unit]!.length >= LEAST_OF_SENTENCE && units[item.unit]![0] === item);
}

/** Whether the sentence that comes nearest denies what the claim says, or says its opposite. */
function isContrary(claim: Text, passage: Text, unit: number, ellipses: Ellipses, isSame: IsSame): boolean {
  const there = passage.items.filter((item) => item.unit === unit);
  const denied = (text: Text, items: readonly Item[]) => items.some(({ clause }) => text.clauses[clause]!.denies);
  const matched = there.filter((item) => claim.items.some((other) => isSame(other, item)));
  const claimed = claim.items.filter((item) => matched.some((other) => isSame(item, other)));
  if (ellipses.isContrary || (!ellipses.isNamed && denied(claim, claimed) !== denied(passage, matched))) return true;
  if (isWider(claim.scopes, passage.scopes[unit]!) || isByAnotherWay(claim.scopes, passage.scopes)) return true;
  const words = (items: readonly Item[]) => items.flatMap(({ word }) => word ?? []);
  const isFree = there.some(({ fact }) => fact?.keys[0] === "m0");
  if (isFree && !claim.items.some(({ fact }) => fact?.kind === "money") && words(claim.items).some(({ text }) => PAYS.test(text))) return true;
  // What is open is so at the times that are told; without one, a line that says it's closed of any of its words counts.
  if (claim.items.every(({ fact }) => fact?.kind !== "time") && words(claim.items).some(({ text }) => OPEN.test(text))) {
    const units = passage.labels.map((_, at) => passage.items.filter((item) => item.unit === at));
    const closed = units.filter((items) => words(items).some(({ text }) => CLOSED.test(text)));
    if (closed.some((items) => items.some((item) => claim.items.some((one) => isSame(one, item))))) return true;
  }
  return isOpposite(claim, passage, unit, isSame);
}

/**
 * Checks one sentence of an answer against the passages that it was made from.
 *
 * @param language the sentence's language; a passage has its own
 * @example
 * check("A renovação custa 15 €.", passages, "pt-PT"); // { supported: true, passage: 0, reason: "supported", ... }
 */
export function check(sentence: string, passages: readonly Passage[], language: Language): Verdict {
  const claim = textOf(sentence.replace(/[*_`#>]+/g, ""), language);
  if (claim.items.length === 0) return { sentence, supported: false, passage: null, reason: "nothing-said" };
  let best: Place & { passage: number | null } = { shared: 0, reason: "too-little-shared", passage: null };
  const all = passages.map((passage) => knownOf(passage, language));
  const places = all.map((passage) => judge(claim, passage, language));
  places.forEach((place, index) => {
    if (isNearer(place, best)) best = { ...place, passage: index };
  });
  if (best.reason === "supported" && all[best.passage!]!.language.slice(0, 2) === language.slice(0, 2) && namesAnotherThing(claim, all, language)) best = { ...best, reason: "too-little-shared" };
  if (best.reason === "supported" && isOfAnother(claim, all, best.passage!)) best = { ...best, reason: "fact-elsewhere" };
  // Where another passage says more of what the claim speaks of, and says another number, that one counts.
  const rival = places.find(({ shared, reason }) => (reason === "fact-missing" || reason === "fact-elsewhere") && shared > best.shared);
  if (best.reason === "supported" && rival) best = { ...rival, reason: "fact-elsewhere", passage: places.indexOf(rival) };
  return { sentence, supported: best.reason === "supported", passage: best.passage, reason: best.reason };
}
