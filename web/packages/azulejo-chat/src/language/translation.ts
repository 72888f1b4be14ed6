// Translations: what one is, loading one, and saying something in it.

import type { en } from "./en.js";
import type { Language } from "./languages.js";

/** The forms of a text with a `{count}`, by the categories of `Intl.PluralRules`; `other` stands for those left out. */
export type Plural = { readonly other: string } & { readonly [Category in Intl.LDMLPluralRule]?: string };

/** A language's texts: the keys are those of English. */
export type Translation = { readonly [Key in keyof typeof en]: (typeof en)[Key] extends string ? string : Plural };

/** The keys of texts without a `{count}`. */
export type Key = { [K in keyof typeof en]: (typeof en)[K] extends string ? K : never }[keyof typeof en];
type PluralKey = Exclude<keyof typeof en, Key>;

type Values = Readonly<Record<string, string | number>>;

// A chunk each, so that a visitor fetches one language.
const LOADERS: { readonly [L in Language]: () => Promise<Translation> } = {
  "pt-PT": async () => (await import("./pt-PT.js")).ptPT,
  "pt-BR": async () => (await import("./pt-BR.js")).ptBR,
  es: async () => (await import("./es.js")).es,
  ca: async () => (await import("./ca.js")).ca,
  gl: async () => (await import("./gl.js")).gl,
  eu: async () => (await import("./eu.js")).eu,
  en: async () => (await import("./en.js")).en,
};

export async function loadSpeaker(language: Language): Promise<Speaker> {
  return new Speaker(language, await LOADERS[language]());
}

/** Says things in one language: texts, numbers, sizes. */
export class Speaker {
  readonly language: Language;
  readonly #texts: Translation;
  readonly #plurals: Intl.PluralRules;

  constructor(language: Language, texts: Translation) {
    this.language = language;
    this.#texts = texts;
    this.#plurals = new Intl.PluralRules(language);
  }

  say(key: Key, values: Values = {}): string {
    return filled(this.#texts[key], values);
  }

  count(key: PluralKey, count: number): string {
    const forms: Plural = this.#texts[key];
    return filled(forms[this.#plurals.select(count)] ?? forms.other, { count: this.number(count) });
  }

  number(value: number): string {
    return new Intl.NumberFormat(this.language).format(value);
  }

  percent(share: number): string {
    return new Intl.NumberFormat(this.language, { style: "percent", maximumFractionDigits: 0 }).format(share);
  }

  /** Bytes as people read them: 3.0 MB, 1.4 GB; of 1,000, as the sizes of downloads are told. */
  size(bytes: number): string {
    const [unit, one] = bytes >= 1e9 ? (["gigabyte", 1e9] as const) : (["megabyte", 1e6] as const);
    const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
    return new Intl.NumberFormat(this.language, { style: "unit", unit, unitDisplay: "short", ...digits }).format(bytes / one);
  }

  date(time: Date): string {
    return new Intl.DateTimeFormat(this.language, { dateStyle: "long", timeStyle: "short" }).format(time);
  }
}

function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
