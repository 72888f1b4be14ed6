// The languages that the element speaks.

/** A language of the element, as BCP 47 names it. */
export type Language = "pt-PT" | "pt-BR" | "es" | "ca" | "gl" | "eu" | "en";

/** All of them, the order in which they are offered. */
export const LANGUAGES: readonly Language[] = ["pt-PT", "pt-BR", "es", "ca", "gl", "eu", "en"];

/**
 * The language of the element for a `lang` of a page: `pt` and `pt-AO` are European Portuguese's, `es-MX` is Spanish's,
 * `ca-ES-valencia` Catalan's; null for another language.
 */
export function languageFor(tag: string): Language | null {
  const wanted = tag.trim().toLowerCase();
  const exact = LANGUAGES.find((language) => language.toLowerCase() === wanted);
  if (exact) return exact;
  const primary = wanted.split("-")[0];
  return LANGUAGES.find((language) => language.toLowerCase().split("-")[0] === primary) ?? null;
}
