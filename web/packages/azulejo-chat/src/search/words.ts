// A question's words, split and folded as `azulejo index` does with a page's (crates/azulejo-cli/src/indexing/words.rs):
// both are held to tests/fixtures/search/words.json.

/** A text's words: runs of letters and digits in lower case, without accents. The middle dot of Catalan's `l·l` parts none. */
export function wordsOf(text: string): string[] {
  const whole = text.normalize("NFC").replaceAll("\u00b7", "").toLowerCase();
  const words = whole.match(/[\p{Alphabetic}\p{N}\p{M}]+/gu) ?? [];
  return words.map((word) => word.normalize("NFD").replace(/\p{M}/gu, "")).filter(isLongEnough);
}

/** A single letter tells nothing; a single digit may. */
function isLongEnough(word: string): boolean {
  return [...word].length > 1 || /^\p{N}$/u.test(word);
}
