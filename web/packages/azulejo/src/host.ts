// The engine itself: what answers a client's calls, in a worker or on the page. One model, one session, one request at
// a time; a GPU that goes away is opened anew and the answer goes on.

import { type Chosen, closeDevice, openCpu, tiersBelow, Trial } from "./device.js";
import { abortable, AzulejoError, cancelled, checkAbort, disposed } from "./errors.js";
import { download, load, type LoadCall, type Loaded, unload } from "./load.js";
import { probe } from "./probe.js";
import type { Call, CallContext, Calls, EngineEvent, Generated, Port, WirePrompt, WireToken } from "./protocol.js";
import { awaited, breathe, type Runtime, startRuntime } from "./runtime.js";
import { Sessions } from "./sessions.js";
import type { EngineInfo, LoadOptions, Tier } from "./types.js";
import type { SessionAnswer, SessionEvent, SessionOptions } from "./wasm-surface.js";

/** Losses of a device within this time count together. */
const SOON_MS = 60_000;

/** Requests wait for each other; one that is aborted while it waits leaves the line. */
class Line {
  #last: Promise<unknown> = Promise.resolve();

  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    checkAbort(signal);
    const before = this.#last;
    let leave!: () => void;
    this.#last = Promise.all([before, new Promise<void>((done) => (leave = done))]);
    try {
      await new Promise<void>((done, fail) => {
        const stop = () => fail(cancelled(signal!.reason));
        signal?.addEventListener("abort", stop, { once: true });
        void before.then(() => {
          signal?.removeEventListener("abort", stop);
          done();
        });
      });
      checkAbort(signal);
      return await work();
    } finally {
      leave();
    }
  }
}

export class Host implements Port {
  readonly #tell: (event: EngineEvent) => void;
  readonly #line = new Line();
  #runtime: Runtime | null = null;
  #loaded: Loaded | null = null;
  #sessions: Sessions | null = null;
  #how: LoadCall | null = null;
  #disposed = false;
  /** Aborted when the engine is disposed. */
  readonly #left = new AbortController();
  #losses: number[] = [];

  constructor(tell: (event: EngineEvent) => void) {
    this.#tell = tell;
  }

  call<K extends Call>(name: K, args: Calls[K]["args"], context: CallContext<K> = {}): Promise<Calls[K]["answer"]> {
    const calls: { [C in Call]: (args: Calls[C]["args"], context: CallContext<C>) => Promise<Calls[C]["answer"]> } = {
      load: (a, c) => this.#load(a, c),
      download: (a, c) => download(a, c),
      probe: async (a) => probe(await startRuntime(a.wasmUrl), a),
      generate: (a, c) => this.#line.run(() => this.#generate(a.prompt, a.options, c), c.signal),
      embed: (a, c) => this.#line.run(() => this.#embed(a, c), c.signal),
      tokenize: (a) => this.#line.run(async () => [...this.#tokens(a.input, a.special)]),
      detokenize: (a) => this.#line.run(async () => this.#ready().model.detokenize(Uint32Array.from(a.tokens))),
      greedyTokens: (a, c) => this.#line.run(() => this.#greedyTokens(a.prompt, a.count), c.signal),
      clear: () => this.#line.run(async () => (this.#ready(), this.#sessions!.clear(), null)),
      memory: async () => ({ wasmBytes: this.#runtime?.memory.buffer.byteLength ?? 0 }),
      loseDevice: async () => (this.#ready().chosen.device.destroy(), null),
      dispose: () => this.#dispose(),
    };
    return calls[name](args, context).catch((error) => {
      throw AzulejoError.from(error);
    });
  }

  /** After a bug the module is of no use any more, to this host and to others on the page. */
  close(error?: AzulejoError): void {
    if (error?.code === "internal") this.#runtime?.abandon();
  }

  #ready(): Loaded {
    if (this.#runtime?.isAbandoned) {
      throw new AzulejoError("internal", "The engine's module failed for another engine of this page.",
        "Ask once more: it is loaded anew.");
    }
    if (this.#loaded) return this.#loaded;
    if (this.#disposed) throw disposed();
    throw new AzulejoError("device_lost", "The engine has no device any more.", "Make a new one with createEngine().");
  }

  async #load({ model, options, network, wasmUrl }: Calls["load"]["args"], context: CallContext<"load">) {
    this.#how = { model, options, network };
    this.#runtime = await startRuntime(wasmUrl);
    checkAbort(context.signal);
    const how = { ...this.#how, onProgress: context.onEvent, signal: context.signal };
    const info = this.#took(await load(this.#runtime, how));
    const { trial } = this.#loaded!;
    if (trial) void this.#move(trial);
    return info;
  }

  /** Moves the model to the device that turns out to be better: loads it there beside its answers, and changes over. */
  async #move(trial: Trial): Promise<void> {
    const chosen = await trial.better;
    const isLeft = () => this.#disposed || this.#loaded?.trial !== trial;
    // What was left was stopped, too, which closes the device.
    if (!chosen || isLeft()) return;
    trial.better = null;
    let moved: Loaded;
    try {
      moved = await load(this.#runtime!, { ...this.#how!, signal: this.#left.signal }, chosen);
    } catch {
      // It stays where it is; the loader has closed the device.
      return;
    }
    await this.#line.run(async () => {
      if (isLeft()) return unload(moved);
      this.#unload();
      const info = this.#took(moved);
      this.#tell({ type: "device-changed", device: info.device, info });
    });
  }

  async #dispose(): Promise<null> {
    if (this.#disposed) return null;
    this.#disposed = true;
    this.#left.abort();
    await this.#line.run(async () => {
      this.#unload();
    });
    return null;
  }

  #took(loaded: Loaded): EngineInfo {
    this.#loaded = loaded;
    this.#sessions = new Sessions(loaded.model, loaded.session, this.#how!.options.conversations ?? 1);
    return loaded.info;
  }

  #unload(): void {
    if (!this.#loaded) return;
    this.#sessions!.release(this.#loaded.session);
    unload(this.#loaded);
    this.#loaded = this.#sessions = null;
  }

  #tokens(input: WirePrompt, special: boolean): Uint32Array {
    const { model } = this.#ready();
    if (typeof input === "string") {
      return model.tokenize(input, JSON.stringify({ addSpecial: special, parseSpecial: special }));
    }
    if (Array.isArray(input)) return Uint32Array.from(input);
    const d = new Date();
    const now = [d.getFullYear(), d.getMonth() + 1, d.getDate(), d.getHours(), d.getMinutes(), d.getSeconds()];
    const { messages, ...chat } = input;
    return model.chatPrompt(JSON.stringify(messages), JSON.stringify({ now, ...chat }));
  }

  async #generate(prompt: WirePrompt, options: SessionOptions, context: CallContext<"generate">): Promise<Generated> {
    const { signal, interrupt, onEvent } = context;
    if (this.#disposed) throw cancelled();
    if (!this.#loaded) await this.#recover(signal);
    const { info } = this.#ready();
    if (info.embedding) {
      throw new AzulejoError("unsupported", `${info.name} (${info.architecture}) is an encoder, and writes no texts.`,
        "Ask it for vectors by embeddings.create().");
    }
    const tokens = this.#tokens(prompt, true);
    onEvent?.({ type: "started" });
    // A seed of its own, so that an answer can go on after a lost device as it would have.
    const seed = options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
    const made: number[] = [];
    const clock = new Clock();
    const goesOn = () => !interrupt?.aborted && !signal?.aborted && !this.#disposed;
    const heard = (event: SessionEvent) => {
      if (event.type === "prompt") {
        const progress = clock.prompt(event.done, event.total);
        if (made.length === 0) onEvent?.({ type: "prompt", progress });
      } else if (event.type === "token") {
        clock.token();
        made.push(event.token);
        onEvent?.({ type: "token", token: wireToken(event) });
      } else onEvent?.({ type: "rest", text: event.text });
    };
    for (;;) {
      try {
        const resume = made.length > 0 ? { resume: [...made] } : {};
        const hear = (event: SessionEvent) => (heard(event), goesOn());
        const answer = await this.#session(tokens, { ...options, seed, ...resume }, hear, goesOn);
        checkAbort(signal);
        if (this.#disposed) throw cancelled();
        return { ...clock.generated(answer, tokens.length), stop: answer.stop };
      } catch (error) {
        checkAbort(signal);
        const isOver = AzulejoError.from(error).code === "cancelled" && interrupt?.aborted && !this.#disposed;
        if (isOver) return clock.interrupted(tokens.length);
        await this.#afterLoss(error, made.length, signal);
      }
    }
  }

  /** Texts as vectors: as many at once as fit in a step. */
  async #embed({ inputs, prompt, first = 0 }: Calls["embed"]["args"], { signal }: CallContext<"embed">) {
    if (!this.#loaded) await this.#recover(signal);
    const { model, info } = this.#ready();
    const { embedding, contextLength: capacity } = info;
    if (!embedding) {
      throw new AzulejoError("unsupported", `${info.name} (${info.architecture}) writes texts, and is no encoder.`,
        "Take an encoder for vectors: BERT, E5, BGE, MiniLM, XLM-RoBERTa.");
    }
    const texts = inputs.map((input) => (typeof input === "string" ? model.embedTokens(input, prompt) : Uint32Array.from(input)));
    texts.forEach(({ length: needed }, at) => {
      if (needed <= capacity) return;
      const index = first + at;
      throw new AzulejoError("context_full", `"input"[${index}] has ${needed} tokens, and the context ${capacity}.`,
        "Cut it into several texts, or make an engine with a longer context if the model has one.", undefined,
        { index, needed, capacity });
    });
    const { dimensions } = embedding;
    const vectors = new Float32Array(texts.length * dimensions);
    let done = 0;
    while (done < texts.length) {
      if (this.#disposed) throw cancelled();
      let [end, together] = [done, 0];
      while (end < texts.length && together + texts[end]!.length <= capacity) together += texts[end++]!.length;
      const step = texts.slice(done, end);
      try {
        const { chosen, session, trial } = this.#ready();
        const work = session.embed(joined(step, together), Uint32Array.from(step, (text) => text.length));
        trial?.disturb(work);
        const made = await awaited(chosen, work);
        if (made.length !== step.length * dimensions) {
          throw new AzulejoError("unsupported", `${info.name} keeps a vector a token and not one a text: its file says so.`,
            "Take a file that says how they become one (pooling: mean, CLS or last).");
        }
        vectors.set(made, done * dimensions);
        done = end;
        // On the CPU the step kept everything else waiting.
        await breathe();
      } catch (error) {
        checkAbort(signal);
        await this.#afterLoss(error, done, signal);
      }
      checkAbort(signal);
    }
    return { vectors, dimensions, tokens: texts.reduce((sum, { length }) => sum + length, 0) };
  }

  /** Opens a device anew if it's the device that failed; throws any other error. */
  async #afterLoss(error: unknown, generated: number, signal?: AbortSignal): Promise<void> {
    const { code, message } = AzulejoError.from(error);
    // A GPU that goes away may fail a command before the browser tells of the loss; and one that fails commands
    // by itself is no better than a lost one.
    const onGpu = this.#loaded?.chosen.info.backend === "webgpu";
    if (code !== "device_lost" && !(code === "device" && onGpu)) throw error;
    this.#tell({ type: "device-lost", message, generated });
    await this.#recover(signal);
  }

  /** One run of the session: on a GPU it is nudged, on the CPU messages are let in after each event. */
  async #session(
    tokens: Uint32Array,
    options: SessionOptions,
    heard: (event: SessionEvent) => boolean,
    goesOn: () => boolean,
  ) {
    const { chosen, trial } = this.#ready();
    const cache = this.#sessions!.take(tokens);
    // What was told before a lost device is read with the prompt.
    cache.tokens = [...tokens, ...(options.resume ?? [])];
    const onGpu = chosen.info.backend === "webgpu";
    const onEvent = (json: string) => {
      const event: SessionEvent = JSON.parse(json);
      if (event.type === "token") cache.tokens.push(event.token);
      const goOn = heard(event);
      return onGpu ? goOn : breathe().then(goesOn);
    };
    const work = cache.session.generate(tokens, JSON.stringify(options), onEvent);
    trial?.disturb(work);
    const answer: SessionAnswer = JSON.parse(await awaited(chosen, work));
    return answer;
  }

  async #greedyTokens(prompt: number[], count: number): Promise<number[]> {
    const { chosen } = this.#ready();
    const work = this.#sessions!.session.greedyTokens(Uint32Array.from(prompt), count);
    return [...(await awaited(chosen, work))];
  }

  /** A new device, with the model from where it came: the same tier at first, then the next one, then the CPU. */
  async #recover(signal?: AbortSignal): Promise<void> {
    const now = Date.now();
    this.#losses = [...this.#losses.filter((at) => at > now - SOON_MS), now];
    const old = this.#loaded?.chosen ?? null;
    const how = this.#how!;
    const losses = this.#losses.length;
    this.#unload();
    const chosen = await this.#next(old, losses, how.options, signal);
    const info = this.#took(await load(this.#runtime!, { ...how, signal }, chosen));
    this.#tell({ type: "device-restored", device: info.device, info });
  }

  async #next(old: Chosen | null, losses: number, options: LoadOptions, signal?: AbortSignal): Promise<Chosen> {
    const { wasm } = this.#runtime!;
    const why = `the GPU was lost ${losses} times within a minute`;
    const below = tiersBelow(old?.info.tier ?? "baseline")[0];
    if (losses > 2 || (losses === 2 && !below)) {
      if (options.device !== "webgpu") return openCpu(wasm, "gpu_lost", why);
      throw new AzulejoError("device_lost", `The GPU is lost again and again: ${why}.`,
        'Choose a smaller model or a shorter context, or device: "auto", which goes on on the CPU.');
    }
    // Which of GPU and CPU is faster was settled when the model was loaded first.
    const tier = losses === 2 ? below : (old?.info.tier as Tier | undefined);
    const again = { ...options, device: "webgpu" as const, ...(tier ? { maxTier: tier } : {}) };
    const trial = new Trial(wasm, again);
    let chosen: Chosen;
    try {
      chosen = await abortable(trial.best(() => {}), signal);
    } catch (error) {
      trial.stop();
      checkAbort(signal);
      if (options.device === "webgpu") throw error;
      return openCpu(wasm, "gpu_lost", `the GPU was lost and can't be opened again: ${AzulejoError.from(error).message}`);
    }
    if (signal?.aborted) closeDevice(chosen.device);
    checkAbort(signal);
    const isFirst = losses === 1;
    const choice = isFirst ? "opened anew after it was lost" : `${why}: a lower tier`;
    return { ...chosen, choice, code: isFirst ? "reopened" : "lower_tier" };
  }
}

/** Texts' tokens, one text's behind the other's. */
function joined(texts: readonly Uint32Array[], length: number): Uint32Array {
  const all = new Uint32Array(length);
  let at = 0;
  for (const text of texts) {
    all.set(text, at);
    at += text.length;
  }
  return all;
}

const utf8 = new TextDecoder();

function wireToken(event: Extract<SessionEvent, { type: "token" }>): WireToken {
  const { token: id, text, logprob, bytes, top } = event;
  if (logprob === undefined || !bytes) return { id, text };
  const named = (b: number[]) => ({ text: utf8.decode(Uint8Array.from(b)), bytes: b });
  const others = (top ?? []).map((t) => ({ ...named(t.bytes), logprob: t.logprob }));
  return { id, text, token: { ...named(bytes), logprob, top: others } };
}

/** Times of an answer, by llama-server's names. */
class Clock {
  readonly #start = performance.now();
  #cached = 0;
  #first: number | null = null;
  #last = this.#start;
  #promptKnown = false;
  #tokens = 0;

  prompt(done: number, total: number) {
    if (!this.#promptKnown) this.#cached = done;
    this.#promptKnown = true;
    return { total, cache: this.#cached, processed: done, time_ms: performance.now() - this.#start };
  }

  token(): void {
    this.#last = performance.now();
    this.#first ??= this.#last;
    this.#tokens++;
  }

  generated(answer: SessionAnswer, promptTokens: number): Omit<Generated, "stop"> {
    const count = answer.tokens.length;
    const read = promptTokens - this.#cached;
    const promptMs = (this.#first ?? performance.now()) - this.#start;
    const predictedMs = this.#last - (this.#first ?? this.#last);
    return {
      promptTokens,
      cachedTokens: this.#cached,
      tokens: count,
      timings: {
        cache_n: this.#cached,
        prompt_n: read,
        prompt_ms: promptMs,
        prompt_per_second: promptMs > 0 ? (read * 1000) / promptMs : 0,
        predicted_n: count,
        predicted_ms: predictedMs,
        // The first token comes with the prompt.
        predicted_per_second: predictedMs > 0 ? ((count - 1) * 1000) / predictedMs : 0,
      },
    };
  }

  /** An answer that was interrupted before its first token. */
  interrupted(promptTokens: number): Generated {
    const none = { text: "", tokens: [], stop: "cancelled" as const, stopString: null, promptTokens, cachedTokens: 0 };
    return { ...this.generated(none, promptTokens), stop: "cancelled" };
  }
}
