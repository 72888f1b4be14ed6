// Chrome's Prompt API (`LanguageModel`) on an engine: a polyfill where the browser has none, and for the languages that
// its own model doesn't speak. `globalThis.LanguageModel ??= languageModel(() => createEngine(url))`.

import { abortable } from "../errors.js";
import { parseMessages } from "../chat.js";
import type { ChatMessage } from "../shapes.js";
import { readable } from "../stream.js";
import type { Engine, Progress } from "../types.js";

export type Availability = "unavailable" | "downloadable" | "downloading" | "available";

export interface PromptMessage {
  role: "system" | "user" | "assistant";
  content: string | { type: string; value: unknown }[];
  prefix?: boolean;
}
export type PromptInput = string | PromptMessage[];

export interface CreateOptions {
  initialPrompts?: PromptMessage[];
  signal?: AbortSignal;
  monitor?: (monitor: EventTarget) => void;
  temperature?: number;
  topK?: number;
  expectedInputs?: { type: string; languages?: string[] }[];
  expectedOutputs?: { type: string; languages?: string[] }[];
  tools?: unknown[];
}

export interface PromptOptions {
  signal?: AbortSignal;
  responseConstraint?: unknown;
}

export interface PolyfillOptions {
  /** Whether the model is here, before anything is loaded. "downloadable" if absent. */
  availability?: () => Availability | Promise<Availability>;
}

/** What makes the engine, at the first `create()`: hand its progress to the argument. */
export type MakeEngine = (onProgress: (progress: Progress) => void) => Engine | Promise<Engine>;

function unsupported(what: string): DOMException {
  return new DOMException(`This LanguageModel has no ${what}.`, "NotSupportedError");
}

function checkOptions(options: CreateOptions): void {
  if (options.tools?.length) throw unsupported("tools");
  for (const expected of [...(options.expectedInputs ?? []), ...(options.expectedOutputs ?? [])]) {
    if (expected.type !== "text") throw unsupported(`inputs or outputs of the type "${expected.type}"`);
  }
}

/** Numbers as WebIDL and the Prompt API's specification take them. */
function checkSampling({ temperature, topK }: CreateOptions): void {
  for (const [name, value, least] of [["temperature", temperature, 0], ["topK", topK, 1]] as const) {
    if (value === undefined) continue;
    if (!Number.isFinite(value)) throw new TypeError(`"${name}" is ${value}, and has to be a number.`);
    if (value < least) throw new RangeError(`"${name}" is ${value}, and has to be at least ${least}.`);
  }
}

/** What pages know as `LanguageModel`. */
export interface LanguageModelClass {
  availability(options?: CreateOptions): Promise<Availability>;
  params(): Promise<{ defaultTopK: number; maxTopK: number; defaultTemperature: number; maxTemperature: number }>;
  create(options?: CreateOptions): Promise<PromptSession>;
}

/** The `LanguageModel` class for one engine, which is made when it's needed first. */
export function languageModel(make: MakeEngine, polyfill: PolyfillOptions = {}): LanguageModelClass {
  let engine: Promise<Engine> | null = null;
  let ready = false;
  const monitors = new Set<EventTarget>();

  function load(): Promise<Engine> {
    const onProgress = ({ progress }: Progress) => {
      const event = Object.assign(new Event("downloadprogress"), { loaded: progress, total: 1, lengthComputable: true });
      monitors.forEach((monitor) => monitor.dispatchEvent(event));
    };
    engine ??= Promise.resolve(make(onProgress)).then(
      (made) => ((ready = true), made),
      (error) => {
        engine = null;
        throw error;
      },
    );
    return engine;
  }

  return class LanguageModel extends PromptSession {
    static async availability(options: CreateOptions = {}): Promise<Availability> {
      try {
        checkOptions(options);
      } catch {
        return "unavailable";
      }
      if (ready) return "available";
      return engine ? "downloading" : ((await polyfill.availability?.()) ?? "downloadable");
    }

    static async params() {
      return { defaultTopK: 40, maxTopK: 1000, defaultTemperature: 1, maxTemperature: 2 };
    }

    static async create(options: CreateOptions = {}): Promise<PromptSession> {
      checkOptions(options);
      checkSampling(options);
      const { signal } = options;
      signal?.throwIfAborted();
      const monitor = new EventTarget();
      options.monitor?.(monitor);
      monitors.add(monitor);
      try {
        const messages = messagesOf(options.initialPrompts ?? []);
        // The engine goes on loading, for the next session.
        const session = new LanguageModel(await abortable(load(), signal), options, messages);
        await abortable(session.measure(), signal);
        return session;
      } catch (error) {
        throw signal?.aborted ? signal.reason : error;
      } finally {
        monitors.delete(monitor);
      }
    }
  };
}

/** The words of the API's messages. */
function messagesOf(input: PromptInput): ChatMessage[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  return input.map(({ role, content, prefix }) => {
    if (prefix) throw unsupported("answers that begin with a prefix");
    if (typeof content === "string") return { role, content };
    const texts = content.map(({ type, value }) => {
      if (type !== "text" || typeof value !== "string") throw unsupported(`messages of the type "${type}"`);
      return value;
    });
    return { role, content: texts.join("") };
  });
}

/** A conversation. */
export class PromptSession extends EventTarget {
  readonly #engine: Engine;
  readonly #options: CreateOptions;
  readonly #initial: number;
  #messages: ChatMessage[];
  #usage = 0;
  #destroyed: AbortController | null = new AbortController();
  /** Prompts of a session go one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #onOverflow: ((event: Event) => void) | null = null;

  constructor(engine: Engine, options: CreateOptions, messages: ChatMessage[]) {
    super();
    this.#engine = engine;
    this.#options = options;
    this.#messages = messages;
    this.#initial = options.initialPrompts?.length ?? 0;
    const { signal } = options;
    signal?.addEventListener("abort", () => this.#end(signal.reason));
  }

  get contextUsage(): number {
    return this.#usage;
  }
  get contextWindow(): number {
    return this.#engine.info.contextLength;
  }
  get temperature(): number {
    return this.#options.temperature ?? 1;
  }
  get topK(): number {
    return this.#options.topK ?? 40;
  }
  get oncontextoverflow(): ((event: Event) => void) | null {
    return this.#onOverflow;
  }
  set oncontextoverflow(listener: ((event: Event) => void) | null) {
    if (this.#onOverflow) this.removeEventListener("contextoverflow", this.#onOverflow);
    if (listener) this.addEventListener("contextoverflow", listener);
    this.#onOverflow = listener;
  }

  // Names of the API's first version.
  get inputUsage(): number {
    return this.contextUsage;
  }
  get inputQuota(): number {
    return this.contextWindow;
  }
  measureInputUsage(input: PromptInput): Promise<number> {
    return this.measureContextUsage(input);
  }

  async prompt(input: PromptInput, options: PromptOptions = {}): Promise<string> {
    let text = "";
    for await (const piece of this.#answer(input, options)) text += piece;
    return text;
  }

  promptStreaming(input: PromptInput, options: PromptOptions = {}): ReadableStream<string> {
    return readable(this.#answer(input, options));
  }

  /** Adds messages without an answer to them. */
  async append(input: PromptInput, { signal }: PromptOptions = {}): Promise<void> {
    const messages = messagesOf(input);
    const leave = await this.#inTurn(signal);
    try {
      await this.#fit([...this.#messages, ...messages]);
    } finally {
      leave();
    }
  }

  /** Tokens that messages would take. */
  async measureContextUsage(input: PromptInput): Promise<number> {
    this.#check();
    const messages = messagesOf(input);
    parseMessages(messages);
    return (await this.#engine.tokenize(messages)).length;
  }

  async clone({ signal }: { signal?: AbortSignal } = {}): Promise<this> {
    this.#check(signal);
    const { signal: _, ...options } = this.#options;
    const Session = this.constructor as new (e: Engine, o: CreateOptions, m: ChatMessage[]) => this;
    const session = new Session(this.#engine, { ...options, ...(signal ? { signal } : {}) }, [...this.#messages]);
    await session.measure();
    return session;
  }

  /** Ends the session; the engine stays for others. */
  destroy(): void {
    this.#end(new DOMException("The session was destroyed.", "AbortError"));
  }

  #end(reason: unknown): void {
    this.#destroyed?.abort(reason);
    this.#destroyed = null;
  }

  /** Counts the tokens of the conversation so far. An answer that filled the context leaves no room, and not less. */
  async measure(): Promise<void> {
    const tokens = this.#messages.length === 0 ? 0 : (await this.#engine.tokenize(this.#messages)).length;
    this.#usage = Math.min(tokens, this.contextWindow);
  }

  #check(signal?: AbortSignal): void {
    if (!this.#destroyed) throw new DOMException("The session was destroyed.", "InvalidStateError");
    signal?.throwIfAborted();
  }

  /** Waits for the turn of a prompt, or until its signal is aborted; what is given back ends the turn. */
  async #inTurn(signal?: AbortSignal): Promise<() => void> {
    this.#check(signal);
    const ended = this.#destroyed!.signal;
    const before = this.#turn;
    let leave!: () => void;
    this.#turn = Promise.all([before, new Promise<void>((done) => (leave = done))]);
    try {
      await abortable(abortable(before, signal), ended).catch(() => {});
      signal?.throwIfAborted();
      ended.throwIfAborted();
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Takes the messages, without the oldest ones if they are too many for the context. */
  async #fit(messages: ChatMessage[]): Promise<void> {
    let tokens = (await this.#engine.tokenize(messages)).length;
    const overflow = tokens >= this.contextWindow;
    while (tokens >= this.contextWindow) {
      // The initial prompts stay, and the last message.
      if (messages.length <= this.#initial + 1) {
        const why = `${tokens} tokens are too many: the context has ${this.contextWindow}.`;
        throw new DOMException(why, "QuotaExceededError");
      }
      messages.splice(this.#initial, Math.min(2, messages.length - this.#initial - 1));
      tokens = (await this.#engine.tokenize(messages)).length;
    }
    this.#messages = messages;
    this.#usage = tokens;
    if (overflow) this.dispatchEvent(new Event("contextoverflow"));
  }

  async *#answer(input: PromptInput, options: PromptOptions): AsyncGenerator<string, void, undefined> {
    this.#check(options.signal);
    if (options.responseConstraint !== undefined) throw unsupported("response constraints");
    const asked = messagesOf(input);
    const ended = this.#destroyed!.signal;
    const leave = await this.#inTurn(options.signal);
    const controller = new AbortController();
    const stop = ({ target }: Event) => controller.abort((target as AbortSignal).reason);
    options.signal?.addEventListener("abort", stop);
    ended.addEventListener("abort", stop);
    // A prompt that got no whole answer was never asked.
    let kept: [ChatMessage[], number] | null = [this.#messages, this.#usage];
    try {
      ended.throwIfAborted();
      await this.#fit([...this.#messages, ...asked]);
      let text = "";
      const { temperature = null, topK = null } = this.#options;
      const body = { messages: this.#messages, temperature, top_k: topK, stream: true as const };
      for await (const chunk of await this.#engine.chat.completions.create(body, { signal: controller.signal })) {
        const piece = chunk.choices[0]?.delta.content;
        if (!piece) continue;
        text += piece;
        yield piece;
      }
      this.#messages = [...this.#messages, { role: "assistant", content: text }];
      kept = null;
      await this.measure();
    } finally {
      if (kept) [this.#messages, this.#usage] = kept;
      options.signal?.removeEventListener("abort", stop);
      ended.removeEventListener("abort", stop);
      leave();
    }
  }
}
