// The page's side of the border: a port to the engine, which is in a worker or right here.

import { AzulejoError, cancelled, invalid } from "./errors.js";
import type { Call, CallContext, Calls, EngineEvent, FromHost, Port, ToHost } from "./protocol.js";
import { portable } from "./store/fetch-port.js";

interface Peer {
  postMessage(message: ToHost, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<FromHost>) => void) | null;
}

const disposed = () => invalid("This engine was disposed.", "Make a new one with createEngine().");

/** A worker's port: calls by number. */
export class WorkerPort implements Port {
  readonly #peer: Peer;
  readonly #end: () => void;
  readonly #open = new Map<
    number,
    { done: (answer: never) => void; fail: (error: unknown) => void; onEvent: ((event: never) => void) | undefined }
  >();
  #next = 1;
  #closed: AzulejoError | null = null;
  /** Whether the other side has ever said something. */
  #heard = false;

  constructor(peer: Peer, end: () => void, tell: (event: EngineEvent) => void) {
    this.#peer = peer;
    this.#end = end;
    peer.onmessage = ({ data }) => {
      this.#heard = true;
      if ("engine" in data) return tell(data.engine);
      const call = this.#open.get(data.id);
      if (!call) return;
      if ("event" in data) return call.onEvent?.(data.event as never);
      this.#open.delete(data.id);
      if ("error" in data) call.fail(AzulejoError.from(data.error));
      else call.done(data.answer as never);
    };
  }

  call<K extends Call>(name: K, args: Calls[K]["args"], context: CallContext<K> = {}): Promise<Calls[K]["answer"]> {
    const { signal, onEvent } = context;
    if (this.#closed) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(cancelled(signal.reason));
    const id = this.#next++;
    const abort = () => this.#peer.postMessage({ id, abort: true });
    signal?.addEventListener("abort", abort);
    const answer = new Promise<Calls[K]["answer"]>((done, fail) => {
      this.#open.set(id, { done, fail, onEvent });
      const [wire, transfer] = portable(args);
      this.#peer.postMessage({ id, call: name, args: wire }, transfer);
    });
    return answer.finally(() => signal?.removeEventListener("abort", abort));
  }

  /** Ends a worker that failed: at its start, or by a bug. */
  broken(url: string | URL | undefined, message = ""): void {
    const bug = new Error(message || "the worker's script failed");
    this.close(this.#heard ? AzulejoError.from(bug) : noWorker(url, message));
  }

  /** Ends the worker: calls that are open fail with the error. */
  close(error = disposed()): void {
    if (this.#closed) return;
    this.#closed = error;
    this.#end();
    this.#open.forEach(({ fail }) => fail(error));
    this.#open.clear();
  }
}

/**
 * A worker of one's own that is replaced after a bug, the engine's or the browser's: a trap leaves a module's memory in
 * any state, and JavaScriptCore's compiler traps by itself in one start of some hundreds on a busy machine. A call that
 * has told no token yet is made once more.
 */
class LastingPort implements Port {
  readonly #open: () => WorkerPort;
  readonly #tell: (event: EngineEvent) => void;
  #worker: WorkerPort | null = null;
  /** The worker, when it has the model; null if it has to be replaced. */
  #ready: Promise<WorkerPort> | null;
  #load: Calls["load"]["args"] | null = null;
  #closed = false;

  constructor(open: () => WorkerPort, tell: (event: EngineEvent) => void) {
    this.#open = open;
    this.#tell = tell;
    this.#worker = open();
    this.#ready = Promise.resolve(this.#worker);
  }

  async call<K extends Call>(name: K, args: Calls[K]["args"], context: CallContext<K> = {}): Promise<Calls[K]["answer"]> {
    if (name === "dispose" && !this.#ready) return null as Calls[K]["answer"];
    let told = false;
    const onEvent = (event: never) => {
      told ||= ["token", "rest"].includes((event as { type?: string }).type ?? "");
      context.onEvent?.(event);
    };
    for (let again = false; ; again = true) {
      const worker = await (this.#ready ??= this.#replaced());
      try {
        const answer = await worker.call(name, args, { ...context, onEvent } as CallContext<K>);
        if (name === "load") this.#load = args as Calls["load"]["args"];
        return answer;
      } catch (error) {
        if (AzulejoError.from(error).code !== "internal" || name === "dispose" || this.#closed) throw error;
        if (this.#worker === worker) {
          console.warn("azulejo: its worker failed and is replaced:", error);
          this.#ready = this.#worker = null;
          worker.close(AzulejoError.from(error));
        }
        if (again || told || context.signal?.aborted) throw error;
      }
    }
  }

  /** A new worker, with the model that the last one had. */
  async #replaced(): Promise<WorkerPort> {
    if (this.#closed) throw disposed();
    const worker = (this.#worker = this.#open());
    try {
      if (!this.#load) return worker;
      const info = await worker.call("load", this.#load);
      this.#tell({ type: "device-restored", device: info.device, info });
      return worker;
    } catch (error) {
      worker.close();
      this.#ready = null;
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    this.#worker?.close();
  }
}

/** Opens a port: a worker of its own, the site's shared one, or a host on this page. */
export async function openPort(
  where: boolean | "shared",
  workerUrl: string | URL | undefined,
  tell: (event: EngineEvent) => void,
): Promise<Port> {
  if (where === false || (where === true && typeof Worker === "undefined")) {
    const { Host } = await import("./host.js");
    return new Host(tell);
  }
  // Bundlers copy a file that is named like this as it is; worker.js imports nothing.
  const url = trusted(workerUrl ?? new URL("./worker.js", import.meta.url));
  const options = { type: "module", name: "azulejo" } as const;
  if (where === "shared" && typeof SharedWorker !== "undefined") {
    const worker = new SharedWorker(url, options);
    const lock = `azulejo:page:${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
    let release = () => {};
    const end = () => {
      release();
      worker.port.close();
    };
    const port = new WorkerPort(worker.port, end, tell);
    worker.onerror = () => port.broken(workerUrl);
    const held = new Promise<void>((done) => (release = done));
    void navigator.locks?.request(lock, () => {
      worker.port.postMessage({ hello: lock });
      return held;
    });
    return port;
  }
  return new LastingPort(() => {
    const worker = new Worker(url, options);
    const port = new WorkerPort(worker as Peer, () => worker.terminate(), tell);
    worker.onerror = (event) => port.broken(workerUrl, event.message);
    return port;
  }, tell);
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

let policy: ReturnType<TrustedTypes["createPolicy"]> | undefined;

/** A worker's address for pages that take trusted ones only (`require-trusted-types-for 'script'`). */
function trusted(url: string | URL): string {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  try {
    policy ??= types?.createPolicy("azulejo", { createScriptURL: (own) => own });
  } catch {
    // The page's policy doesn't name ours (trusted-types azulejo). The worker's constructor tells, if it matters.
  }
  return policy ? policy.createScriptURL(String(url)) : String(url);
}

function noWorker(url: string | URL | undefined, message = ""): AzulejoError {
  return new AzulejoError(
    "network",
    `The engine's worker ${url ? `at ${url} ` : ""}failed${message ? `: ${message}` : " to start"}.`,
    "Check that worker.js is served beside the package's JavaScript (or name its place by workerUrl), and that the " +
      "page's policy has worker-src 'self'.",
  );
}
