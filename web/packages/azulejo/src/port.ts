// The page's side of the border: a port to the engine, which is in a worker or right here.

import { AzulejoError, cancelled, disposed, invalid } from "./errors.js";
import { LastingPort } from "./lasting.js";
import { type Call, type CallContext, type Calls, type EngineEvent, type FromHost, type Port, RELEASE, type ToHost } from "./protocol.js";
import { startWorker, workerFailed } from "./start.js";
import { portable } from "./store/fetch-port.js";
import type { WorkerAddress } from "./types.js";

interface Peer {
  postMessage(message: ToHost, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<FromHost>) => void) | null;
}

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
  /** Ends the watch over the other side. */
  readonly #watching = new AbortController();

  constructor(peer: Peer, end: () => void, tell: (event: EngineEvent) => void) {
    this.#peer = peer;
    this.#end = end;
    peer.onmessage = ({ data }) => {
      if (!this.#heard && !this.#isOfThisRelease(data)) return;
      this.#heard = true;
      if ("release" in data) return;
      if ("alive" in data) return this.#watch(data.alive);
      if ("engine" in data) return tell(data.engine);
      const call = this.#open.get(data.id);
      if (!call) return;
      if ("event" in data) return call.onEvent?.(data.event as never);
      this.#open.delete(data.id);
      if ("error" in data) call.fail(AzulejoError.from(data.error));
      else call.done(data.answer as never);
    };
  }

  /** Checks the first message; a worker of releases before the first one that says which it is says something else. */
  #isOfThisRelease(first: FromHost): boolean {
    const worker = "release" in first ? first.release : "another release";
    if (worker === RELEASE) return true;
    this.close(new AzulejoError("unsupported", `worker.js is azulejo ${worker}, and the page's JavaScript is ${RELEASE}.`,
      "Serve all files of the package from one release; the visitor's browser may have kept one of the last.", undefined,
      { worker, page: RELEASE }));
    return false;
  }

  call<K extends Call>(name: K, args: Calls[K]["args"], context: CallContext<K> = {}): Promise<Calls[K]["answer"]> {
    const { signal, interrupt, onEvent } = context;
    if (this.#closed) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(cancelled(signal.reason));
    const id = this.#next++;
    const abort = () => this.#peer.postMessage({ id, abort: true });
    const stop = () => this.#peer.postMessage({ id, interrupt: true });
    signal?.addEventListener("abort", abort);
    interrupt?.addEventListener("abort", stop);
    const answer = new Promise<Calls[K]["answer"]>((done, fail) => {
      this.#open.set(id, { done, fail, onEvent });
      try {
        const [wire, transfer] = portable(args);
        this.#peer.postMessage({ id, call: name, args: wire }, transfer);
      } catch (error) {
        // What is given to the engine is checked and plain, but a Blob of the page's own making may refuse to be copied.
        this.#open.delete(id);
        fail(invalid(`What was given can't be sent to the engine's worker: ${(error as Error).message}`,
          "Give plain values, and a File or Blob of the browser's own."));
      }
    });
    return answer.finally(() => {
      signal?.removeEventListener("abort", abort);
      interrupt?.removeEventListener("abort", stop);
    });
  }

  /** Nobody tells pages that a worker which they share has crashed: the lock that it held does. */
  #watch(lock: string): void {
    const gone = () =>
      this.close(new AzulejoError("internal", "The worker that this site's tabs share has ended.",
        "Make a new engine with createEngine(), and report it with the browser's version."));
    navigator.locks.request(lock, { signal: this.#watching.signal }, gone).catch(() => {});
  }

  /** Ends a worker that failed: at its start, or by a bug. */
  broken(url: WorkerAddress | undefined, message = ""): void {
    const bug = new Error(message || "the worker's script failed");
    this.close(this.#heard ? AzulejoError.from(bug) : workerFailed(url, message));
  }

  close(error = disposed()): void {
    if (this.#closed) return;
    this.#closed = error;
    this.#watching.abort();
    this.#end();
    this.#open.forEach(({ fail }) => fail(error));
    this.#open.clear();
  }
}

/** Opens a port: a worker of its own, the site's shared one, or a host on this page. */
export async function openPort(
  where: boolean | "shared",
  workerUrl: WorkerAddress | undefined,
  tell: (event: EngineEvent) => void,
): Promise<Port> {
  if (where === false || (where === true && typeof Worker === "undefined")) {
    const { Host } = await onThisPage();
    return new LastingPort(() => new Host(tell), tell);
  }
  // Its engines last by themselves.
  if (where === "shared" && typeof SharedWorker !== "undefined") return sharedPort(workerUrl, tell);
  return new LastingPort(() => {
    const worker = startWorker(Worker, workerUrl, "azulejo");
    const port = new WorkerPort(worker as Peer, () => worker.terminate(), tell);
    worker.onerror = (event) => port.broken(workerUrl, event.message);
    return port;
  }, tell);
}

function sharedPort(workerUrl: WorkerAddress | undefined, tell: (event: EngineEvent) => void): Port {
  // Pages of two releases have two workers.
  const worker = startWorker(SharedWorker, workerUrl, `azulejo ${RELEASE}`);
  const lock = `azulejo:page:${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
  let release = () => {};
  const held = new Promise<void>((done) => (release = done));
  const end = () => {
    release();
    worker.port.close();
  };
  const port = new WorkerPort(worker.port, end, tell);
  worker.onerror = () => port.broken(workerUrl);
  void navigator.locks?.request(lock, () => {
    worker.port.postMessage({ hello: lock });
    return held;
  });
  return port;
}

/** The engine for this page itself, which isn't loaded where a worker has it. */
async function onThisPage(): Promise<typeof import("./host.js")> {
  try {
    return await import("./host.js");
  } catch (error) {
    const scope = (globalThis as { ServiceWorkerGlobalScope?: unknown }).ServiceWorkerGlobalScope;
    if (scope) {
      throw new AzulejoError("unsupported", "A service worker can't run an engine: it may import nothing while it runs.",
        "Make the engine in the page, and ask it by messages.", error);
    }
    throw new AzulejoError("network", `The engine's JavaScript could not be loaded: ${(error as Error).message}`,
      "Check that all files of the package are served beside each other, from one release.", error);
  }
}
