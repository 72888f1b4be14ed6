// The Cache API as a store, where there is no origin private file system: an entry a chunk. Entries are whole or absent.

import { fill } from "./pieces.js";
import type { Bytes, ChunkStore, Meta } from "./store.js";

const NAME = "azulejo";
const SETTINGS = "azulejo-settings";
/** Entries are named by addresses; this one is never fetched, since `.invalid` belongs to no one. */
const BASE = "https://azulejo.invalid/";
/** How long another tab is waited for that opens it: a page that was left may be frozen meanwhile. */
const OPEN_MS = 5000;

/** The cache that was opened last: WebKit's private windows forget what no page has open, and what is collected isn't open. */
let held: Cache | undefined;

/**
 * The store, or null where there is none. `write`: one that keeps what is put into it, made if need be. Looking makes none
 * but where it is the only kind of store.
 */
export async function cacheStore({ write }: { write: boolean }): Promise<ChunkStore | null> {
  try {
    if (!globalThis.caches) return null;
    if (write || !globalThis.FileSystemFileHandle) {
      // One tab at a time: what one opens must not be what another is about to replace.
      const { locks } = globalThis.navigator;
      const signal = AbortSignal.timeout(OPEN_MS);
      held = await (locks ? locks.request(NAME, { signal }, openKeeping) : openKeeping());
    } else {
      held = (await caches.has(NAME)) ? await caches.open(NAME) : undefined;
    }
    return held ? new CacheStore(held) : null;
  } catch {
    return null;
  }
}

/** The cache, made anew where it keeps nothing; undefined where it keeps nothing then. */
async function openKeeping(): Promise<Cache | undefined> {
  const cache = await caches.open(NAME);
  if (await keeps(cache)) return cache;
  await caches.delete(NAME);
  const anew = await caches.open(NAME);
  return (await keeps(anew)) ? anew : undefined;
}

/**
 * Whether an entry that was put is there. In WebKit's private windows a cache is empty once no one has it open, and what is
 * put by a name that was in it before isn't kept, without an error. So the entry that tells stays.
 */
async function keeps(cache: Cache): Promise<boolean> {
  const probe = `${BASE}probe`;
  await cache.put(probe, new Response());
  return (await cache.match(probe)) !== undefined;
}

/** Deletes all of it. */
export async function removeCache(): Promise<void> {
  await globalThis.caches?.delete(NAME);
}

class CacheStore implements ChunkStore {
  readonly kind = "cache-api";
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  async get(key: string, index: number, into: Bytes): Promise<boolean> {
    const entry = await this.#cache.match(`${BASE}${key}/${index}`);
    return entry !== undefined && fill(into, entry.body);
  }

  put(key: string, index: number, bytes: Bytes): Promise<void> {
    const headers = { "content-type": "application/octet-stream", "content-length": String(bytes.length) };
    return this.#cache.put(`${BASE}${key}/${index}`, new Response(bytes, { headers }));
  }

  async stored(key: string): Promise<Set<number>> {
    const chunks = (await this.#names()).filter(([of, name]) => of === key && /^\d+$/.test(name));
    return new Set(chunks.map(([, name]) => Number(name)));
  }

  async meta(key: string): Promise<Meta | null> {
    const entry = await this.#cache.match(`${BASE}${key}/meta`);
    return entry ? entry.json() : null;
  }

  setMeta(key: string, meta: Meta): Promise<void> {
    return this.#cache.put(`${BASE}${key}/meta`, Response.json(meta));
  }

  async keys(): Promise<string[]> {
    return [...new Set((await this.#names()).map(([key]) => key))];
  }

  async delete(key: string): Promise<void> {
    for (const [of, name] of await this.#names()) if (of === key) await this.#cache.delete(`${BASE}${key}/${name}`);
  }

  /** Every entry's key and name. */
  async #names(): Promise<[string, string][]> {
    const entries = await this.#cache.keys();
    return entries.map(({ url }) => url.slice(BASE.length).split("/") as [string, string]).filter(([, name]) => name);
  }
}

/** A small JSON value that is remembered for the site, such as which device is faster; lost where nothing is kept. */
export const settings = {
  async read(name: string): Promise<unknown> {
    try {
      // Opening it would make one.
      const entry = await caches.match(BASE + encodeURIComponent(name), { cacheName: SETTINGS });
      return entry ? await entry.json() : null;
    } catch {
      return null;
    }
  },
  async write(name: string, value: unknown): Promise<void> {
    try {
      const cache = await caches.open(SETTINGS);
      await cache.put(BASE + encodeURIComponent(name), Response.json(value));
    } catch {
      // Nothing is lost but a second of the next start.
    }
  },
  async clear(): Promise<void> {
    await globalThis.caches?.delete(SETTINGS);
  },
};
