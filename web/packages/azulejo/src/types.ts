/// <reference lib="esnext.disposable" preserve="true" />
// The public types that are not the OpenAI API's: models, options, progress, information, engines. A project's own list
// of libraries may not have the types of `await using`.

import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatMessage,
  ChatRequest,
  Completion,
  CompletionRequest,
  EmbeddingRequest,
  EmbeddingResponse,
} from "./shapes.js";
import type { ErrorCode, MessageParameters } from "./errors.js";
import type { EngineEvent, WireNetwork } from "./protocol.js";
import type { DeviceInfo, DeviceProbe, Embedding, Memory } from "./wasm-surface.js";
import type { Stream } from "./stream.js";

/** `model.gguf.azulejo.json`, as `azulejo manifest model.gguf` writes it: what a download is checked against. */
export interface Manifest {
  format: "azulejo-manifest-1";
  file: string;
  bytes: number;
  /** The bytes of each part, if the model is split into several files. They are one file here, one behind the other. */
  parts?: number[] | null;
  chunk_bytes: number;
  /** SHA-256 of each chunk, in hex. */
  chunks: string[];
  /** SHA-256 over the chunks' hashes, put together as bytes: names the file's contents in 64 characters. */
  root: string;
  name?: string | null;
  architecture?: string | null;
  license?: string | null;
  languages?: string[] | null;
  context?: number | null;
  memory?: { weights: number; kv_per_position: number; activations: number } | null;
}

/** A GGUF file somewhere, and what it is checked against. */
export interface ModelAddress {
  url: string | URL;
  /** The manifest's address, or the manifest itself. */
  manifest?: string | URL | Manifest;
  /** The manifest's root hash, if the page pins it. */
  root?: string;
  /**
   * What the file is kept under where the address is another one at each visit (`?sig=…`): any text that stays. The
   * address, if absent. With a manifest it only tells which older file the new one replaces.
   */
  cacheKey?: string;
}

/** A file that the visitor chose, or bytes, and what they are checked against. */
export interface ModelFile {
  file: Blob | ArrayBuffer | Uint8Array;
  manifest?: string | URL | Manifest;
  root?: string;
}

/** A model of a known shape with random weights and no tokenizer: for benches. */
export interface RandomModel {
  shape: string;
  quant: string;
}

/** Where `worker.js` is. A page that takes trusted addresses only gives a TrustedScriptURL. */
export type WorkerAddress = string | URL | { toJSON(): string };

/** An address, a file that the visitor chose, or bytes. */
export type ModelInput = string | URL | ModelAddress | ModelFile | ModelFile["file"] | RandomModel;

export type DeviceChoice = "auto" | "webgpu" | "cpu";
export type CacheChoice = "auto" | "opfs" | "cache-api" | "memory";
export type Tier = "subgroups+f16" | "subgroups" | "f16" | "baseline";

/** What a loading engine says about itself; many names for the same so that existing progress bars work as they are. */
export interface Progress {
  phase: "probe" | "test" | "measure" | "download" | "verify" | "upload" | "compile" | "ready";
  /** Bytes of the model that are on the device, and of its file. */
  loaded: number;
  total: number;
  /** 0 to 1. */
  progress: number;
  /** A sentence in English. */
  text: string;
  file: string;
  bytesPerSecond: number;
  etaSeconds: number | null;
  /** Seconds since the start. */
  timeElapsed: number;
  /** True while nothing had to be downloaded. */
  fromCache: boolean;
  /** True if what was read so far was checked against a manifest. */
  verified: boolean;
  /** True if the file will be there the next time. */
  kept: boolean;
  /** True while the network brings nothing and is waited for. */
  waiting: boolean;
}

/** The part of the options that crosses to the worker. */
export interface LoadOptions {
  device?: DeviceChoice;
  /** The most capable tier of shaders to use. */
  maxTier?: Tier;
  /** Tokens that the context has room for; the model's own length if absent (at most 4096). */
  context?: number;
  cache?: CacheChoice;
  /** How many conversations are kept in memory, each with a KV cache (`info.memory.kv`) of its own; 1 if absent. */
  conversations?: number;
  /** The type of the KV cache. */
  kvType?: "f16" | "f32" | "q8_0" | "q4_0";
  /** False: no numerical test of the GPU at the first start on a device. */
  selfTest?: boolean;
  /** False: with `device: "auto"` the GPU is taken if there is one, without trying which of GPU and CPU is faster. */
  measure?: boolean;
}

/** How servers are asked for a model and its manifest. */
export interface NetworkOptions {
  /** Sent with each request to the model's origin, and to no other. */
  headers?: HeadersInit;
  /** As `fetch` takes it; "same-origin" if absent. */
  credentials?: RequestCredentials;
  /**
   * Called instead of the browser's `fetch`, on this page also where the engine is in a worker. A TypeError is taken for
   * a failing network, and tried again; any other error ends the download. Not with `worker: "shared"`.
   */
  fetch?: typeof globalThis.fetch;
  /** Minutes that a download which gets nothing more is gone on with (5); a server that never answered is given up soon. */
  retryMinutes?: number;
}

export interface DownloadOptions extends NetworkOptions {
  onProgress?: (progress: Progress) => void;
  /** Ends it; what was kept stays, and the next download goes on from there. */
  signal?: AbortSignal;
  /** Where it is kept: where an engine with the same option looks for it. */
  cache?: Exclude<CacheChoice, "memory">;
  worker?: boolean;
  workerUrl?: string | URL;
}

export interface EngineOptions extends LoadOptions, NetworkOptions {
  onProgress?: (progress: Progress) => void;
  /** web-llm's name of `onProgress`. */
  initProgressCallback?: (progress: Progress) => void;
  /** A lost device and its return; each answer with its usage and times, each failure: a log of one's own. Nothing is sent. */
  onEvent?: (event: EngineEvent) => void;
  /** Aborts the loading; afterwards it means nothing. */
  signal?: AbortSignal;
  /** True (a worker of its own), "shared" (one for all tabs of the site), or false (here: a slow CPU blocks the page). */
  worker?: boolean | "shared";
  /**
   * Workers that an encoder on the CPU shares many texts out to, its own among them; each holds the weights, and those
   * that find nothing to do for half a minute go. If absent, as many as there are cores, at most 4, and further ones up to
   * 512 MB. Above 1 only with `worker: true`.
   */
  maxWorkers?: number;
  /** Where `azulejo_wasm_bg.wasm` and `worker.js` are, if not beside the package's JavaScript. */
  wasmUrl?: string | URL;
  workerUrl?: WorkerAddress;
}

/** A model's file, and what has become of it. */
export interface FileInfo {
  name: string;
  bytes: number;
  /** True if each byte was checked against a manifest. */
  verified: boolean;
  /** Where it was read from, or is kept. */
  storage: "opfs" | "cache-api" | "memory" | "file" | "none";
  /** True if it will be there the next time. */
  kept: boolean;
  /** What `storage.delete` knows it by, if anything of it is kept. */
  id: string | null;
  /** What to know about the storage, such as why the file is not kept. */
  note: string | null;
  /**
   * The same to branch on: there is no store or none was wanted, the server doesn't tell the size, or what the store
   * failed with (then a part may be kept: `id`).
   */
  noteCode: "no_store" | "size_unknown" | ErrorCode | null;
}

/** Why an engine runs where it does. */
export type ChoiceCode =
  | "asked"
  | "gpu"
  | "measured"
  | "no_webgpu"
  | "gpu_refused"
  | "gpu_is_software"
  | "gpu_wrong"
  /** The GPU was still being tried, or its programs compiled, when the model was there; it may take over. */
  | "gpu_untried"
  | "gpu_compiles"
  | "gpu_failed_trial"
  | "gpu_memory"
  | "gpu_lost"
  | "reopened"
  | "lower_tier";

/** What an engine is and where it runs. */
export interface EngineInfo {
  /** The model's name, else its file's. */
  name: string;
  architecture: string;
  contextLength: number;
  vocabulary: number;
  parameters: number;
  bytesPerToken: number;
  memory: Memory;
  /** Of an encoder: how many numbers its vectors have, and which prompts its files name. Null: a model that writes. */
  embedding: Embedding | null;
  device: DeviceInfo & {
    /** Why this device and not another, in English, and as a code to branch on. */
    choice: string;
    choiceCode: ChoiceCode;
  };
  file: FileInfo;
  /** What to know about the file: keys that have no effect here, ids that name no token. */
  warnings: string[];
  version: string;
}

/** What `probe` asks of a worker, with what only the page knows. */
export interface ProbeRequest {
  model?: string;
  /** The size of a file or of bytes that the page has. */
  bytes?: number;
  manifest?: string | Manifest;
  context?: number;
  network?: WireNetwork;
  /** Gigabytes, as Chromium tells them; a phone or tablet, where that matters because it doesn't tell. */
  deviceMemory?: number;
  isHandheld: boolean;
}

export interface ProbeOptions extends NetworkOptions {
  /** As of `createEngine`; of a file or bytes the size is what counts. */
  model?: Exclude<ModelInput, RandomModel>;
  /** The same as in the model. */
  manifest?: string | URL | Manifest;
  context?: number;
  wasmUrl?: string | URL;
  workerUrl?: WorkerAddress;
  worker?: boolean;
  /** Ends the asking. */
  signal?: AbortSignal;
}

/** Why something is as it is: a code to branch on, a sentence in English, and the numbers and names in it. */
export interface Reason {
  code:
    | "size_unknown"
    | "memory_needed"
    | "memory_tight"
    | "memory_short"
    | "wasm_limit"
    | "on_cpu"
    | "gpu_is_software"
    | "not_stored";
  text: string;
  parameters: MessageParameters;
}

/** What is known before anything is downloaded. */
export interface Probe {
  device: DeviceProbe;
  /** Bytes to download, and the memory that the model takes; null if not known. */
  bytes: number | null;
  memory: Memory | null;
  verdict: "fits" | "tight" | "no" | "unknown";
  reasons: Reason[];
}

/** Where the second argument of the OpenAI SDK puts a signal. */
export interface RequestOptions {
  signal?: AbortSignal | null;
  /** Called while the prompt is read. */
  onPromptProgress?: (progress: { total: number; cache: number; processed: number; time_ms: number }) => void;
}

/** What `create` gives for a request: a stream if it says `stream: true`. */
export interface ChatCompletions {
  create(body: ChatRequest & { stream?: false | null }, options?: RequestOptions): Promise<ChatCompletion>;
  create(body: ChatRequest & { stream: true }, options?: RequestOptions): Promise<Stream<ChatCompletionChunk>>;
  create(
    body: ChatRequest,
    options?: RequestOptions,
  ): Promise<ChatCompletion | Stream<ChatCompletionChunk>>;
}

export interface Completions {
  create(body: CompletionRequest & { stream?: false | null }, options?: RequestOptions): Promise<Completion>;
  create(body: CompletionRequest & { stream: true }, options?: RequestOptions): Promise<Stream<Completion>>;
  create(body: CompletionRequest, options?: RequestOptions): Promise<Completion | Stream<Completion>>;
}

export interface Embeddings {
  create(body: EmbeddingRequest & { encoding_format: "base64" }, options?: RequestOptions): Promise<EmbeddingResponse<string>>;
  create(body: EmbeddingRequest & { encoding_format?: "float" | null }, options?: RequestOptions): Promise<EmbeddingResponse>;
  create(body: EmbeddingRequest, options?: RequestOptions): Promise<EmbeddingResponse<number[] | string>>;
}

export type EngineListener<T extends EngineEvent["type"]> = (
  event: CustomEvent<Extract<EngineEvent, { type: T }>>,
) => void;

/** A loaded model that answers requests, one after the other. */
export interface Engine extends AsyncDisposable {
  readonly info: EngineInfo;
  readonly chat: { readonly completions: ChatCompletions };
  readonly completions: Completions;
  /** Texts as vectors, by an encoder (`info.embedding`). */
  readonly embeddings: Embeddings;
  /**
   * Ends the answer that this engine's page is being written, and waits for its end: what there is of it is the answer,
   * with `finish_reason: "length"` (OpenAI's types have no other word for one that was cut off) and `interrupted: true`.
   */
  interruptGenerate(): Promise<void>;
  /** The tokens of a text, or of a conversation by the model's chat template. */
  tokenize(input: string | readonly ChatMessage[]): Promise<number[]>;
  detokenize(tokens: readonly number[]): Promise<string>;
  /** Forgets the cached conversations. */
  resetChat(): Promise<void>;
  addEventListener<T extends EngineEvent["type"]>(type: T, listener: EngineListener<T>): void;
  removeEventListener<T extends EngineEvent["type"]>(type: T, listener: EngineListener<T>): void;
  /** Frees the memory and ends the worker. */
  dispose(): Promise<void>;
}

/** An engine of this device, with what tests and benches need. */
export interface LocalEngine extends Engine {
  readonly debug: {
    /** Has the GPU go away, as a driver's crash would. */
    loseDevice(): Promise<void>;
    /** Bytes of the engine's own memory (weights on a GPU are not in it). */
    memory(): Promise<{ wasmBytes: number }>;
    /** Reads a prompt and writes so many tokens, without a text or an end. */
    greedyTokens(prompt: readonly number[], count: number): Promise<number[]>;
  };
}
