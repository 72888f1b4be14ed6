// What the element is put together from, beside what people see: search, grounding, emergencies, languages.

import type { Language } from "./language/languages.js";
import type { Found, Passage } from "./search/passage.js";

/** A search over a site's pages. A site may bring its own, as the element's property `index`. */
export interface SiteIndex {
  search(question: string, options: { lang: Language; limit?: number; signal?: AbortSignal }): Promise<Found[]>;
}

/** What the check of a sentence says. */
export interface Verdict {
  readonly supported: boolean;
  /** Which of the passages supports it, counted from 0; null if none does. */
  readonly passage: number | null;
}

/** Which sentences a passage supports. */
export interface Grounding {
  sentencesOf(text: string, lang: Language): string[];
  check(sentence: string, passages: readonly Passage[], lang: Language): Verdict;
}

export interface Parts {
  openIndex(address: string | URL, options?: { fetch?: typeof fetch; signal?: AbortSignal }): Promise<SiteIndex>;
  grounding(): Promise<Grounding>;
  isEmergency(text: string): boolean;
  languageOf(text: string, among: readonly Language[], fallback: Language): Language;
}

/** Sentences as the browser cuts them, and those are supported that stand in a passage word for word. */
const literal: Grounding = {
  sentencesOf: (text, lang) =>
    [...new Intl.Segmenter(lang, { granularity: "sentence" }).segment(text)].map(({ segment }) => segment.trim()).filter(Boolean),
  check(sentence, passages) {
    const index = passages.findIndex(({ text }) => text.includes(sentence.replace(/[.!?]+$/, "")));
    return { supported: index >= 0, passage: index >= 0 ? index : null };
  },
};

export const parts: Parts = {
  openIndex: async (address) => {
    throw new Error(`${address} can't be searched: this build has no search.`);
  },
  grounding: async () => literal,
  isEmergency: (text) => /\bfire\b/i.test(text),
  languageOf: (_text, _among, fallback) => fallback,
};
