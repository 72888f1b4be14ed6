// Where chunks of model files are kept between visits: what a store can do, and the choice of one.

import { AzulejoError } from "../errors.js";
import type { CacheChoice, Manifest } from "../types.js";
import { cacheStore } from "./cache.js";
import { opfsStore } from "./opfs.js";

export type Bytes = Uint8Array<ArrayBuffer>;

/** What is kept beside a model's chunks. */
export interface Meta {
  url: string;
  /** What stays of an address that changes: the page's name of it, else the address. */
  cacheKey: string;
  file: string;
  bytes: number;
  /** The bytes of each file that it is made of: one, or a split model's parts. */
  parts: number[];
  chunkBytes: number;
  /** The server's ETag or date of the file, if it told one. */
  tag: string | null;
  manifest: Manifest | null;
  manifestUrl: string | null;
  /** When it was begun, or last loaded: `Date.now()`. */
  lastUsed: number;
}

/** Chunks by a model's key and a number. What `put` has resolved for is there after a crash, whole or not at all. */
export interface ChunkStore {
  readonly kind: "opfs" | "cache-api";
  /** Fills `into` with a chunk; false if it isn't there or has another length. */
  get(key: string, index: number, into: Bytes): Promise<boolean>;
  put(key: string, index: number, bytes: Bytes): Promise<void>;
  /** The chunks that are there, each whole: one that is being written, or was cut short, is none. */
  stored(key: string, lengthOf: (index: number) => number): Promise<Set<number>>;
  meta(key: string): Promise<Meta | null>;
  setMeta(key: string, meta: Meta): Promise<void>;
  keys(): Promise<string[]>;
  delete(key: string): Promise<void>;
}

/** The store that was asked for, or the best one here; null is none: nothing is kept. */
export async function openStore(choice: CacheChoice): Promise<ChunkStore | null> {
  if (choice === "memory") return null;
  const opfs = choice === "cache-api" ? null : await opfsStore({ write: true });
  if (opfs) return opfs;
  const cache = choice === "opfs" ? null : await cacheStore({ write: true });
  if (cache || choice === "auto") return cache;
  const name = choice === "opfs" ? "origin private file system" : "Cache API";
  throw new AzulejoError(
    "unsupported",
    `This browser gives this page no ${name} (in private windows and on pages without https there is none).`,
    'Use cache: "auto", which takes what there is.',
    undefined,
    { store: name },
  );
}

/** Every store that is here, for what is in it: a page may look into one that only workers can write to. */
export async function allStores(): Promise<ChunkStore[]> {
  const stores = await Promise.all([opfsStore({ write: false }), cacheStore({ write: false })]);
  return stores.filter((store) => store !== null);
}

/** The chunks' lengths follow from the file's. */
export function chunkLength(total: number, chunkBytes: number, index: number): number {
  return Math.max(0, Math.min(chunkBytes, total - index * chunkBytes));
}

/** The bytes of chunks of a file. */
export function storedBytes({ bytes, chunkBytes }: Meta, chunks: Set<number>): number {
  return [...chunks].reduce((sum, index) => sum + chunkLength(bytes, chunkBytes, index), 0);
}

/** Bytes that the origin may still store, and those that it may in all; null where the browser doesn't tell. */
export async function room(): Promise<{ free: number; quota: number } | null> {
  try {
    const { quota, usage } = (await navigator.storage?.estimate?.()) ?? {};
    return quota === undefined ? null : { free: Math.max(0, quota - (usage ?? 0)), quota };
  } catch {
    return null;
  }
}
