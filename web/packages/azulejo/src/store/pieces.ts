// A body piece by piece, through one buffer where the browser can (readable byte streams: Chromium, Firefox): pieces of
// their own would be garbage of the file's size, which engines let grow to dozens of megabytes.

import type { Bytes } from "./store.js";

const PIECE_BYTES = 256 << 10;

/** Reads a body's pieces, in order. */
export class Pieces {
  readonly #own: ReadableStreamBYOBReader | null;
  readonly #given: ReadableStreamDefaultReader<Uint8Array> | null;
  #buffer = new ArrayBuffer(0);

  constructor(body: ReadableStream<Uint8Array>) {
    let own: ReadableStreamBYOBReader | null = null;
    try {
      own = body.getReader({ mode: "byob" });
    } catch {
      // No stream of bytes: it gives pieces of its own.
    }
    this.#own = own;
    this.#given = own ? null : body.getReader();
  }

  /** The next piece, which the one after it may overwrite; null at the end. */
  async next(): Promise<Uint8Array | null> {
    if (!this.#own) {
      const { value, done } = await this.#given!.read();
      return done ? null : value;
    }
    if (this.#buffer.byteLength === 0) this.#buffer = new ArrayBuffer(PIECE_BYTES);
    // The buffer goes to the browser and comes back as another object.
    const { value, done } = await this.#own.read(new Uint8Array(this.#buffer));
    this.#buffer = value?.buffer ?? new ArrayBuffer(0);
    return done || !value ? null : value;
  }

  cancel(): Promise<void> {
    return (this.#own ?? this.#given!).cancel();
  }
}

/** Fills `into` from a body; false if the body is longer or shorter. */
export async function fill(into: Bytes, body: ReadableStream<Uint8Array> | null): Promise<boolean> {
  if (!body) return into.length === 0;
  const pieces = new Pieces(body);
  let at = 0;
  for (let piece = await pieces.next(); piece; piece = await pieces.next()) {
    if (at + piece.length > into.length) {
      await pieces.cancel();
      return false;
    }
    into.set(piece, at);
    at += piece.length;
  }
  return at === into.length;
}
