// What is in the index's files; docs/search.md tells it in words, and `azulejo index` writes it.

import { DAMAGED, type Part, SearchError } from "./parts.js";

/** The format's name, with its version. */
export const FORMAT = "azulejo-search-1";

/** The first file. */
export interface First {
  readonly format: typeof FORMAT;
  readonly pages: number;
  readonly languages: Readonly<Record<string, Part & { readonly passages: number }>>;
  /** Stop words of each language, folded, with spaces between them. */
  readonly stop: Readonly<Record<string, string>>;
  /** The same of words that say what is asked about a thing, and not which thing; older indexes have none. */
  readonly topics?: Readonly<Record<string, string>>;
  readonly vectors?: { readonly model: string; readonly size: number };
}

/** A part of a list; the number of its first item in the whole list. */
export interface ListPart extends Part {
  readonly first: number;
}

/** A language's words. */
export interface Words {
  /** A group of forms of one stem a line: what all begin with, then their endings. */
  readonly words: readonly string[];
  /** How many words each passage has, field by field. */
  readonly lengths: readonly (readonly number[])[];
  /** How many passages each page has, in their order. */
  readonly pages: readonly number[];
  readonly postings: readonly ListPart[];
  readonly texts: readonly ListPart[];
  readonly vectors?: Part;
}

/** The fields of a passage, in the order in which the files have them. */
export const FIELDS = ["text", "heading", "title"] as const;

/** For each group the numbers of each field; fields without any may be missing at the end. */
export type Postings = readonly (readonly (readonly number[])[])[];

/** Passages' texts. */
export interface Texts {
  /** Address and title, by the number of a page. */
  readonly pages: Readonly<Record<string, readonly [string, string]>>;
  /** Page, anchor, heading, lang, text. */
  readonly passages: readonly (readonly [number, string | null, string, string, string])[];
}

const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const isList = <T>(value: unknown, is: (item: unknown) => item is T): value is T[] => Array.isArray(value) && value.every(is);
const isNumbers = (value: unknown): value is number[] => isList(value, isNumber);
const isPart = (value: unknown): value is Part => isObject(value) && isText(value.file) && isNumber(value.bytes);
const isListPart = (value: unknown): value is ListPart => isPart(value) && isNumber((value as Partial<ListPart>).first);
/** True for an object whose values are of a kind. */
const areAll = (value: unknown, is: (item: unknown) => boolean) => isObject(value) && Object.values(value).every(is);

/** The first file, if it is one that this reads. */
export function firstOf(value: unknown, address: string): First {
  const first: Record<string, unknown> = isObject(value) ? value : {};
  const { format, languages, stop, topics = {}, vectors } = first;
  if (format === FORMAT) {
    const isLanguage = (part: unknown) => isPart(part) && isNumber((part as { passages?: unknown }).passages);
    const isVectors = vectors === undefined || (isObject(vectors) && isText(vectors.model) && isNumber(vectors.size));
    if (areAll(languages, isLanguage) && areAll(stop, isText) && areAll(topics, isText) && isVectors) return value as First;
    throw new SearchError("damaged", address, DAMAGED);
  }
  if (isText(format) && format.startsWith("azulejo-search-")) {
    const message = `it is of the version ${format}, and this reads ${FORMAT}; make it by the \`azulejo index\` of this version`;
    throw new SearchError("other-version", address, message);
  }
  throw new SearchError("not-an-index", address, "it is no index; give the address of a search-index.json of `azulejo index`");
}

/** Whether a part has a language's words, of so many passages. */
export function isWords(value: unknown, passages: number): value is Words {
  if (!isObject(value)) return false;
  const { words, lengths, pages, postings, texts, vectors } = value;
  // From the first item on, each part with some of them.
  const isWhole = (parts: unknown, items: number) => {
    if (!isList(parts, isListPart) || parts.length === 0) return items === 0;
    return parts.every(({ first }, i) => (i === 0 ? first === 0 : first > parts[i - 1]!.first && first < items));
  };
  return (
    isList(words, isText) &&
    isList(lengths, isNumbers) &&
    lengths.length === FIELDS.length &&
    lengths.every((field) => field.length === passages) &&
    isNumbers(pages) &&
    pages.reduce((sum, count) => sum + count, 0) === passages &&
    isWhole(postings, words.length) &&
    isWhole(texts, passages) &&
    (vectors === undefined || isPart(vectors))
  );
}

/** Whether a part has the postings of so many groups, in a language of so many passages. */
export function isPostings(value: unknown, groups: number, passages: number): value is Postings {
  const last = (field: readonly number[]) => field.reduce((passage, number) => passage + Math.floor(number / 4), 0);
  const isIn = (field: unknown): field is number[] => isNumbers(field) && last(field) < passages;
  const isGroup = (group: unknown): group is number[][] => isList(group, isIn) && group.length <= FIELDS.length;
  return isList(value, isGroup) && value.length === groups;
}

/** Whether a part has the texts of so many passages, each of a page that is told. */
export function isTexts(value: unknown, passages: number): value is Texts {
  if (!isObject(value) || !isObject(value.pages)) return false;
  const { pages } = value;
  const isPassage = (passage: unknown): passage is Texts["passages"][number] => {
    if (!Array.isArray(passage)) return false;
    const [page, anchor, ...texts] = passage as unknown[];
    const told = isNumber(page) && pages[page];
    const isPage = isList(told, isText) && told.length === 2 && told[0] !== "";
    return isPage && (anchor === null || isText(anchor)) && isList(texts, isText) && texts.length === 3;
  };
  return isList(value.passages, isPassage) && value.passages.length === passages;
}

/** Every form of every group, each with its group's number. */
export function* formsOf(lines: readonly string[]): Generator<[form: string, group: number]> {
  for (const [group, line] of lines.entries()) {
    const [common = "", ...endings] = line.split(",");
    if (endings.length === 0) yield [common, group];
    for (const ending of endings) yield [common + ending, group];
  }
}

/** The passages of a field of a group, each with how often the word stands in it. */
export function* unpacked(numbers: readonly number[]): Generator<[passage: number, count: number]> {
  let passage = 0;
  for (const number of numbers) {
    passage += number >> 2;
    yield [passage, (number & 3) + 1];
  }
}

/** The part of a list of so many that an item is in, the item's number in it, and how many items it has. */
export function partOf<P extends ListPart>(parts: readonly P[], item: number, items: number): [part: P, at: number, count: number] | null {
  const number = parts.findLastIndex((part) => part.first <= item);
  const part = parts[number];
  return part ? [part, item - part.first, (parts[number + 1]?.first ?? items) - part.first] : null;
}
