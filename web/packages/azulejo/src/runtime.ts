// The wasm module, started once in a page or worker, and small things that whoever drives it needs.

import { AzulejoError } from "./errors.js";
import type { Chosen } from "./device.js";
import instance from "./glue.js";
import { RELEASE } from "./protocol.js";
import type { Freed, WasmModule } from "./wasm-surface.js";

export interface Runtime {
  wasm: WasmModule;
  memory: WebAssembly.Memory;
  /** Whether somebody's trap made it useless for all. */
  isAbandoned: boolean;
  /** Lets go of the instance after a trap, which left its memory in any state: the next start makes a new one. */
  abandon(): void;
}

/** What waits for work on a device, to be told when there is none any more. */
const waits = new Set<(error: AzulejoError) => void>();

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
    const wasm = instance();
    const { memory } = await wasm.default({ module_or_path: from });
    if (wasm.version() !== RELEASE) throw otherRelease(from, wasm.version());
    const runtime: Runtime = {
      wasm,
      memory,
      isAbandoned: false,
      abandon() {
        if (runtime.isAbandoned) return;
        runtime.isAbandoned = true;
        started = null;
        wasm.abandon();
        const bug = new AzulejoError("internal", "The engine's module failed for another engine of this page.",
          "Ask once more: it is loaded anew.");
        waits.forEach((fail) => fail(bug));
      },
    };
    return runtime;
  } catch (error) {
    if (error instanceof AzulejoError) throw error;
    if (error instanceof WebAssembly.LinkError) throw otherRelease(from, "another release", error);
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

/** An engine and JavaScript that don't belong together. */
function otherRelease(from: string, engine: string, cause?: unknown): AzulejoError {
  return new AzulejoError("unsupported", `The engine at ${from} is azulejo ${engine}, and its JavaScript is ${RELEASE}.`,
    "Serve all files of the package from one release; the visitor's browser may have kept one of the last.", cause,
    { engine, page: RELEASE });
}

/**
 * Frees what the engine made. What stopped in the middle of something (a trap) still lends itself out and can't be
 * freed; what stopped it is thrown already, and is what matters.
 */
export function release(...objects: (Freed | null)[]): void {
  for (const object of objects) {
    try {
      object?.free();
    } catch (error) {
      console.warn("azulejo:", error);
    }
  }
}

const NUDGE_MS = 4;

/** Waits for work on a device. */
export async function awaited<T>({ device, info }: Pick<Chosen, "device" | "info">, work: Promise<T>): Promise<T> {
  // Firefox looks at what a GPU has done each 100 ms only, or whenever something is submitted.
  const timer = info.backend === "webgpu" ? setInterval(() => device.nudge(), NUDGE_MS) : undefined;
  // A task that stops by a bug never settles its promise: the browser's report of it does.
  let report!: (event: ErrorEvent) => void;
  let end!: (error: unknown) => void;
  const stopped = new Promise<never>((_, fail) => {
    end = fail;
    report = (event) => {
      if (isOurs(event)) fail(event.error ?? new Error(event.message));
    };
  });
  const scope = globalThis as Partial<EventTarget>;
  scope.addEventListener?.("error", report as EventListener);
  waits.add(end);
  try {
    return await Promise.race([work, stopped]);
  } finally {
    waits.delete(end);
    scope.removeEventListener?.("error", report as EventListener);
    clearInterval(timer);
  }
}

/** Whether an error that nobody caught is the engine's: in a worker it is, on a page it may be anybody's. */
function isOurs({ error, message }: ErrorEvent): boolean {
  return !globalThis.document || error instanceof WebAssembly.RuntimeError || message.includes("panicked at ");
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
