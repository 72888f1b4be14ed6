// azulejo: language models on the visitor's own device. Load one with `createEngine`, ask first with `probe`.

import { Client } from "./client.js";
import { checkAbort, invalid } from "./errors.js";
import { openPort } from "./port.js";
import type { EngineEvent, WireModel } from "./protocol.js";
import type {
  EngineOptions,
  LoadOptions,
  LocalEngine,
  Manifest,
  ModelAddress,
  ModelInput,
  Probe,
  ProbeOptions,
  RandomModel,
} from "./types.js";

export { AzulejoError, ERROR_CODES, type ErrorCode } from "./errors.js";
export { storage, type StoredModel } from "./store/index.js";
export { Stream } from "./stream.js";
export type * from "./shapes.js";
export type * from "./types.js";
export type { EngineEvent } from "./protocol.js";
export type { DeviceInfo, DeviceProbe, Memory } from "./wasm-surface.js";

/** Bundlers copy a file that is named like this, and workers are told where it went. */
const engineFile = (wasmUrl?: string | URL) => absolute(wasmUrl ?? new URL("./azulejo_wasm_bg.wasm", import.meta.url));

/** An address as a worker needs it, which has no page to be relative to. */
function absolute(url: string | URL): string {
  try {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch {
    throw invalid(`"${url}" is not an address.`);
  }
}

function wireManifest(manifest: string | URL | Manifest | undefined): { manifest?: string | Manifest } {
  if (manifest === undefined || manifest === null) return {};
  return { manifest: typeof manifest === "string" || manifest instanceof URL ? absolute(manifest) : manifest };
}

function wireModel(model: ModelInput): WireModel {
  if (typeof model === "string" || model instanceof URL) return { kind: "url", url: absolute(model) };
  if (model instanceof Blob) return { kind: "blob", blob: model, name: (model as Partial<File>).name ?? "the file" };
  if (model instanceof ArrayBuffer) return { kind: "blob", blob: new Blob([model]), name: "the given bytes" };
  const { shape, quant } = model as Partial<RandomModel>;
  if (shape !== undefined && quant !== undefined) return { kind: "random", shape, quant };
  const { url, manifest, root } = model as Partial<ModelAddress>;
  if (!url) throw invalid("The model has no address.", "Give an address, {url, manifest}, a File or an ArrayBuffer.");
  return { kind: "url", url: absolute(url), ...wireManifest(manifest), ...(root ? { root } : {}) };
}

/**
 * Loads a model and gives an engine for it: downloads it if it isn't kept here, chooses the device, and answers when
 * everything is ready. Throws an `AzulejoError` with a `code` and a `hint`.
 */
export async function createEngine(model: ModelInput, options: EngineOptions = {}): Promise<LocalEngine> {
  const { onProgress, initProgressCallback, onEvent, signal, worker = true, wasmUrl, workerUrl, ...how } = options;
  checkAbort(signal);
  const args = { model: wireModel(model), options: how satisfies LoadOptions, wasmUrl: engineFile(wasmUrl) };
  let engine: Client | null = null;
  const tell = (event: EngineEvent) => {
    engine?.tell(event);
    onEvent?.(event);
  };
  const port = await openPort(worker, workerUrl && absolute(workerUrl), tell);
  // A page that is left may be kept frozen for the way back, and its download's locks with it, which other tabs wait
  // for: the loading ends.
  const stopped = new AbortController();
  const stop = () => stopped.abort();
  const leave = () => {
    stop();
    port.close();
  };
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  globalThis.addEventListener?.("pagehide", leave);
  try {
    const info = await port.call("load", args, {
      signal: stopped.signal,
      onEvent: (progress) => {
        onProgress?.(progress);
        initProgressCallback?.(progress);
      },
    });
    // Also when it was stopped while the answer was on its way.
    checkAbort(stopped.signal);
    engine = new Client(port, info);
    return engine;
  } catch (error) {
    await port.call("dispose", null).catch(() => {});
    port.close();
    checkAbort(stopped.signal);
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    globalThis.removeEventListener?.("pagehide", leave);
  }
}

/**
 * Tells what this device could run, before anything is downloaded: its GPU, and for a model whether it fits. A manifest
 * makes the answer exact.
 */
export async function probe(options: ProbeOptions = {}): Promise<Probe> {
  const { model, manifest, context, wasmUrl, workerUrl, worker = true } = options;
  const port = await openPort(worker, workerUrl && absolute(workerUrl), () => {});
  try {
    return await port.call("probe", {
      ...(model ? { model: absolute(model) } : {}),
      ...wireManifest(manifest),
      ...(context === undefined ? {} : { context }),
      wasmUrl: engineFile(wasmUrl),
    });
  } finally {
    port.close();
  }
}
