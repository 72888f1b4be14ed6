// azulejo: language models on the visitor's own device. Load one with `createEngine`, ask first with `probe`.

import { Client } from "./client.js";
import { Encoders } from "./encoders.js";
import { abortable, AzulejoError, checkAbort, forCaller, invalid, listenerThrew } from "./errors.js";
import { wireManifest, wireModel, wireNetwork } from "./inputs.js";
import { checkOptions, DOWNLOAD_OPTIONS, ENGINE_OPTIONS, given, PROBE_OPTIONS } from "./options.js";
import { openPort } from "./port.js";
import { pagesDevice } from "./probe.js";
import type { Call, Calls, EngineEvent, Port, WireNetwork } from "./protocol.js";
import { absolute, shown } from "./text.js";
import type {
  DownloadOptions,
  EngineOptions,
  FileInfo,
  LoadOptions,
  LocalEngine,
  Manifest,
  ModelInput,
  Probe,
  ProbeOptions,
  Progress,
  WorkerAddress,
} from "./types.js";

export { AzulejoError, ERROR_CODES, type ErrorCode, type MessageParameters } from "./errors.js";
export { storage, type StoredModel } from "./store/index.js";
export { Stream } from "./stream.js";
export type * from "./shapes.js";
export type * from "./types.js";
export type { EngineEvent };
export type { DeviceInfo, DeviceProbe, Embedding, Memory } from "./wasm-surface.js";

/** Bundlers copy a file that is named like this, and workers are told where it went. */
const engineFile = (wasmUrl?: string | URL) =>
  absolute(wasmUrl ?? new URL("./azulejo_wasm_bg.wasm", import.meta.url), "wasmUrl");

/** A TrustedScriptURL stays what it is. */
function workerAddress(workerUrl: WorkerAddress | undefined): WorkerAddress | undefined {
  const isPlain = typeof workerUrl === "string" || workerUrl instanceof URL;
  return isPlain ? absolute(workerUrl, "workerUrl") : workerUrl;
}

/**
 * Makes a call that takes long, until the caller's signal, a listener that throws or the page's end stops it. A page that
 * is left may be kept frozen for the way back, and its download's locks with it, which other tabs wait for.
 */
async function untilLeft<K extends "load" | "download">(
  port: Port,
  name: K,
  args: Calls[K]["args"],
  signal: AbortSignal | undefined,
  listeners: { [name: string]: ((progress: Progress) => void) | undefined },
): Promise<Calls[K]["answer"]> {
  const stopped = new AbortController();
  const stop = () => stopped.abort();
  let why: unknown = null;
  const leave = () => {
    why ??= new AzulejoError("cancelled", "The page was left while the model was on its way.",
      "Ask again when the page is shown again.");
    stop();
    port.close();
  };
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  globalThis.addEventListener?.("pagehide", leave);
  const onEvent = (progress: Progress) => {
    if (why) return;
    for (const [name, listener] of Object.entries(listeners)) {
      try {
        listener?.(progress);
      } catch (error) {
        why = listenerThrew(name, error);
        stop();
      }
    }
  };
  try {
    const answer = await port.call<Call>(name, args, { signal: stopped.signal, onEvent: onEvent as (event: unknown) => void });
    // Also when it was stopped while the answer was on its way.
    checkAbort(stopped.signal);
    return answer as Calls[K]["answer"];
  } catch (error) {
    throw forCaller(why ?? error, signal);
  } finally {
    signal?.removeEventListener("abort", stop);
    globalThis.removeEventListener?.("pagehide", leave);
  }
}

/**
 * Loads a model and gives an engine for it: downloads it if it isn't kept here, chooses the device, and answers when
 * everything is ready. Throws an `AzulejoError` with a `code` and a `hint`; what `signal` ends throws the signal's reason.
 */
export async function createEngine(model: ModelInput, options: EngineOptions = {}): Promise<LocalEngine> {
  checkOptions(options, "createEngine's options", ENGINE_OPTIONS);
  const { onProgress, initProgressCallback, onEvent, signal, worker = true, wasmUrl, workerUrl, maxWorkers, ...others } = given(options);
  const { headers, credentials, fetch, retryMinutes, ...how } = others;
  signal?.throwIfAborted();
  if ((maxWorkers ?? 1) > 1 && worker !== true) {
    throw invalid(`"maxWorkers" is ${maxWorkers}, and "worker" ${shown(worker)}: only an engine in a worker of its own shares texts out.`,
      "Leave out one of both.", { name: "maxWorkers" });
  }
  const network = wireNetwork({ ...others }, worker);
  const args = { model: wireModel(model), options: how satisfies LoadOptions, network, wasmUrl: engineFile(wasmUrl) };
  let engine: Client | null = null;
  const open = (tell: (event: EngineEvent) => void) => openPort(worker, workerAddress(workerUrl), tell);
  const port = await open((event) => engine?.tell(event));
  try {
    const info = await untilLeft(port, "load", args, signal, { onProgress, initProgressCallback });
    const mayShare = worker === true && typeof Worker !== "undefined" && (info.file.kept || info.file.storage === "file");
    const openFurther = async () => {
      const further = await open(() => {});
      try {
        // From what this engine's own loading has kept: a visitor may have deleted it since, and the server another file.
        const own: WireNetwork = args.model.kind === "url" ? { isOffline: true } : network;
        await further.call("load", { ...args, options: { ...args.options, device: "cpu" }, network: own });
        return further;
      } catch (error) {
        further.close();
        throw error;
      }
    };
    engine = new Client(port, new Encoders(port, mayShare ? openFurther : null, maxWorkers), info, onEvent);
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
  checkOptions(options, "download's options", DOWNLOAD_OPTIONS);
  const { onProgress, signal, cache = "auto", worker = true, workerUrl, ...others } = given(options);
  signal?.throwIfAborted();
  const wire = wireModel(model);
  if (wire.kind !== "url") throw invalid("Only a model that has an address can be downloaded.");
  const network = wireNetwork(others, worker);
  const port = await openPort(worker, workerAddress(workerUrl), () => {});
  try {
    return await untilLeft(port, "download", { model: wire, cache, network }, signal, { onProgress });
  } finally {
    port.close();
  }
}

/**
 * Tells what this device could run, before anything is downloaded: its GPU, and for a model whether it fits. A manifest
 * makes the answer exact.
 */
export async function probe(options: ProbeOptions = {}): Promise<Probe> {
  checkOptions(options, "probe's options", PROBE_OPTIONS);
  const { model, manifest, context, wasmUrl, workerUrl, worker = true, signal, ...others } = given(options);
  signal?.throwIfAborted();
  const wire = model === undefined ? null : wireModel(model);
  if (wire?.kind === "random") throw invalid("A made-up model has no file that could be asked for.");
  const network = wireNetwork(others, worker);
  const port = await openPort(worker, workerAddress(workerUrl), () => {});
  try {
    const asked = port.call("probe", {
      ...(wire?.kind === "url" ? { model: wire.url } : {}),
      ...(wire?.kind === "blob" ? { bytes: wire.blob.size } : {}),
      ...wireManifest(manifest ?? (wire?.manifest as Manifest | undefined)),
      ...(context === undefined ? {} : { context }),
      network,
      wasmUrl: engineFile(wasmUrl),
      ...pagesDevice(),
    });
    return await abortable(asked, signal);
  } catch (error) {
    throw forCaller(error, signal);
  } finally {
    port.close();
  }
}
