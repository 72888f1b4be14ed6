// What a page names a model by, and how it wants servers to be asked, as it crosses to the engine: addresses are
// absolute, bytes have become Blobs, and what makes no sense is an error here.

import { invalid } from "./errors.js";
import type { WireModel, WireNetwork } from "./protocol.js";
import { partUrls } from "./store/parts.js";
import type { Manifest, ModelAddress, ModelFile, ModelInput, NetworkOptions, RandomModel } from "./types.js";

/** An address as a worker needs it, which has no page to be relative to. */
export function absolute(url: string | URL): string {
  try {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch {
    throw invalid(`"${url}" is not an address.`);
  }
}

/** A model's address; any part of a split one stands for the first. */
const modelUrl = (url: string | URL) => partUrls(absolute(url))[0]!;

export function wireManifest(manifest: string | URL | Manifest | undefined): { manifest?: string | Manifest } {
  if (manifest === undefined || manifest === null) return {};
  return { manifest: typeof manifest === "string" || manifest instanceof URL ? absolute(manifest) : manifest };
}

/** A file or bytes, and what they are called; null if it's neither. */
function bytesOf(model: unknown): { kind: "blob"; blob: Blob; name: string } | null {
  if (model instanceof Blob) return { kind: "blob", blob: model, name: (model as Partial<File>).name ?? "the file" };
  if (!(model instanceof ArrayBuffer || model instanceof Uint8Array)) return null;
  // Blobs take no shared memory.
  const own = model instanceof Uint8Array && !(model.buffer instanceof ArrayBuffer) ? model.slice() : model;
  return { kind: "blob", blob: new Blob([own as BlobPart]), name: "the given bytes" };
}

export function wireModel(model: ModelInput): WireModel {
  if (typeof model === "string" || model instanceof URL) return { kind: "url", url: modelUrl(model) };
  const bytes = bytesOf(model);
  if (bytes) return bytes;
  const { shape, quant } = model as Partial<RandomModel>;
  if (shape !== undefined && quant !== undefined) return { kind: "random", shape, quant };
  const { url, file, manifest, root, cacheKey } = model as Partial<ModelAddress & ModelFile>;
  const checked = { ...wireManifest(manifest), ...(root ? { root } : {}) };
  const chosen = bytesOf(file);
  if (chosen && !url) return { ...chosen, ...checked };
  if (!url || file !== undefined) {
    throw invalid("The model has no address and is no file.",
      "Give an address, {url, manifest}, {file, manifest}, a File, Blob, ArrayBuffer or Uint8Array.");
  }
  if (cacheKey !== undefined && (typeof cacheKey !== "string" || cacheKey === "")) {
    throw invalid(`The model's "cacheKey" is ${JSON.stringify(cacheKey)}, and has to be a text.`);
  }
  return { kind: "url", url: modelUrl(url), ...checked, ...(cacheKey === undefined ? {} : { cacheKey }) };
}

const CREDENTIALS = ["omit", "same-origin", "include"];

/** How servers are asked. `worker`: where the engine is going to be. */
export function wireNetwork(options: NetworkOptions, worker: boolean | "shared"): WireNetwork {
  const { headers, credentials, fetch, retryMinutes } = options;
  const network: WireNetwork = {};
  if (headers !== undefined) network.headers = plainHeaders(headers);
  if (credentials !== undefined) {
    if (!CREDENTIALS.includes(credentials)) {
      throw invalid(`"credentials" is ${JSON.stringify(credentials)}, and has to be one of ${CREDENTIALS.join(", ")}.`);
    }
    network.credentials = credentials;
  }
  if (fetch !== undefined) {
    if (typeof fetch !== "function") throw invalid('"fetch" has to be a function as the browser\'s own is.');
    if (worker === "shared") {
      throw invalid('A "fetch" of the page\'s own and worker: "shared" don\'t go together: the engine may outlive the page.',
        "Use worker: true, or headers and credentials.");
    }
    network.fetch = fetch;
  }
  if (retryMinutes !== undefined) {
    if (!Number.isFinite(retryMinutes) || retryMinutes < 0) {
      throw invalid(`"retryMinutes" is ${retryMinutes}, and has to be a number of minutes, 0 or more.`);
    }
    network.retryMinutes = retryMinutes;
  }
  return network;
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
