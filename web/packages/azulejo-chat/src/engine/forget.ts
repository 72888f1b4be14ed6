// Which of the models on the visitor's device are the chat's, and the deletion of those: others of the site may keep models too.

import type { Settings } from "../element/settings.js";
import { keepsSomething } from "./kept.js";

/** A cache with an entry for each model that the chat loaded, by its address and by its id in the store. */
const CLAIMS = "azulejo-chat";
/** Entries are named by addresses; `.invalid` belongs to no one. */
const BASE = "https://azulejo.invalid/";

/** Remembers a model as the chat's, by its address or its id. */
export async function claim(name: string): Promise<void> {
  try {
    const entry = BASE + encodeURIComponent(name);
    const put = async () => {
      const cache = await caches.open(CLAIMS);
      await cache.put(entry, new Response());
      return cache.match(entry);
    };
    // In WebKit's private windows a cache that an earlier page has left doesn't keep what was in it before.
    if (!(await put())) {
      await caches.delete(CLAIMS);
      await put();
    }
  } catch {
    // No store, such as on a page by http: no model is kept either.
  }
}

/**
 * Deletes from this device the page's model, those that the chat loaded before, at whatever address, and what was
 * remembered of the device. Models that only others of the site keep stay.
 */
export async function forgetModels({ model }: Settings): Promise<void> {
  if (await keepsSomething()) {
    const { storage } = await import("azulejo");
    const ours = new Set([model, ...(await claims())]);
    const all = await storage.list();
    const mine = all.filter(({ id, url }) => ours.has(id) || ours.has(url));
    for (const id of new Set(mine.map(({ id }) => id))) {
      await storage.delete(id).catch((error) => {
        // Another tab was faster.
        if (error.code !== "not_found") throw error;
      });
    }
    // Where nothing is left, not even empty places are.
    await (mine.length === all.length ? storage.clear() : storage.forgetDevices());
  }
  await globalThis.caches?.delete(CLAIMS).catch(() => {});
}

async function claims(): Promise<string[]> {
  const entries = (await globalThis.caches?.open(CLAIMS).then((cache) => cache.keys(), () => [])) ?? [];
  return entries.map(({ url }) => decodeURIComponent(url.slice(BASE.length)));
}
