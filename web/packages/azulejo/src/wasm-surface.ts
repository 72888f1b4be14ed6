// What the engine's wasm module offers, as this package uses it. The generated declarations are checked against it.

/** A GPU's or the CPU's description; "remote" is a server's. */
export interface DeviceInfo {
  backend: "webgpu" | "cpu" | "remote";
  name: string;
  driver: string;
  /** What kernels may use: `subgroups+f16`, `subgroups`, `f16`, `baseline`; on the CPU what its SIMD is. */
  tier: string;
  /** Why this tier. */
  reason: string;
}

/** Bytes on the device. */
export interface Memory {
  weights: number;
  kv: number;
  activations: number;
}

/** What `probe()` of the module tells. */
export interface DeviceProbe {
  webgpu: null | {
    name: string;
    driver: string;
    kind: string;
    tier: string;
    bindingBytes: number;
    isSoftware: boolean;
  };
  webgpuMissing: string | null;
  cpu: { name: string };
}

export interface HeaderSummary {
  architecture: string;
  name: string | null;
  license: string | null;
  languages: string[] | null;
  contextLength: number;
  vocabulary: number;
  parameters: number;
  memory: Memory;
}

/** What an encoder makes of a text. */
export interface Embedding {
  dimensions: number;
  prompts: string[];
}

export interface ModelInfo {
  architecture: string;
  name: string | null;
  contextLength: number;
  vocabulary: number;
  parameters: number;
  bytesPerToken: number;
  embedding: Embedding | null;
  device: DeviceInfo;
  memory: Memory;
  bos: number | null;
  eos: number[];
  warnings: string[];
}

export interface TopToken {
  token: number;
  bytes: number[];
  logprob: number;
}

export type SessionEvent =
  | { type: "prompt"; done: number; total: number }
  | { type: "token"; token: number; text: string; logprob?: number; bytes?: number[]; top?: TopToken[] }
  | { type: "rest"; text: string };

export interface SessionAnswer {
  text: string;
  tokens: number[];
  stop: "end" | "stop" | "length" | "cancelled";
  stopString: string | null;
  promptTokens: number;
  cachedTokens: number;
}

/** Options of a generation; null or absent means the engine's own. */
export interface SessionOptions {
  maxTokens?: number;
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repeatPenalty?: number;
  repeatLastN?: number;
  frequencyPenalty?: number;
  presencePenalty?: number;
  seed?: number;
  stop?: string[];
  logprobs?: number;
  ignoreEnd?: boolean;
  overflow?: "end" | "shift";
  runAhead?: number;
  resume?: number[];
}

/** What lives in the module, until it is freed. */
export interface Freed extends Disposable {
  free(): void;
}

export interface WasmHeader extends Freed {
  parse(prefix: Uint8Array): number;
  wanted(): Float64Array;
  give(start: number, bytes: Uint8Array): void;
  summary(options: string): string;
}

export interface WasmDevice extends Freed {
  info(): string;
  selfTest(): Promise<string>;
  measure(): Promise<number>;
  settle(): Promise<void>;
  flush(): Promise<void>;
  nudge(): void;
  destroy(): void;
}

export interface WasmLoading extends Freed {
  ranges(): Float64Array;
  memory(): string;
  fill(index: number, bytes: Uint8Array): void;
  finish(): WasmModel;
}

export interface WasmModel extends Freed {
  info(): string;
  chatPrompt(messages: string, options: string): Uint32Array;
  tokenize(text: string, options: string): Uint32Array;
  detokenize(tokens: Uint32Array): string;
  embedTokens(text: string, prompt?: string): Uint32Array;
  session(): WasmSession;
}

export interface WasmSession extends Freed {
  generate(
    prompt: Uint32Array,
    options: string,
    onEvent: (event: string) => boolean | Promise<boolean>,
  ): Promise<string>;
  greedyTokens(prompt: Uint32Array, count: number): Promise<Uint32Array>;
  embed(tokens: Uint32Array, lengths: Uint32Array): Promise<Float32Array>;
  cached(): number;
  clear(): void;
}

export interface WasmModule {
  default(source: { module_or_path: string }): Promise<{ memory: WebAssembly.Memory }>;
  version(): string;
  probe(): Promise<string>;
  Header: new (partBytes: Float64Array) => WasmHeader;
  Device: { open(options: string): Promise<WasmDevice> };
  Loading: {
    new (header: WasmHeader, device: WasmDevice, options: string): WasmLoading;
    random(shape: string, quant: string, device: WasmDevice, options: string): Promise<WasmModel>;
  };
}
