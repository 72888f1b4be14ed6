// What is in the index's files; docs/search.md tells it in words, and `azulejo index` writes it.

import { type Part, SearchError } from "./parts.js";

/** The format's name, with its version. */
export const FORMAT = "azulejo-search-1";

/** The first file. */
export interface First {
  readonly format: typeof FORMAT;
  readonly pages: number;
  readonly languages: Readonly<Record<string, Part & { readonly passages: number }>>;
  /** Stop words of each language, folded, with spaces between them. */
  readonly stop: Readonly<Record<string, string>>;
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

/** The first file, if it is one that this reads. */
export function firstOf(value: unknown, address: string): First {
  const first = value as Partial<First> | null;
  const format = typeof first === "object" ? first?.format : undefined;
  if (format === FORMAT && first?.languages && first.stop) return first as First;
  if (typeof format === "string" && (format as string).startsWith("azulejo-search-")) {
    const message = `it is of the version ${format}, and this reads ${FORMAT}; make it by the \`azulejo index\` of this version`;
    throw new SearchError("other-version", address, message);
  }
  throw new SearchError("not-an-index", address, "it is no index; give the address of a search-index.json of `azulejo index`");
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

/** The part of a list that an item is in, and the item's number in it. */
export function partOf<P extends ListPart>(parts: readonly P[], item: number): [P, number] | null {
  const part = parts.findLast((part) => part.first <= item);
  return part ? [part, item - part.first] : null;
}
