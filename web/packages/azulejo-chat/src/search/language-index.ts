// The passages of one language: which fit a question. Only the postings of the question's words are fetched; with them and
// the lengths of all passages, scores are those that the whole index would give.

import { type Field, ranked, rarity, type Term } from "./bm25.js";
import { FIELDS, isPostings, isTexts, isWords, type ListPart, partOf, type Postings, type Texts, unpacked, type Words } from "./format.js";
import { Forms, type Meant } from "./forms.js";
import type { Passage } from "./passage.js";
import type { Part, Parts } from "./parts.js";

/** What a word counts in a field besides the text. */
const BOOST: Record<(typeof FIELDS)[number], number> = { text: 1, heading: 1.5, title: 1.5 };

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
  readonly #fields: readonly Field[];
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
    this.#fields = FIELDS.map((name, field) => {
      const lengths = words.lengths[field]!;
      return { boost: BOOST[name], lengths, average: lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, lengths.length) };
    });
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
    const terms = [...meant].map(([word, { groups, weight }]): Term => ({ word, weight, fields: merged(groups.map((group) => postings.get(group) ?? [])) }));
    const counts = new Map(terms.map(({ word, fields }) => [word, new Set(fields.flatMap((field) => [...field.keys()])).size]));
    // A word may be another form of one that only says what is asked.
    const isSubject = (word: string) => !isTopic(word) && !meant.get(word)?.groups.every((group) => this.#topics.has(group));
    // What stands nowhere tells the most, but for what only says what is asked: there pages have other words for it, or none.
    const weighed = question.filter((word) => counts.has(word) || isSubject(word));
    const whole = weighed.reduce((sum, word) => sum + rarity(counts.get(word) ?? 0, this.size), 0);
    const subject = question.filter(isSubject).length;
    const isAbout = (words: readonly string[]) => words.filter(isSubject).length >= ABOUT * subject;

    const about = ranked(terms, this.#fields).filter(({ words }) => isAbout(words));
    return about.map(({ passage, score }) => ({ index: this, passage, score: score / whole }));
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
