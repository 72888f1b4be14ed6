// What the page may ask of the store: what is kept, how much, and to delete it.

import { AzulejoError, invalid } from "../errors.js";
import { wireModel } from "../inputs.js";
import type { ModelInput } from "../types.js";
import { removeCache, settings } from "./cache.js";
import { removeOpfs } from "./opfs.js";
import { isWhole } from "./resolve.js";
import { allStores, chunkLength, type Meta, storedBytes } from "./store.js";

const DAY_MS = 24 * 60 * 60 * 1000;

/** A model file that is kept, or begun. */
export interface StoredModel {
  /** What `delete` wants. */
  id: string;
  file: string;
  url: string;
  bytes: number;
  storedBytes: number;
  /** False: the download goes on where it stopped. */
  complete: boolean;
  /** True if it is checked against a manifest each time that it's read. */
  verified: boolean;
  storage: "opfs" | "cache-api";
  /** When it was begun or last loaded, in milliseconds as `Date.now()` has them; 0 if that isn't known. */
  lastUsed: number;
}

export const storage = {
  async list(): Promise<StoredModel[]> {
    const models: StoredModel[] = [];
    for (const store of await allStores()) {
      for (const id of await store.keys()) {
        const meta = await store.meta(id);
        const { bytes = 0, chunkBytes = 0, file = "", url = "", manifest = null, lastUsed = 0 } = meta ?? {};
        const there = meta && (await store.stored(id, (index) => chunkLength(bytes, chunkBytes, index)));
        const stored = meta && there ? storedBytes(meta, there) : 0;
        const complete = meta !== null && stored === bytes;
        const about = { id, file, url, bytes, storedBytes: stored, complete, verified: manifest !== null };
        models.push({ ...about, storage: store.kind, lastUsed });
      }
    }
    return models;
  },

  /**
   * Whether all of a model is kept, so that loading it downloads nothing unless the server has another file by now,
   * which isn't asked. What the visitor chose is there anyway.
   */
  async has(model: ModelInput): Promise<boolean> {
    const wire = wireModel(model);
    if (wire.kind !== "url") return true;
    const { url, cacheKey = url, manifest } = wire;
    const root = (wire.root ?? (manifest as { root?: string } | undefined)?.root)?.toLowerCase();
    const fits = (id: string, meta: Meta) => {
      if (root) return id === root;
      return manifest ? meta.manifestUrl === manifest : meta.cacheKey === cacheKey;
    };
    for (const store of await allStores()) {
      for (const id of await store.keys()) {
        const meta = await store.meta(id);
        if (meta && fits(id, meta) && (await isWhole(store, id, meta))) return true;
      }
    }
    return false;
  },

  /**
   * Bytes that models take, all that this site stores, and what the browser gives it (null if it doesn't tell);
   * persistent: the browser won't delete any of it by itself.
   */
  async usage(): Promise<{ models: number; used: number | null; quota: number | null; persistent: boolean }> {
    const models = (await storage.list()).reduce((sum, model) => sum + model.storedBytes, 0);
    const { usage = null, quota = null } = (await globalThis.navigator?.storage?.estimate?.().catch(() => null)) ?? {};
    const persistent = (await globalThis.navigator?.storage?.persisted?.().catch(() => false)) ?? false;
    return { models, used: usage, quota, persistent };
  },

  /** Deletes a model by the id that `list()` and `engine.info.file.id` tell. */
  async delete(id: string): Promise<void> {
    const stores = await allStores();
    const holding = [];
    for (const store of stores) if ((await store.keys()).includes(id)) holding.push(store);
    if (holding.length === 0) {
      throw new AzulejoError("not_found", `No model is kept by the id "${id}".`, "storage.list() tells which are.", undefined,
        { id });
    }
    await Promise.all(holding.map((store) => store.delete(id)));
  },

  /**
   * Deletes what wasn't loaded for so many days, or what wasn't for longest until so many bytes are freed; with both,
   * only what fits both. Tells what it deleted.
   */
  async free({ unusedDays, bytes }: { unusedDays?: number; bytes?: number }): Promise<StoredModel[]> {
    if (unusedDays === undefined && bytes === undefined) {
      throw invalid("storage.free() was told neither days nor bytes.", "Call it with {unusedDays: 30} or {bytes: 1e9}.");
    }
    for (const [name, value] of Object.entries({ unusedDays, bytes })) {
      if (value !== undefined && !(value >= 0)) throw invalid(`"${name}" is ${value}, and has to be 0 or more.`);
    }
    const until = Date.now() - (unusedDays ?? 0) * DAY_MS;
    const old = (await storage.list()).filter((model) => model.lastUsed <= until);
    const deleted: StoredModel[] = [];
    let left = bytes ?? Infinity;
    for (const model of old.sort((a, b) => a.lastUsed - b.lastUsed)) {
      if (left <= 0) break;
      await storage.delete(model.id);
      deleted.push(model);
      left -= model.storedBytes;
    }
    return deleted;
  },

  /** Forgets what was found of this device's GPU: the next engine tests and measures it anew. */
  async forgetDevices(): Promise<void> {
    await settings.clear();
  },

  /** Deletes every model and what was found of this device, so that nothing of this package is left on the site. */
  async clear(): Promise<void> {
    await Promise.all([removeOpfs(), removeCache(), settings.clear()]);
  },

  /**
   * Asks the browser not to delete what this site stores when the disk gets full. Some browsers ask the visitor: call
   * it after a click. True if it was granted.
   */
  async persist(): Promise<boolean> {
    return (await globalThis.navigator?.storage?.persist?.()) ?? false;
  },
};
