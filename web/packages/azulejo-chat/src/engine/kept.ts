// What is kept of models on the visitor's device.

import type { Settings } from "../element/settings.js";

/** The page's model as the engine takes it. */
export const modelOf = ({ model, manifest, root }: Settings) => ({
  url: model, ...(manifest ? { manifest } : {}), ...(root ? { root } : {}),
});

/** Whether the model is on this device already. A site that stores nothing has none, and then no code is fetched to ask. */
export async function isKept(settings: Settings): Promise<boolean> {
  if (!(await storesSomething())) return false;
  const { storage } = await import("azulejo");
  return storage.has(modelOf(settings));
}

/** Deletes the model from this device, older ones of the site too, and what was remembered of the device. */
export async function forgetModels(): Promise<void> {
  if (!(await storesSomething())) return;
  const { storage } = await import("azulejo");
  await storage.clear();
}

/** Whether the site keeps anything where models are kept. */
async function storesSomething(): Promise<boolean> {
  try {
    const folder = await navigator.storage?.getDirectory?.();
    if (folder) for await (const _ of folder.keys()) return true;
  } catch {
    // A private window; and a page by http has none.
  }
  const names = (await globalThis.caches?.keys().catch(() => [])) ?? [];
  return names.length > 0;
}
