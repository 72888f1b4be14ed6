// How much memory there is for a model, as far as a page can know.

import { AzulejoError } from "./errors.js";
import type { DeviceInfo, Memory } from "./wasm-surface.js";

export const GIB = 2 ** 30;
/** A WebAssembly memory ends here. */
export const WASM_LIMIT = 4 * GIB;
/** What the engine takes there besides the model. */
const ENGINE_BYTES = 64 << 20;
/** Browsers tell no more than this many GiB, and round: a device may have half as much again. */
const TOLD_AT_MOST = 8;
const ROUNDED_BY = 1.5;

export const size = (bytes: number) => (bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`);

export const sum = ({ weights, kv, activations }: Memory) => weights + kv + activations;

/** Whether the CPU can hold a model: all of it is in the engine's memory. */
export const fitsCpu = (needed: number) => needed + ENGINE_BYTES <= WASM_LIMIT;

/** Throws if a device surely can't hold a model, before it is downloaded. What is only likely is for `probe` to say. */
export function checkRoom(name: string, needed: number, { backend }: Pick<DeviceInfo, "backend">): void {
  const { deviceMemory } = (globalThis.navigator ?? {}) as { deviceMemory?: number };
  const told = deviceMemory !== undefined && deviceMemory < TOLD_AT_MOST ? deviceMemory * GIB : null;
  const onCpu = backend === "cpu" && !fitsCpu(needed);
  if (!onCpu && (told === null || needed <= told * ROUNDED_BY)) return;
  const free = onCpu ? WASM_LIMIT : told!;
  const whose = onCpu ? "WebAssembly has at most" : "this device has about";
  throw new AzulejoError("out_of_memory", `${name} takes about ${size(needed)} of memory, and ${whose} ${size(free)}.`,
    `Choose a smaller model, one with fewer bits a weight, or a shorter context${onCpu ? ", or a browser with WebGPU" : ""}.`,
    undefined, { needed, free });
}
