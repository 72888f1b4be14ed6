// From what the caller named to a file on a server and the manifest that it's checked against, also without a network if
// they were kept.

import { AzulejoError } from "../errors.js";
import type { WireModel } from "../protocol.js";
import type { Manifest } from "../types.js";
import { type Asking, describe, fetchJson, type Remote } from "./download.js";
import { checkManifest } from "./manifest.js";
import { partUrls, tagOfParts, total } from "./parts.js";
import { chunkLength, type ChunkStore, type Meta, storedBytes } from "./store.js";

/** What is kept and fits: what is whole first, and of that what was used last. A store that can't be read has nothing. */
export async function remembered(store: ChunkStore | null, fits: (meta: Meta) => boolean): Promise<Meta[]> {
  const found: { meta: Meta; key: string; isWhole?: boolean }[] = [];
  try {
    for (const key of (await store?.keys()) ?? []) {
      const meta = await store!.meta(key);
      if (meta && fits(meta)) found.push({ meta, key });
    }
    // Looking takes opening a file a chunk.
    if (found.length > 1) for (const one of found) one.isWhole = await isWhole(store!, one.key, one.meta);
  } catch {
    // None of it can be used.
  }
  const order = ({ meta, isWhole }: (typeof found)[0]) => (isWhole ? 1e15 : 0) + meta.lastUsed;
  return found.sort((a, b) => order(b) - order(a)).map(({ meta }) => meta);
}

export async function isWhole(store: ChunkStore, key: string, meta: Meta): Promise<boolean> {
  const there = await store.stored(key, (index) => chunkLength(meta.bytes, meta.chunkBytes, index));
  return storedBytes(meta, there) === meta.bytes;
}

/** A model's manifest, checked; null if it has none. A pinned root hash that is kept needs no network. */
export async function manifestOf(
  model: Exclude<WireModel, { kind: "random" }>,
  store: ChunkStore | null,
  asking: Asking,
): Promise<Manifest | null> {
  const { manifest, root } = model;
  if (manifest === undefined) {
    if (root === undefined) return null;
    throw new AzulejoError("invalid_argument", "The model has a root hash and no manifest to check it against.",
      "Give the address of its manifest (model.gguf.azulejo.json) beside the root hash.");
  }
  if (typeof manifest !== "string") return checkManifest(manifest, "of the page", root);
  const pinned = root ? (await store?.meta(root.toLowerCase()).catch(() => null))?.manifest : null;
  if (pinned) return checkManifest(pinned, "that was kept", root);
  const [kept] = await remembered(store, (meta) => meta.manifest !== null && meta.manifestUrl === manifest);
  try {
    const brief = kept !== undefined;
    return await checkManifest(await fetchJson(manifest, { ...asking, brief }), `at ${manifest}`, root);
  } catch (error) {
    if (!kept?.manifest || (error as AzulejoError).code !== "network") throw error;
    return checkManifest(kept.manifest, "that was kept", root);
  }
}

/** What is on the server: a file, or the parts of a split one. */
export async function describeAll(url: string, asking: Asking): Promise<Remote[]> {
  return Promise.all(partUrls(url).map((part) => describe(part, asking)));
}

/** The files at a model's address whose sizes are known already, and the tags if those are to be compared. */
function known(url: string, parts: readonly number[], tags: readonly (string | null)[] = []): Remote[] {
  const urls = parts.length > 1 ? partUrls(url) : [url];
  if (urls.length !== parts.length) {
    throw new AzulejoError("integrity", `The manifest is of a model in ${parts.length} parts, and ${url} is none of them.`,
      `Give the address of the first one, which ends in -00001-of-${String(parts.length).padStart(5, "0")}.gguf.`, undefined,
      { url, parts: parts.length });
  }
  return urls.map((url, index) => ({ url, total: parts[index]!, tag: tags[index] ?? null, seenTag: tags[index] ?? null }));
}

/** The files on the server, and the manifest to check them against, if there is one, with its address. */
export async function resolved(
  model: Extract<WireModel, { kind: "url" }>,
  manifest: Manifest | null,
  store: ChunkStore | null,
  asking: Asking,
): Promise<{ remotes: Remote[]; manifest: Manifest | null; manifestUrl: string | null }> {
  const { url, cacheKey = url } = model;
  const manifestUrl = typeof model.manifest === "string" ? model.manifest : null;
  // With a manifest there is nothing to ask: it tells the size, and its hashes which file it is.
  if (manifest) return { remotes: known(url, manifest.parts ?? [manifest.bytes]), manifest, manifestUrl };
  const kept = await remembered(store, (meta) => meta.cacheKey === cacheKey);
  try {
    const remotes = await describeAll(url, { ...asking, brief: kept.length > 0 });
    // A copy that another page has checked is as good, if the server says that its file is still that one.
    const tag = tagOfParts(remotes.map((remote) => remote.tag));
    const bytes = total(remotes);
    const checked = tag === null ? null : kept.find((m) => m.manifest && m.bytes === bytes && m.tag === tag);
    return checked ? { ...checked, remotes: known(url, checked.parts) } : { remotes, manifest: null, manifestUrl };
  } catch (error) {
    // Offline: what was kept of this address will do.
    const [best] = kept;
    if (!best || (error as AzulejoError).code !== "network") throw error;
    return { ...best, remotes: known(url, best.parts, best.manifest ? [] : best.tag?.split("\n")) };
  }
}
