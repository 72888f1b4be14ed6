// The conversations whose KV caches an engine keeps, so that one doesn't evict the other's.

import { AzulejoError } from "./errors.js";
import { release } from "./runtime.js";
import type { WasmModel, WasmSession } from "./wasm-surface.js";

/** A cache, and the tokens that went into it. */
export interface Cache {
  session: WasmSession;
  tokens: number[];
}

export class Sessions {
  readonly #model: WasmModel;
  readonly #most: number;
  /** The least recently used first. */
  #caches: Cache[];

  constructor(model: WasmModel, first: WasmSession, most: number) {
    this.#model = model;
    this.#most = most;
    this.#caches = [{ session: first, tokens: [] }];
  }

  /** The last one that was used. */
  get session(): WasmSession {
    return this.#caches.at(-1)!.session;
  }

  /**
   * The cache for a prompt: of the conversation that it goes on with, which has more than half of its tokens in common
   * with the prompt; else one that nothing is in; else the least recently used.
   */
  take(prompt: Uint32Array): Cache {
    const shared = this.#caches.map(({ tokens }) => common(tokens, prompt));
    const best = shared.indexOf(Math.max(...shared));
    const goesOn = shared[best]! * 2 > this.#caches[best]!.tokens.length;
    const cache = goesOn ? this.#caches[best]! : (this.#empty() ?? this.#caches[0]!);
    this.#caches = [...this.#caches.filter((other) => other !== cache), cache];
    return cache;
  }

  #empty(): Cache | null {
    const empty = this.#caches.find(({ tokens }) => tokens.length === 0);
    if (empty || this.#caches.length >= this.#most) return empty ?? null;
    try {
      const cache = { session: this.#model.session(), tokens: [] };
      this.#caches.push(cache);
      return cache;
    } catch (error) {
      // Fewer conversations are no worse an answer.
      if (AzulejoError.from(error).code === "out_of_memory") return null;
      throw error;
    }
  }

  clear(): void {
    for (const cache of this.#caches) {
      cache.session.clear();
      cache.tokens = [];
    }
  }

  /** Frees all but the first session, which is the loaded model's. */
  release(first: WasmSession): void {
    release(...this.#caches.map(({ session }) => session).filter((session) => session !== first));
  }
}

/** How many tokens two texts begin with in common. */
function common(a: readonly number[], b: Uint32Array): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a[at] === b[at]) at++;
  return at;
}
