// What stands for the world in the tests of a conversation: a search, a model, a server, a check of sentences.

import { Conversation, type Tools } from "../src/conversation/conversation.js";
import type { About, State, Where } from "../src/conversation/state.js";
import type { Settings } from "../src/element/settings.js";
import { settingsOf } from "../src/element/settings.js";
import type { Answerer, ChatMessage } from "../src/engine/answerer.js";
import { estimatedTokens } from "../src/engine/answerer.js";
import type { Grounding, Parts } from "../src/parts.js";
import type { Found, Passage } from "../src/search/passage.js";

export const passage = (text: string, more: Partial<Passage> = {}): Passage => ({
  url: "/waste", anchor: "glass", title: "Waste", heading: "Glass", lang: "en", text, ...more,
});

export const found = (...texts: string[]): Found[] => texts.map((text, index) => ({ passage: passage(text), score: 9 - index }));

/** A sentence is supported by the passage that it stands in, without its full stop. */
export const grounding: Grounding = {
  sentencesOf: (text) => text.match(/[^.!?\n]+[.!?]*/g)?.map((sentence) => sentence.trim()).filter(Boolean) ?? [],
  check(sentence, passages) {
    const index = passages.findIndex(({ text }) => text.includes(sentence.replace(/^- /, "").replace(/[.!?]+$/, "")));
    return { supported: index >= 0, passage: index < 0 ? null : index };
  },
};

export const ABOUT: About = {
  name: "demo", licence: "Apache-2.0", bytes: 3_029_504, languages: null, kept: false, held: null, tooSmall: null, failure: null,
};

export function settings(attributes: Record<string, string> = {}): Settings {
  const all: Record<string, string> = { model: "/demo.gguf", sources: "/index.json", ...attributes };
  return settingsOf((name) => all[name] ?? null, "https://town.example/page", () => {});
}

export interface World {
  settings: Settings;
  passages: Found[];
  /** What is known of the model; an error is thrown. */
  about: About | Error;
  /** The question "broken" can't be searched for. */
  broken: boolean;
  /** What the model writes, in pieces; or what it throws. */
  pieces: string[];
  failure: unknown;
  /** Called before each piece. */
  between: (signal: AbortSignal) => Promise<void> | void;
  /** What the freeing of a model waits for. */
  disposing: Promise<void> | null;
  /** What was done, in order. */
  log: string[];
  asked: (readonly ChatMessage[])[];
  states: State[];
}

export function world(more: Partial<World> = {}): World & { conversation: Conversation } {
  const w: World = {
    settings: settings(), passages: [], about: ABOUT, broken: true, pieces: [], failure: null, between: () => {}, disposing: null, log: [],
    asked: [], states: [],
    ...more,
  };
  const answerer: Answerer = {
    context: 512,
    count: async (messages) => estimatedTokens(messages),
    async *answer(messages, { signal }) {
      w.asked.push(messages);
      for (const piece of w.pieces) {
        await w.between(signal);
        signal.throwIfAborted();
        yield piece;
      }
      if (w.failure) throw w.failure;
    },
    dispose: async () => {
      await w.disposing;
      w.log.push("dispose");
    },
  };
  const parts: Parts = {
    openIndex: async () => {
      throw new Error("not called");
    },
    grounding: async () => grounding,
    isEmergency: (text) => /fire/.test(text),
    languageOf: (text, _among, fallback) => (/\bonde\b/i.test(text) ? "pt-PT" : fallback),
  };
  const index = {
    async search(question: string) {
      w.log.push(`search ${question}`);
      if (question === "broken" && w.broken) throw new Error("the index is gone");
      return w.passages;
    },
  };
  const tools: Tools = {
    parts,
    settings: () => w.settings,
    language: () => "en",
    hasIndex: () => Boolean(w.settings.sources),
    index: () => (w.settings.sources ? Promise.resolve(index) : null),
    about: async () => {
      w.log.push("about");
      if (w.about instanceof Error) throw w.about;
      return w.about;
    },
    async connect(where: Where, _settings, { onProgress, signal }) {
      w.log.push(`connect ${where}`);
      onProgress({ phase: "download", loaded: 1, total: 2, progress: 0.5, waiting: false });
      await w.between(signal);
      signal.throwIfAborted();
      if (w.failure) throw w.failure;
      return answerer;
    },
    forget: async () => void w.log.push("forget"),
  };
  const conversation = new Conversation(tools, (after) => void w.states.push(after));
  return Object.assign(w, { conversation });
}
