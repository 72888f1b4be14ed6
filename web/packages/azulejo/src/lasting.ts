// An engine that outlives a bug: in a worker of its own, on a page, or in the worker that tabs share.

import { AzulejoError, disposed } from "./errors.js";
import type { Call, CallContext, Calls, EngineEvent, Port } from "./protocol.js";

/**
 * An engine that is replaced after a bug, the engine's or the browser's: a trap leaves a module's memory in any state, and
 * engines trap by themselves, too (uninterpreted.mjs has one of their bugs). A call that has told no token yet is made once
 * more.
 */
export class LastingPort implements Port {
  readonly #open: () => Port;
  readonly #tell: (event: EngineEvent) => void;
  #port: Port | null = null;
  /** The port, when it has the model; null if it has to be replaced. */
  #ready: Promise<Port> | null;
  #load: Calls["load"]["args"] | null = null;
  #closed: AzulejoError | null = null;

  constructor(open: () => Port, tell: (event: EngineEvent) => void) {
    this.#open = open;
    this.#tell = tell;
    this.#port = open();
    this.#ready = Promise.resolve(this.#port);
  }

  async call<K extends Call>(name: K, args: Calls[K]["args"], context: CallContext<K> = {}): Promise<Calls[K]["answer"]> {
    if (name === "dispose" && !this.#ready) return null as Calls[K]["answer"];
    let told = false;
    const onEvent = (event: never) => {
      told ||= ["token", "rest"].includes((event as { type?: string }).type ?? "");
      context.onEvent?.(event);
    };
    for (let again = false; ; again = true) {
      if (this.#closed) throw this.#closed;
      const port = await (this.#ready ??= this.#replaced());
      try {
        const answer = await port.call(name, args, { ...context, onEvent } as CallContext<K>);
        if (name === "load") this.#load = args as Calls["load"]["args"];
        return answer;
      } catch (error) {
        if (AzulejoError.from(error).code !== "internal" || name === "dispose" || this.#closed) throw error;
        if (this.#port === port) {
          console.warn("azulejo: the engine failed and is replaced:", error);
          this.#ready = this.#port = null;
          port.close(AzulejoError.from(error));
        }
        if (again || told || context.signal?.aborted || context.interrupt?.aborted) throw error;
      }
    }
  }

  /** A new engine, with the model that the last one had. */
  async #replaced(): Promise<Port> {
    if (this.#closed) throw this.#closed;
    const port = (this.#port = this.#open());
    try {
      if (!this.#load) return port;
      const info = await port.call("load", this.#load);
      this.#tell({ type: "device-restored", device: info.device, info });
      return port;
    } catch (error) {
      port.close();
      this.#ready = null;
      throw error;
    }
  }

  close(error = disposed()): void {
    this.#closed = error;
    this.#port?.close(error);
  }
}
