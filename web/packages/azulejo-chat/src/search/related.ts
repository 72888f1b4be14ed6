// In which languages a question is looked for besides its own.

import { type Language, languageFor } from "../language/languages.js";

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

/** What a find is worth in a language that is near the question's, and in any other. */
const NEAR = 0.75;
const FAR = 0.6;

/** A language of the index to look in, and what a find there is worth. */
export interface Where {
  readonly language: string;
  readonly worth: number;
}

/** Where to look for a question in `lang`, of the languages of an index: there first, and only if nothing is found, elsewhere. */
export function whereToLook(lang: Language, languages: readonly string[]): { first: Where[]; else: Where[] } {
  // A language of the index that isn't the element's is called as pages call it.
  const isOwn = (language: string) => (languageFor(language) ?? language) === lang;
  const isNear = (language: string) => RELATED[lang].some((related) => related === languageFor(language));
  const worth = (worth: number) => (language: string) => ({ language, worth });
  return {
    first: [...languages.filter(isOwn).map(worth(1)), ...languages.filter(isNear).map(worth(NEAR))],
    else: languages.filter((language) => !isOwn(language) && !isNear(language)).map(worth(FAR)),
  };
}
