// Search over a site's pages, in the visitor's browser: the index of `azulejo index`, of which each search fetches what it
// needs.

import type { Language } from "../language/languages.js";
import { firstOf, type First } from "./format.js";
import { type Hit, LanguageIndex } from "./language-index.js";
import { Parts } from "./parts.js";
import type { Found } from "./passage.js";
import { type Where, whereToLook } from "./related.js";
import { fused, nearest } from "./vectors.js";
import { wordsOf } from "./words.js";

export { SearchError, type SearchErrorCode } from "./parts.js";
export type { Found, Passage } from "./passage.js";

export interface OpenOptions {
  /** Instead of the page's own `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  readonly signal?: AbortSignal;
}

export interface SearchOptions {
  /** The question's language. */
  readonly lang: Language;
  /** How many passages at most; 3 where nothing is said. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
  /** The question's vector, of length 1, by the encoder that made the index's (`SiteIndex.vectors`). */
  readonly vector?: Float32Array;
}

/** An index that is open. */
export interface SiteIndex {
  /** The languages that the site's pages are in. */
  readonly languages: readonly string[];
  /** Which encoder made the passages' vectors, and how many numbers they have; null where there are none. */
  readonly vectors: { readonly model: string; readonly size: number } | null;
  /** The passages that fit a question, the best first; none where nothing does. */
  search(question: string, options: SearchOptions): Promise<Found[]>;
}

/** A question, as it is looked for. */
interface Asked {
  /** Without stop words of the question's language. */
  readonly words: readonly string[];
  /** True for a word that only says what is asked about a thing. */
  readonly isTopic: (word: string) => boolean;
  readonly vector: Float32Array | undefined;
  readonly signal: AbortSignal | undefined;
}

/** How many passages a search gives, and how many of them of one page. */
const LIMIT = 3;
const OF_A_PAGE = 2;
/** The score from which a passage fits; `docs/search.md` has what that was measured with. */
const FITS = 0.8;

/**
 * Opens the index at an address, relative to the page's.
 * @throws SearchError where there is none, or not one that this reads.
 */
export async function openIndex(address: string | URL, options: OpenOptions = {}): Promise<SiteIndex> {
  const url = new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href);
  const parts = new Parts(url, options.fetch ?? ((...args) => globalThis.fetch(...args)));
  return new OpenIndex(firstOf(await parts.first(options.signal), url.href), parts);
}

class OpenIndex implements SiteIndex {
  readonly #opened = new Map<string, LanguageIndex>();
  readonly #stop: Map<string, Set<string>>;
  readonly #topics: Map<string, Set<string>>;

  constructor(
    readonly first: First,
    readonly parts: Parts,
  ) {
    this.#stop = sets(first.stop);
    this.#topics = sets(first.topics ?? {});
  }

  get languages(): readonly string[] {
    return Object.keys(this.first.languages);
  }

  get vectors(): { readonly model: string; readonly size: number } | null {
    return this.first.vectors ?? null;
  }

  async search(question: string, { lang, limit = LIMIT, signal, vector }: SearchOptions): Promise<Found[]> {
    signal?.throwIfAborted();
    const stop = this.#stop.get(lang);
    const words = [...new Set(wordsOf(question))].filter((word) => !stop?.has(word));
    const { first, else: elsewhere } = whereToLook(lang, this.languages);
    const asked: Asked = { words, isTopic: (word) => this.#topics.get(lang)?.has(word) ?? false, vector, signal };
    let hits = await this.#look(first, asked);
    if (hits.length === 0) hits = await this.#look(elsewhere, asked);
    const found = atMost(hits, limit).map(async (hit) => ({ passage: await hit.index.passage(hit.passage, signal), score: hit.score }));
    return Promise.all(found);
  }

  /** What fits in some languages, the best first. */
  async #look(where: readonly Where[], { words, isTopic, vector, signal }: Asked): Promise<Hit[]> {
    const lists = await Promise.all(
      where.map(async ({ language, worth }) => {
        const index = await this.#open(language, signal);
        // A question may be in another language than it is thought to be.
        const telling = words.filter((word) => !this.#stop.get(language)?.has(word));
        const byWords = telling.length > 0 ? await index.search(telling, isTopic, signal) : [];
        const near = vector ? await nearest(index, vector, signal) : [];
        return { byWords: byWords.map((hit) => ({ ...hit, score: hit.score * worth })), near };
      }),
    );
    const byScore = (a: Hit, b: Hit) => b.score - a.score;
    const fitting = lists.flatMap(({ byWords }) => byWords).filter(({ score }) => score >= FITS).sort(byScore);
    return vector ? fused([fitting, lists.flatMap(({ near }) => near).sort(byScore)]) : fitting;
  }

  async #open(language: string, signal?: AbortSignal): Promise<LanguageIndex> {
    const part = this.first.languages[language];
    const known = this.#opened.get(language);
    if (known || !part) return known as LanguageIndex;
    const opened = await LanguageIndex.open(language, part, this.parts, this.#topics.get(language) ?? [], signal);
    this.#opened.set(language, opened);
    return opened;
  }
}

/** Lists of words by language. */
function sets(lists: Readonly<Record<string, string>>): Map<string, Set<string>> {
  return new Map(Object.entries(lists).map(([language, words]) => [language, new Set(words.split(" "))]));
}

/** The first ones, of each page a few. */
function atMost(hits: readonly Hit[], limit: number): Hit[] {
  const pages = new Map<string, number>();
  const isFurther = ({ index, passage }: Hit) => {
    const page = `${index.language} ${index.pageOf(passage)}`;
    const count = (pages.get(page) ?? 0) + 1;
    pages.set(page, count);
    return count <= OF_A_PAGE;
  };
  return hits.filter(isFurther).slice(0, limit);
}
