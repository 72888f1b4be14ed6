// A conversation: what happens when a question is asked, consent is given, all is forgotten. It has no DOM; what it needs
// of the world are its tools.

import type { Answerer } from "../engine/answerer.js";
import type { Past } from "../engine/prompt.js";
import { mayAnswer, type Settings } from "../element/settings.js";
import { type Language, LANGUAGES } from "../language/languages.js";
import type { Parts, SiteIndex } from "../parts.js";
import { failureOf } from "./failure.js";
import { type Action, reduce } from "./reducer.js";
import { type About, initial, type Progress, running, type State, type Turn, type Where } from "./state.js";

export interface Tools {
  readonly parts: Parts;
  settings(): Settings;
  /** The page's language. */
  language(): Language;
  /** Whether the page has a search over the site's pages. */
  hasIndex(): boolean;
  /** The search, which is fetched when it's first asked for; null if the page has none. */
  index(): Promise<SiteIndex> | null;
  about(settings: Settings, signal: AbortSignal): Promise<About>;
  connect(where: Where, settings: Settings, how: { onProgress(progress: Progress): void; signal: AbortSignal }): Promise<Answerer>;
  /** Deletes the chat's models from the device. */
  forget(settings: Settings): Promise<void>;
}

export type Change = (after: State, before: State) => void;

const PASSAGES = 5;
/** What is known of a model that can't be looked at. */
const UNKNOWN = { name: "", licence: "", bytes: null, languages: null, kept: false, held: null, tooSmall: null } as const;

export class Conversation {
  readonly #tools: Tools;
  readonly #onChange: Change;
  #state: State = initial;
  #turns = 0;
  /** The question that is being searched for or answered. */
  #question: AbortController | null = null;
  #asking: Promise<void> | null = null;
  #looking: AbortController | null = null;
  #configurations = 0;
  #loading: { controller: AbortController; done: Promise<void> } | null = null;
  #answerer: Answerer | null = null;
  #unloading: Promise<void> | null = null;
  #past: readonly Past[] = [];

  constructor(tools: Tools, onChange: Change) {
    this.#tools = tools;
    this.#onChange = onChange;
  }

  get state(): State {
    return this.#state;
  }

  #dispatch(action: Action): void {
    const before = this.#state;
    this.#state = reduce(before, action);
    if (this.#state !== before) this.#onChange(this.#state, before);
  }

  /** The page offers another model, server or index, or is there for the first time. A search that is under way is done anew. */
  async configure(): Promise<void> {
    const mine = ++this.#configurations;
    const turn = running(this.#state);
    const again = turn?.searching ? turn.id : null;
    this.stop();
    if (again !== null) this.#dispatch({ type: "searching", id: again });
    this.#looking?.abort();
    await this.#unload();
    // Of several changes, one behind the other, the last one counts.
    if (mine !== this.#configurations) return;
    this.#looking?.abort();
    this.#looking = null;
    this.#dispatch({ type: "configured", offered: mayAnswer(this.#tools.settings(), this.#tools.hasIndex()) });
    if (again === null || again !== this.#state.turns.at(-1)?.id) return;
    const index = this.#tools.index();
    if (index) void this.#begin((signal) => this.#searchAndAnswer(again, index, signal));
    else this.stop();
  }

  /** Asks for consent, the first time, unless something speaks against asking; `wanted`: the visitor asks for it. */
  async offer(wanted = false): Promise<void> {
    const { engine } = this.#state;
    if (engine.phase !== "off" && engine.phase !== "failed") return;
    const settings = this.#tools.settings();
    const first = this.#looking === null;
    if ((first || wanted) && !(await this.#look(settings))) return;
    const { about, consent } = this.#state;
    const isHeld = about !== null && about.held !== null;
    const hasWay = Boolean(settings.server) || (about !== null && !about.tooSmall && !about.failure);
    if (!consent && (wanted || (first && !isHeld && hasWay))) this.#dispatch({ type: "consent", shown: true });
  }

  /** Learns about the model; false if that was overtaken by another offer. */
  async #look(settings: Settings): Promise<boolean> {
    this.#looking?.abort();
    const { signal } = (this.#looking = new AbortController());
    if (!settings.model) return true;
    const failed = (error: unknown): About | null => (signal.aborted ? null : { ...UNKNOWN, failure: failureOf(error) });
    const about = await this.#tools.about(settings, signal).catch(failed);
    if (signal.aborted || !about) return false;
    this.#dispatch({ type: "about", about });
    return true;
  }

  decline(): void {
    this.#dispatch({ type: "consent", shown: false });
  }

  /** The visitor agreed: fetches the model, or connects to the server. */
  async agree(where: Where): Promise<void> {
    await this.#unload();
    this.#dispatch({ type: "agreed", where });
    const done = this.#load(where);
    await done;
  }

  async #load(where: Where): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    const onProgress = (progress: Progress) => {
      if (!signal.aborted) this.#dispatch({ type: "engine", engine: { phase: "loading", where, progress } });
    };
    this.#dispatch({ type: "engine", engine: { phase: "loading", where, progress: null } });
    const connecting = this.#tools.connect(where, this.#tools.settings(), { onProgress, signal });
    this.#loading = { controller, done: connecting.then(() => {}, () => {}) };
    try {
      const answerer = await connecting;
      if (signal.aborted) return void (await answerer.dispose());
      this.#answerer = answerer;
      this.#past = [];
      this.#dispatch({ type: "engine", engine: { phase: "ready", where } });
    } catch (error) {
      if (signal.aborted) return;
      this.#dispatch({ type: "engine", engine: { phase: "failed", where, failure: failureOf(error) } });
      return;
    }
    const last = this.#state.turns.at(-1);
    if (last && !last.answer && !last.searching) await this.#begin((signal) => this.#answer(last.id, signal));
  }

  /** Ends the loading of a model, and agrees to nothing. */
  cancel(): void {
    this.#loading?.controller.abort();
    if (this.#state.engine.phase === "loading") this.#dispatch({ type: "engine", engine: { phase: "off" } });
  }

  /** Frees the model, and what is under way with it; resolves when nothing of it holds the store any more. */
  async #unload(): Promise<void> {
    this.cancel();
    const [before, loading, answerer] = [this.#unloading, this.#loading, this.#answerer];
    this.#answerer = null;
    this.#past = [];
    // Whoever comes while it is under way waits for it, too.
    await (this.#unloading = (async () => {
      await before?.catch(() => {});
      await loading?.done;
      await answerer?.dispose();
    })());
  }

  /** Searches, and then has the model answer if there is one. */
  async ask(question: string): Promise<void> {
    const text = question.trim();
    if (!text) return;
    this.stop();
    const { parts } = this.#tools;
    const id = ++this.#turns;
    const lang = parts.languageOf(text, this.#languages(), this.#tools.language());
    const index = this.#tools.index();
    this.#dispatch({ type: "asked", id, question: text, lang, emergency: parts.isEmergency(text), searching: index !== null });
    if (!index && this.#state.engine.phase === "off") void this.offer(true);
    await this.#begin((signal) => this.#searchAndAnswer(id, index, signal));
  }

  /** Runs the one question that is under way; whoever was before it has been stopped. */
  async #begin(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#question?.abort();
    const before = this.#asking;
    const controller = (this.#question = new AbortController());
    this.#asking = (async () => {
      await before;
      await work(controller.signal);
    })();
    await this.#asking;
  }

  /** What the model knows; all languages, where that isn't known or there is none. */
  #languages(): readonly Language[] {
    const { engine, about } = this.#state;
    return (engine.phase === "ready" && engine.where === "device" ? about?.languages : null) ?? LANGUAGES;
  }

  async #searchAndAnswer(id: number, index: Promise<SiteIndex> | null, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const turn = this.#turn(id);
    if (!turn) return;
    if (index) {
      this.#dispatch({ type: "searching", id });
      try {
        const found = await (await index).search(turn.question, { lang: turn.lang, limit: PASSAGES, signal });
        if (signal.aborted) return;
        this.#dispatch({ type: "found", id, found });
      } catch (error) {
        if (signal.aborted) return;
        console.error(error);
        this.#dispatch({ type: "search-failed", id });
      }
    }
    await this.#answer(id, signal);
  }

  #turn(id: number): Turn | undefined {
    return this.#state.turns.find((turn) => turn.id === id);
  }

  async #answer(id: number, signal: AbortSignal): Promise<void> {
    const { engine } = this.#state;
    const answerer = this.#answerer;
    const turn = this.#turn(id);
    if (engine.phase !== "ready" || !answerer || !turn || signal.aborted) return;
    const { grounding: mode } = this.#tools.settings();
    const { lang } = turn;
    const passages = (turn.found ?? []).map(({ passage }) => passage);
    // Nothing could support a sentence.
    if (mode === "strict" && passages.length === 0) return;
    this.#dispatch({ type: "answering", id, where: engine.where });
    try {
      const [grounding, { promptOf, written }] = await Promise.all([this.#tools.parts.grounding(), import("../engine/agreed.js")]);
      const prompt = await promptOf({ text: turn.question, lang, passages, past: this.#past }, answerer);
      signal.throwIfAborted();
      let raw = "";
      const pieces = async function* () {
        for await (const piece of answerer.answer(prompt.messages, { maxTokens: prompt.maxTokens, signal })) {
          raw += piece;
          yield piece;
        }
      };
      let isEmpty = true;
      for await (const { text, said, hidden } of written(pieces(), { mode, passages, lang, grounding })) {
        isEmpty = text === "";
        this.#dispatch({ type: "wrote", id, text, said, hidden });
      }
      signal.throwIfAborted();
      this.#past = [...prompt.past, { asked: prompt.asked, answered: raw }];
      this.#dispatch({ type: "answered", id, quoted: isEmpty && passages.length > 0 ? 0 : null });
    } catch (error) {
      if (signal.aborted) return;
      this.#dispatch({ type: "answer-failed", id, failure: failureOf(error) });
    }
  }

  /** Ends the answer that is being written. */
  stop(): void {
    this.#question?.abort();
    this.#question = null;
    const turn = running(this.#state);
    if (turn) this.#dispatch({ type: "stopped", id: turn.id });
  }

  /** Tries once more what failed last: the model's loading, else the last question. */
  async retry(): Promise<void> {
    const { engine, turns } = this.#state;
    if (engine.phase === "failed") return this.agree(engine.where);
    const last = turns.at(-1);
    if (!last) return;
    this.stop();
    const index = last.found ? null : this.#tools.index();
    await this.#begin((signal) => this.#searchAndAnswer(last.id, index, signal));
  }

  /** Deletes the conversation, and the chat's models from the device. */
  async forget(): Promise<void> {
    this.stop();
    this.#looking?.abort();
    await this.#asking?.catch(() => {});
    await this.#unload();
    try {
      await this.#tools.forget(this.#tools.settings());
      this.#dispatch({ type: "forgotten" });
    } catch (error) {
      // The conversation is gone all the same.
      this.#dispatch({ type: "forgotten" });
      this.#dispatch({ type: "engine", engine: { phase: "failed", where: "device", failure: failureOf(error) } });
    }
  }

  /** Frees what it holds; the conversation stays to be read, and consent is asked for anew. */
  async rest(): Promise<void> {
    this.stop();
    await this.#unload();
    if (this.#state.engine.phase === "ready") this.#dispatch({ type: "engine", engine: { phase: "off" } });
  }
}

