// What a page names a model by, and how it wants servers to be asked, as it crosses to the engine: addresses are
// absolute, bytes have become Blobs, and what makes no sense is an error here.

import { invalid } from "./errors.js";
import { checkOptions, MODEL_ADDRESS, MODEL_FILE, RANDOM_MODEL } from "./options.js";
import type { WireModel, WireNetwork } from "./protocol.js";
import { partUrls } from "./store/parts.js";
import { absolute, json, shown } from "./text.js";
import type { Manifest, ModelAddress, ModelInput, NetworkOptions } from "./types.js";

/** A model's address; any part of a split one stands for the first. */
const modelUrl = (url: string | URL) => partUrls(absolute(url, "The model"))[0]!;

export function wireManifest(manifest: string | URL | Manifest | undefined): { manifest?: string | Manifest } {
  if (manifest === undefined || manifest === null) return {};
  const isAddress = typeof manifest === "string" || manifest instanceof URL;
  return { manifest: isAddress ? absolute(manifest, "The manifest") : (json(manifest, "The manifest") as unknown as Manifest) };
}

/** A file or bytes, and what they are called; null if it's neither. */
function bytesOf(model: unknown): { kind: "blob"; blob: Blob; name: string } | null {
  if (model instanceof Blob) return { kind: "blob", blob: model, name: (model as Partial<File>).name ?? "the file" };
  if (!(model instanceof ArrayBuffer || model instanceof Uint8Array)) return null;
  // Blobs take no shared memory.
  const own = model instanceof Uint8Array && !(model.buffer instanceof ArrayBuffer) ? model.slice() : model;
  return { kind: "blob", blob: new Blob([own as BlobPart]), name: "the given bytes" };
}

const MODELS = "Give an address, {url, manifest}, {file, manifest}, a File, Blob, ArrayBuffer or Uint8Array.";

export function wireModel(model: ModelInput): WireModel {
  if (typeof model === "string" || model instanceof URL) return { kind: "url", url: modelUrl(model) };
  const bytes = bytesOf(model);
  if (bytes) return bytes;
  if (typeof model !== "object" || model === null) throw invalid(`The model is ${shown(model)}.`, MODELS);
  if ("shape" in model) {
    checkOptions(model, "The model", RANDOM_MODEL);
    const { shape, quant } = model;
    if (!shape || !quant) throw invalid("A made-up model needs a shape and a quant.");
    return { kind: "random", shape, quant };
  }
  if ("file" in model) {
    checkOptions(model, "The model", MODEL_FILE);
    const { file, manifest, root } = model;
    return { ...bytesOf(file)!, ...wireManifest(manifest), ...(root ? { root } : {}) };
  }
  checkOptions(model, "The model", MODEL_ADDRESS);
  const { url, manifest, root, cacheKey } = model as Partial<ModelAddress>;
  if (!url) throw invalid("The model has no address and is no file.", MODELS);
  const checked = { ...wireManifest(manifest), ...(root ? { root } : {}) };
  return { kind: "url", url: modelUrl(url), ...checked, ...(cacheKey ? { cacheKey } : {}) };
}

/** How servers are asked. `worker`: where the engine is going to be. */
export function wireNetwork({ headers, credentials, fetch, retryMinutes }: NetworkOptions, worker: boolean | "shared"): WireNetwork {
  if (fetch !== undefined && worker === "shared") {
    throw invalid('A "fetch" of the page\'s own and worker: "shared" don\'t go together: the engine may outlive the page.',
      "Use worker: true, or headers and credentials.");
  }
  return {
    ...(headers === undefined ? {} : { headers: plainHeaders(headers) }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(fetch === undefined ? {} : { fetch }),
    ...(retryMinutes === undefined ? {} : { retryMinutes }),
  };
}

function plainHeaders(headers: HeadersInit): Record<string, string> {
  let plain: Record<string, string>;
  try {
    plain = Object.fromEntries(new Headers(headers));
  } catch (error) {
    throw invalid(`"headers" are no headers: ${error instanceof Error ? error.message : error}`);
  }
  if ("range" in plain) throw invalid('"headers" have a Range, which is the download\'s own.');
  return plain;
}
