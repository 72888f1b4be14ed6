// azulejo: language models on the visitor's own device. Load one with `createEngine`, ask first with `probe`.

import { Client } from "./client.js";
import { AzulejoError, checkAbort, forCaller, invalid, listenerThrew } from "./errors.js";
import { checkOptions, ENGINE_OPTIONS, given, MODEL_ADDRESS, PROBE_OPTIONS, RANDOM_MODEL } from "./options.js";
import { openPort } from "./port.js";
import { pagesDevice } from "./probe.js";
import type { WireModel } from "./protocol.js";
import { absolute, json, shown } from "./text.js";
import type {
  EngineOptions,
  LoadOptions,
  LocalEngine,
  Manifest,
  ModelAddress,
  ModelInput,
  Probe,
  ProbeOptions,
  WorkerAddress,
} from "./types.js";

export { AzulejoError, ERROR_CODES, type ErrorCode, type MessageParameters } from "./errors.js";
export { storage, type StoredModel } from "./store/index.js";
export { Stream } from "./stream.js";
export type * from "./shapes.js";
export type * from "./types.js";
export type { EngineEvent } from "./protocol.js";
export type { DeviceInfo, DeviceProbe, Memory } from "./wasm-surface.js";

/** Bundlers copy a file that is named like this, and workers are told where it went. */
const engineFile = (wasmUrl?: string | URL) =>
  absolute(wasmUrl ?? new URL("./azulejo_wasm_bg.wasm", import.meta.url), "wasmUrl");

/** A TrustedScriptURL stays what it is. */
function workerAddress(workerUrl: WorkerAddress | undefined): WorkerAddress | undefined {
  const isPlain = typeof workerUrl === "string" || workerUrl instanceof URL;
  return isPlain ? absolute(workerUrl, "workerUrl") : workerUrl;
}

function wireManifest(manifest: string | URL | Manifest | undefined): { manifest?: string | Manifest } {
  if (manifest === undefined || manifest === null) return {};
  const isAddress = typeof manifest === "string" || manifest instanceof URL;
  return { manifest: isAddress ? absolute(manifest, "The manifest") : (json(manifest, "The manifest") as unknown as Manifest) };
}

const MODELS = "Give an address, {url, manifest}, a File or Blob, or an ArrayBuffer.";

function wireModel(model: ModelInput): WireModel {
  if (typeof model === "string" || model instanceof URL) return { kind: "url", url: absolute(model, "The model") };
  if (model instanceof Blob) return { kind: "blob", blob: model, name: (model as Partial<File>).name ?? "the file" };
  if (model instanceof ArrayBuffer) return { kind: "blob", blob: new Blob([model]), name: "the given bytes" };
  if (typeof model !== "object" || model === null) throw invalid(`The model is ${shown(model)}.`, MODELS);
  if ("shape" in model) {
    checkOptions(model, "The model", RANDOM_MODEL);
    const { shape, quant } = model;
    if (!shape || !quant) throw invalid("A made-up model needs a shape and a quant.");
    return { kind: "random", shape, quant };
  }
  checkOptions(model, "The model", MODEL_ADDRESS);
  const { url, manifest, root } = model as Partial<ModelAddress>;
  if (!url) throw invalid("The model has no address.", MODELS);
  return { kind: "url", url: absolute(url, "The model"), ...wireManifest(manifest), ...(root ? { root } : {}) };
}

/**
 * Loads a model and gives an engine for it: downloads it if it isn't kept here, chooses the device, and answers when
 * everything is ready. Throws an `AzulejoError` with a `code` and a `hint`; what `signal` ends throws the signal's reason.
 */
export async function createEngine(model: ModelInput, options: EngineOptions = {}): Promise<LocalEngine> {
  checkOptions(options, "createEngine's options", ENGINE_OPTIONS);
  const { onProgress, initProgressCallback, onEvent, signal, worker = true, wasmUrl, workerUrl, ...how } = given(options);
  signal?.throwIfAborted();
  const args = { model: wireModel(model), options: how satisfies LoadOptions, wasmUrl: engineFile(wasmUrl) };
  let engine: Client | null = null;
  const port = await openPort(worker, workerAddress(workerUrl), (event) => engine?.tell(event));
  // Ends the loading: the caller's signal, a listener that throws, or the page's end.
  const stopped = new AbortController();
  const stop = () => stopped.abort();
  let why: unknown = null;
  // A page that is left may be kept frozen for the way back, and its download's locks with it, which other tabs wait
  // for.
  const leave = () => {
    why ??= new AzulejoError("cancelled", "The page was left while the model was loading.",
      "Call createEngine() again when the page is shown again.");
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
        if (why) return;
        for (const [name, listener] of Object.entries({ onProgress, initProgressCallback })) {
          try {
            listener?.(progress);
          } catch (error) {
            why = listenerThrew(name, error);
            stop();
          }
        }
      },
    });
    // Also when it was stopped while the answer was on its way.
    checkAbort(stopped.signal);
    engine = new Client(port, info, onEvent);
    return engine;
  } catch (error) {
    await port.call("dispose", null).catch(() => {});
    port.close();
    throw forCaller(why ?? error, signal);
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
  checkOptions(options, "probe's options", PROBE_OPTIONS);
  const { model, manifest, context, wasmUrl, workerUrl, worker = true } = given(options);
  const port = await openPort(worker, workerAddress(workerUrl), () => {});
  try {
    return await port.call("probe", {
      ...(model ? { model: absolute(model, "The model") } : {}),
      ...wireManifest(manifest),
      ...(context === undefined ? {} : { context }),
      wasmUrl: engineFile(wasmUrl),
      ...pagesDevice(),
    });
  } catch (error) {
    throw AzulejoError.from(error);
  } finally {
    port.close();
  }
}
