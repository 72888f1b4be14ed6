// A page's own fetch for an engine in a worker: functions don't cross, so that the worker asks through a port, and the
// body comes piece by piece, each when it's wanted (streams don't cross in every browser).

import { AzulejoError, invalid, toWire, type WireError } from "../errors.js";
import type { WireNetwork } from "../protocol.js";

type ToPage =
  | { id: number; url: string; init: Omit<RequestInit, "signal"> }
  | { id: number; pull: true }
  | { id: number; cancel: true };
type ToWorker =
  | { id: number; head: { status: number; headers: [string, string][]; hasBody: boolean } }
  | { id: number; piece: Uint8Array | null }
  | { id: number; failed: WireError | { message: string } };

/**
 * A page's own fetch, whose failures are told apart: what `fetch` itself throws where a network fails (a TypeError), and
 * what runs out of time, is tried again; anything else is the page's own and ends the download.
 */
export function guarded(own: typeof fetch): typeof fetch {
  return async (url, init) => {
    let response: unknown;
    try {
      response = await own(url, init);
    } catch (error) {
      const again = error instanceof TypeError || (error as Error | null)?.name === "TimeoutError";
      if (again || init?.signal?.aborted || error instanceof AzulejoError) throw error;
      const text = error instanceof Error ? error.message : String(error);
      throw new AzulejoError("network", `The page's own fetch of ${url} failed: ${text}`,
        "The error is the page's. One that is worth another try should be a TypeError, as fetch itself throws.", error,
        { url: String(url) });
    }
    if (response instanceof Response) return response;
    throw invalid(`The page's own fetch of ${url} gave ${response === null ? "null" : typeof response} and no Response.`);
  };
}

/** The port through which the page's fetch is asked. */
function fetchPort(given: typeof fetch): MessagePort {
  const own = guarded(given);
  const { port1, port2 } = new MessageChannel();
  const open = new Map<number, { controller: AbortController; body?: ReadableStreamDefaultReader<Uint8Array> }>();
  const tell = (message: ToWorker, transfer: Transferable[] = []) => port1.postMessage(message, transfer);
  const answered = async (message: ToPage) => {
    const { id } = message;
    if ("url" in message) {
      const controller = new AbortController();
      open.set(id, { controller });
      const response = await own(message.url, { ...message.init, signal: controller.signal });
      const body = response.body?.getReader();
      if (!open.has(id)) return void body?.cancel().catch(() => {});
      if (body) open.set(id, { controller, body });
      else open.delete(id);
      tell({ id, head: { status: response.status, headers: [...response.headers], hasBody: body !== undefined } });
      return;
    }
    const call = open.get(id);
    if ("cancel" in message) {
      open.delete(id);
      call?.controller.abort();
      call?.body?.cancel().catch(() => {});
    } else if (call?.body) {
      const { value, done } = await call.body.read();
      if (done) open.delete(id);
      // A piece may be a view of what is still the page's: its bytes are copied, and the copy goes over.
      const piece = value?.slice() ?? null;
      tell({ id, piece }, piece ? [piece.buffer] : []);
    }
  };
  port1.onmessage = ({ data }: MessageEvent<ToPage>) => {
    answered(data).catch((error) => {
      open.delete(data.id);
      tell({ id: data.id, failed: error instanceof AzulejoError ? toWire(error) : { message: String(error?.message) } });
    });
  };
  return port2;
}

/** A call's arguments as they cross to a worker: the page's own fetch as a port of its own each time. */
export function portable(args: unknown): [args: unknown, transfer: Transferable[]] {
  const { network } = (args ?? {}) as { network?: WireNetwork };
  if (typeof network?.fetch !== "function") return [args, []];
  const port = fetchPort(network.fetch);
  return [{ ...(args as object), network: { ...network, fetch: port } }, [port]];
}

const overPorts = new WeakMap<MessagePort, typeof fetch>();

/** A fetch that asks the page's through a port: the same one each time, since answers to an earlier may be on their way. */
export function fetchOver(port: MessagePort): typeof fetch {
  const made = overPorts.get(port) ?? over(port);
  overPorts.set(port, made);
  return made;
}

function over(port: MessagePort): typeof fetch {
  interface Waiting {
    done(message: ToWorker): void;
    fail(error: Error): void;
  }
  const open = new Map<number, Waiting>();
  let calls = 0;
  const tell = (message: ToPage) => port.postMessage(message);
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    const waiting = open.get(data.id);
    open.delete(data.id);
    if (!("failed" in data)) waiting?.done(data);
    else waiting?.fail("code" in data.failed ? AzulejoError.from(data.failed) : new TypeError(data.failed.message));
  };
  const asked = (message: ToPage) =>
    new Promise<ToWorker>((done, fail) => {
      open.set(message.id, { done, fail });
      tell(message);
    });
  return async (url, { signal, ...init } = {}) => {
    const id = ++calls;
    const cancel = () => {
      tell({ id, cancel: true });
      open.get(id)?.fail(new DOMException("The request was aborted.", "AbortError"));
      open.delete(id);
    };
    signal?.throwIfAborted();
    signal?.addEventListener("abort", cancel, { once: true });
    const ended = () => signal?.removeEventListener("abort", cancel);
    let answer: ToWorker;
    try {
      answer = await asked({ id, url: String(url), init });
    } catch (error) {
      ended();
      throw error;
    }
    const { status, headers, hasBody } = (answer as Extract<ToWorker, { head: unknown }>).head;
    if (!hasBody) ended();
    const body = new ReadableStream<Uint8Array>({
      async pull(to) {
        try {
          const { piece } = (await asked({ id, pull: true })) as Extract<ToWorker, { piece: unknown }>;
          if (piece) return to.enqueue(piece);
        } catch (error) {
          ended();
          throw error;
        }
        ended();
        to.close();
      },
      cancel,
    }, { highWaterMark: 0 });
    return new Response(hasBody ? body : null, { status, headers });
  };
}
