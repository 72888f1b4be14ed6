// What may be given to `createEngine`, `probe` and their like, by name and kind: nothing else is taken, and nothing of it
// is guessed.

import type { RemoteOptions } from "./adapters/remote.js";
import { invalid } from "./errors.js";
import { shown } from "./text.js";
import type { DownloadOptions, EngineOptions, ModelAddress, ModelFile, NetworkOptions, ProbeOptions, RandomModel } from "./types.js";

interface Kind {
  needed: string;
  is(value: unknown): boolean;
}

const oneOf = (...values: unknown[]): Kind => ({
  needed: `one of ${values.map(shown).join(", ")}`,
  is: (value) => values.includes(value),
});
const text: Kind = { needed: "a string", is: (value) => typeof value === "string" && value !== "" };
const truth: Kind = oneOf(true, false);
const listener: Kind = { needed: "a function", is: (value) => typeof value === "function" };
const address: Kind = { needed: "an address", is: (value) => text.is(value) || value instanceof URL };
const script: Kind = {
  needed: "an address",
  is: (value) => address.is(value) || Object.prototype.toString.call(value) === "[object TrustedScriptURL]",
};
const signal: Kind = { needed: "an AbortSignal", is: (value) => value instanceof AbortSignal };
const tokens: Kind = {
  needed: `a whole number from 1 to ${2 ** 32 - 1}`,
  is: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) < 2 ** 32,
};
const some: Kind = {
  needed: "a whole number from 1 to 64",
  is: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 64,
};
const manifest: Kind = {
  needed: "an address or a manifest",
  is: (value) => address.is(value) || (typeof value === "object" && value !== null && !Array.isArray(value)),
};

const bytes: Kind = {
  needed: "a File, Blob, ArrayBuffer or Uint8Array",
  is: (value) => value instanceof Blob || value instanceof ArrayBuffer || value instanceof Uint8Array,
};

type Kinds<Of> = Record<keyof Of, Kind>;

const NETWORK_OPTIONS: Kinds<NetworkOptions> = {
  credentials: oneOf("omit", "same-origin", "include"),
  fetch: listener,
  headers: { needed: "headers", is: (value) => typeof value === "object" },
  retryMinutes: {
    needed: "a number of minutes, 0 or more",
    is: (value) => Number.isFinite(value) && (value as number) >= 0,
  },
};

export const ENGINE_OPTIONS: Kinds<EngineOptions> = {
  ...NETWORK_OPTIONS,
  cache: oneOf("auto", "opfs", "cache-api", "memory"),
  context: tokens,
  conversations: some,
  device: oneOf("auto", "webgpu", "cpu"),
  initProgressCallback: listener,
  kvType: oneOf("f16", "f32", "q8_0", "q4_0"),
  maxTier: oneOf("subgroups+f16", "subgroups", "f16", "baseline"),
  maxWorkers: some,
  measure: truth,
  onEvent: listener,
  onProgress: listener,
  selfTest: truth,
  signal,
  wasmUrl: address,
  worker: oneOf(true, false, "shared"),
  workerUrl: script,
};

export const DOWNLOAD_OPTIONS: Kinds<DownloadOptions> = {
  ...NETWORK_OPTIONS,
  cache: oneOf("auto", "opfs", "cache-api"),
  onProgress: listener,
  signal,
  worker: truth,
  workerUrl: script,
};

export const PROBE_OPTIONS: Kinds<ProbeOptions> = {
  ...NETWORK_OPTIONS,
  context: tokens,
  manifest,
  // What it may be is said where it's read.
  model: { needed: "", is: () => true },
  signal,
  wasmUrl: address,
  worker: truth,
  workerUrl: script,
};

export const REMOTE_OPTIONS: Kinds<RemoteOptions> = {
  apiKey: { needed: "a string", is: (value) => typeof value === "string" },
  baseURL: address,
  // What isn't consent isn't a mistake in the options: it is said in words of its own.
  consent: { needed: "", is: () => true },
  headers: { needed: "an object", is: (value) => typeof value === "object" },
  model: text,
  signal,
};

export const MODEL_ADDRESS: Kinds<ModelAddress> = { cacheKey: text, manifest, root: text, url: address };
export const MODEL_FILE: Kinds<ModelFile> = { file: bytes, manifest, root: text };
export const RANDOM_MODEL: Kinds<RandomModel> = { quant: text, shape: text };

/** Checks an object's properties: those that aren't there (or undefined, or null) ask for nothing. */
export function checkOptions(given: unknown, where: string, kinds: Record<string, Kind>): void {
  if (typeof given !== "object" || given === null) throw invalid(`${where} has to be an object, and is ${shown(given)}.`);
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(kinds, name)) {
      const names = Object.keys(kinds).join(", ");
      throw invalid(`${where} has no "${name}"; it has ${names}.`, "Correct the name, or leave it out.", { name });
    }
    const { is, needed } = kinds[name]!;
    if (value === undefined || value === null || is(value)) continue;
    throw invalid(`"${name}" is ${shown(value)}, and has to be ${needed}.`, undefined, { name, value: shown(value) });
  }
}

/** An object without the properties that ask for nothing. */
export function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null)) as T;
}
