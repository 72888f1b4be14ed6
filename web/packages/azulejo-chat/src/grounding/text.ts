// A text as it is compared: its units (sentences and lines), and their words and facts at their places.

import type { Language } from "../language/languages.js";
import { factsOf, type Fact } from "./facts.js";
import { scopeOf, type Scope } from "./scope.js";
import { sentencesOf } from "./sentences.js";
import { denialOf, denies, endsSubject, isElliptic, isVerbal, partsOf, withPlainDenials, wordsOf, type Denial, type Word } from "./words.js";

/** A word or a fact of a text. */
export interface Item {
  readonly word?: Word;
  readonly fact?: Fact;
  /** Its place in the text, in letters; units lie one behind the other. */
  readonly start: number;
  readonly end: number;
  /** Which unit it stands in, and which clause of the text. */
  readonly unit: number;
  readonly clause: number;
  /** Which part of the text, with a verb of its own. */
  readonly part: number;
}

/** What stands between two commas or the like, and says one thing. */
export interface Clause {
  readonly unit: number;
  readonly denies: boolean;
  /** Whether it leaves out what the clause before it says, and only affirms or denies it: "rice is", "as chanclas, non". */
  readonly isElliptic: boolean;
}

/** A text and all that is compared of it. */
export interface Text {
  /** In their order. */
  readonly items: readonly Item[];
  readonly clauses: readonly Clause[];
  /** What each part denies. */
  readonly parts: readonly Denial[];
  /** Whether each unit is a line of a list, which holds for what it names and no more: it has a fact and is no sentence. */
  readonly records: readonly boolean[];
  /** The words before a unit's colon ("Amarelo: embalagens"), folded, which say what all of the unit is about. */
  readonly labels: readonly (readonly string[])[];
  /** The words that each unit begins with, which name what it is about; none where it has a fact first. */
  readonly subjects: readonly (readonly Word[])[];
  /** What each unit reaches. */
  readonly scopes: readonly Scope[];
}

/** Where a clause ends; a fact may have such signs within. */
const BOUNDS = /[,;:()|•–—]\s|\s(?:e|y|i|and|eta|o|ou|or|edo|mas|pero|però|but|baina)\s|[()]/giu;
/** The most words and facts of a line of a list. */
const MOST_OF_RECORD = 8;
/** How many words of a sentence's beginning may name what it is about. */
const MOST_OF_SUBJECT = 2;
const LABEL = /^[-*•\s]*([^:.?!\d]{2,40}):\s/u;

export function textOf(written: string, language: Language): Text {
  const items: Item[] = [];
  const clauses: Clause[] = [];
  const parts: Denial[] = [];
  const records: boolean[] = [];
  const labels: string[][] = [];
  const subjects: Word[][] = [];
  const scopes: Scope[] = [];
  let offset = 0;
  sentencesOf(written, language).forEach((whole, unit) => {
    const sentence = withPlainDenials(whole);
    scopes.push(scopeOf(sentence));
    const facts = factsOf(sentence, language);
    const isFact = (place: number) => facts.some(({ start, end }) => place >= start && place < end);
    const words = wordsOf(sentence, language).filter(({ start }) => !isFact(start));
    const mine = [
      ...words.map((word) => ({ word, start: word.start, end: word.start + word.text.length })),
      ...facts.map((fact) => ({ fact, start: fact.start, end: fact.end })),
    ].sort((a, b) => a.start - b.start);
    // What says nothing of its own ("sim" behind "as chanclas,") belongs to what stands before.
    const bounds = [0];
    const places = [...sentence.matchAll(BOUNDS)].flatMap(({ index, 0: mark }) => (isFact(index) || isFact(index + mark.length - 1) ? [] : [index + 1]));
    places.forEach((place, at) => {
      if (mine.some(({ start }) => start >= place && start < (places[at + 1] ?? Infinity))) bounds.push(place);
    });
    const first = clauses.length;
    // "They don't pay" is a price, and no denial of one; nor is "not more than".
    const plain = facts.reduceRight((text, { kind, bound, start, end }) => (kind === "money" || bound ? text.slice(0, start) + " ".repeat(end - start) + text.slice(end) : text), sentence);
    bounds.forEach((start, at) => {
      const clause = plain.slice(start, bounds[at + 1]);
      clauses.push({ unit, denies: denies(clause, language), isElliptic: at > 0 && isElliptic(clause) });
    });
    const firstPart = parts.length;
    const partStarts = partsOf(plain);
    partStarts.forEach((start, at) => parts.push(denialOf(plain.slice(start, partStarts[at + 1]), language)));
    const partOf = (place: number) => firstPart + partStarts.findLastIndex((start) => start <= place);
    records.push(mine.length <= MOST_OF_RECORD && facts.length > 0 && !/[.!?]\W*$/u.test(sentence));
    const end = mine.findIndex(({ start }, at) => !("word" in mine[at]!) || (at > 0 && (isVerbal(mine[at].word.text) || endsSubject(mine[at].word.text) || endsSubject(sentence.slice(mine[at - 1]!.end, start)))));
    subjects.push(mine.slice(0, Math.min(end < 0 ? mine.length : end, MOST_OF_SUBJECT)).flatMap((one) => ("word" in one ? one.word : [])));
    const clauseOf = (place: number) => first + bounds.findLastIndex((start) => start <= place);
    const label = LABEL.exec(sentence)?.[1];
    labels.push(label ? wordsOf(label, language).map(({ text }) => text) : []);
    for (const item of mine) {
      items.push({ ...item, start: item.start + offset, end: item.end + offset, unit, clause: clauseOf(item.start), part: partOf(item.start) });
    }
    offset += sentence.length + 1;
  });
  return { items, clauses, parts, records, labels, subjects, scopes };
}
