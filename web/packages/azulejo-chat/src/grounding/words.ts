// The words of a text that say what it is about, names among them, and what turns a sentence into its opposite.

import { fold } from "../language/fold.js";
import type { Language } from "../language/languages.js";
import { isStopWord } from "../language/stop-words.js";

/** A word that says what a text is about. */
export interface Word {
  /** Folded. */
  readonly text: string;
  /** Where it begins in the text. */
  readonly start: number;
  /** Whether it's written as a name is: with a capital letter that no sentence's beginning explains, or all in capitals. */
  readonly isName: boolean;
}

const NEGATIONS = /(?<!\p{L})(?:nao|no|non|ni|nem|nunca|jamais|jamas|mai|never|not|cannot|sem|sin|sense|sen|without|tampouco|tampoco|tampouc|neither|nor|ez|inoiz|ningun|ninguna|nenhum|nenhuma|cap|ningu|nadie|ninguem|ninguen|except[oa]?|excepte|salvo|izan ezik|apart from|unless)(?!\p{L})|n't(?!\p{L})|\p{L}+gabe(?:ko)?(?!\p{L})|(?<!\p{L})gabe(?:ko)?(?!\p{L})/gu;
/** What a denial is a condition behind. */
const CONDITION = /(?<!\p{L})(?:se|si|quem|quien|qui|que|if|who|cando|quando|cuando|quan|when)\s+(?:\p{L}+\s+)?$/u;
/** "no" is "in the" in Portuguese and Galician, "non" is not a word of theirs where it isn't "not". */
const IN_THE = new Set<Language>(["pt-PT", "pt-BR", "gl"]);

/** Words of which one says the other's opposite, in the languages' stems: what one side says, the other denies. */
const OPPOSITES: readonly (readonly [RegExp, RegExp])[] = [
  [/^(?:abert|abiert|obert|abre|obre|abrir|obrir|open|irek|zabal)/, /^(?:fechad|cerrad|tancad|pechad|closed?|closing|itxi|encerrad|fecha|cierra|tanca|pecha)/],
  [/^(?:antes|abans|before|prior|aurre|lehen)/, /^(?:depois|despues|despres|despois|after|ondoren|gero)/],
  [/^(?:minim|menos|menys|least|gutxien|fewer|less)/, /^(?:maxim|mais|mas$|mes$|most|gehien|more)/],
  [/^(?:obrigat|obligat|mandator|required|compuls|nahitaez|derrigor)/, /^(?:opcional|facultativ|voluntar|optional|aukera|hautaz|dispens)/],
  [/^(?:manha|manana|mati|morning|goiz)/, /^(?:tarde|tarda|afternoon|arratsalde)/],
  [/^(?:permit|allow|autoriz|autoritz|baimen)/, /^(?:proib|prohib|forbid|forbidden|debeka|banned)/],
  [/^(?:gratis|gratuit|free|doan)/, /^(?:pago|pagam|paga|pagar|custa|cuesta|costa|costs?|kosta|ordain)/],
  [/^(?:primeir|primer|first|lehen)/, /^(?:ultim|darrer|last|azken)/],
  [/^(?:maior|mayor|major|adult|heldu)/, /^(?:menor|minor|child|crianc|nin[oa]s?$|nens?$|nenes?$|haur|umeak?$)/],
  [/^(?:comprar|compra|buy)/, /^(?:vender|venda|venta|sell)/],
];

/** The content words of a text, in their order. */
export function wordsOf(text: string, language: Language): Word[] {
  const words: Word[] = [];
  let isStart = true;
  let last = 0;
  for (const { index, 0: written } of text.matchAll(/[\p{L}\p{N}]+(?:[·'’-][\p{L}\p{N}]+)*/gu)) {
    if (/[.!?:;…\n•]|^[^\p{L}]*["«“(]/u.test(text.slice(last, index))) isStart = true;
    last = index + written.length;
    // l'ajuntament, d'abril: the article isn't the word's.
    const bare = written.replace(/^(?:[lLdDnNmMtTsS])['’](?=\p{L})/u, "");
    const folded = fold(bare).replace(/·/g, "");
    if (!/\p{L}/u.test(folded)) continue;
    const capital = /^\p{Lu}/u.test(bare);
    const isName = (capital && !isStart) || /\p{Lu}.*\p{Lu}|\p{N}/u.test(bare);
    isStart = false;
    if (folded.length < 2 || isStopWord(folded, language)) continue;
    words.push({ text: folded, start: index, isName });
  }
  return words;
}

/**
 * Whether two folded words are forms of one: one begins as the other does for most of its letters (endings of number,
 * gender, person; in Basque, which is agglutinating, what differs is behind the one or the other), or a long one differs in a
 * letter or two (the same word in a related language).
 */
export function isSameWord(a: string, b: string, areRelated: boolean, isAgglutinating: boolean): boolean {
  if (a === b) return true;
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (short.length < 4) return short.length === 3 && long.length === 4 && long.startsWith(short) && /[aes]$/.test(long);
  let common = 0;
  while (common < short.length && short[common] === long[common]) common++;
  if (common >= 4 && common >= short.length - (isAgglutinating ? 1 : 3) && common >= 0.6 * short.length && long.length - common <= 6) return true;
  return areRelated && short.length >= 5 && distanceWithin(short, long, short.length >= 8 ? 3 : 2);
}

/** Whether the edit distance is at most `most`. */
function distanceWithin(a: string, b: string, most: number): boolean {
  if (b.length - a.length > most) return false;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]! <= most;
}

/** Whether a text denies something. "If you can't come" denies nothing, nor does "who can't pay at once". */
export function denies(text: string, language: Language): boolean {
  const folded = fold(text);
  return [...folded.matchAll(NEGATIONS)].some(({ index, 0: word }) => {
    if (word === "no" && IN_THE.has(language)) return false;
    return !CONDITION.test(folded.slice(0, index));
  });
}

/** Whether `claim` says the opposite of what `known` says: one of a pair of which `known` has the other only. */
export function isOpposite(claim: readonly Word[], known: readonly Word[]): boolean {
  const has = (words: readonly Word[], side: RegExp) => words.some(({ text }) => side.test(text));
  return OPPOSITES.some(
    ([one, other]) =>
      (has(claim, one) && !has(claim, other) && has(known, other) && !has(known, one)) ||
      (has(claim, other) && !has(claim, one) && has(known, one) && !has(known, other)),
  );
}
