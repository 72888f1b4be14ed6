// Reads one file on a server by ranges, or, where the server ignores them, from its start on.

import { abortable, checkAbort } from "../errors.js";
import { fetchRange, type OnBytes, RangeIgnored, type Remote, Sequential } from "./download.js";
import type { Network } from "./network.js";
import type { Bytes } from "./store.js";

/** Pieces that were passed on the way to another, and are remembered. */
const PASSED = 3;

export class Reader {
  readonly remote: Remote & { total: number };
  readonly #network: Network;
  /** Where a piece ends that begins at a byte: what is passed is remembered as it will be asked for. */
  readonly #endOf: (at: number) => number;
  /** Set once the server was found to ignore ranges. */
  #sequential: Sequential | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #passed = new Map<number, Bytes>();

  constructor(network: Network, remote: Remote & { total: number }, endOf: (at: number) => number) {
    this.#network = network;
    this.remote = remote;
    this.#endOf = endOf;
  }

  /** Fills `into` with a piece: the bytes from `start` on. */
  async read(start: number, into: Bytes, signal: AbortSignal | undefined, count: OnBytes): Promise<void> {
    if (!this.#sequential) {
      try {
        return await fetchRange(this.#network, this.remote, start, into, signal, count);
      } catch (error) {
        if (!(error instanceof RangeIgnored)) throw error;
        // The first of several answers is read on; the others are let go.
        if (this.#sequential) error.connection.close();
        else this.#sequential = new Sequential(this.#network, this.remote, signal, error);
      }
    }
    const piece = this.#turn.then(() => this.#inOrder(start, into, signal, count));
    this.#turn = piece.catch(() => {});
    return abortable(piece, signal);
  }

  /** Reads on to the piece, remembering a few that were passed on the way. */
  async #inOrder(start: number, into: Bytes, signal: AbortSignal | undefined, count: OnBytes): Promise<void> {
    checkAbort(signal);
    const passed = this.#passed.get(start);
    if (passed) {
      this.#passed.delete(start);
      into.set(passed);
      return;
    }
    if (this.#sequential!.position > start) {
      this.#sequential!.close();
      this.#sequential = new Sequential(this.#network, this.remote, signal);
    }
    for (;;) {
      const at = this.#sequential!.position;
      if (at === start) return this.#sequential!.next(into, count);
      const bytes = new Uint8Array(this.#endOf(at) - at);
      await this.#sequential!.next(bytes, count);
      this.#passed.set(at, bytes);
      const [oldest] = this.#passed.keys();
      if (this.#passed.size > PASSED) this.#passed.delete(oldest!);
    }
  }

  close(): void {
    this.#sequential?.close();
    this.#passed.clear();
  }
}
