// The passages of one language: which fit a question, by MiniSearch's BM25.
//
// MiniSearch gets an index of the question's words alone, made of the postings that were fetched for them, with the counts
// and lengths of the whole: its figures are those that it would have with everything in it.

import MiniSearch from "minisearch";

import { FIELDS, isPostings, isTexts, isWords, type ListPart, partOf, type Postings, type Texts, unpacked, type Words } from "./format.js";
import { Forms, type Meant } from "./forms.js";
import type { Passage } from "./passage.js";
import type { Part, Parts } from "./parts.js";

/** What a word counts in a field besides the text. */
const BOOST = { text: 1, heading: 1.5, title: 1.5 };

/** How many of the words that tell what a question is about a passage has to have; `docs/search.md` has what that was measured with. */
const ABOUT = 0.25;

/** A passage that fits. */
export interface Hit {
  readonly index: LanguageIndex;
  readonly passage: number;
  /** BM25 by what the question's words weigh together: 0 where nothing of it is there, above 2 where all of it is. */
  readonly score: number;
}

export class LanguageIndex {
  readonly #forms: Forms;
  readonly #pages: number[];
  readonly #topics: Set<number | undefined>;

  private constructor(
    readonly language: string,
    readonly words: Words,
    readonly parts: Parts,
    topics: Iterable<string>,
  ) {
    this.#forms = new Forms(words.words);
    this.#topics = new Set([...topics].map((word) => this.#forms.groupOf(word)));
    this.#pages = words.pages.flatMap((passages, page) => Array<number>(passages).fill(page));
  }

  /** Fetches what each search in it needs; `topics` are words of the language that only say what is asked. */
  static async open(
    language: string,
    part: Part & { readonly passages: number },
    parts: Parts,
    topics: Iterable<string>,
    signal?: AbortSignal,
  ): Promise<LanguageIndex> {
    const is = (value: unknown): value is Words => isWords(value, part.passages);
    return new LanguageIndex(language, await parts.json(part, is, signal), parts, topics);
  }

  /** How many passages there are. */
  get size(): number {
    return this.#pages.length;
  }

  /** The number of a passage's page among those of this language. */
  pageOf(passage: number): number {
    return this.#pages[passage] ?? -1;
  }

  /**
   * The passages that are about what the question is about, the best first; `isTopic` knows words that only say what is asked
   * of that ("custa", "documentos"), which carry a passage only where the question has no others.
   */
  async search(question: readonly string[], isTopic: (word: string) => boolean, signal?: AbortSignal): Promise<Hit[]> {
    const meant = new Map<string, Meant>();
    for (const word of question) {
      const found = this.#forms.meant(word);
      if (found) meant.set(word, found);
    }
    const postings = await this.#postings([...meant.values()].flatMap(({ groups }) => groups), signal);
    const terms = [...meant].map(([word, { groups }]) => [word, merged(groups.map((group) => postings.get(group) ?? []))] as const);
    const { size } = this;
    // As much as a word tells that stands in so many passages; one that stands in none tells the most.
    const weigh = (count: number) => Math.log(1 + (size - count + 0.5) / (count + 0.5));
    const counts = new Map(terms.map(([word, fields]) => [word, new Set(fields.flatMap((field) => [...field.keys()])).size]));
    const whole = question.reduce((sum, word) => sum + weigh(counts.get(word) ?? 0), 0);
    // A word may be another form of one that only says what is asked.
    const isSubject = (word: string) => !isTopic(word) && !meant.get(word)?.groups.every((group) => this.#topics.has(group));
    const subject = question.filter(isSubject).length;
    const isAbout = (terms: readonly string[]) => terms.filter(isSubject).length >= ABOUT * subject;

    const found = this.#miniSearch(terms).search([...meant.keys()].join(" "), {
      boost: BOOST,
      boostTerm: (term) => meant.get(term)?.weight ?? 0,
    });
    const about = found.filter(({ terms }) => isAbout(terms));
    return about.map(({ id, score }) => ({ index: this, passage: id as number, score: score / whole }));
  }

  /** A passage's text and where it stands. */
  async passage(number: number, signal?: AbortSignal): Promise<Passage> {
    const [part, at, count] = partOf(this.words.texts, number, this.size)!;
    const is = (value: unknown): value is Texts => isTexts(value, count);
    const { pages, passages } = await this.parts.json(part, is, signal);
    const [page, anchor, heading, lang, text] = passages[at]!;
    const [url, title] = pages[page]!;
    return { url, anchor, title, heading, lang, text };
  }

  /** The fields of some groups. */
  async #postings(groups: readonly number[], signal?: AbortSignal): Promise<Map<number, readonly (readonly number[])[]>> {
    const wanted = new Map<ListPart, { count: number; items: [group: number, at: number][] }>();
    for (const group of new Set(groups)) {
      const [part, at, count] = partOf(this.words.postings, group, this.words.words.length)!;
      const { items = [] } = wanted.get(part) ?? {};
      wanted.set(part, { count, items: [...items, [group, at]] });
    }
    const lists = await Promise.all(
      [...wanted].map(async ([part, { count, items }]) => {
        const is = (value: unknown): value is Postings => isPostings(value, count, this.size);
        const postings = await this.parts.json(part, is, signal);
        return items.map(([group, at]) => [group, postings[at]!] as const);
      }),
    );
    return new Map(lists.flat());
  }

  #miniSearch(terms: readonly (readonly [string, Map<number, number>[]])[]): MiniSearch {
    const { size } = this;
    const { lengths } = this.words;
    const passages = [...Array(size).keys()];
    const object = <T>(of: (passage: number) => T) => Object.fromEntries(passages.map((passage) => [passage, of(passage)]));
    return MiniSearch.loadJS(
      {
        documentCount: size,
        nextId: size,
        documentIds: object((passage) => passage),
        fieldIds: Object.fromEntries(FIELDS.map((name, field) => [name, field])),
        fieldLength: object((passage) => lengths.map((field) => field[passage] ?? 0)),
        averageFieldLength: lengths.map((field) => field.reduce((sum, length) => sum + length, 0) / Math.max(1, size)),
        storedFields: {},
        dirtCount: 0,
        index: terms.map(([word, fields]) => [word, Object.fromEntries(fields.map((field, id) => [id, Object.fromEntries(field)]))]),
        serializationVersion: 2,
      },
      { fields: [...FIELDS], tokenize: (text) => text.split(" "), processTerm: (term) => term },
    );
  }
}

/** The postings of several groups as those of one word. */
function merged(groups: readonly (readonly (readonly number[])[])[]): Map<number, number>[] {
  return FIELDS.map((_, field) => {
    const counts = new Map<number, number>();
    for (const group of groups) {
      for (const [passage, count] of unpacked(group[field] ?? [])) counts.set(passage, (counts.get(passage) ?? 0) + count);
    }
    return counts;
  });
}
