// Many texts for an encoder on the CPU, shared out. An engine computes on one core there, as WebAssembly does on any page
// that isn't cross-origin isolated; so there are further engines of the model, each in a worker of its own, as long as
// there is work for them.

import { AzulejoError, cancelled } from "./errors.js";
import { sum } from "./memory.js";
import type { Calls, Port } from "./protocol.js";
import type { EngineInfo } from "./types.js";

type Request = Calls["embed"]["args"];
type Vectors = Calls["embed"]["answer"];

/** Engines of a model at most, where a page doesn't say how many. */
const USUAL_ENGINES = 4;
/** What the further ones may hold together. */
const FURTHER_BYTES = 512 << 20;
/** Tokens that were asked for before there is a second engine; twice as many for a third one. Loading one takes as long. */
const TOKENS_AN_ENGINE = 1024;
/** Tokens of a share: of many texts, and the fewest, as weights are taken apart once for all texts of a share. */
const SHARE_TOKENS = 512;
const LEAST_TOKENS = 128;
/** Characters that are taken for a token. */
const TOKEN_CHARACTERS = 4;
/** How long the further ones are kept with nothing to do. */
const IDLE_MS = 30_000;

/** Texts that an engine takes at once. */
interface Share {
  request: Request;
  signal: AbortSignal;
  done(vectors: Vectors): void;
  fail(error: unknown): void;
}

/** The engines of an encoder: the page's own, and those that it shares texts with. */
export class Encoders {
  readonly #own: Port;
  readonly #further: Port[] = [];
  readonly #open: (() => Promise<Port>) | null;
  readonly #most: number | undefined;
  readonly #idle: Port[];
  #waiting: Share[] = [];
  /** Engines, also those that are being loaded. */
  #count = 1;
  /** Tokens that were asked for since the engine had nothing to do. */
  #asked = 0;
  /** One more couldn't be had. */
  #isFull = false;
  #isClosed = false;
  #release: ReturnType<typeof setTimeout> | undefined;

  /** `open` loads one more engine, null if there can't be one; `most` is how many the page allows. */
  constructor(own: Port, open: (() => Promise<Port>) | null, most: number | undefined) {
    this.#own = own;
    this.#idle = [own];
    this.#open = open;
    this.#most = most;
  }

  /** The memory of all engines that there are. */
  async memory(): Promise<Calls["memory"]["answer"]> {
    // One that is let go meanwhile holds nothing.
    const further = this.#further.map((port) => port.call("memory", null).catch(() => ({ wasmBytes: 0 })));
    const all = await Promise.all([this.#own.call("memory", null), ...further]);
    return { wasmBytes: all.reduce((sum, { wasmBytes }) => sum + wasmBytes, 0) };
  }

  /** Aborting `controller` ends the request; an error in one share does. */
  async embed(request: Request, controller: AbortController, info: EngineInfo): Promise<Vectors> {
    const { signal } = controller;
    const most = this.#mostFor(info);
    if (most === 1) return this.#own.call("embed", request, { signal });
    const tokens = request.inputs.map((input) => (typeof input === "string" ? input.length / TOKEN_CHARACTERS : input.length));
    const total = tokens.reduce((sum, count) => sum + count, 0);
    clearTimeout(this.#release);
    this.#asked += total;
    const shares = cut(tokens, total, most).map(([first, end]) =>
      this.#queued({ ...request, inputs: request.inputs.slice(first, end), first }, signal));
    this.#idle.splice(0).forEach((port) => void this.#work(port));
    while (this.#waiting.length > 0 && this.#count < most && this.#asked >= TOKENS_AN_ENGINE * this.#count && !this.#isFull) {
      void this.#grow();
    }
    try {
      return joined(await Promise.all(shares));
    } catch (error) {
      controller.abort();
      throw error;
    }
  }

  /** Ends what is under way with the error. */
  close(error: AzulejoError): void {
    this.#isClosed = true;
    clearTimeout(this.#release);
    this.#waiting.splice(0).forEach(({ fail }) => fail(error));
    this.#closeFurther(error);
  }

  /** How many engines may share a request. Where a GPU may still take over, it isn't kept busy by copies of the model. */
  #mostFor({ embedding, device, memory }: EngineInfo): number {
    const mayMove = device.choiceCode === "gpu_untried" || device.choiceCode === "gpu_compiles";
    if (!embedding || device.backend !== "cpu" || mayMove || !this.#open) return 1;
    const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
    return this.#most ?? Math.min(cores, USUAL_ENGINES, 1 + Math.floor(FURTHER_BYTES / sum(memory)));
  }

  #queued(request: Request, signal: AbortSignal): Promise<Vectors> {
    return new Promise((done, fail) => {
      const share: Share = { request, signal, done, fail };
      this.#waiting.push(share);
      signal.addEventListener("abort", () => {
        this.#waiting = this.#waiting.filter((other) => other !== share);
        fail(cancelled(signal.reason));
      });
    });
  }

  /** Takes shares as long as there are any. */
  async #work(port: Port): Promise<void> {
    for (let share = this.#waiting.shift(); share; share = this.#waiting.shift()) {
      await port.call("embed", share.request, { signal: share.signal }).then(share.done, share.fail);
    }
    this.#idle.push(port);
    this.#rest();
  }

  async #grow(): Promise<void> {
    this.#count++;
    try {
      const port = await this.#open!();
      if (this.#isClosed) return port.close();
      this.#further.push(port);
      await this.#work(port);
    } catch (error) {
      // Fewer engines give the same vectors.
      console.warn(`azulejo: texts are shared out to fewer workers: ${AzulejoError.from(error).message}`);
      this.#count--;
      this.#isFull = true;
      this.#rest();
    }
  }

  #rest(): void {
    if (this.#idle.length < this.#count || this.#isClosed) return;
    this.#release = setTimeout(() => this.#closeFurther(), IDLE_MS);
  }

  #closeFurther(error?: AzulejoError): void {
    this.#further.splice(0).forEach((port) => port.close(error));
    this.#idle.splice(0, this.#idle.length, this.#own);
    this.#count = 1;
    this.#asked = 0;
  }
}

/** Cuts texts into shares, as many for each engine: the first text of each, and the one behind its last. */
function cut(tokens: readonly number[], total: number, engines: number): [number, number][] {
  const rounds = Math.max(1, Math.round(total / (engines * SHARE_TOKENS)));
  const count = Math.max(1, Math.min(engines * rounds, Math.ceil(total / LEAST_TOKENS)));
  const shares: [number, number][] = [];
  let [first, before] = [0, 0];
  tokens.forEach((size, at) => {
    before += size;
    const isLast = at + 1 === tokens.length;
    if (!isLast && before * count < total * (shares.length + 1)) return;
    shares.push([first, at + 1]);
    first = at + 1;
  });
  return shares;
}

function joined(answers: Vectors[]): Vectors {
  const [{ dimensions }] = answers as [Vectors];
  const vectors = new Float32Array(answers.reduce((count, { vectors }) => count + vectors.length, 0));
  let at = 0;
  for (const answer of answers) {
    vectors.set(answer.vectors, at);
    at += answer.vectors.length;
  }
  return { vectors, dimensions, tokens: answers.reduce((count, { tokens }) => count + tokens, 0) };
}
