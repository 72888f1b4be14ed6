// One connection to a server, and what statuses and headers mean.

import { abortable, AzulejoError, cancelled } from "../errors.js";
import { type Network, STALL_MS } from "./network.js";

/** What names a file's state: its ETag, else the time of its last change. A server that compresses some answers calls the
 * same tag weak in those and strong in others (RFC 9110, 8.8.3.2: weak comparison). */
export function tagOf(response: Response): string | null {
  return response.headers.get("etag")?.replace(/^W\//, "") ?? response.headers.get("last-modified");
}

/** Whether two tags are of different files, as far as they can be compared: one answer may have an ETag, another none. */
export function isOfAnother(tag: string | null, other: string | null): boolean {
  if (tag === null || other === null) return false;
  return tag.startsWith('"') === other.startsWith('"') && tag !== other;
}

export function sizeOf(response: Response): number | null {
  // A compressed answer tells the size of what crosses the wire, not of the file.
  const text = response.headers.get("content-encoding") ? null : response.headers.get("content-length");
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

/** `Content-Range`, where there is one and it may be read (across origins it must be exposed). */
export function rangeOf(response: Response): { start: number | null; total: number | null } {
  const match = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  if (!match) return { start: null, total: null };
  return {
    start: match[1] === undefined ? null : Number(match[1]),
    total: match[2] === "*" || match[2] === undefined ? null : Number(match[2]),
  };
}

/** An error for a status that trying again won't mend; null for one that it may. */
export function refusal(response: Response, url: string): AzulejoError | null {
  const { status } = response;
  if (status === 404 || status === 410) {
    return new AzulejoError("not_found", `There is no file at ${url} (${status}).`, "Check the model's address.", undefined,
      { url, status });
  }
  if (status === 401 || status === 403) {
    return new AzulejoError("network", `The server refuses ${url} (${status}).`,
      "Check that the page's visitors may read the file. What a server wants to see is sent by the options headers " +
        'and credentials ("include" for another origin\'s cookies).', undefined, { url, status });
  }
  if (status === 408 || status === 429 || status >= 500) return null;
  return new AzulejoError("network", `The server answers ${url} with the status ${status}.`,
    "Check how the server is set up: it has to answer GET, best with ranges.", undefined, { url, status });
}

/** One connection: ends with the signal, or when nothing comes for a while. */
export class Connection {
  readonly #controller = new AbortController();
  readonly #network: Network;
  readonly #signal: AbortSignal | undefined;
  readonly #forward = () => this.#controller.abort();

  constructor(network: Network, signal?: AbortSignal) {
    this.#network = network;
    this.#signal = signal;
    if (signal?.aborted) this.#controller.abort();
    signal?.addEventListener("abort", this.#forward);
  }

  /** Watches one wait for the server. */
  async watch<T>(promise: Promise<T>): Promise<T> {
    let stalled = false;
    const timer = setTimeout(() => {
      stalled = true;
      this.#controller.abort();
    }, STALL_MS);
    try {
      // A fetch of the page's own may not heed its signal.
      return await abortable(promise, this.#controller.signal);
    } catch (error) {
      if (this.#signal?.aborted) throw cancelled(this.#signal.reason);
      throw stalled ? new Error(`nothing came for ${STALL_MS / 1000} seconds`) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  fetch(url: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
    return this.watch(this.#network.fetch(url, headers, method, this.#controller.signal));
  }

  close(): void {
    this.#signal?.removeEventListener("abort", this.#forward);
    this.#controller.abort();
  }
}

export const BUSY = "the server is busy or broken";
export const message = (error: unknown) => (error instanceof Error ? error.message : String(error));
