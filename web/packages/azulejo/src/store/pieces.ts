// A body piece by piece, through one buffer where the browser can (readable byte streams: Chromium, Firefox): pieces of
// their own would be garbage of the file's size, which engines let grow to dozens of megabytes.

import { AzulejoError } from "../errors.js";
import type { Bytes } from "./store.js";

const PIECE_BYTES = 256 << 10;
/** Bytes of a visitor's file that are asked for at once. */
const SLICE_BYTES = 1 << 20;
/** How long a disk may bring nothing. */
const STALL_MS = 20_000;

const STALLED = Symbol("stalled");

/** What comes of a read, or `STALLED` if nothing does for a while: browsers have been seen to forget reads. */
async function timely<T>(read: Promise<T>): Promise<T | typeof STALLED> {
  let timer: ReturnType<typeof setTimeout>;
  const stalled = new Promise<typeof STALLED>((done) => (timer = setTimeout(() => done(STALLED), STALL_MS)));
  return Promise.race([read, stalled]).finally(() => clearTimeout(timer));
}

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

/**
 * Fills `into` from a visitor's file, from `start` on. Not by its streams: of several that are read at once, Chromium
 * forgets one.
 */
export async function fillFromFile(into: Bytes, file: Blob, start: number, name: string): Promise<void> {
  for (let at = 0; at < into.length; ) {
    const end = Math.min(into.length, at + SLICE_BYTES);
    const slice = () => timely(file.slice(start + at, start + end).arrayBuffer());
    let bytes: ArrayBuffer | typeof STALLED;
    try {
      bytes = await slice();
      if (bytes === STALLED) bytes = await slice();
    } catch (error) {
      throw new AzulejoError("io", `${name} can't be read any more: ${(error as Error).message}`,
        "The file was changed, moved or deleted since it was chosen: have it chosen again.", error, { file: name });
    }
    if (bytes === STALLED) {
      throw new AzulejoError("io", `${name} can't be read: nothing came for ${STALL_MS / 1000} seconds, twice.`,
        "Check the disk that the file is on, and have it chosen again.", undefined, { file: name });
    }
    into.set(new Uint8Array(bytes), at);
    at = end;
  }
}

/** Fills `into` from a body; false if the body is longer or shorter, or brings nothing for a while. */
export async function fill(into: Bytes, body: ReadableStream<Uint8Array> | null): Promise<boolean> {
  if (!body) return into.length === 0;
  const pieces = new Pieces(body);
  let at = 0;
  for (;;) {
    const piece = await timely(pieces.next());
    if (piece === null) break;
    if (piece === STALLED || at + piece.length > into.length) {
      // Whoever forgot a read may forget this too.
      await timely(pieces.cancel());
      return false;
    }
    into.set(piece, at);
    at += piece.length;
  }
  return at === into.length;
}
