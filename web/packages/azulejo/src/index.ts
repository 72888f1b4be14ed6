// azulejo: language models on the visitor's own device. Load one with `createEngine`, ask first with `probe`.

import { Client } from "./client.js";
import { checkAbort, invalid } from "./errors.js";
import { absolute, wireManifest, wireModel, wireNetwork } from "./inputs.js";
import { openPort } from "./port.js";
import type { Call, CallContext, Calls, EngineEvent, Port } from "./protocol.js";
import type {
  DownloadOptions,
  EngineOptions,
  FileInfo,
  LoadOptions,
  LocalEngine,
  ModelInput,
  Probe,
  ProbeOptions,
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

/**
 * Makes a call that takes long. A page that is left may be kept frozen for the way back, and its download's locks with
 * it, which other tabs wait for: the call ends.
 */
async function untilLeft<K extends Call>(
  port: Port,
  name: K,
  args: Calls[K]["args"],
  signal: AbortSignal | undefined,
  onEvent: CallContext<K>["onEvent"],
): Promise<Calls[K]["answer"]> {
  const stopped = new AbortController();
  const stop = () => stopped.abort(signal?.reason);
  const leave = () => {
    stopped.abort();
    port.close();
  };
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  globalThis.addEventListener?.("pagehide", leave);
  try {
    return await port.call(name, args, { signal: stopped.signal, onEvent });
  } finally {
    signal?.removeEventListener("abort", stop);
    globalThis.removeEventListener?.("pagehide", leave);
    // Also when it was stopped while the answer was on its way.
    checkAbort(stopped.signal);
  }
}

/**
 * Loads a model and gives an engine for it: downloads it if it isn't kept here, chooses the device, and answers when
 * everything is ready. Throws an `AzulejoError` with a `code` and a `hint`.
 */
export async function createEngine(model: ModelInput, options: EngineOptions = {}): Promise<LocalEngine> {
  const { onProgress, initProgressCallback, onEvent, signal, worker = true, wasmUrl, workerUrl, ...others } = options;
  const { headers, credentials, fetch, retryMinutes, ...how } = others;
  checkAbort(signal);
  const network = wireNetwork(others, worker);
  const args = { model: wireModel(model), options: how satisfies LoadOptions, network, wasmUrl: engineFile(wasmUrl) };
  let engine: Client | null = null;
  const tell = (event: EngineEvent) => {
    engine?.tell(event);
    onEvent?.(event);
  };
  const port = await openPort(worker, workerUrl && absolute(workerUrl), tell);
  try {
    const info = await untilLeft(port, "load", args, signal, (progress) => {
      onProgress?.(progress);
      initProgressCallback?.(progress);
    });
    engine = new Client(port, info);
    return engine;
  } catch (error) {
    await port.call("dispose", null).catch(() => {});
    port.close();
    throw error;
  }
}

/**
 * Downloads a model so that a later `createEngine` finds it kept, and loads nothing; one that is there is not read. A
 * file that can't be kept is an error.
 */
export async function download(model: ModelInput, options: DownloadOptions = {}): Promise<FileInfo> {
  const { onProgress, signal, cache = "auto", worker = true, workerUrl, ...others } = options;
  checkAbort(signal);
  const wire = wireModel(model);
  if (wire.kind !== "url") throw invalid("Only a model that has an address can be downloaded.");
  if ((cache as string) === "memory") {
    throw invalid('"cache" is "memory", which keeps nothing that was downloaded.', 'Use "auto", "opfs" or "cache-api".');
  }
  const network = wireNetwork(others, worker);
  const port = await openPort(worker, workerUrl && absolute(workerUrl), () => {});
  try {
    return await untilLeft(port, "download", { model: wire, cache, network }, signal, onProgress);
  } finally {
    port.close();
  }
}

/**
 * Tells what this device could run, before anything is downloaded: its GPU, and for a model whether it fits. A manifest
 * makes the answer exact.
 */
export async function probe(options: ProbeOptions = {}): Promise<Probe> {
  const { model, manifest, context, wasmUrl, workerUrl, worker = true, ...others } = options;
  const network = wireNetwork(others, worker);
  const port = await openPort(worker, workerUrl && absolute(workerUrl), () => {});
  try {
    return await port.call("probe", {
      ...(model ? { model: absolute(model) } : {}),
      ...wireManifest(manifest),
      ...(context === undefined ? {} : { context }),
      network,
      wasmUrl: engineFile(wasmUrl),
    });
  } finally {
    port.close();
  }
}
