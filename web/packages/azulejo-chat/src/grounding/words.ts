// The words of a text that say what it is about, names among them, and what turns a sentence into its opposite.

import { fold } from "../language/fold.js";
import type { Language } from "../language/languages.js";
import { isStopWord } from "../language/stop-words.js";
import { meaningOf } from "./synonyms.js";

/** A word that says what a text is about. */
export interface Word {
  /** Folded. */
  readonly text: string;
  /** Where it begins in the text. */
  readonly start: number;
  /** Whether it's written as a name is: with a capital letter that no sentence's beginning explains, or all in capitals. */
  readonly isName: boolean;
  /** Whether it stands where a thing is named: behind an article or a preposition ("of the music", "com o cartão"). */
  readonly isThing: boolean;
}

const NEGATIONS = /(?<!\p{L})(?:nao|no|non|nunca|jamais|jamas|mai|never|not|cannot|tampouco|tampoco|tampouc|nada|nothing|nobody|neither|ez(?:in)?(?! ba)|inoiz|ningun|ninguna|nenhum|nenhuma|cap|ningu|nadie|ninguem|ninguen)(?!\p{L})|n't(?!\p{L})/gu;
/** What denies its own words only: without it nothing is possible, which isn't that it is possible without. */
const WITHOUT = /(?<!\p{L})(?:sem|sin|sense|sen|without|except[oa]?|excepte|salvo|agas|llevat d|tret d|fora d|a excepcao|a excepcion|a excepcio|con excepcion|izan ezik|apart from|other than|unless)(?!\p{L})|\p{L}+gabe(?:ko)?(?!\p{L})|(?<!\p{L})gabe(?:ko)?(?!\p{L})/gu;
/** What a denial is a condition behind: "if you can't come", "who doesn't answer". */
const WHO = "(?:quem|quien|qui|que|who|cando|quando|cuando|quan|when)\\s+(?:\\p{L}+\\s+)?$";
const conditionOf = (ifs: string) => new RegExp(`(?<!\\p{L})(?:(?:${ifs})\\s+(?:\\p{L}+\\s+){0,3}$|${WHO})`, "u");
const CONDITIONS: { readonly [language in Language]?: RegExp } = { "pt-PT": conditionOf("se"), "pt-BR": conditionOf("se"), gl: conditionOf("se"), es: conditionOf("si"), ca: conditionOf("si"), en: conditionOf("if") };
/** "no" is "in the" in Portuguese and Galician, "non" is not a word of theirs where it isn't "not". */
const IN_THE = new Set<Language>(["pt-PT", "pt-BR", "gl"]);

/** Denials that a page says without one: "não abre" is "fechado". Of the longer's length, so that places stay. */
const CLOSED: readonly (readonly [RegExp, string])[] = [
  [/(?<!\p{L})não (?:se |está )?ab(?:re|rem|erto|erta|ertos)(?!\p{L})/giu, "fechado"],
  [/(?<!\p{L})no (?:se |está )?ab(?:re|ren|ierto|ierta)(?!\p{L})/giu, "cerrado"],
  [/(?<!\p{L})no (?:és |està )?ob(?:re|ren|ert|erta)(?!\p{L})/giu, "tancat"],
  [/(?<!\p{L})non (?:se |está )?ab(?:re|ren|erto|erta)(?!\p{L})/giu, "pechado"],
  [/(?<!\p{L})(?:is not|isn['’]t|does not|doesn['’]t|not) open(?!\p{L})/giu, "closed"],
  [/(?<!\p{L})ez (?:dago|da|du) ireki(?:ta|tzen)?(?!\p{L})/giu, "itxita"],
];

/** `text` with them, as long as it was. */
export const withPlainDenials = (text: string): string =>
  CLOSED.reduce((now, [pattern, word]) => now.replace(pattern, (found) => word.padEnd(found.length)), text);

const ROMANCE_THING = /^(?:o|os|as?|um|uma|uns|umas|un|unha|unhas|una|unos|unas|unes|el|la|los|las|les|els|al?s|de|do|da|dos|das|del|dels|dun|dunha|dum|duma|em|en|no|na|nos|nas|num|numa|nun|nunha|por|pelo|pela|pelos|pelas|polo|pola|polos|polas|pel|pels|com|con|co|coa|cos|coas|amb|ao|aos|ó|seu|sua|seus|suas|su|sus|seva|seves)$/;
const ENGLISH_THING = /^(?:the|an?|of|in|on|at|by|for|from|with|your|our|their|its)$/;
/** Verbs stand behind some of those, too: "de pagar", "for paying". */
const VERBAL = /(?:[aei]r(?:-?(?:se|l[aeo]s?|nos|me))?|[aei]nd[oa]|ing|[aei]n?se)$/;

/** Whether a folded word ends as an infinitive or a gerund does, or with a pronoun: no thing's name, for all that is known. */
export const isVerbal = (word: string): boolean => VERBAL.test(word);
/** Words that say nothing of their own: the length of a thing, its place in a list, that it is one of its kind. */
const BLAND =
  /^(?:pra[zc]o|plazo|termini|period[oe]?|cas[oe]?s?|pessoas?|personas?|persoas?|persones|person|people|vez|veces|vegad\p{L}*|times?|forma|maneira|manera|modo|way|partes?|part|parts|tipos?|tipus|type|total|valor|import[e]?|horas?|hores|hours?|dias?|dies|days?|manha|manana|mana|tarde|mornings?|mesm[oa]s?|mism[oa]s?|mateix\p{L}*|same|following|next|seguinte|siguiente|seguent|final|fin|fim|end|inicio|inici|start|partir|maximo|minimo|maximum|minimum|caracter|motivo|moment[o]?|tempo|tiempo|temps|facto|hecho|fet|lado|geral|general|exempl[oe]|ejemplo|exemple|example)$/u;

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
    if (folded.length < 2 || isStopWord(folded, language) || /^(?:nao|non?|not|ez)$/.test(folded)) continue;
    // "l'escola": the article is within.
    const before = bare === written ? /([\p{L}]+)[\s]+$/u.exec(text.slice(0, index))?.[1] : "el";
    const isBehind = language !== "eu" && before !== undefined && (language === "en" ? ENGLISH_THING : ROMANCE_THING).test(fold(before));
    words.push({ text: folded, start: index, isName, isThing: isBehind && folded.length > 3 && !isVerbal(folded) && !BLAND.test(folded) });
  }
  return words;
}

/** Endings of Basque's nouns, and of its verbs: what a word becomes by the one isn't what it becomes by the other. */
const NOUN = /^(?:[ae]|a?r)?(?:|k|n|t?a?ra|r?(?:en|i|ik|ekin|entzat|engatik|engana)|tik|ko|ko[ae]k?|z|et(?:an|ara|atik|ako|akoak?)|et(?:ik|ako)|ekin|entzat|rako|ako|gatik|raino|oan|oak?)$/;
const VERB = /^(?:[td]u?|[td]?uta?|[td]?uko|tz?e|t?z?en|t?ze(?:ko|ak?|ra|rako|agatik|arekin)|i|ita|iko)$/;

/**
 * Whether two folded words are forms of one: one begins as the other does for most of its letters (endings of number,
 * gender, person; in Basque, which is agglutinating, what differs is behind the one or the other), or a long one differs in a
 * letter or two (the same word in a related language).
 */
export function isSameWord(a: string, b: string, areRelated: boolean, isAgglutinating: boolean): boolean {
  if (a === b) return true;
  const meaning = meaningOf(a);
  if (meaning >= 0 && meaning === meaningOf(b)) return true;
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (short.length < 4) return short.length === 3 && long.length === 4 && long.startsWith(short) && /[aes]$/.test(long);
  let common = 0;
  while (common < short.length && short[common] === long[common]) common++;
  if (isAgglutinating) {
    const [one, other] = [short.slice(common), long.slice(common)];
    if (common >= 4 && ((NOUN.test(one) && NOUN.test(other)) || (VERB.test(one) && VERB.test(other)))) return true;
  } else if (common >= 4 && common >= short.length - 3 && common >= 0.6 * short.length && long.length - common <= 6) return true;
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

/**
 * Whether a text denies something. "If you can't come" denies nothing, nor does "who can't pay at once"; "without it you
 * can't" denies no more than "with it you can".
 */
export function denies(text: string, language: Language): boolean {
  const folded = fold(text);
  return isNot(folded, language) !== (folded.match(WITHOUT) !== null);
}

const isNot = (folded: string, language: Language) =>
  [...folded.matchAll(NEGATIONS)].some(({ index, 0: word }) => {
    if (word === "no" && IN_THE.has(language)) return false;
    return !CONDITIONS[language]?.test(folded.slice(0, index));
  });

/** What begins a part of a sentence with a verb of its own, whatever stands before. */
const BEGINS =
  /(?<!\p{L})(?:enquanto|mientras|mentres?|mentre|while|whilst|ate que|ata que|hasta que|fins que|until|unless|porque|perque|because|aunque|embora|although|though|mas|pero|sino|but|however|baina)(?!\p{L})/gu;
/** What joins two parts where both have a verb, and only lists things where they haven't; "o" is more often "the". */
const JOINS = /[,;:()]\s|(?<!\p{L})(?:e|y|i|and|eta|ou|or|edo)(?!\p{L})/gu;
/** Verbs that are known as such; not folded: "é" is no "e". */
const HAS_VERB =
  /(?<!\p{L})(?:is|are|was|were|do|does|can|may|must|has|have|will|é|s[ãa]o|est[áàa][on]?|est[áa]n|estão|pode[mn]?|deve[mn]?|h[áa]|têm|tem|ten|hay|hai|son|són|és|es|puede[n]?|debe[n]?|tiene[n]?|pot|poden|cal|té|tenen|dira|dago|daude|du|dute|daiteke|daitezke)(?!\p{L})/iu;
/** What a part begins with that is but a condition of the other. */
const IS_CONDITION = /^\P{L}*(?:se|si|if|quando|cuando|quan|cando|when)(?!\p{L})[^,;:]*,?\s*$/u;

/**
 * Where the parts of a text begin that say something by a verb of their own: a denial is of one of them. Things that are
 * listed are one part: "smoking and pets are not allowed".
 */
export function partsOf(text: string): number[] {
  const folded = fold(text);
  // A letter that folds to two would shift what stands behind.
  if (folded.length !== text.length) return [0];
  const begins = new Set([...folded.matchAll(BEGINS)].map(({ index }) => index));
  const joins = [...text.toLowerCase().matchAll(JOINS)].map(({ index, 0: mark }) => index + mark.length);
  const places = [...new Set([...begins, ...joins])].sort((a, b) => a - b);
  const parts = [0];
  places.forEach((place, at) => {
    const from = parts.at(-1)!;
    const to = places[at + 1];
    // "; " ends one whatever its verb is.
    const ends = begins.has(place) || /;\s$/.test(folded.slice(0, place));
    const isOne = (start: number, end?: number) => HAS_VERB.test(text.slice(start, end)) || folded.slice(start, end).match(NEGATIONS) !== null;
    if (ends ? /\p{L}/u.test(folded.slice(from, place)) : isOne(from, place) && isOne(place, to) && !IS_CONDITION.test(folded.slice(from, place))) parts.push(place);
  });
  return parts;
}

/** What a part denies: what its verb says, or only what stands behind a "without". */
export interface Denial {
  readonly isNot: boolean;
  readonly isWithout: boolean;
}

export function denialOf(text: string, language: Language): Denial {
  const folded = fold(text);
  return { isNot: isNot(folded, language), isWithout: folded.match(WITHOUT) !== null };
}

/** What stands between a subject and what is said of it. */
const SAYS =
  /(?<!\p{L})(?:is|are|was|were|can|may|must|has|have|will|e|sao|esta[on]?|estan|pode[mn]?|puede[n]?|deve[mn]?|debe[n]?|ha|hai|hay|son|es|se|pot|poden|van?|vai|vao|fica[mn]?|queda[n]?)(?!\p{L})/u;

/** Whether what stands between two words ends a subject. */
export const endsSubject = (between: string): boolean => SAYS.test(fold(between));

/** A few words, and then what affirms or denies them without a verb of their own. */
const ELLIPSIS = /^\W*(?:(?:and|but|y|e|i|eta|pero|mas|baina)\s+)?(?:\p{L}+\s+){1,4}?(?:\p{L}+,? )?(?:is|are|does|do|can|may|must|si|sim|no|nao|non|not|bai|ez|tambien|tambem|tambe|tampoco|tampouco)\W*$/u;

/** Whether a clause leaves its verb to the one before: "rice is", "a poda, não", "las chanclas no". */
export const isElliptic = (clause: string): boolean => ELLIPSIS.test(fold(clause).replace(/(?:is|are|does|do|can|may|must)(?:n't| not)/g, "not"));
