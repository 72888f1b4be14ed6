// Chunks of a file on a server: from the store if they are kept, else from the network, checked and then kept.

import { AzulejoError } from "../errors.js";
import type { Manifest } from "../types.js";
import type { Remote } from "./download.js";
import type { Keeping, KeptFile } from "./kept.js";
import { sha256 } from "./manifest.js";
import type { Network } from "./network.js";
import { tagOfParts } from "./parts.js";
import { Reader } from "./reader.js";
import type { Bytes } from "./store.js";

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
    undefined,
    { file: what, chunk: index },
  );
}

export class UrlChunks implements Chunks {
  readonly #parts: Reader[];
  readonly #name: string;
  readonly #manifest: Manifest | null;
  readonly #file: KeptFile;
  readonly #progress: SourceProgress;
  readonly #tell: () => void;
  readonly #chunkBytes: number;

  /** `remotes`: the file, or the parts of a split one. */
  constructor(network: Network, remotes: (Remote & { total: number })[], name: string, manifest: Manifest | null,
    file: KeptFile, progress: SourceProgress, tell: () => void) {
    this.#name = name;
    this.#manifest = manifest;
    this.#file = file;
    this.#progress = progress;
    this.#tell = tell;
    const chunkBytes = (this.#chunkBytes = manifest?.chunk_bytes ?? CHUNK_BYTES);
    let from = 0;
    this.#parts = remotes.map((remote) => {
      const start = from;
      from += remote.total;
      const endOf = (at: number) =>
        Math.min(remote.total, (Math.floor((start + at) / chunkBytes) + 1) * chunkBytes - start);
      return new Reader(network, remote, endOf);
    });
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
    return this.#file.settle(tagOfParts(this.#parts.map(({ remote }) => remote.seenTag)));
  }

  close(): Promise<void> {
    this.#parts.forEach((part) => part.close());
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
    }
    throw integrity(this.#name, index);
  }

  async #ranged(index: number, into: Bytes, signal: AbortSignal | undefined): Promise<void> {
    const start = index * this.#chunkBytes;
    const end = start + into.length;
    const count = (n: number) => {
      this.#progress.downloaded += n;
      this.#progress.waiting = false;
      this.#tell();
    };
    let from = 0;
    for (const part of this.#parts) {
      const to = from + part.remote.total;
      const [first, last] = [Math.max(start, from), Math.min(end, to)];
      if (first < last) await part.read(first - from, into.subarray(first - start, last - start), signal, count);
      from = to;
    }
  }
}
