// From a model's file to a model on a device: header, plan, shaders, then the weights range by range.

import { type Chosen, closeDevice, openCpu, Trial } from "./device.js";
import { abortable, AzulejoError, checkAbort } from "./errors.js";
import { checkRoom, fitsCpu, sum } from "./memory.js";
import type { Calls, WireModel, WireNetwork } from "./protocol.js";
import { Reporter } from "./progress.js";
import { awaited, breathe, release, type Runtime } from "./runtime.js";
import { FileChanged } from "./store/download.js";
import type { SourceProgress } from "./store/chunks.js";
import { type ModelSource, openSource } from "./store/source.js";
import type { ChoiceCode, EngineInfo, FileInfo, LoadOptions, Progress } from "./types.js";
import type { HeaderSummary, ModelInfo, WasmHeader, WasmModel, WasmSession } from "./wasm-surface.js";

/** Tokens of the context if the caller doesn't say: long contexts take much memory. */
const USUAL_CONTEXT = 4096;
const FIRST_READ = 1 << 20;
/** Bytes that may be on their way to a GPU. */
const FLUSH_BYTES = 16 << 20;
const CHANGES = 3;
/** Larger models aren't loaded twice, on the CPU first and then on the GPU: phones end a page at little above 1 GB. */
const TWICE_BYTES = 6e8;

const NO_FILE: FileInfo =
  { name: "", bytes: 0, verified: false, storage: "none", kept: false, id: null, note: null, noteCode: null };

/** A model on a device, ready for requests. */
export interface Loaded {
  chosen: Chosen;
  model: WasmModel;
  session: WasmSession;
  info: EngineInfo;
  source: ModelSource | null;
  /** What is still being found out about a better device. */
  trial: Trial | null;
}

export interface LoadCall {
  model: WireModel;
  options: LoadOptions;
  network: WireNetwork;
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Loads a model: on a device that is chosen here, or on the given one, which is closed if that fails. */
export function load(runtime: Runtime, call: LoadCall, chosen?: Chosen): Promise<Loaded> {
  return whileItStays(call.signal, (signal, attempts) =>
    // The device was closed with the attempt before.
    attempt(runtime, { ...call, signal }, attempts === 1 ? chosen : undefined));
}

/** Brings a model's file into the store. */
export function download(
  { model, cache, network }: Calls["download"]["args"],
  { signal, onEvent }: { signal?: AbortSignal | undefined; onEvent?: ((progress: Progress) => void) | undefined },
): Promise<FileInfo> {
  return whileItStays(signal, async (signal) => {
    const report = new Reporter(onEvent);
    report.phase("probe", "Looking for the model");
    const onProgress = (progress: SourceProgress) => report.bytes(progress);
    const source = await openSource(model, { cache, network, mustKeep: true, signal, onProgress });
    try {
      report.about(source);
      await source.keepAll(signal);
      report.ready(`${source.name} is kept`);
      return source.file;
    } finally {
      await source.close();
    }
  });
}

/** Makes attempts until one isn't ended by a file that changes on the server. */
async function whileItStays<T>(
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal, attempts: number) => Promise<T>,
): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    // Ends what is under way when something fails: downloads ahead, locks.
    const controller = new AbortController();
    const stop = () => controller.abort(outer!.reason);
    if (outer?.aborted) stop();
    outer?.addEventListener("abort", stop);
    try {
      return await work(controller.signal, attempts);
    } catch (error) {
      controller.abort();
      if (!(error instanceof FileChanged) || attempts >= CHANGES) throw error;
    } finally {
      outer?.removeEventListener("abort", stop);
    }
  }
}

async function attempt(runtime: Runtime, call: LoadCall, given?: Chosen): Promise<Loaded> {
  const { model, options, signal } = call;
  const report = new Reporter(call.onProgress);
  const onStep: Parameters<Trial["best"]>[0] = ({ phase, text }) => report.phase(phase, text);
  let source: ModelSource | null = null;
  let chosen: Chosen | null = given ?? null;
  let header: WasmHeader | null = null;
  let trial: Trial | null = null;
  let end!: () => void;
  const ended = new Promise<void>((done) => (end = done));
  try {
    report.phase("probe", "Looking at this device");
    trial = given ? null : new Trial(runtime.wasm, options);
    if (model.kind === "random") {
      chosen ??= await abortable(trial!.best(onStep), signal);
      return await randomModel(runtime, call, chosen, report);
    }
    source = await opened(call, report);
    report.about(source);
    header = await readHeader(runtime, source, report, signal);
    const how = loadOptions(header, options);
    const { memory }: HeaderSummary = JSON.parse(header.summary(how));
    const needed = sum({ ...memory, kv: memory.kv * (options.conversations ?? 1) });
    // What isn't kept would be downloaded once more for the other device.
    const mayMove = needed < TWICE_BYTES && (source.file.kept || source.file.storage === "file");
    chosen ??= await abortable(mayMove ? trial!.first(onStep) : trial!.best(onStep), signal);
    trial?.disturb(ended);
    checkRoom(source.name, needed, chosen.info);
    const fillOn = (device: Chosen, waits: Trial | null) =>
      fill(runtime, header!, device, how, source!, report, signal, waits);
    let [code, why]: [ChoiceCode, string] =
      ["gpu_compiles", "the GPU's programs were still being compiled when the model was there"];
    let loaded: WasmModel | null = null;
    try {
      loaded = await fillOn(chosen, mayMove ? trial : null);
    } catch (error) {
      const isFull = (error as AzulejoError).code === "out_of_memory" && chosen.info.backend === "webgpu";
      if (!isFull || (options.device ?? "auto") !== "auto" || !fitsCpu(needed)) throw error;
      closeDevice(chosen.device);
      [code, why] = ["gpu_memory", `the GPU has too little memory: ${(error as Error).message}`];
    }
    if (!loaded) {
      chosen = null;
      chosen = await openCpu(runtime.wasm, code, why);
      loaded = (await fillOn(chosen, null))!;
    }
    source.rest();
    await source.settle();
    return finished(runtime, loaded, chosen, source, report, trial?.better ? trial : null);
  } catch (error) {
    trial?.stop();
    if (chosen) closeDevice(chosen.device);
    await source?.close();
    throw error;
  } finally {
    end();
    release(header);
  }
}

/** The options of a model, as the engine wants them. */
function loadOptions(header: WasmHeader, { context, kvType }: LoadOptions): string {
  const { contextLength }: HeaderSummary = JSON.parse(header.summary("{}"));
  return JSON.stringify({ context: context ?? Math.min(contextLength, USUAL_CONTEXT), ...(kvType ? { kvType } : {}) });
}

async function opened(call: LoadCall, report: Reporter): Promise<ModelSource> {
  const { model, options, network, signal } = call;
  const source = await openSource(model, {
    cache: options.cache ?? "auto",
    network,
    signal,
    onProgress: (progress) => report.bytes(progress),
  });
  if (source.verified) report.phase("verify", "Checking the file against its manifest");
  return source;
}

/** Reads as much of the file as its header and its configuration take; each part of a split one has a header. */
async function readHeader(
  runtime: Runtime,
  source: ModelSource,
  report: Reporter,
  signal: AbortSignal | undefined,
): Promise<WasmHeader> {
  const header = new runtime.wasm.Header(Float64Array.from(source.parts));
  try {
    let start = 0;
    for (const bytes of source.parts) {
      // What follows the header of a further part is wanted much later.
      const ahead = start === 0;
      let prefix = await source.read(start, start + Math.min(FIRST_READ, bytes), signal, ahead);
      for (;;) {
        const wanted = header.parse(prefix);
        if (wanted === 0) break;
        // At least doubled, so that long headers are not read again and again.
        const end = Math.min(bytes, Math.max(wanted, prefix.length * 2));
        if (end <= prefix.length) {
          throw new AzulejoError("corrupt", `${source.name} ends within its header.`, "Download or convert it again.",
            undefined, { file: source.name });
        }
        const longer = new Uint8Array(end);
        longer.set(prefix);
        longer.set(await source.read(start + prefix.length, start + end, signal, ahead), prefix.length);
        prefix = longer;
        report.bytes(source.progress);
      }
      start += bytes;
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

/** Gives a device the weights; null if `waits` says that it isn't waited for. */
async function fill(
  runtime: Runtime,
  header: WasmHeader,
  chosen: Chosen,
  options: string,
  source: ModelSource,
  report: Reporter,
  signal: AbortSignal | undefined,
  waits: Trial | null,
): Promise<WasmModel | null> {
  const { device, info } = chosen;
  const loading = new runtime.wasm.Loading(header, device, options);
  let done = false;
  try {
    const ranges = loading.ranges();
    if (ranges.length > 0) source.prefetch(ranges[0]!, signal);
    report.phase("compile", info.backend === "webgpu" ? "Preparing the GPU's programs" : "Preparing the CPU");
    await breathe();
    const compiled = awaited(chosen, device.settle());
    if (info.backend === "webgpu" && waits) {
      if (!(await abortable(waits.isCompiled(chosen, compiled), signal))) return null;
    }
    await abortable(compiled, signal);
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
  return finished(runtime, await awaited(chosen, made), chosen, null, report, null);
}

function finished(
  { wasm }: Runtime,
  model: WasmModel,
  chosen: Chosen,
  source: ModelSource | null,
  report: Reporter,
  trial: Trial | null,
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
    embedding: about.embedding,
    memory: about.memory,
    device: { ...about.device, choice: chosen.choice, choiceCode: chosen.code },
    file: source?.file ?? NO_FILE,
    warnings: about.warnings,
    version: wasm.version(),
  };
  report.ready(`${info.name} is ready on ${info.device.name}`);
  return { chosen, model, session, info, source, trial };
}

/** Frees what a model holds. The device goes with it. */
export function unload({ chosen, model, session, source, trial }: Loaded): void {
  trial?.stop();
  release(session, model);
  closeDevice(chosen.device);
  void source?.close();
}
