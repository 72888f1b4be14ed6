// One connection to a server and how long to go on trying: stalls, waits, and what statuses and headers mean.

import { AzulejoError, cancelled, checkAbort, pause } from "../errors.js";

/** Tries in a row that bring no byte. */
const TRIES = 5;
/** Tries that bring some, for one range: a server that cuts after each kilobyte is not worth going on with. */
const PIECES = 200;
const STALL_MS = 30_000;
const LONGEST_WAIT_MS = 30_000;

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
    return new AzulejoError("not_found", `There is no file at ${url} (${status}).`, "Check the model's address.");
  }
  if (status === 401 || status === 403) {
    return new AzulejoError("network", `The server refuses ${url} (${status}).`,
      "Check that the page's visitors may read the file; other origins are sent no credentials.");
  }
  if (status === 408 || status === 429 || status >= 500) return null;
  return new AzulejoError("network", `The server answers ${url} with the status ${status}.`,
    "Check how the server is set up: it has to answer GET, best with ranges.");
}

/** How long a busy server wants to be left alone: seconds or a date. */
function wantedWait(response: Response | null): number | null {
  const text = response?.headers.get("retry-after");
  if (!text) return null;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(wait) ? null : Math.min(Math.max(wait, 0), LONGEST_WAIT_MS);
}

/** What went wrong at one try, told if it was the last. */
interface Failed {
  response: Response | null;
  what: string;
  cause?: unknown;
}

/** Waits before the next try, longer each time; throws when there were enough. */
export class Patience {
  #tries = 0;
  #pieces = 0;
  readonly #url: string;
  readonly #signal: AbortSignal | undefined;

  constructor(url: string, signal?: AbortSignal) {
    this.#url = url;
    this.#signal = signal;
  }

  async again(failed: Failed, gotSome = false): Promise<void> {
    checkAbort(this.#signal);
    if (gotSome) this.#tries = 0;
    else this.#tries++;
    this.#pieces++;
    if (this.#tries >= TRIES || this.#pieces >= PIECES) {
      const status = failed.response ? ` (status ${failed.response.status})` : "";
      throw new AzulejoError(
        "network",
        `${this.#url} could not be read${status}: ${failed.what}. ${this.#pieces} tries were made.`,
        "Check the connection and the address, then try again: what was kept is not downloaded again. On another " +
          "origin the server has to allow this page (CORS), and the page's policy the address (connect-src).",
        failed.cause,
      );
    }
    const backoff = this.#tries === 0 ? 0 : 250 * 2 ** (this.#tries - 1) * (0.5 + Math.random() / 2);
    await pause(wantedWait(failed.response) ?? backoff, this.#signal);
  }
}

/** One connection: ends with the signal, or when nothing comes for a while. */
export class Connection {
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #forward = () => this.#controller.abort();

  constructor(signal?: AbortSignal) {
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
      return await promise;
    } catch (error) {
      if (this.#signal?.aborted) throw cancelled(this.#signal.reason);
      throw stalled ? new Error(`nothing came for ${STALL_MS / 1000} seconds`) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  fetch(url: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
    // Chunks are kept in the store: the browser's own cache would be a second copy.
    return this.watch(
      fetch(url, { method, headers, cache: "no-store", credentials: "same-origin", signal: this.#controller.signal }),
    );
  }

  close(): void {
    this.#signal?.removeEventListener("abort", this.#forward);
    this.#controller.abort();
  }
}

export const BUSY = "the server is busy or broken";
export const message = (error: unknown) => (error instanceof Error ? error.message : String(error));
