// One model's file in a store: what is there of it, what it replaces, and that a store that fails fails no load.

import { AzulejoError, pause } from "../errors.js";
import type { FileInfo } from "../types.js";
import { type Bytes, chunkLength, type ChunkStore, type Meta, room, storedBytes } from "./store.js";

/** How long a disk is waited for at the end. */
const CLOSE_MS = 3000;

const isFull = (error: unknown) => (error as Error | null)?.name === "QuotaExceededError";

/** What has become of a file in a store. */
export type Keeping = Pick<FileInfo, "storage" | "kept" | "id" | "note" | "noteCode">;

/** A file of which chunks are kept as they come, as long as the store takes them. */
export class KeptFile {
  readonly #store: ChunkStore | null;
  readonly #key: string;
  readonly #meta: Meta;
  readonly #mustKeep: boolean;
  readonly #puts = new Set<Promise<void>>();
  /** What says which file it is, written before its first chunk: a load that fails before leaves nothing. */
  #begun: Promise<void> | null = null;
  #older: Promise<number> | null = null;
  #hasPut = false;
  /** Why nothing more is kept. */
  #stopped: AzulejoError | null = null;
  #isEmpty = false;
  #isClosed = false;

  /** `mustKeep`: a store that fails fails the load. */
  constructor(store: ChunkStore | null, key: string, meta: Meta, mustKeep: boolean) {
    this.#store = store;
    this.#key = key;
    this.#meta = meta;
    this.#mustKeep = mustKeep;
  }

  get keeping(): Keeping {
    if (!this.#store) {
      const note = "The file is not kept: it is downloaded again at each visit.";
      return { storage: "memory", kept: false, id: null, note, noteCode: "no_store" };
    }
    if (!this.#stopped) {
      return { storage: this.#store.kind, kept: true, id: this.#key, note: null, noteCode: null };
    }
    const how = this.#isEmpty ? "not kept" : "kept in part only";
    const note = `The file is ${how}: ${this.#stopped.message}`;
    const { code } = this.#stopped;
    return { storage: "memory", kept: false, id: this.#isEmpty ? null : this.#key, note, noteCode: code };
  }

  get key(): string {
    return this.#key;
  }

  /** Whether there is, or was, something to find in the store. */
  get isStored(): boolean {
    return this.#store !== null && !this.#isEmpty;
  }

  /** Whether chunks are still taken. */
  get isOpen(): boolean {
    return this.#store !== null && !this.#stopped && !this.#isClosed;
  }

  /** What an earlier load wrote of the file. */
  async before(): Promise<Meta | null> {
    return this.#store?.meta(this.#key).catch(() => null) ?? null;
  }

  /** Sees to it that there is room, as far as the browser tells. */
  async makeRoom(): Promise<void> {
    if (!this.#store) return;
    try {
      const space = await room();
      // What is there is counted by opening a file a chunk: only where there may be too little room.
      if (!space || space.free >= this.#meta.bytes) return;
      const missing = this.#meta.bytes - storedBytes(this.#meta, await this.#stored());
      if (space.free >= missing) return;
      const free = space.free + (await this.#deleteOlder());
      if (free < missing) throw storageFull(this.#meta.file, missing, free);
    } catch (error) {
      await this.#stop(error);
    }
  }

  /** Fills `into` with a chunk if it is there. A store that can't be read has none. */
  async get(index: number, into: Bytes): Promise<boolean> {
    return this.isStored && this.#store!.get(this.#key, index, into).catch(() => false);
  }

  /** Keeps a chunk; where that fails nothing more is kept, and what was stays. */
  async put(index: number, bytes: Bytes): Promise<void> {
    for (let tries = 0; this.isOpen; tries++) {
      const put = this.#write(index, bytes);
      this.#puts.add(put);
      try {
        await put;
        this.#hasPut = true;
        return;
      } catch (error) {
        // Browsers promise more room than there is.
        const again = tries === 0 && isFull(error) && (await this.#deleteOlder().catch(() => 0)) > 0;
        if (!again) await this.#stop(error);
      } finally {
        this.#puts.delete(put);
      }
    }
    if (this.#stopped && this.#mustKeep) throw this.#stopped;
  }

  /** The numbers of the chunks that are not there. */
  async missing(): Promise<number[]> {
    const there = await this.#stored();
    const count = Math.ceil(this.#meta.bytes / this.#meta.chunkBytes);
    return Array.from({ length: count }, (_, index) => index).filter((index) => !there.has(index));
  }

  /** The file was had as a whole: when is remembered, and what it replaces goes. `tag`: the server's name of its state. */
  async settle(tag: string | null): Promise<void> {
    if (!this.isOpen) return;
    try {
      await this.#describe({ ...this.#meta, tag, lastUsed: Date.now() });
      if (this.#hasPut) await this.#deleteOlder();
    } catch {
      // Nothing is lost: the next load does it.
    }
  }

  /** Begins no more writes, and waits for those that were begun: a worker may be ended after it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.race([Promise.allSettled(this.#puts), pause(CLOSE_MS)]);
  }

  async #write(index: number, bytes: Bytes): Promise<void> {
    await (this.#begun ??= this.#describe(this.#meta).catch((error) => {
      this.#begun = null;
      throw error;
    }));
    await this.#store!.put(this.#key, index, bytes);
  }

  /** Writes what the file is, and keeps what only an earlier load knew of it. */
  async #describe(meta: Meta): Promise<void> {
    const before = await this.before();
    const tag = meta.tag ?? before?.tag ?? null;
    const manifestUrl = meta.manifestUrl ?? before?.manifestUrl ?? null;
    await this.#store!.setMeta(this.#key, { ...meta, tag, manifestUrl });
  }

  #stored(): Promise<Set<number>> {
    return this.#store!.stored(this.#key, (index) => chunkLength(this.#meta.bytes, this.#meta.chunkBytes, index));
  }

  /** Keeps nothing from now on, and leaves no entry in which there is nothing. */
  async #stop(error: unknown): Promise<void> {
    const { file, bytes } = this.#meta;
    this.#stopped ??= isFull(error) ? storageFull(file, bytes, 0) : unkept(file, error);
    try {
      // Those on their way would bring the entry back that is deleted here.
      await Promise.allSettled(this.#puts);
      if ((await this.#stored()).size === 0) {
        this.#isEmpty = true;
        await this.#store!.delete(this.#key);
      }
    } catch {
      // What fails here failed before.
    }
    if (this.#mustKeep) throw this.#stopped;
  }

  /** Deletes what this file replaces, once; the bytes that it freed. */
  #deleteOlder(): Promise<number> {
    return (this.#older ??= deleteOlder(this.#store!, this.#key, this.#meta));
  }
}

/**
 * Deletes the files that were at the same address before, or were named by the same manifest: no one asks for them any
 * more. Without a manifest it isn't known which file another page's manifest names: those stay.
 */
async function deleteOlder(store: ChunkStore, key: string, meta: Meta): Promise<number> {
  let freed = 0;
  for (const other of await store.keys()) {
    const old = other === key ? null : await store.meta(other);
    if (!old || (old.manifest && !meta.manifest)) continue;
    const sameManifest = meta.manifestUrl !== null && old.manifestUrl === meta.manifestUrl;
    if (old.cacheKey !== meta.cacheKey && !sameManifest) continue;
    const there = await store.stored(other, (index) => chunkLength(old.bytes, old.chunkBytes, index));
    await store.delete(other);
    freed += storedBytes(old, there);
  }
  return freed;
}

function storageFull(name: string, needed: number, free: number): AzulejoError {
  return new AzulejoError(
    "storage_full",
    `${name} needs ${needed} bytes of storage, and the browser gives this site ${free} more.`,
    'Free space on the disk, delete models with storage.free(), or use cache: "auto", which goes on without keeping.',
    undefined,
    { needed, free },
  );
}

function unkept(name: string, error: unknown): AzulejoError {
  if (error instanceof AzulejoError) return error;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new AzulejoError("io", `${name} can't be kept in this browser (${text}).`,
    'Use cache: "auto", which goes on without keeping.', error, { file: name });
}
