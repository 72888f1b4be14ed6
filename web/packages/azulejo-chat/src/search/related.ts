// In which languages a question is looked for besides its own, and what a find there is worth.

import { type Language, languageFor } from "../language/languages";

/** Languages whose words are alike, or that most who write the one can read, the nearest first. */
const RELATED: Record<Language, readonly Language[]> = {
  "pt-PT": ["pt-BR", "gl", "es"],
  "pt-BR": ["pt-PT", "gl", "es"],
  es: ["gl", "ca", "pt-PT", "pt-BR"],
  ca: ["es"],
  gl: ["pt-PT", "es", "pt-BR"],
  eu: ["es", "en"],
  en: [],
};

/** What a find is worth in the question's own language, in one that is related to it, and in any other. */
const OWN = 1;
const NEAR = 0.75;
const FAR = 0.5;

/** The languages of an index, each with what a find there is worth to a question in `lang`. */
export function worthOf(lang: Language, languages: readonly string[]): Map<string, number> {
  const related: readonly string[] = RELATED[lang];
  const worth = (language: string) => (language === lang ? OWN : related.includes(language) ? NEAR : FAR);
  // A language of the index that isn't the element's may be one of the element's under another name.
  return new Map(languages.map((language) => [language, worth(languageFor(language) ?? language)]));
}
