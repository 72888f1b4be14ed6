// The bindings of one instance of the engine's module. build.mjs makes the function of the generated bindings, which
// hold one instance for good: after a trap a page needs another one.

import type { WasmModule } from "./wasm-surface.js";

export default function instance(): WasmModule & {
  /** Lets go of the instance: what is called on it afterwards, by the collector of garbage too, does nothing. */
  abandon(): void;
};
