// From what the caller named to a manifest that was checked, also without a network if it was kept.

import { AzulejoError } from "../errors.js";
import type { WireModel } from "../protocol.js";
import type { Manifest } from "../types.js";
import { fetchJson } from "./download.js";
import { checkManifest } from "./manifest.js";
import type { ChunkStore, Meta } from "./store.js";

/** What is kept and fits, if anything. */
export async function remembered(store: ChunkStore | null, fits: (meta: Meta) => boolean): Promise<Meta | null> {
  for (const key of (await store?.keys()) ?? []) {
    const meta = await store!.meta(key);
    if (meta && fits(meta)) return meta;
  }
  return null;
}

/** A model's manifest, checked; null if it has none. A pinned root hash that is kept needs no network. */
export async function manifestOf(
  model: Exclude<WireModel, { kind: "random" }>,
  store: ChunkStore | null,
  signal: AbortSignal | undefined,
): Promise<Manifest | null> {
  const { manifest, root } = model;
  if (manifest === undefined) {
    if (root === undefined) return null;
    throw new AzulejoError("invalid_argument", "The model has a root hash and no manifest to check it against.",
      "Give the address of its manifest (model.gguf.azulejo.json) beside the root hash.");
  }
  if (typeof manifest !== "string") return checkManifest(manifest, "of the page", root);
  const pinned = root ? (await store?.meta(root.toLowerCase()))?.manifest : null;
  if (pinned) return checkManifest(pinned, "that was kept", root);
  try {
    return await checkManifest(await fetchJson(manifest, signal), `at ${manifest}`, root);
  } catch (error) {
    const offline = (error as AzulejoError).code === "network";
    const meta = offline ? await remembered(store, (m) => m.manifestUrl === manifest) : null;
    if (!meta?.manifest) throw error;
    return checkManifest(meta.manifest, "that was kept", root);
  }
}
