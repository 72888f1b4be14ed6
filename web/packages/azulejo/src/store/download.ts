// Bytes of a file from a server, whatever the server does: ranges that are ignored, cut, short or refused, sizes that
// are not told or wrong, busy answers, files that change. What can be tried again is; what can't is an error with the
// status and the address.

import { AzulejoError, checkAbort } from "../errors.js";
import { BUSY, Connection, isOfAnother, message, rangeOf, refusal, sizeOf, tagOf } from "./connection.js";
import { type Network, Patience } from "./network.js";
import { Pieces } from "./pieces.js";
import type { Bytes } from "./store.js";

/** A file on a server, as far as it's known. */
export interface Remote {
  url: string;
  /** Its bytes; null if the server doesn't tell. */
  total: number | null;
  /** Its ETag or date: another one means another file. Null: not told, or of no interest, since chunks are checked. */
  tag: string | null;
  /** The last that an answer told, for the store. */
  seenTag: string | null;
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

/** What an attempt gives when the server wants to be asked again. */
class Busy {
  readonly response: Response;
  constructor(response: Response) {
    this.response = response;
  }
}

/** The answer, if it's a good one; throws what trying again won't mend. */
function good(response: Response, url: string): Response | Busy {
  if (response.ok) return response;
  const refused = refusal(response, url);
  if (refused) throw refused;
  return new Busy(response);
}

/** How a small thing is asked for. `brief`: something else will do if the server doesn't answer. */
export interface Asking {
  network: Network;
  signal?: AbortSignal | undefined;
  brief?: boolean;
}

/** Makes attempts, a connection each, until one gives something. */
async function retried<T>(
  url: string,
  { network, signal, brief }: Asking,
  attempt: (connection: Connection) => Promise<T | Busy>,
): Promise<T> {
  const patience = new Patience(network, url, signal, brief);
  for (;;) {
    const connection = new Connection(network, signal);
    try {
      const given = await attempt(connection);
      if (!(given instanceof Busy)) return given;
      await patience.again({ response: given.response, what: BUSY });
    } catch (error) {
      checkAbort(signal);
      if (error instanceof AzulejoError) throw error;
      await patience.again({ response: null, what: message(error), cause: error });
    } finally {
      connection.close();
    }
  }
}

const tagged = (tag: string | null) => ({ tag, seenTag: tag });

/** Asks for a file's size and tag: by HEAD, and where that isn't answered by a range of one byte. */
export function describe(url: string, how: Asking): Promise<Remote> {
  return retried(url, how, async (connection) => {
    const head = await connection.fetch(url, {}, "HEAD");
    if (head.ok && sizeOf(head) !== null) return { url, total: sizeOf(head), ...tagged(tagOf(head)) };
    if (head.status === 404 || head.status === 410 || head.status >= 500) good(head, url);
    const response = good(await connection.fetch(url, { range: "bytes=0-0" }), url);
    if (response instanceof Busy) return response;
    const total = response.status === 206 ? rangeOf(response).total : sizeOf(response);
    return { url, total, ...tagged(tagOf(response)) };
  });
}

/** A small file, such as a manifest, as JSON. */
export function fetchJson(url: string, how: Asking): Promise<unknown> {
  return retried(url, how, async (connection) => {
    const response = good(await connection.fetch(url), url);
    if (response instanceof Busy) return response;
    const text = await connection.watch(response.text());
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new AzulejoError("integrity", `What is at ${url} is not JSON.`, "Check the manifest's address.", error,
        { url });
    }
  });
}

/** A file whose size no one tells, taken whole: the browser keeps the bytes, on its disk if they are many. */
export function fetchWhole(remote: Remote, how: Asking, onBytes?: OnBytes): Promise<Blob> {
  return retried(remote.url, how, async (connection) => {
    const response = good(await connection.fetch(remote.url), remote.url);
    if (response instanceof Busy) return response;
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, to) {
        onBytes?.(piece.length);
        to.enqueue(piece);
      },
    });
    return new Response(response.body!.pipeThrough(count)).blob();
  });
}

/** Throws if an answer is about another file than the one that is being read, or not the range that was asked for. */
function checkRange(response: Response, remote: Remote, start: number): void {
  const tag = tagOf(response);
  if (isOfAnother(tag, remote.tag)) throw new FileChanged(remote.url);
  remote.seenTag = tag ?? remote.seenTag;
  const range = rangeOf(response);
  if (range.total !== null && remote.total !== null && range.total !== remote.total) {
    throw new AzulejoError(
      "network",
      `The server says that ${remote.url} has ${range.total} bytes; it should have ${remote.total}.`,
      "The file or its manifest was replaced, or the server is wrong about one of them: check both.",
      undefined,
      { url: remote.url, bytes: range.total, expected: remote.total },
    );
  }
  if (response.status === 206 && range.start !== null && range.start !== start) {
    throw new AzulejoError("network", `Asked for byte ${start} of ${remote.url}, the server sends from ${range.start}.`,
      "The server's answers to ranges are wrong: turn them off or mend them.", undefined, { url: remote.url });
  }
}

/** Fills `bytes` with those from `start` on, each exactly once, over as many connections as it takes. */
export async function fetchRange(
  network: Network,
  remote: Remote,
  start: number,
  bytes: Bytes,
  signal?: AbortSignal,
  onBytes?: OnBytes,
): Promise<void> {
  const end = start + bytes.length;
  const patience = new Patience(network, remote.url, signal);
  let got = 0;
  while (got < bytes.length) {
    const connection = new Connection(network, signal);
    const before = got;
    let hasBegun = false;
    let ignored: RangeIgnored | null = null;
    try {
      const from = start + got;
      const response = await connection.fetch(remote.url, { range: `bytes=${from}-${end - 1}` });
      const refused = response.status === 416 ? null : refusal(response, remote.url);
      if (!response.ok && refused) throw refused;
      checkRange(response, remote, from);
      if (response.status === 416) {
        throw new AzulejoError("network", `The server says that ${remote.url} ends before byte ${from} (416).`,
          "The file is shorter than it says, or than its manifest says: check both.", undefined, { url: remote.url });
      }
      if (!response.ok) {
        await patience.again({ response, what: BUSY });
        continue;
      }
      if (response.status !== 206) {
        ignored = new RangeIgnored(response, connection);
        throw ignored;
      }
      hasBegun = true;
      const pieces = new Pieces(response.body!);
      for (;;) {
        const next = await connection.watch(pieces.next());
        if (!next) break;
        const piece = next.subarray(0, bytes.length - got);
        bytes.set(piece, got);
        got += piece.length;
        onBytes?.(piece.length);
        if (got === bytes.length) break;
      }
      if (got === bytes.length) network.heard(remote.url);
      else await patience.again({ response, hasBegun, what: "the answer ended too early" }, got > before);
    } catch (error) {
      if (error instanceof AzulejoError || error === ignored) throw error;
      await patience.again({ response: null, hasBegun, what: message(error), cause: error }, got > before);
    } finally {
      // A whole file on its way is read on by who catches it.
      if (!ignored) connection.close();
    }
  }
}

/** A file from a server that knows no ranges: read from its start; after a cut from its start again, up to the place. */
export class Sequential {
  readonly #network: Network;
  readonly #remote: Remote;
  readonly #signal: AbortSignal | undefined;
  readonly #patience: Patience;
  #connection: Connection | null = null;
  #pieces: Pieces | null = null;
  #rest: Uint8Array = new Uint8Array(0);
  /** The byte that comes next on the connection. */
  #at = 0;
  /** The byte that `next` gives next, and where it was at the last failure. */
  position = 0;
  #failedAt = 0;

  /** `from`: an answer that is on its way already. */
  constructor(network: Network, remote: Remote, signal?: AbortSignal, from?: RangeIgnored) {
    this.#network = network;
    this.#remote = remote;
    this.#signal = signal;
    this.#patience = new Patience(network, remote.url, signal);
    this.#connection = from?.connection ?? null;
    this.#pieces = from?.response.body ? new Pieces(from.response.body) : null;
  }

  /** Fills `bytes` with those that come next. */
  async next(bytes: Bytes, onBytes?: OnBytes): Promise<void> {
    const end = this.position + bytes.length;
    while (this.position < end) {
      try {
        if (!this.#pieces && !(await this.#open())) continue;
        if (this.#rest.length === 0) {
          const piece = await this.#connection!.watch(this.#pieces!.next());
          if (!piece) throw new Error(`the answer ended at byte ${this.#at} of ${this.#remote.total}`);
          this.#rest = piece;
        }
        // Bytes that were had before the connection was cut.
        const skip = Math.min(this.#rest.length, Math.max(0, this.position - this.#at));
        const piece = this.#rest.subarray(skip, skip + (end - this.position));
        bytes.set(piece, bytes.length - (end - this.position));
        this.#at += skip + piece.length;
        this.position += piece.length;
        this.#rest = this.#rest.subarray(skip + piece.length);
        if (piece.length > 0) onBytes?.(piece.length);
        this.#network.heard(this.#remote.url);
      } catch (error) {
        const hasBegun = this.#pieces !== null;
        this.close();
        if (error instanceof AzulejoError) throw error;
        const gotSome = this.position > this.#failedAt;
        this.#failedAt = this.position;
        await this.#patience.again({ response: null, hasBegun, what: message(error), cause: error }, gotSome);
      }
    }
  }

  /** A new connection at byte 0; false if the server wants to be asked again later. */
  async #open(): Promise<boolean> {
    this.#connection = new Connection(this.#network, this.#signal);
    this.#at = 0;
    const response = await this.#connection.fetch(this.#remote.url);
    const refused = response.ok ? null : refusal(response, this.#remote.url);
    if (refused) throw refused;
    if (!response.ok || !response.body) {
      this.close();
      await this.#patience.again({ response, what: BUSY });
      return false;
    }
    checkRange(response, this.#remote, 0);
    this.#pieces = new Pieces(response.body);
    return true;
  }

  close(): void {
    void this.#pieces?.cancel().catch(() => {});
    this.#connection?.close();
    this.#pieces = this.#connection = null;
    this.#rest = new Uint8Array(0);
  }
}
