// What the element is put together from, beside what people see: search, grounding, emergencies, languages. One object, so
// that a test puts others in; what isn't needed before the first question is loaded with it.

import { isEmergency } from "./emergency/index.js";
import type { Verdict } from "./grounding/index.js";
import { languageOf } from "./language/detect.js";
import type { Language } from "./language/languages.js";
import type { Found, Passage } from "./search/passage.js";

/** A search over a site's pages. A site may bring its own, as the element's property `index`. */
export interface SiteIndex {
  search(question: string, options: { lang: Language; limit?: number; signal?: AbortSignal }): Promise<Found[]>;
}

/** Which sentences a passage supports. */
export interface Grounding {
  sentencesOf(text: string, lang: Language): string[];
  check(sentence: string, passages: readonly Passage[], lang: Language): Pick<Verdict, "supported" | "passage">;
}

export interface Parts {
  openIndex(address: string | URL, options?: { fetch?: typeof fetch; signal?: AbortSignal }): Promise<SiteIndex>;
  grounding(): Promise<Grounding>;
  isEmergency(text: string): boolean;
  languageOf(text: string, among: readonly Language[], fallback: Language): Language;
}

export const parts: Parts = {
  openIndex: async (address, options) => (await import("./search/index.js")).openIndex(address, options),
  grounding: () => import("./grounding/index.js"),
  isEmergency,
  languageOf,
};
