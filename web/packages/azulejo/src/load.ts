// From a model's file to a model on a device: header, plan, shaders, then the weights range by range.

import { type Chosen, chooseDevice, closeDevice, openCpu } from "./device.js";
import { AzulejoError, checkAbort } from "./errors.js";
import type { WireModel } from "./protocol.js";
import { Reporter } from "./progress.js";
import { awaited, breathe, release, type Runtime } from "./runtime.js";
import { FileChanged } from "./store/download.js";
import { type ModelSource, openSource } from "./store/source.js";
import type { EngineInfo, LoadOptions, Progress } from "./types.js";
import type { HeaderSummary, ModelInfo, WasmHeader, WasmModel, WasmSession } from "./wasm-surface.js";

/** Tokens of the context if the caller doesn't say: long contexts take much memory. */
const USUAL_CONTEXT = 4096;
const FIRST_READ = 1 << 20;
/** Bytes that may be on their way to a GPU. */
const FLUSH_BYTES = 16 << 20;
const CHANGES = 3;

/** A model on a device, ready for requests. */
export interface Loaded {
  chosen: Chosen;
  model: WasmModel;
  session: WasmSession;
  info: EngineInfo;
  source: ModelSource | null;
}

export interface LoadCall {
  model: WireModel;
  options: LoadOptions;
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Loads a model: on a device that is chosen here, or on the given one. */
export async function load(runtime: Runtime, call: LoadCall, chosen?: Chosen): Promise<Loaded> {
  for (let changes = 1; ; changes++) {
    // Ends what is under way when something fails: downloads ahead, locks.
    const controller = new AbortController();
    const stop = () => controller.abort();
    call.signal?.addEventListener("abort", stop);
    try {
      return await attempt(runtime, { ...call, signal: controller.signal }, chosen);
    } catch (error) {
      controller.abort();
      if (!(error instanceof FileChanged) || changes >= CHANGES) throw error;
      // The device was closed with the attempt.
      chosen = undefined;
    } finally {
      call.signal?.removeEventListener("abort", stop);
    }
  }
}

async function attempt(runtime: Runtime, call: LoadCall, given?: Chosen): Promise<Loaded> {
  const { model, options, signal } = call;
  const report = new Reporter(call.onProgress);
  let source: ModelSource | null = null;
  let chosen: Chosen | null = given ?? null;
  let header: WasmHeader | null = null;
  try {
    report.phase("probe", "Looking at this device");
    if (model.kind !== "random") {
      source = await opened(call, report);
      report.about(source);
      source.prefetch(0, signal);
    }
    chosen ??= await chooseDevice(runtime.wasm, options, signal);
    checkAbort(signal);
    if (!source) return await randomModel(runtime, call, chosen, report);
    header = await readHeader(runtime, source, report, signal);
    const summary: HeaderSummary = JSON.parse(header.summary("{}"));
    const context = options.context ?? Math.min(summary.contextLength, USUAL_CONTEXT);
    const { kvType } = options;
    const how = JSON.stringify({ context, ...(kvType ? { kvType } : {}) });
    let loaded: WasmModel;
    try {
      loaded = await fill(runtime, header, chosen, how, source, report, signal);
    } catch (error) {
      const full = (error as AzulejoError).code === "out_of_memory" && chosen.info.backend === "webgpu";
      if (!full || (options.device ?? "auto") !== "auto") throw error;
      closeDevice(chosen.device);
      chosen = null;
      chosen = await openCpu(runtime.wasm, "gpu_memory", `the GPU has too little memory: ${(error as Error).message}`);
      loaded = await fill(runtime, header, chosen, how, source, report, signal);
    }
    source.rest();
    return finished(runtime, loaded, chosen, source, report);
  } catch (error) {
    if (chosen) closeDevice(chosen.device);
    source?.close();
    throw error;
  } finally {
    release(header);
  }
}

async function opened(call: LoadCall, report: Reporter): Promise<ModelSource> {
  const { model, options, signal } = call;
  const source = await openSource(model, {
    cache: options.cache ?? "auto",
    signal,
    onProgress: (progress) => report.bytes(progress),
  });
  if (source.verified) report.phase("verify", "Checking the file against its manifest");
  return source;
}

/** Reads as much of the file as its header and its configuration take. */
async function readHeader(
  runtime: Runtime,
  source: ModelSource,
  report: Reporter,
  signal: AbortSignal | undefined,
): Promise<WasmHeader> {
  const header = new runtime.wasm.Header(source.total);
  try {
    let prefix = await source.read(0, Math.min(FIRST_READ, source.total), signal);
    for (;;) {
      const wanted = header.parse(prefix);
      if (wanted === 0) break;
      // At least doubled, so that long headers are not read again and again.
      const end = Math.min(source.total, Math.max(wanted, prefix.length * 2));
      if (end <= prefix.length) {
        throw new AzulejoError("corrupt", `${source.name} ends within its header.`, "Download or convert it again.");
      }
      const longer = new Uint8Array(end);
      longer.set(prefix);
      longer.set(await source.read(prefix.length, end, signal), prefix.length);
      prefix = longer;
      report.bytes(source.progress);
    }
    // A few small tensors belong to the configuration.
    const ranges = header.wanted();
    for (let i = 0; i < ranges.length; i += 2) {
      header.give(ranges[i]!, await source.read(ranges[i]!, ranges[i + 1]!, signal));
    }
    return header;
  } catch (error) {
    release(header);
    throw error;
  }
}

/** Gives a device the weights. */
async function fill(
  runtime: Runtime,
  header: WasmHeader,
  chosen: Chosen,
  options: string,
  source: ModelSource,
  report: Reporter,
  signal: AbortSignal | undefined,
): Promise<WasmModel> {
  const { device, info } = chosen;
  const loading = new runtime.wasm.Loading(header, device, options);
  let done = false;
  try {
    const ranges = loading.ranges();
    if (ranges.length > 0) source.prefetch(ranges[0]!, signal);
    report.phase("compile", info.backend === "webgpu" ? "Preparing the GPU's programs" : "Preparing the CPU");
    await breathe();
    await awaited(chosen, device.settle());
    report.phase("upload", "Loading the weights");
    let inFlight = 0;
    for (let i = 0; i < ranges.length; i += 2) {
      const bytes = await source.read(ranges[i]!, ranges[i + 1]!, signal);
      loading.fill(i / 2, bytes);
      inFlight += bytes.length;
      if (inFlight >= FLUSH_BYTES) {
        await awaited(chosen, device.flush());
        inFlight = 0;
      }
      await breathe();
      checkAbort(signal);
    }
    await awaited(chosen, device.flush());
    checkAbort(signal);
    done = true;
    return loading.finish();
  } finally {
    if (!done) release(loading);
  }
}

async function randomModel(
  runtime: Runtime,
  { model, options }: LoadCall,
  chosen: Chosen,
  report: Reporter,
): Promise<Loaded> {
  if (model.kind !== "random") throw new AzulejoError("internal", "A file is not made up.");
  report.phase("upload", "Making random weights");
  const how = JSON.stringify({ context: options.context ?? USUAL_CONTEXT });
  const made = runtime.wasm.Loading.random(model.shape, model.quant, chosen.device, how);
  return finished(runtime, await awaited(chosen, made), chosen, null, report);
}

function finished(
  { wasm }: Runtime,
  model: WasmModel,
  chosen: Chosen,
  source: ModelSource | null,
  report: Reporter,
): Loaded {
  let session: WasmSession;
  try {
    session = model.session();
  } catch (error) {
    release(model);
    throw error;
  }
  const about: ModelInfo = JSON.parse(model.info());
  const info: EngineInfo = {
    name: about.name ?? source?.name ?? "model",
    architecture: about.architecture,
    contextLength: about.contextLength,
    vocabulary: about.vocabulary,
    parameters: about.parameters,
    bytesPerToken: about.bytesPerToken,
    memory: about.memory,
    device: { ...about.device, choice: chosen.choice, choiceCode: chosen.code },
    file: {
      name: source?.name ?? "",
      bytes: source?.total ?? 0,
      verified: source?.verified ?? false,
      storage: source?.storage ?? "none",
      persistent: source?.persistent ?? false,
      id: source?.id ?? null,
      note: source?.note ?? null,
    },
    warnings: about.warnings,
    version: wasm.version(),
  };
  report.ready(`${info.name} is ready on ${info.device.name}`);
  return { chosen, model, session, info, source };
}

/** Frees what a model holds. The device goes with it. */
export function unload({ chosen, model, session, source }: Loaded): void {
  release(session, model);
  closeDevice(chosen.device);
  source?.close();
}
