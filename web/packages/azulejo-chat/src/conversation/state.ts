// The state of a conversation: plain data, no DOM.

import type { Language } from "../language/languages.js";
import type { Found } from "../search/passage.js";

/** Where answers are made: on the visitor's device, or on the administration's server. */
export type Where = "device" | "server";

/** What failed: a code to tell in the page's language, and the numbers and names in it. */
export interface Failure {
  readonly code: string;
  readonly parameters: Readonly<Record<string, string | number>>;
}

/** What a loading model says of itself. */
export interface Progress {
  readonly phase: "probe" | "test" | "measure" | "download" | "verify" | "upload" | "compile" | "ready";
  readonly loaded: number;
  readonly total: number;
  /** 0 to 1. */
  readonly progress: number;
  /** True while the network brings nothing. */
  readonly waiting: boolean;
}

/** What answers questions, and how far it is. */
export type EngineState =
  /** The page offers none: search alone. */
  | { readonly phase: "absent" }
  | { readonly phase: "off" }
  | { readonly phase: "loading"; readonly where: Where; readonly progress: Progress | null }
  | { readonly phase: "ready"; readonly where: Where }
  | { readonly phase: "failed"; readonly where: Where; readonly failure: Failure };

/** Why consent isn't asked for unasked. */
export type Held = "data" | "metered" | "battery";

/** What is known of the page's model before anything of it is downloaded. */
export interface About {
  readonly name: string;
  readonly licence: string;
  /** Bytes to download; null if the server doesn't tell. */
  readonly bytes: number | null;
  /** What the model knows; null if that isn't known. */
  readonly languages: readonly Language[] | null;
  /** The model is on this device already. */
  readonly kept: boolean;
  readonly held: Held | null;
  /** Bytes of memory, if the device has too little. */
  readonly tooSmall: { readonly needed: number; readonly free: number } | null;
  /** The model can't be had. */
  readonly failure: Failure | null;
}

export interface Answer {
  readonly where: Where;
  readonly status: "reading" | "writing" | "done" | "stopped" | "failed";
  /** Markdown; `[2]` is the second of the turn's passages, `[?]` stands behind a sentence that none supports. */
  readonly text: string;
  /** The sentences of it that are whole, in the order in which they are to be announced. */
  readonly said: readonly string[];
  /** How many sentences aren't shown, as no passage supports them. */
  readonly hidden: number;
  /** The passage that is quoted in place of an answer, from 0. */
  readonly quoted: number | null;
  readonly failure: Failure | null;
}

/** A question and what came of it. */
export interface Turn {
  readonly id: number;
  /** The question's language, and so its answer's. */
  readonly lang: Language;
  readonly question: string;
  /** The question has words for danger to life. */
  readonly emergency: boolean;
  readonly searching: boolean;
  /** What the search found; null: it wasn't searched, or that failed. */
  readonly found: readonly Found[] | null;
  readonly searchFailed: boolean;
  /** It ended before its search did: another question came. */
  readonly overtaken: boolean;
  readonly answer: Answer | null;
}

export interface State {
  readonly turns: readonly Turn[];
  readonly engine: EngineState;
  readonly about: About | null;
  /** Consent is being asked for. */
  readonly consent: boolean;
  /** What the visitor agreed to, in this conversation. */
  readonly agreed: Where | null;
  /** All was deleted, and nothing was asked since. */
  readonly forgotten: boolean;
}

export const initial: State = {
  turns: [],
  engine: { phase: "absent" },
  about: null,
  consent: false,
  agreed: null,
  forgotten: false,
};

/** The turn that is being searched for or answered. */
export function running(state: State): Turn | null {
  const last = state.turns.at(-1);
  const isWriting = last?.answer?.status === "reading" || last?.answer?.status === "writing";
  return last && (last.searching || isWriting) ? last : null;
}
