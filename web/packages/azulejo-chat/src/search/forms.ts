// Which of a language's words a question's word may be: itself, another form of it, or what it was meant to be.

import SearchableMap from "minisearch/SearchableMap";

import { formsOf } from "./format.js";

/** What a question's word may be. */
export interface Meant {
  /** Groups of forms. */
  readonly groups: readonly number[];
  /** How sure that is, from 0 to 1. */
  readonly weight: number;
}

/** The shortest common beginning of two forms of a word that isn't known. */
const BEGIN = 4;
/** How alike two words must be; and two that are both known, to be taken for forms of one that the stems have apart. */
const ALIKE = 0.7;
const SAME = 0.8;
/** A word that is less alike is much less likely to be meant: the weight is how alike it is to this power. */
const DOUBT = 3;
/** What is nearly as alike as the best is taken, too; so many groups at most. */
const NEARLY = 0.08;
const MOST = 6;

export class Forms {
  readonly #forms = new SearchableMap<number>();

  constructor(lines: readonly string[]) {
    for (const [form, group] of formsOf(lines)) this.#forms.set(form, group);
  }

  /** The group that a word is a form of, letter by letter. */
  groupOf(word: string): number | undefined {
    return this.#forms.get(word);
  }

  /** What a word may be; null where nothing is like it. */
  meant(word: string): Meant | null {
    const known = this.#forms.get(word);
    const alike = new Map<number, number>();
    const add = (group: number, how: number) => alike.set(group, Math.max(how, alike.get(group) ?? 0));
    if (word.length >= BEGIN && !/\p{N}/u.test(word)) {
      for (const [form, group] of this.#forms.atPrefix(word.slice(0, BEGIN))) {
        add(group, (2 * commonLength(word, form)) / (word.length + form.length));
      }
      if (known === undefined) this.#addSlips(word, add);
    }
    if (known !== undefined) {
      const same = [...alike].filter(([, how]) => how >= SAME).map(([group]) => group);
      return { groups: [...new Set([known, ...same])].slice(0, MOST), weight: 1 };
    }
    const best = Math.max(0, ...alike.values());
    if (best < ALIKE) return null;
    const groups = [...alike].filter(([, how]) => how >= Math.max(ALIKE, best - NEARLY)).sort(([, a], [, b]) => b - a);
    return { groups: groups.slice(0, MOST).map(([group]) => group), weight: best ** DOUBT };
  }

  /** Words that differ in a few letters. */
  #addSlips(word: string, add: (group: number, how: number) => void): void {
    const slips = word.length < 5 ? 1 : word.length < 12 ? 2 : 3;
    for (const [form, [group, distance]] of this.#forms.fuzzyGet(word, slips).entries()) {
      add(group, 1 - distance / Math.max(word.length, form.length));
    }
  }
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
