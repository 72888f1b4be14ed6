// The wasm module, started once in a page or worker, and small things that whoever drives it needs.

import { AzulejoError } from "./errors.js";
import type { WasmDevice, WasmModule } from "./wasm-surface.js";
import * as glue from "./wasm/azulejo_wasm.js";

export interface Runtime {
  wasm: WasmModule;
  memory: WebAssembly.Memory;
}

let started: Promise<Runtime> | null = null;

/** Fetches and starts the module; the first address wins. */
export function startRuntime(url: string): Promise<Runtime> {
  started ??= start(url).catch((error) => {
    started = null;
    throw error;
  });
  return started;
}

async function start(from: string): Promise<Runtime> {
  try {
    const { memory } = await glue.default({ module_or_path: from });
    return { wasm: glue, memory };
  } catch (error) {
    const policy = error instanceof WebAssembly.CompileError || /unsafe-eval|Content.Security/i.test(String(error));
    throw new AzulejoError(
      policy ? "unsupported" : "network",
      `The engine could not be started from ${from}: ${error instanceof Error ? error.message : error}`,
      policy
        ? "The page's policy needs script-src 'wasm-unsafe-eval', and the browser WebAssembly with SIMD (Chrome 91, " +
          "Firefox 89, Safari 16.4)."
        : "Check that azulejo_wasm_bg.wasm is served beside the package's JavaScript, or name its place by wasmUrl.",
      error,
    );
  }
}

const NUDGE_MS = 4;

/** Waits for a GPU; Firefox looks at what is done each 100 ms only, or whenever something is submitted. */
export async function nudged<T>(device: WasmDevice, work: Promise<T>): Promise<T> {
  const timer = setInterval(() => device.nudge(), NUDGE_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

let channel: MessageChannel | null = null;
const waiting: (() => void)[] = [];

/** Lets messages and other tasks in, without the delay that timers have. */
export function breathe(): Promise<void> {
  if (!channel) {
    channel = new MessageChannel();
    channel.port1.onmessage = () => waiting.shift()?.();
    // In node an open port would keep the process.
    (channel.port1 as { unref?: () => void }).unref?.();
  }
  return new Promise((done) => {
    waiting.push(done);
    channel!.port2.postMessage(null);
  });
}
