// What crosses the border between a page and the worker that has the engine: calls by number, with events and one
// answer each. Everything is structured-cloneable; the same calls are made directly when there is no worker.

import type { AzulejoError, WireError } from "./errors.js";
import type { EmbeddingUsage, FinishReason, PromptProgress, Timings, Usage } from "./shapes.js";
import type { Json } from "./text.js";
import type { DeviceInfo, SessionOptions } from "./wasm-surface.js";
import type {
  CacheChoice,
  EngineInfo,
  FileInfo,
  LoadOptions,
  Probe,
  ProbeRequest,
  Progress,
  RandomModel,
} from "./types.js";

/** A model as it crosses: addresses are absolute, an ArrayBuffer has become a Blob. */
export type WireModel =
  | { kind: "url"; url: string; manifest?: string | object; root?: string; cacheKey?: string }
  | { kind: "blob"; blob: Blob; name: string; manifest?: string | object; root?: string }
  | ({ kind: "random" } & RandomModel);

/** A message with all that templates may read of it; `content` is null beside calls alone. */
export type WireMessage = { role: string; content: string | null; [field: string]: Json };
/** How servers are asked. The page's own fetch is a port once it has crossed. */
export interface WireNetwork {
  headers?: Record<string, string>;
  credentials?: RequestCredentials;
  fetch?: typeof fetch | MessagePort;
  retryMinutes?: number;
  /** Nothing is asked: what is kept has to do. */
  isOffline?: true;
}

export type WirePrompt =
  | {
      messages: WireMessage[];
      template?: string;
      variables?: { [name: string]: Json };
      parseSpecialInContent?: boolean;
    }
  | string
  | number[];

export interface WireToken {
  id: number;
  text: string;
  /** With logprobs: the token's own text and bytes. */
  token?: TokenText & { logprob: number; top: (TokenText & { logprob: number })[] };
}

export interface TokenText {
  text: string;
  bytes: number[];
}

export type GenerateEvent =
  | { type: "started" }
  | { type: "prompt"; progress: PromptProgress }
  | { type: "token"; token: WireToken }
  | { type: "rest"; text: string };

export interface Generated {
  stop: "end" | "stop" | "length" | "cancelled";
  promptTokens: number;
  cachedTokens: number;
  tokens: number;
  timings: Timings;
}

/** What an engine tells by itself: of its device, and of each request how it ended. */
export type EngineEvent =
  | { type: "device-lost"; message: string; generated: number }
  | { type: "device-restored"; device: DeviceInfo; info: EngineInfo }
  /** The model moved to a device that turned out to be better. */
  | { type: "device-changed"; device: DeviceInfo; info: EngineInfo }
  | { type: "answered"; usage: Usage; timings: Timings; finish_reason: FinishReason; interrupted?: true }
  | { type: "embedded"; usage: EmbeddingUsage }
  | { type: "failed"; error: unknown };

/** The calls: their argument, their answer and the events on the way. */
export interface Calls {
  load: {
    args: { model: WireModel; options: LoadOptions; network: WireNetwork; wasmUrl: string };
    answer: EngineInfo;
    event: Progress;
  };
  download: {
    args: { model: WireModel; cache: CacheChoice; network: WireNetwork };
    answer: FileInfo;
    event: Progress;
  };
  probe: { args: ProbeRequest & { wasmUrl: string }; answer: Probe; event: never };
  generate: { args: { prompt: WirePrompt; options: SessionOptions }; answer: Generated; event: GenerateEvent };
  /**
   * Texts, or their tokens; the answer has the vectors one behind the other, and the tokens of all texts. `first` is the
   * number of the first one in the request that they are a part of.
   */
  embed: {
    args: { inputs: (string | number[])[]; prompt?: string; first?: number };
    answer: { vectors: Float32Array; dimensions: number; tokens: number };
    event: never;
  };
  tokenize: { args: { input: WirePrompt; special: boolean }; answer: number[]; event: never };
  detokenize: { args: { tokens: number[] }; answer: string; event: never };
  greedyTokens: { args: { prompt: number[]; count: number }; answer: number[]; event: never };
  clear: { args: null; answer: null; event: never };
  memory: { args: null; answer: { wasmBytes: number }; event: never };
  loseDevice: { args: null; answer: null; event: never };
  dispose: { args: null; answer: null; event: never };
}

export type Call = keyof Calls;

/** One side of a call: how it is cancelled, and where its events go. */
export interface CallContext<K extends Call> {
  signal?: AbortSignal | undefined;
  /** Ends an answer with what there is of it. */
  interrupt?: AbortSignal | undefined;
  onEvent?: ((event: Calls[K]["event"]) => void) | undefined;
}

/** What answers calls: a host itself, or a worker's port. */
export interface Port {
  call<K extends Call>(name: K, args: Calls[K]["args"], context?: CallContext<K>): Promise<Calls[K]["answer"]>;
  /** Ends the worker, if there is one; calls that are open fail with the error, that it was disposed if absent. */
  close(error?: AzulejoError): void;
}

declare const AZULEJO_RELEASE: string;
/** The package's version, which a page and its worker have to have in common. */
export const RELEASE: string = AZULEJO_RELEASE;

/** To the worker. The first message to a shared worker names the lock that is held while its page lives. */
export type ToHost =
  | { hello: string }
  | { id: number; call: Call; args: unknown }
  | { id: number; abort: true }
  | { id: number; interrupt: true };

/** From the worker. The first message is its release; a shared one names the lock that it holds while it lives. */
export type FromHost =
  | { release: string }
  | { alive: string }
  | { id: number; answer: unknown }
  | { id: number; error: WireError }
  | { id: number; event: unknown }
  | { engine: EngineEvent };
