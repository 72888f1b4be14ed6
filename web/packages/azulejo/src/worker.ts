// The worker's entry. Dedicated: one engine for the page that made it. Shared: an engine for each model, which all tabs
// of the site use; it goes when the last tab does.

import { checkAbort, toWire } from "./errors.js";
import { Host } from "./host.js";
import { LastingPort } from "./lasting.js";
import { type Call, type CallContext, type Calls, type EngineEvent, type FromHost, type Port, RELEASE, type ToHost } from "./protocol.js";
import type { EngineInfo, Progress } from "./types.js";

interface Peer {
  postMessage(message: FromHost): void;
  onmessage: ((event: MessageEvent<ToHost>) => void) | null;
}

type Answering = <K extends Call>(call: K, args: Calls[K]["args"], context: CallContext<K>) => Promise<unknown>;

/** Answers a page's calls; gives what aborts them all. */
function serve(
  peer: Peer,
  answering: Answering,
  onHello: (lock: string) => void = () => {},
): () => void {
  const running = new Map<number, { abort: AbortController; interrupt: AbortController }>();
  peer.onmessage = async ({ data }) => {
    if ("hello" in data) return onHello(data.hello);
    if ("abort" in data) return running.get(data.id)?.abort.abort();
    if ("interrupt" in data) return running.get(data.id)?.interrupt.abort();
    const { id, call, args } = data;
    const controllers = { abort: new AbortController(), interrupt: new AbortController() };
    running.set(id, controllers);
    try {
      const onEvent = (event: unknown) => peer.postMessage({ id, event });
      const context = { signal: controllers.abort.signal, interrupt: controllers.interrupt.signal, onEvent };
      peer.postMessage({ id, answer: await answering(call, args as never, context) });
    } catch (error) {
      peer.postMessage({ id, error: toWire(error) });
    } finally {
      running.delete(id);
    }
  };
  peer.postMessage({ release: RELEASE });
  return () => running.forEach(({ abort }) => abort.abort());
}

/** An engine that tabs share. */
class Shared {
  static readonly all = new Map<string, Shared>();
  readonly engine: Port;
  readonly peers = new Set<Peer>();
  readonly #key: string;
  readonly #loading = new AbortController();
  readonly #listeners = new Set<(progress: Progress) => void>();
  readonly #info: Promise<EngineInfo>;

  constructor(key: string, args: Calls["load"]["args"]) {
    this.#key = key;
    const tell = (event: EngineEvent) => this.peers.forEach((peer) => peer.postMessage({ engine: event }));
    this.engine = new LastingPort(() => new Host(tell), tell);
    const onEvent = (progress: Progress) => this.#listeners.forEach((listener) => listener(progress));
    this.#info = this.engine.call("load", args, { signal: this.#loading.signal, onEvent });
    this.#info.catch(() => Shared.all.delete(key));
  }

  async join(peer: Peer, signal: AbortSignal, listener: (progress: Progress) => void): Promise<EngineInfo> {
    this.peers.add(peer);
    this.#listeners.add(listener);
    const left = new Promise<void>((done) => signal.addEventListener("abort", () => done(), { once: true }));
    try {
      const info = await Promise.race([this.#info, left]);
      if (!info) {
        this.leave(peer);
        checkAbort(signal);
      }
      return info as EngineInfo;
    } finally {
      this.#listeners.delete(listener);
    }
  }

  /** The last one that leaves takes it along. */
  leave(peer: Peer): void {
    if (!this.peers.delete(peer) || this.peers.size > 0) return;
    Shared.all.delete(this.#key);
    this.#loading.abort();
    void this.engine.call("dispose", null).catch(() => {});
  }
}

/** The same model with the same options is the same engine; files that a visitor chose are always different ones. */
function keyOf({ model, options }: Calls["load"]["args"]): string {
  if (model.kind === "blob") return `blob ${Math.random()}`;
  // Where the page names a file whose address changes, it's the name that tells it.
  const named = model.kind === "url" && model.cacheKey !== undefined ? { ...model, url: "" } : model;
  return JSON.stringify([named, options]);
}

function serveShared(peer: Peer): void {
  let shared: Shared | null = null;
  const unloaded = new Host(() => {});
  const leave = () => {
    stop();
    shared?.leave(peer);
  };
  const stop = serve(
    peer,
    async (call, args, context) => {
      if (call === "load") {
        const asked = args as Calls["load"]["args"];
        const key = keyOf(asked);
        shared = Shared.all.get(key) ?? new Shared(key, asked);
        Shared.all.set(key, shared);
        return shared.join(peer, context.signal!, context.onEvent as (progress: Progress) => void);
      }
      if (call === "dispose") {
        leave();
        return null;
      }
      return (shared?.engine ?? unloaded).call(call, args, context);
    },
    // A page holds a lock while it lives: who gets it after the page knows that it's gone, even by a crash.
    (lock) => void navigator.locks?.request(lock, leave),
  );
}

/** Held while this worker lives; told to each page. */
const life = `azulejo:worker:${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;

const scope = globalThis as unknown as Peer & { onconnect?: ((event: MessageEvent) => void) | null };
if ("onconnect" in scope) {
  const held = new Promise<void>((begun) => {
    void navigator.locks?.request(life, () => (begun(), new Promise(() => {})));
  });
  scope.onconnect = ({ ports }) => {
    const peer = ports[0] as unknown as Peer;
    serveShared(peer);
    void held.then(() => peer.postMessage({ alive: life }));
  };
} else {
  const host = new Host((event: EngineEvent) => scope.postMessage({ engine: event }));
  serve(scope, (call, args, context) => host.call(call, args, context));
}
