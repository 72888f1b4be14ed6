// An answer as it is written: which of its sentences are shown, and with which passage.

import type { Language } from "../language/languages.js";
import type { Grounding } from "../parts.js";
import type { Passage } from "../search/passage.js";

/**
 * What happens to a sentence that no passage supports: it isn't shown (`strict`), it is marked (`marked`); `off`:
 * nothing is checked.
 */
export type Mode = "strict" | "marked" | "off";

export interface Written {
  readonly text: string;
  readonly said: readonly string[];
  readonly hidden: number;
}

export interface Rules {
  readonly mode: Mode;
  readonly passages: readonly Passage[];
  readonly lang: Language;
  readonly grounding: Grounding;
}

/** What a model writes for a citation means nothing: which passage supports a sentence is for the check to say. */
const CITATIONS = /\s*\[(?:\d+|\?)\]/g;

/** The answer so far, after each piece of the model's text. */
export async function* written(pieces: AsyncIterable<string>, rules: Rules): AsyncGenerator<Written, void, undefined> {
  const answer = new Sentences(rules);
  for await (const piece of pieces) if (answer.add(piece)) yield answer.written();
  answer.end();
  yield answer.written();
}

class Sentences {
  readonly #rules: Rules;
  #raw = "";
  /** How much of `#raw` was looked at. */
  #seen = 0;
  #text = "";
  #said: string[] = [];
  #hidden = 0;
  /** What stands between two shown sentences: blank space, or the beginning of a list's item. */
  #gap = "";

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  /** True if there is something new to show. */
  add(piece: string): boolean {
    this.#raw += piece;
    const before = this.#said.length + this.#hidden;
    // The last one may go on.
    for (const sentence of this.#unseen().slice(0, -1)) this.#take(sentence);
    return this.#rules.mode === "off" || this.#said.length + this.#hidden > before;
  }

  end(): void {
    for (const sentence of this.#unseen()) this.#take(sentence);
  }

  written(): Written {
    const text = this.#rules.mode === "off" ? this.#raw : this.#text;
    return { text: text.trim(), said: [...this.#said], hidden: this.#hidden };
  }

  #unseen(): string[] {
    const { grounding, lang } = this.#rules;
    return grounding.sentencesOf(this.#raw.slice(this.#seen), lang);
  }

  #take(sentence: string): void {
    const { mode, passages, lang, grounding } = this.#rules;
    const at = Math.max(this.#raw.indexOf(sentence, this.#seen), this.#seen);
    const gap = this.#raw.slice(this.#seen, at);
    // A new line stays one, also where what stood on it is left out.
    if (!this.#gap.includes("\n") || gap.includes("\n")) this.#gap = gap;
    this.#seen = Math.min(at + sentence.length, this.#raw.length);
    const plain = sentence.replace(CITATIONS, "").trim();
    if (!plain) return;
    if (mode === "off") return void this.#said.push(plain);
    const { supported, passage } = grounding.check(plain, passages, lang);
    if (!supported && mode === "strict") return void (this.#hidden += 1);
    const citation = supported ? (passage === null ? "" : `\u00a0[${passage + 1}]`) : "\u00a0[?]";
    this.#text += `${this.#text && !this.#gap ? " " : this.#gap}${plain}${citation}`;
    this.#gap = "";
    this.#said.push(plain);
  }
}
