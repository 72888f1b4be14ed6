// Texts as they come from pages and addresses: not all of them are what Unicode or an address's escapes allow.

/**
 * The text with U+FFFD for halves of characters (lone surrogates), as `toWellFormed` has it where it's there. A string
 * may end in the middle of an emoji; JSON and UTF-8 have no such thing.
 */
export function wellFormed(text: string): string {
  // With the flag `u`, halves that are a pair are one character and none of these.
  return text.replace(/[\ud800-\udfff]/gu, "\ufffd");
}

/** JSON of a value whose strings are well-formed. */
export function wellFormedJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "string" ? wellFormed(part) : part));
}

/** What an address's part says, without its escapes; what is none (`100%`), or no UTF-8 (`%EA`), stays as it is. */
export function unescaped(part: string): string {
  return part.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}
