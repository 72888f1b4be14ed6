// A model's file as something to read ranges of: from the store where it's kept, else from the network, checked and
// then kept. A few chunks at most are in memory.

import { abortable, AzulejoError, checkAbort } from "../errors.js";
import type { WireModel } from "../protocol.js";
import { unescaped } from "../text.js";
import type { CacheChoice, EngineInfo, Manifest } from "../types.js";
import { describe, fetchRange, fetchWhole, RangeIgnored, Sequential, type Remote } from "./download.js";
import { fillFromFile } from "./pieces.js";
import { sha256 } from "./manifest.js";
import { manifestOf, remembered } from "./resolve.js";
import { type Bytes, type ChunkStore, chunkLength, type Meta, openStore, room } from "./store.js";

const CHUNK_BYTES = 4 << 20;
/** Chunks that are in memory or on their way at most, and bytes. */
const WINDOW = 3;
const WINDOW_BYTES = 12 << 20;

/** Told while bytes come. */
export interface SourceProgress {
  /** Bytes from the network, and from the store or the visitor's file. */
  downloaded: number;
  kept: number;
}

export interface SourceOptions {
  cache: CacheChoice;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: SourceProgress) => void) | undefined;
}

/** Gives chunks of a file, by number, each right and whole. */
interface Chunks {
  /** Fills `into`, which is as long as the chunk. */
  get(index: number, into: Bytes, signal: AbortSignal | undefined): Promise<void>;
  close(): void;
}

/** A chunk that is there or on its way. */
interface Held {
  chunk: Promise<Bytes>;
  signal: AbortSignal | undefined;
}

/** Ranges of a model's file. One reader, who goes forward mostly. */
export class ModelSource {
  readonly name: string;
  readonly total: number;
  /** True if each chunk is checked against a manifest. */
  readonly verified: boolean;
  readonly storage: EngineInfo["file"]["storage"];
  readonly persistent: boolean;
  /** Why the file is not kept, if that was not asked for. */
  readonly note: string | null;
  /** What the store knows it by. */
  readonly id: string | null;
  readonly progress: SourceProgress;
  readonly #chunkBytes: number;
  readonly #chunks: Chunks;
  readonly #window: number;
  readonly #held = new Map<number, Held>();
  /** Buffers of chunks that were read: new ones would be garbage of the file's size. */
  readonly #free: ArrayBuffer[] = [];
  /** For a range of several chunks. */
  #joined: Bytes = new Uint8Array(0);

  constructor(about: Pick<ModelSource, "name" | "total" | "verified" | "storage" | "persistent" | "note" | "id" |
    "progress">, chunkBytes: number, chunks: Chunks) {
    this.name = about.name;
    this.total = about.total;
    this.verified = about.verified;
    this.storage = about.storage;
    this.persistent = about.persistent;
    this.note = about.note;
    this.id = about.id;
    this.progress = about.progress;
    this.#chunkBytes = chunkBytes;
    this.#chunks = chunks;
    this.#window = Math.max(1, Math.min(WINDOW, Math.floor(WINDOW_BYTES / chunkBytes)));
  }

  /** The bytes from `start` to `end` (not included), until the next read. What comes after them is fetched ahead. */
  async read(start: number, end: number, signal?: AbortSignal): Promise<Bytes> {
    checkAbort(signal);
    if (start < 0 || end < start || end > this.total) {
      throw new AzulejoError("corrupt", `${this.name} has ${this.total} bytes; ${start} to ${end} were wanted.`,
        "The file is cut short, or is not what it says: download or convert it again.");
    }
    for (let at = start; at < end; ) {
      this.prefetch(at, signal);
      const index = Math.floor(at / this.#chunkBytes);
      const chunk = await abortable(this.#held.get(index)!.chunk, signal);
      const offset = at - index * this.#chunkBytes;
      const piece = chunk.subarray(offset, offset + (end - at));
      if (piece.length === end - start) return piece;
      if (this.#joined.length < end - start) this.#joined = new Uint8Array(end - start);
      this.#joined.set(piece, at - start);
      at += piece.length;
    }
    return this.#joined.subarray(0, end - start);
  }

  /** Lets chunks come from this byte on, and drops those that are elsewhere. */
  prefetch(start: number, signal?: AbortSignal): void {
    const first = Math.floor(start / this.#chunkBytes);
    const end = first + this.#window;
    for (const index of this.#held.keys()) if (index < first || index >= end) this.#drop(index);
    for (let index = first; index < end; index++) {
      const length = chunkLength(this.total, this.#chunkBytes, index);
      const there = this.#held.get(index);
      if (length === 0 || (there && !there.signal?.aborted)) continue;
      const into = new Uint8Array(this.#free.pop() ?? new ArrayBuffer(this.#chunkBytes), 0, length);
      const held = { chunk: this.#chunks.get(index, into, signal).then(() => into), signal };
      this.#held.set(index, held);
      // The read tells of the failure; the next read tries again, unless the chunk is wrong for the second time.
      held.chunk.catch((error) => {
        if (error?.code !== "integrity" && this.#held.get(index) === held) this.#held.delete(index);
      });
    }
  }

  /** Forgets a chunk. Its buffer is free once nothing writes there any more; after a failure something may. */
  #drop(index: number): void {
    this.#held.get(index)?.chunk.then(({ buffer }) => this.#free.push(buffer), () => {});
    this.#held.delete(index);
  }

  /** Forgets what is in memory. */
  rest(): void {
    this.#held.clear();
    this.#free.length = 0;
    this.#joined = new Uint8Array(0);
  }

  close(): void {
    this.rest();
    this.#chunks.close();
  }
}

/** Checks a chunk; without a manifest anything is right. */
async function isRight(manifest: Manifest | null, index: number, bytes: Bytes): Promise<boolean> {
  return !manifest || (await sha256(bytes)) === manifest.chunks[index];
}

/** Opens a model's file, wherever it is. */
export async function openSource(model: WireModel, options: SourceOptions): Promise<ModelSource> {
  if (model.kind === "random") throw new AzulejoError("internal", "A made-up model has no file.");
  const store = model.kind === "url" ? await openStore(options.cache) : null;
  const manifest = await manifestOf(model, store, options.signal);
  if (model.kind === "blob") return blobSource(model.blob, model.name, manifest, options, "file");
  const remote = await remoteOf(model.url, manifest, store, options.signal);
  const name = manifest?.file ?? unescaped(new URL(remote.url).pathname.split("/").pop() || remote.url);
  if (remote.total === null) {
    const progress = { downloaded: 0, kept: 0 };
    const blob = await fetchWhole(remote, options.signal, (n) => {
      progress.downloaded += n;
      options.onProgress?.(progress);
    });
    return blobSource(blob, name, manifest, options, "memory",
      "The server doesn't tell the file's size (Content-Length), so that it is not kept.", progress);
  }
  return urlSource(remote as Remote & { total: number }, name, manifest, store, options,
    typeof model.manifest === "string" ? model.manifest : null);
}

async function remoteOf(
  url: string,
  manifest: Manifest | null,
  store: ChunkStore | null,
  signal: AbortSignal | undefined,
): Promise<Remote> {
  // With a manifest there is nothing to ask: it tells the size, and its hashes which file it is.
  if (manifest) return { url, total: manifest.bytes, tag: null };
  try {
    return await describe(url, signal);
  } catch (error) {
    // Offline: what was kept of this address will do.
    const meta = (error as AzulejoError).code === "network" ? await remembered(store, (m) => m.url === url) : null;
    if (!meta) throw error;
    return { url, total: meta.bytes, tag: meta.tag };
  }
}

function blobSource(
  blob: Blob,
  name: string,
  manifest: Manifest | null,
  options: SourceOptions,
  storage: "file" | "memory",
  note: string | null = null,
  progress: SourceProgress = { downloaded: 0, kept: 0 },
): ModelSource {
  if (manifest && manifest.bytes !== blob.size) {
    throw new AzulejoError("integrity", `${name} has ${blob.size} bytes, and its manifest says ${manifest.bytes}.`,
      "Choose the file that the manifest was written for.");
  }
  const chunkBytes = manifest?.chunk_bytes ?? CHUNK_BYTES;
  const chunks: Chunks = {
    async get(index, into) {
      const start = index * chunkBytes;
      await fillFromFile(into, blob, start, name);
      if (!(await isRight(manifest, index, into))) throw integrity(name, index);
      progress.kept += into.length;
      options.onProgress?.(progress);
    },
    close() {},
  };
  const about = { name, total: blob.size, verified: manifest !== null, storage, persistent: false, note, id: null };
  return new ModelSource({ ...about, progress }, chunkBytes, chunks);
}

function integrity(what: string, index: number): AzulejoError {
  return new AzulejoError(
    "integrity",
    `Chunk ${index} of ${what} is not the one that the manifest names.`,
    "The file was damaged or replaced: nothing of this chunk was used. Check the file and its manifest on the server.",
  );
}

async function urlSource(
  remote: Remote & { total: number },
  name: string,
  manifest: Manifest | null,
  wanted: ChunkStore | null,
  options: SourceOptions,
  manifestUrl: string | null,
): Promise<ModelSource> {
  const { total } = remote;
  const chunkBytes = manifest?.chunk_bytes ?? CHUNK_BYTES;
  const key = manifest?.root ?? (await weakKey(`${remote.url}\n${total}\n${remote.tag ?? ""}`));
  const meta: Meta = { url: remote.url, file: name, bytes: total, chunkBytes, tag: remote.tag, manifest, manifestUrl };
  const { store, note } = await prepared(wanted, key, meta, options.cache);
  const progress = { downloaded: 0, kept: 0 };
  const chunks = new UrlChunks(remote, name, manifest, store, key, progress, () => options.onProgress?.(progress));
  return new ModelSource(
    {
      name,
      total,
      verified: manifest !== null,
      storage: store?.kind ?? "memory",
      persistent: store !== null,
      note: note ?? (store ? null : "The file is not kept: it is downloaded again at each visit."),
      id: store ? key : null,
      progress,
    },
    chunkBytes,
    chunks,
  );
}

/** A name for a file that has no manifest. Not secret and not a proof of anything, so that any hash will do. */
async function weakKey(text: string): Promise<string> {
  if (globalThis.crypto?.subtle) return (await sha256(new TextEncoder().encode(text))).slice(0, 40);
  return [...text].reduce((hash, letter) => (hash * 31 + letter.codePointAt(0)!) % 2 ** 48, 7).toString(16);
}

/** The store with room for the file; none, with a reason, if the file need not be kept and there is no room. */
async function prepared(
  store: ChunkStore | null,
  key: string,
  meta: Meta,
  choice: CacheChoice,
): Promise<{ store: ChunkStore | null; note: string | null }> {
  if (!store) return { store, note: null };
  try {
    // An older file of the same address will never be asked for again.
    for (const other of await store.keys()) {
      if (other !== key && !meta.manifest && (await store.meta(other))?.url === meta.url) await store.delete(other);
    }
    const space = await room();
    // What is there is counted by opening a file a chunk: only where there may be too little room.
    if (space && space.free < meta.bytes) {
      const stored = await store.storedBytes(key, (index) => chunkLength(meta.bytes, meta.chunkBytes, index));
      const missing = meta.bytes - stored;
      if (space.free < missing) throw storageFull(meta.file, missing, space.free);
    }
    await store.setMeta(key, meta);
    return { store, note: null };
  } catch (error) {
    const full = (error as Error)?.name === "QuotaExceededError" ? storageFull(meta.file, meta.bytes, 0) : error;
    if (choice !== "auto") throw full;
    return { store: null, note: `The file is not kept: ${full instanceof Error ? full.message : full}` };
  }
}

function storageFull(name: string, needed: number, free: number): AzulejoError {
  return new AzulejoError(
    "storage_full",
    `${name} needs ${needed} bytes of storage, and the browser gives this site ${free} more.`,
    'Free space on the disk, delete models with storage.delete(), or use cache: "memory", which keeps nothing.',
    undefined,
    { needed, free },
  );
}

/** Chunks of a file on a server, kept in a store if there is one. */
class UrlChunks implements Chunks {
  readonly #remote: Remote & { total: number };
  readonly #name: string;
  readonly #manifest: Manifest | null;
  readonly #store: ChunkStore | null;
  readonly #key: string;
  readonly #progress: SourceProgress;
  readonly #tell: () => void;
  readonly #chunkBytes: number;
  /** Set once the server was found to ignore ranges. */
  #sequential: Sequential | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #passed = new Map<number, Bytes>();
  readonly #puts = new Set<Promise<void>>();
  /** Set once there was no room for a chunk: nothing is kept from then on. */
  #full: AzulejoError | null = null;

  constructor(remote: Remote & { total: number }, name: string, manifest: Manifest | null, store: ChunkStore | null,
    key: string, progress: SourceProgress, tell: () => void) {
    this.#remote = remote;
    this.#name = name;
    this.#manifest = manifest;
    this.#store = store;
    this.#key = key;
    this.#progress = progress;
    this.#tell = tell;
    this.#chunkBytes = manifest?.chunk_bytes ?? CHUNK_BYTES;
  }

  async get(index: number, into: Bytes, signal: AbortSignal | undefined): Promise<void> {
    const store = this.#store;
    if (!store) return this.#download(index, into, signal);
    if (await this.#kept(store, index, into)) return;
    if (!globalThis.navigator?.locks) return this.#fetched(store, index, into, signal);
    // One tab downloads, the others wait and find it kept.
    const lock = { mode: "exclusive" as const, ...(signal ? { signal } : {}) };
    return navigator.locks.request(`azulejo:${this.#key}:${index}`, lock, async () => {
      if (!(await this.#kept(store, index, into))) await this.#fetched(store, index, into, signal);
    });
  }

  close(): void {
    this.#sequential?.close();
    this.#passed.clear();
  }

  async #kept(store: ChunkStore, index: number, into: Bytes): Promise<boolean> {
    if (!(await store.get(this.#key, index, into)) || !(await isRight(this.#manifest, index, into))) return false;
    this.#progress.kept += into.length;
    this.#tell();
    return true;
  }

  async #fetched(store: ChunkStore, index: number, into: Bytes, signal: AbortSignal | undefined): Promise<void> {
    await this.#download(index, into, signal);
    if (this.#full) throw this.#full;
    const put = store.put(this.#key, index, into);
    this.#puts.add(put);
    try {
      await put;
    } catch (error) {
      if ((error as Error)?.name !== "QuotaExceededError") throw error;
      this.#full ??= storageFull(this.#name, this.#remote.total, 0);
      // Those on their way would bring the folder back that is deleted here.
      await Promise.allSettled(this.#puts);
      await store.delete(this.#key);
      throw this.#full;
    } finally {
      this.#puts.delete(put);
    }
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
      this.#tell();
    };
    if (!this.#sequential) {
      try {
        return await fetchRange(this.#remote, start, into, signal, count);
      } catch (error) {
        if (!(error instanceof RangeIgnored)) throw error;
        // The first of several answers is read on; the others are let go.
        if (this.#sequential) error.connection.close();
        else this.#sequential = new Sequential(this.#remote, signal, error);
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
      this.#sequential = new Sequential(this.#remote, signal);
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
