// Whether models are kept on the visitor's device: asked before anything is agreed to.

import type { Settings } from "../element/settings.js";

/** Where the package keeps models and what it found of the device, known here so that its code isn't fetched to find nothing. */
const FOLDER = "azulejo";
const CACHES = ["azulejo", "azulejo-settings"];

/** The page's model as the engine takes it. */
export const modelOf = ({ model, manifest, root }: Settings) => ({
  url: model, ...(manifest ? { manifest } : {}), ...(root ? { root } : {}),
});

/** Whether the model is on this device already. Where nothing is kept no code is fetched to ask. */
export async function isKept(settings: Settings): Promise<boolean> {
  if (!(await keepsSomething())) return false;
  const { storage } = await import("azulejo");
  return storage.has(modelOf(settings));
}

/** Whether anything is where models are kept; a site's own files and caches are elsewhere. */
export async function keepsSomething(): Promise<boolean> {
  try {
    const root = await navigator.storage?.getDirectory?.();
    if (await root?.getDirectoryHandle(FOLDER)) return true;
  } catch {
    // There is no such folder; or, in a private window or by http, no place for one.
  }
  const names = (await globalThis.caches?.keys().catch(() => [])) ?? [];
  return names.some((name) => CACHES.includes(name));
}
