// A model's file as something to read ranges of: from the store where it's kept, else from the network, checked and
// then kept. A few chunks at most are in memory.

import { abortable, AzulejoError, checkAbort } from "../errors.js";
import type { WireModel, WireNetwork } from "../protocol.js";
import { unescaped } from "../text.js";
import type { CacheChoice, FileInfo, Manifest } from "../types.js";
import { CHUNK_BYTES, type Chunks, integrity, isRight, type SourceProgress, UrlChunks, WINDOW } from "./chunks.js";
import { fetchWhole, type Remote } from "./download.js";
import { KeptFile } from "./kept.js";
import { sha256 } from "./manifest.js";
import { Network } from "./network.js";
import { tagOfParts, total } from "./parts.js";
import { fillFromFile } from "./pieces.js";
import { manifestOf, resolved } from "./resolve.js";
import { type Bytes, chunkLength, type Meta, openStore } from "./store.js";

const WINDOW_BYTES = 12 << 20;

export interface SourceOptions {
  cache: CacheChoice;
  network?: WireNetwork | undefined;
  /** Fails where the file can't be kept; what the caller asked for if it named a store. */
  mustKeep?: boolean;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: SourceProgress) => void) | undefined;
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
  /** The bytes of each file that it is made of, one behind the other. */
  readonly parts: readonly number[];
  /** True if each chunk is checked against a manifest. */
  readonly verified: boolean;
  readonly progress: SourceProgress;
  readonly #chunkBytes: number;
  readonly #chunks: Chunks;
  readonly #window: number;
  readonly #held = new Map<number, Held>();
  /** Buffers of chunks that were read: new ones would be garbage of the file's size. */
  readonly #free: ArrayBuffer[] = [];
  /** For a range of several chunks. */
  #joined: Bytes = new Uint8Array(0);

  constructor(about: Pick<ModelSource, "name" | "parts" | "verified" | "progress">, chunkBytes: number, chunks: Chunks) {
    this.name = about.name;
    this.parts = about.parts;
    this.total = about.parts.reduce((sum, bytes) => sum + bytes, 0);
    this.verified = about.verified;
    this.progress = about.progress;
    this.#chunkBytes = chunkBytes;
    this.#chunks = chunks;
    this.#window = Math.max(1, Math.min(WINDOW, Math.floor(WINDOW_BYTES / chunkBytes)));
    this.progress.kept = chunks.keeping.kept;
  }

  /** The file, and what has become of it by now. */
  get file(): FileInfo {
    return { name: this.name, bytes: this.total, verified: this.verified, ...this.#chunks.keeping };
  }

  /**
   * The bytes from `start` to `end` (not included), until the next read. What comes after them is fetched ahead, unless
   * the reader is going to be elsewhere.
   */
  async read(start: number, end: number, signal?: AbortSignal, ahead = true): Promise<Bytes> {
    checkAbort(signal);
    if (start < 0 || end < start || end > this.total) {
      throw new AzulejoError("corrupt", `${this.name} has ${this.total} bytes; ${start} to ${end} were wanted.`,
        "The file is cut short, or is not what it says: download or convert it again.", undefined,
        { file: this.name, bytes: this.total, needed: end });
    }
    for (let at = start; at < end; ) {
      this.prefetch(at, signal, ahead);
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
  prefetch(start: number, signal?: AbortSignal, ahead = true): void {
    const first = Math.floor(start / this.#chunkBytes);
    const end = first + (ahead ? this.#window : 1);
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

  /** Brings what the store hasn't of the file there. */
  async keepAll(signal?: AbortSignal): Promise<void> {
    const missing = await this.#chunks.missing();
    const lengthOf = (index: number) => chunkLength(this.total, this.#chunkBytes, index);
    this.progress.fromStore = this.total - missing.reduce((sum, index) => sum + lengthOf(index), 0);
    for (const index of missing) {
      const start = index * this.#chunkBytes;
      await this.read(start, start + lengthOf(index), signal);
    }
    await this.settle();
  }

  /** All that was wanted of the file was had: older ones of it may go. */
  settle(): Promise<void> {
    return this.#chunks.settle();
  }

  /** Forgets what is in memory. */
  rest(): void {
    this.#held.clear();
    this.#free.length = 0;
    this.#joined = new Uint8Array(0);
  }

  /** Ends it; resolves when nothing of it is being written any more. */
  close(): Promise<void> {
    this.rest();
    return this.#chunks.close();
  }
}

/** Opens a model's file, wherever it is. */
export async function openSource(model: WireModel, options: SourceOptions): Promise<ModelSource> {
  if (model.kind === "random") throw new AzulejoError("internal", "A made-up model has no file.");
  const { cache, signal, mustKeep = cache === "opfs" || cache === "cache-api" } = options;
  const progress: SourceProgress = { downloaded: 0, fromStore: 0, waiting: false, kept: false };
  const tell = () => options.onProgress?.(progress);
  const network = new Network(options.network, model.kind === "url" ? model.url : undefined, () => {
    progress.waiting = true;
    tell();
  });
  const asking = { network, signal };
  if (model.kind === "blob") {
    return blobSource(model.blob, model.name, await manifestOf(model, null, asking), progress, tell, "file");
  }
  const store = await openStore(cache);
  if (mustKeep && !store) {
    throw new AzulejoError("unsupported", "This browser keeps nothing for this page.",
      "In private windows and on pages without https there is no storage: load the model without keeping it.");
  }
  const named = await manifestOf(model, store, asking);
  const { remotes, manifest, manifestUrl } = await resolved(model, named, store, asking);
  progress.waiting = false;
  const name = manifest?.file ?? unescaped(new URL(model.url).pathname.split("/").pop() || model.url);
  const bytes = total(remotes);
  if (bytes === null) {
    const [remote] = remotes;
    if (remotes.length > 1 || !remote) {
      throw new AzulejoError("network", `The server doesn't tell the size of the parts of ${name} (Content-Length).`,
        "Have the server tell it, or give a manifest.", undefined, { file: name });
    }
    const note = "The server doesn't tell the file's size (Content-Length), so that it is not kept.";
    if (mustKeep) {
      throw new AzulejoError("network", note, 'Have the server tell it, give a manifest, or use cache: "auto".', undefined,
        { file: name });
    }
    const blob = await fetchWhole(remote, asking, (n) => {
      Object.assign(progress, { downloaded: progress.downloaded + n, waiting: false });
      tell();
    });
    return blobSource(blob, name, manifest, progress, tell, "memory", note);
  }
  const { url } = model;
  const tag = tagOfParts(remotes.map((remote) => remote.tag));
  const cacheKey = model.cacheKey ?? url;
  const chunkBytes = manifest?.chunk_bytes ?? CHUNK_BYTES;
  const key = manifest?.root ?? (await weakKey(`${cacheKey}\n${bytes}\n${tag ?? ""}`));
  const lastUsed = Date.now();
  const sized = remotes as (Remote & { total: number })[];
  const parts = sized.map((remote) => remote.total);
  const meta: Meta = { url, cacheKey, file: name, bytes, parts, chunkBytes, tag, manifest, manifestUrl, lastUsed };
  const file = new KeptFile(store, key, meta, mustKeep);
  // What was begun at an earlier visit has the right address: when the network is silent now, it is waited for.
  if (await file.before()) remotes.forEach((remote) => network.heard(remote.url));
  await file.makeRoom();
  const chunks = new UrlChunks(network, sized, url, manifest, file, progress, tell);
  return new ModelSource({ name, parts, verified: manifest !== null, progress }, chunkBytes, chunks);
}

function blobSource(
  blob: Blob,
  name: string,
  manifest: Manifest | null,
  progress: SourceProgress,
  tell: () => void,
  storage: "file" | "memory",
  note: string | null = null,
): ModelSource {
  if (manifest && manifest.bytes !== blob.size) {
    throw new AzulejoError("integrity", `${name} has ${blob.size} bytes, and its manifest says ${manifest.bytes}.`,
      "Choose the file that the manifest was written for.", undefined,
      { file: name, bytes: blob.size, expected: manifest.bytes });
  }
  const chunkBytes = manifest?.chunk_bytes ?? CHUNK_BYTES;
  const chunks: Chunks = {
    keeping: { storage, kept: false, id: null, note, noteCode: note ? "size_unknown" : null },
    async get(index, into) {
      const start = index * chunkBytes;
      await fillFromFile(into, blob, start, name);
      if (!(await isRight(manifest, index, into))) throw integrity(name, index);
      progress.fromStore += into.length;
      tell();
    },
    missing: async () => [],
    settle: async () => {},
    close: async () => {},
  };
  return new ModelSource({ name, parts: [blob.size], verified: manifest !== null, progress }, chunkBytes, chunks);
}

/** A name for a file that has no manifest. Not secret and not a proof of anything, so that any hash will do. */
async function weakKey(text: string): Promise<string> {
  if (globalThis.crypto?.subtle) return (await sha256(new TextEncoder().encode(text))).slice(0, 40);
  return [...text].reduce((hash, letter) => (hash * 31 + letter.codePointAt(0)!) % 2 ** 48, 7).toString(16);
}
