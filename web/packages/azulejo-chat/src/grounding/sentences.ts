// Sentences of a text, as an answer is checked and read aloud.

/** Words before a full stop that don't end a sentence, folded. */
const ABBREVIATIONS = /(?:^|[\s(])(?:\p{L}|sra?s?|sres|srta|dra?s?|prof|eng|arq|av|avda|avgda|pl|pca|plza|c|r|ctra|urb|n|no|num|nº|n\.º|art|arts|pag|pags|p|tel|telef|telf|ext|apdo|cod|dto|esq|dcha|izq|ref|p\. ?ex|p\. ?ej|ej|ex|etc|aprox|max|min|st|mr|mrs|ms|e\.g|i\.e|adib|zk|tlf|fdo|excmo|ilmo)\.$/iu;

const segmenters = new Map<string, Intl.Segmenter>();

function segments(line: string, lang: string): string[] {
  if (typeof Intl.Segmenter !== "function") return line.split(/(?<=[.!?…])\s+(?=[\p{Lu}\p{N}¿¡"«“(])/u);
  let segmenter = segmenters.get(lang);
  if (!segmenter) segmenters.set(lang, (segmenter = new Intl.Segmenter(lang, { granularity: "sentence" })));
  return Array.from(segmenter.segment(line), ({ segment }) => segment);
}

/** Whether the sentence goes on behind `before`: it ended in an abbreviation, in an ordinal's stop, or with a small letter. */
function goesOn(before: string, after: string): boolean {
  const end = before.trimEnd();
  const start = after.trimStart();
  if (/^\p{Ll}/u.test(start) && !/[!?…]$/u.test(end)) return true;
  if (ABBREVIATIONS.test(end.normalize("NFD").replace(/\p{M}/gu, ""))) return true;
  // "Den 1. Juli" has no match here; "n.º 5", "1. º", "2.500" and "9. 30" do.
  return /(?:^|[\s(])\p{N}{1,2}\.$/u.test(end) && /^[\p{N}ºª]/u.test(start);
}

/**
 * The sentences of `text`, trimmed, none empty: a line ends one as a full stop does, so that each point of a list is one.
 * The last may be unfinished while a text grows.
 *
 * @example
 * sentencesOf("Abre às 9h. Fica na Av. Central, n.º 5.", "pt-PT"); // ["Abre às 9h.", "Fica na Av. Central, n.º 5."]
 */
export function sentencesOf(text: string, lang: string): string[] {
  const sentences: string[] = [];
  for (const line of text.split(/[\r\n\u2028\u2029]+/)) {
    let open = "";
    for (const segment of segments(line, lang)) {
      if (open && !goesOn(open, segment)) {
        sentences.push(open.trim());
        open = "";
      }
      open += segment;
    }
    sentences.push(open.trim());
  }
  // A list's mark by itself ("1.") belongs to what comes next.
  const joined: string[] = [];
  let mark = "";
  for (const sentence of sentences) {
    if (/^(?:\p{N}{1,2}[.)]|[-*•–])$/u.test(sentence)) mark = `${sentence} `;
    else if (sentence) {
      joined.push(mark + sentence);
      mark = "";
    }
  }
  if (mark) joined.push(mark.trim());
  return joined;
}
