// Bytes of a file from a server, whatever the server does: ranges that are ignored, cut, short or refused, sizes that
// are not told or wrong, busy answers, files that change. What can be tried again is; what can't is an error with the
// status and the address.

import { AzulejoError, cancelled, checkAbort, pause } from "../errors.js";
import type { Bytes } from "./store.js";

/** Tries in a row that bring no byte. */
const TRIES = 5;
/** Tries that bring some, for one range: a server that cuts after each kilobyte is not worth going on with. */
const PIECES = 200;
const STALL_MS = 30_000;
const LONGEST_WAIT_MS = 30_000;

/** A file on a server, as far as it's known. */
export interface Remote {
  url: string;
  /** Its bytes; null if the server doesn't tell. */
  total: number | null;
  /** Its ETag or date: another one means another file. Null: not told, or of no interest, since chunks are checked. */
  tag: string | null;
}

/** Thrown when a server gives another file than it did before: what was read so far is worth nothing. */
export class FileChanged extends AzulejoError {
  constructor(url: string) {
    super("network", `The file at ${url} changed while it was downloaded.`, "Try again when it stays as it is.");
  }
}

/** Thrown when a server answers a range with the whole file: read it from its start, one byte after the other. */
export class RangeIgnored extends Error {
  readonly response: Response;
  readonly connection: Connection;
  constructor(response: Response, connection: Connection) {
    super("the server ignores ranges");
    this.response = response;
    this.connection = connection;
  }
}

export type OnBytes = (bytes: number) => void;

function tagOf(response: Response): string | null {
  return response.headers.get("etag") ?? response.headers.get("last-modified");
}

function sizeOf(response: Response): number | null {
  // A compressed answer tells the size of what crosses the wire, not of the file.
  const text = response.headers.get("content-encoding") ? null : response.headers.get("content-length");
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

/** `Content-Range`, where there is one and it may be read (across origins it must be exposed). */
function rangeOf(response: Response): { start: number | null; total: number | null } {
  const match = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  if (!match) return { start: null, total: null };
  return {
    start: match[1] === undefined ? null : Number(match[1]),
    total: match[2] === "*" || match[2] === undefined ? null : Number(match[2]),
  };
}

/** An error for a status that trying again won't mend; null for one that it may. */
function refusal(response: Response, url: string): AzulejoError | null {
  const { status } = response;
  if (status === 404 || status === 410) {
    return new AzulejoError("not_found", `There is no file at ${url} (${status}).`, "Check the model's address.");
  }
  if (status === 401 || status === 403) {
    return new AzulejoError("network", `The server refuses ${url} (${status}).`,
      "Check that the page's visitors may read the file; no credentials are sent.");
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
class Patience {
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

const message = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Asks for a file's size and tag: by HEAD, and where that isn't answered by a range of one byte. */
export async function describe(url: string, signal?: AbortSignal): Promise<Remote> {
  const patience = new Patience(url, signal);
  for (let method = "HEAD"; ; ) {
    const connection = new Connection(signal);
    try {
      const response = await connection.fetch(url, method === "GET" ? { range: "bytes=0-0" } : {}, method);
      const total = response.status === 206 ? rangeOf(response).total : sizeOf(response);
      if (response.ok && (total !== null || method === "GET")) return { url, total, tag: tagOf(response) };
      const missing = response.status === 404 || response.status === 410;
      if (method === "HEAD" && !missing && response.status < 500) {
        method = "GET";
        continue;
      }
      const refused = refusal(response, url);
      if (refused) throw refused;
      await patience.again({ response, what: "the server is busy or broken" });
    } catch (error) {
      if (error instanceof AzulejoError) throw error;
      await patience.again({ response: null, what: message(error), cause: error });
    } finally {
      connection.close();
    }
  }
}

/** A small file, such as a manifest, as JSON. */
export async function fetchJson(url: string, signal?: AbortSignal): Promise<unknown> {
  const patience = new Patience(url, signal);
  for (;;) {
    const connection = new Connection(signal);
    try {
      const response = await connection.fetch(url);
      if (response.ok) {
        const text = await connection.watch(response.text());
        try {
          return JSON.parse(text);
        } catch (error) {
          throw new AzulejoError("integrity", `What is at ${url} is not JSON.`, "Check the manifest's address.", error);
        }
      }
      const refused = refusal(response, url);
      if (refused) throw refused;
      await patience.again({ response, what: "the server is busy or broken" });
    } catch (error) {
      if (error instanceof AzulejoError) throw error;
      await patience.again({ response: null, what: message(error), cause: error });
    } finally {
      connection.close();
    }
  }
}

/** Throws if an answer is about another file than the one that is being read, or not the range that was asked for. */
function checkRange(response: Response, remote: Remote, start: number): void {
  const tag = tagOf(response);
  if (remote.tag !== null && tag !== null && tag !== remote.tag) throw new FileChanged(remote.url);
  const range = rangeOf(response);
  if (range.total !== null && remote.total !== null && range.total !== remote.total) {
    throw new AzulejoError(
      "network",
      `The server says that ${remote.url} has ${range.total} bytes; it should have ${remote.total}.`,
      "The file or its manifest was replaced, or the server is wrong about one of them: check both.",
    );
  }
  if (response.status === 206 && range.start !== null && range.start !== start) {
    throw new AzulejoError("network", `Asked for byte ${start} of ${remote.url}, the server sends from ${range.start}.`,
      "The server's answers to ranges are wrong: turn them off or mend them.");
  }
}

/** The bytes from `start` to `end` (not included), each exactly once, over as many connections as it takes. */
export async function fetchRange(
  remote: Remote,
  start: number,
  end: number,
  signal?: AbortSignal,
  onBytes?: OnBytes,
): Promise<Bytes> {
  const bytes = new Uint8Array(end - start);
  const patience = new Patience(remote.url, signal);
  let got = 0;
  while (got < bytes.length) {
    const connection = new Connection(signal);
    const before = got;
    let ignored: RangeIgnored | null = null;
    try {
      const from = start + got;
      const response = await connection.fetch(remote.url, { range: `bytes=${from}-${end - 1}` });
      const refused = response.status === 416 ? null : refusal(response, remote.url);
      if (!response.ok && refused) throw refused;
      checkRange(response, remote, from);
      if (response.status === 416) {
        throw new AzulejoError("network", `The server says that ${remote.url} ends before byte ${from} (416).`,
          "The file is shorter than it says, or than its manifest says: check both.");
      }
      if (!response.ok) {
        await patience.again({ response, what: "the server is busy or broken" });
        continue;
      }
      if (response.status !== 206) {
        ignored = new RangeIgnored(response, connection);
        throw ignored;
      }
      const reader = response.body!.getReader();
      for (;;) {
        const { value, done } = await connection.watch(reader.read());
        if (done) break;
        const piece = value.subarray(0, bytes.length - got);
        bytes.set(piece, got);
        got += piece.length;
        onBytes?.(piece.length);
        if (got === bytes.length) break;
      }
      if (got < bytes.length) await patience.again({ response, what: "the answer ended too early" }, got > before);
    } catch (error) {
      if (error instanceof AzulejoError || error === ignored) throw error;
      await patience.again({ response: null, what: message(error), cause: error }, got > before);
    } finally {
      // A whole file on its way is read on by who catches it.
      if (!ignored) connection.close();
    }
  }
  return bytes;
}

/** A file from a server that knows no ranges: read from its start; after a cut from its start again, up to the place. */
export class Sequential {
  readonly #remote: Remote;
  readonly #signal: AbortSignal | undefined;
  readonly #patience: Patience;
  #connection: Connection | null = null;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #rest: Uint8Array = new Uint8Array(0);
  /** The byte that comes next on the connection. */
  #at = 0;
  /** The byte that `next` gives next, and where it was at the last failure. */
  position = 0;
  #failedAt = 0;

  /** `from`: an answer that is on its way already. */
  constructor(remote: Remote, signal?: AbortSignal, from?: RangeIgnored) {
    this.#remote = remote;
    this.#signal = signal;
    this.#patience = new Patience(remote.url, signal);
    this.#connection = from?.connection ?? null;
    this.#reader = from?.response.body?.getReader() ?? null;
  }

  async next(length: number, onBytes?: OnBytes): Promise<Bytes> {
    const bytes = new Uint8Array(length);
    const end = this.position + length;
    while (this.position < end) {
      try {
        if (!this.#reader && !(await this.#open())) continue;
        if (this.#rest.length === 0) {
          const { value, done } = await this.#connection!.watch(this.#reader!.read());
          if (done) {
            throw new Error(`the answer ended at byte ${this.#at} of ${this.#remote.total}`);
          }
          this.#rest = value;
        }
        // Bytes that were had before the connection was cut.
        const skip = Math.min(this.#rest.length, Math.max(0, this.position - this.#at));
        const piece = this.#rest.subarray(skip, skip + (end - this.position));
        bytes.set(piece, length - (end - this.position));
        this.#at += skip + piece.length;
        this.position += piece.length;
        this.#rest = this.#rest.subarray(skip + piece.length);
        if (piece.length > 0) onBytes?.(piece.length);
      } catch (error) {
        this.close();
        if (error instanceof AzulejoError) throw error;
        const gotSome = this.position > this.#failedAt;
        this.#failedAt = this.position;
        await this.#patience.again({ response: null, what: message(error), cause: error }, gotSome);
      }
    }
    return bytes;
  }

  /** A new connection at byte 0; false if the server wants to be asked again later. */
  async #open(): Promise<boolean> {
    this.#connection = new Connection(this.#signal);
    this.#at = 0;
    const response = await this.#connection.fetch(this.#remote.url);
    const refused = response.ok ? null : refusal(response, this.#remote.url);
    if (refused) throw refused;
    if (!response.ok || !response.body) {
      this.close();
      await this.#patience.again({ response, what: "the server is busy or broken" });
      return false;
    }
    checkRange(response, this.#remote, 0);
    this.#reader = response.body.getReader();
    return true;
  }

  close(): void {
    void this.#reader?.cancel().catch(() => {});
    this.#connection?.close();
    this.#reader = this.#connection = null;
    this.#rest = new Uint8Array(0);
  }
}

/** A file whose size no one tells, taken whole: the browser keeps the bytes, on its disk if they are many. */
export async function fetchWhole(remote: Remote, signal?: AbortSignal, onBytes?: OnBytes): Promise<Blob> {
  const patience = new Patience(remote.url, signal);
  for (;;) {
    const connection = new Connection(signal);
    try {
      const response = await connection.fetch(remote.url);
      const refused = response.ok ? null : refusal(response, remote.url);
      if (refused) throw refused;
      if (response.ok && response.body) {
        const counted = response.body.pipeThrough(
          new TransformStream<Uint8Array, Uint8Array>({
            transform(piece, to) {
              onBytes?.(piece.length);
              to.enqueue(piece);
            },
          }),
        );
        return await new Response(counted).blob();
      }
      await patience.again({ response, what: "the server is busy or broken" });
    } catch (error) {
      checkAbort(signal);
      if (error instanceof AzulejoError) throw error;
      await patience.again({ response: null, what: message(error), cause: error });
    } finally {
      connection.close();
    }
  }
}
