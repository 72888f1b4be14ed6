// What the page may ask of the store: what is kept, how much, and to delete it.

import { AzulejoError } from "../errors.js";
import { allStores, chunkLength } from "./store.js";

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
}

export const storage = {
  async list(): Promise<StoredModel[]> {
    const models: StoredModel[] = [];
    for (const store of await allStores()) {
      for (const id of await store.keys()) {
        const meta = await store.meta(id);
        const { bytes = 0, chunkBytes = 0, file = "", url = "", manifest = null } = meta ?? {};
        const storedBytes = await store.storedBytes(id, (index) => chunkLength(bytes, chunkBytes, index));
        const complete = meta !== null && storedBytes === bytes;
        models.push({ id, file, url, bytes, storedBytes, complete, verified: manifest !== null, storage: store.kind });
      }
    }
    return models;
  },

  /** Bytes that models take, all that this site stores, and what the browser gives it (null if it doesn't tell). */
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
      throw new AzulejoError("not_found", `No model is kept by the id "${id}".`, "storage.list() tells which are.");
    }
    await Promise.all(holding.map((store) => store.delete(id)));
  },

  /**
   * Asks the browser not to delete what this site stores when the disk gets full. Some browsers ask the visitor: call
   * it after a click. True if it was granted.
   */
  async persist(): Promise<boolean> {
    return (await globalThis.navigator?.storage?.persist?.()) ?? false;
  },
};
