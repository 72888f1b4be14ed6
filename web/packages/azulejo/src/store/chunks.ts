// Chunks of a file on a server: from the store if they are kept, else from the network, checked and then kept.

import { abortable, AzulejoError, checkAbort } from "../errors.js";
import type { Manifest } from "../types.js";
import { fetchRange, RangeIgnored, type Remote, Sequential } from "./download.js";
import type { Keeping, KeptFile } from "./kept.js";
import { sha256 } from "./manifest.js";
import type { Network } from "./network.js";
import { type Bytes, chunkLength } from "./store.js";

export const CHUNK_BYTES = 4 << 20;
/** Chunks that are in memory or on their way at most. */
export const WINDOW = 3;

/** Told while bytes come. */
export interface SourceProgress {
  /** Bytes from the network, and from the store or the visitor's file. */
  downloaded: number;
  fromStore: number;
  /** True from when the network brought nothing and was waited for until bytes come again. */
  waiting: boolean;
  /** True as long as the file is kept. */
  kept: boolean;
}

/** Gives chunks of a file, by number, each right and whole. */
export interface Chunks {
  readonly keeping: Keeping;
  /** Fills `into`, which is as long as the chunk. */
  get(index: number, into: Bytes, signal: AbortSignal | undefined): Promise<void>;
  /** The numbers of those that a store should have and hasn't. */
  missing(): Promise<number[]>;
  /** All that was wanted of the file was had. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Checks a chunk; without a manifest anything is right. */
export async function isRight(manifest: Manifest | null, index: number, bytes: Bytes): Promise<boolean> {
  return !manifest || (await sha256(bytes)) === manifest.chunks[index];
}

export function integrity(what: string, index: number): AzulejoError {
  return new AzulejoError(
    "integrity",
    `Chunk ${index} of ${what} is not the one that the manifest names.`,
    "The file was damaged or replaced: nothing of this chunk was used. Check the file and its manifest on the server.",
  );
}

export class UrlChunks implements Chunks {
  readonly #network: Network;
  readonly #remote: Remote & { total: number };
  readonly #manifest: Manifest | null;
  readonly #file: KeptFile;
  readonly #progress: SourceProgress;
  readonly #tell: () => void;
  readonly #chunkBytes: number;
  /** Set once the server was found to ignore ranges. */
  #sequential: Sequential | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #passed = new Map<number, Bytes>();

  constructor(network: Network, remote: Remote & { total: number }, manifest: Manifest | null, file: KeptFile,
    progress: SourceProgress, tell: () => void) {
    this.#network = network;
    this.#remote = remote;
    this.#manifest = manifest;
    this.#file = file;
    this.#progress = progress;
    this.#tell = tell;
    this.#chunkBytes = manifest?.chunk_bytes ?? CHUNK_BYTES;
  }

  get keeping(): Keeping {
    return this.#file.keeping;
  }

  async get(index: number, into: Bytes, signal: AbortSignal | undefined): Promise<void> {
    if (await this.#kept(index, into)) return;
    if (!this.#file.isOpen || !globalThis.navigator?.locks) return this.#fetched(index, into, signal);
    // One tab downloads, the others wait and find it kept.
    const lock = { mode: "exclusive" as const, ...(signal ? { signal } : {}) };
    return navigator.locks.request(`azulejo:${this.#file.key}:${index}`, lock, async () => {
      if (!(await this.#kept(index, into))) await this.#fetched(index, into, signal);
    });
  }

  missing(): Promise<number[]> {
    return this.#file.missing();
  }

  settle(): Promise<void> {
    return this.#file.settle(this.#remote.seenTag);
  }

  close(): Promise<void> {
    this.#sequential?.close();
    this.#passed.clear();
    return this.#file.close();
  }

  async #kept(index: number, into: Bytes): Promise<boolean> {
    if (!(await this.#file.get(index, into)) || !(await isRight(this.#manifest, index, into))) return false;
    this.#progress.fromStore += into.length;
    this.#tell();
    return true;
  }

  async #fetched(index: number, into: Bytes, signal: AbortSignal | undefined): Promise<void> {
    await this.#download(index, into, signal);
    await this.#file.put(index, into);
    if (this.#progress.kept === this.#file.isOpen) return;
    this.#progress.kept = this.#file.isOpen;
    this.#tell();
  }

  /** The chunk from the network; a wrong one is asked for once more. */
  async #download(index: number, into: Bytes, signal: AbortSignal | undefined): Promise<void> {
    for (let tries = 0; tries < 2; tries++) {
      await this.#ranged(index, into, signal);
      if (await isRight(this.#manifest, index, into)) return;
      this.#passed.delete(index);
    }
    throw integrity(this.#remote.url, index);
  }

  async #ranged(index: number, into: Bytes, signal: AbortSignal | undefined): Promise<void> {
    const start = index * this.#chunkBytes;
    const count = (n: number) => {
      this.#progress.downloaded += n;
      this.#progress.waiting = false;
      this.#tell();
    };
    if (!this.#sequential) {
      try {
        return await fetchRange(this.#network, this.#remote, start, into, signal, count);
      } catch (error) {
        if (!(error instanceof RangeIgnored)) throw error;
        // The first of several answers is read on; the others are let go.
        if (this.#sequential) error.connection.close();
        else this.#sequential = new Sequential(this.#network, this.#remote, signal, error);
      }
    }
    const chunk = this.#turn.then(() => this.#inOrder(index, into, signal, count));
    this.#turn = chunk.catch(() => {});
    return abortable(chunk, signal);
  }

  /** Reads on to the chunk, remembering a few that were passed on the way. */
  async #inOrder(
    index: number,
    into: Bytes,
    signal: AbortSignal | undefined,
    count: (n: number) => void,
  ): Promise<void> {
    checkAbort(signal);
    const passed = this.#passed.get(index);
    if (passed) {
      this.#passed.delete(index);
      into.set(passed);
      return;
    }
    if (this.#sequential!.position > index * this.#chunkBytes) {
      this.#sequential!.close();
      this.#sequential = new Sequential(this.#network, this.#remote, signal);
    }
    for (;;) {
      const at = this.#sequential!.position / this.#chunkBytes;
      if (at === index) return this.#sequential!.next(into, count);
      const bytes = new Uint8Array(chunkLength(this.#remote.total, this.#chunkBytes, at));
      await this.#sequential!.next(bytes, count);
      this.#passed.set(at, bytes);
      const [oldest] = this.#passed.keys();
      if (this.#passed.size > WINDOW) this.#passed.delete(oldest!);
    }
  }
}
