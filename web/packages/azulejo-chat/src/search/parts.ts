// The index's files, fetched when they are needed and kept while the page is open.

import { parseUrl } from "../url.js";

/** What the index says of a file of its own. */
export interface Part {
  /** Relative to the index's address. */
  readonly file: string;
  readonly bytes: number;
}

/** Why an index can't be read. */
export type SearchErrorCode = "unreachable" | "not-found" | "not-an-index" | "other-version" | "damaged";

/** An index can't be read; the message says which address and what to do. */
export class SearchError extends Error {
  override readonly name = "SearchError";
  constructor(
    readonly code: SearchErrorCode,
    readonly address: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${address}: ${message}`, options);
  }
}

/** A part on its way, or here. */
interface Fetched {
  readonly value: Promise<unknown>;
  readonly controller: AbortController;
  /** How many wait for it. */
  waiting: number;
}

/** Fetches an index's files, each once, however many want it at a time; what was fetched whole is kept. */
export class Parts {
  readonly #parts = new Map<string, Fetched>();

  constructor(
    readonly address: URL,
    readonly fetch: typeof globalThis.fetch,
  ) {}

  /** The index's first file. */
  async first(signal?: AbortSignal): Promise<unknown> {
    const bytes = await this.#bytes(this.address, "make it by `azulejo index`, and put it and its folder there", signal);
    return parsed(bytes, this.address, "not-an-index", "it is not JSON; give the address of a search-index.json of `azulejo index`");
  }

  /** A part in JSON that is what it should be. */
  async json<T>(part: Part, is: (value: unknown) => value is T, signal?: AbortSignal): Promise<T> {
    const value = await this.#part<unknown>(part, (bytes, url) => parsed(bytes, url, "damaged", DAMAGED), signal);
    if (is(value)) return value;
    // The next one who wants it fetches it anew: it may be there by then.
    this.#parts.delete(part.file);
    throw new SearchError("damaged", new URL(part.file, this.address).href, `it isn't what the index says; ${DAMAGED}`);
  }

  /** A part as bytes. */
  bytes(part: Part, signal?: AbortSignal): Promise<ArrayBuffer> {
    return this.#part(part, (bytes) => bytes, signal);
  }

  /** A part, or the signal's reason; the fetch ends when nobody waits for it any more. */
  async #part<T>(part: Part, read: (bytes: ArrayBuffer, url: URL) => T, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const fetched = this.#parts.get(part.file) ?? this.#begin(part, read);
    fetched.waiting += 1;
    let stop = () => {};
    const stopped = new Promise<never>((_, reject) => {
      stop = () => {
        fetched.waiting -= 1;
        if (fetched.waiting === 0) {
          this.#drop(part, fetched);
          fetched.controller.abort();
        }
        reject(signal?.reason);
      };
    });
    signal?.addEventListener("abort", stop);
    // While the fetch began.
    if (signal?.aborted) stop();
    try {
      return (await Promise.race([fetched.value, stopped])) as T;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  #begin<T>(part: Part, read: (bytes: ArrayBuffer, url: URL) => T): Fetched {
    const controller = new AbortController();
    const fetched: Fetched = { value: this.#fetched(part, read, controller.signal), controller, waiting: 0 };
    this.#parts.set(part.file, fetched);
    fetched.value.then(
      // What is here stays, whoever leaves.
      () => (fetched.waiting = Infinity),
      () => this.#drop(part, fetched),
    );
    return fetched;
  }

  /** The next one who wants it fetches it anew. */
  #drop(part: Part, fetched: Fetched): void {
    if (this.#parts.get(part.file) === fetched) this.#parts.delete(part.file);
  }

  async #fetched<T>(part: Part, read: (bytes: ArrayBuffer, url: URL) => T, signal: AbortSignal): Promise<T> {
    const url = parseUrl(part.file, this.address.href);
    if (url?.origin !== this.address.origin) {
      throw new SearchError("damaged", this.address.href, `it names a part on another host (${url?.host ?? part.file}); ${DAMAGED}`);
    }
    const bytes = await this.#bytes(url, "the index's folder has to be beside it, of the same run of `azulejo index`", signal);
    if (bytes.byteLength !== part.bytes) {
      throw new SearchError("damaged", url.href, `it has ${bytes.byteLength} bytes instead of ${part.bytes}; ${DAMAGED}`);
    }
    return read(bytes, url);
  }

  async #bytes(url: URL, whatToDo: string, signal?: AbortSignal): Promise<ArrayBuffer> {
    try {
      const response = await this.fetch(url, signal ? { signal } : {});
      if (response.ok) return await response.arrayBuffer();
      const code = response.status === 404 ? "not-found" : "unreachable";
      throw new SearchError(code, url.href, `the server answers ${response.status}; ${whatToDo}`);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof SearchError) throw error;
      throw new SearchError("unreachable", url.href, "it can't be fetched; is the network there?", { cause: error });
    }
  }
}

/** What to do about an index that isn't whole. */
export const DAMAGED = "put the whole index there again, as `azulejo index` wrote it";

function parsed(bytes: ArrayBuffer, url: URL, code: SearchErrorCode, whatToDo: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new SearchError(code, url.href, whatToDo, { cause: error });
  }
}
