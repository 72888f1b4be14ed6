// How servers are asked: with the page's headers, credentials and fetch, and for how long one that brings nothing is
// asked again.

import { AzulejoError, abortable, checkAbort, pause } from "../errors.js";
import type { WireNetwork } from "../protocol.js";
import { fetchOver, guarded } from "./fetch-port.js";

/** Tries in a row that bring nothing from a server that never gave anything, or that answers and breaks off. */
const TRIES = 5;
/** Tries that bring some, for one range: a server that cuts after each kilobyte is not worth going on with. */
const PIECES = 200;
/** Minutes without a byte that a download goes on trying, if the page doesn't say: a tunnel, a walk to another room. */
const USUAL_MINUTES = 5;
const MINUTE_MS = 60_000;
const LONGEST_WAIT_MS = 30_000;
/** How long one wait for a server may bring nothing. */
export const STALL_MS = 30_000;

/** How one model's servers are asked. */
export class Network {
  readonly limitMs: number;
  readonly #headers: Record<string, string>;
  readonly #credentials: RequestCredentials;
  readonly #fetch: typeof fetch;
  readonly #origin: string | null;
  readonly #heard = new Set<string>();
  readonly #onWaiting: (() => void) | undefined;
  readonly #isOffline: boolean;

  /**
   * `model`: the address whose origin gets the page's headers; others must not learn them. `onWaiting` is called whenever
   * a wait begins.
   */
  constructor(options: WireNetwork = {}, model?: string, onWaiting?: () => void) {
    const { headers = {}, credentials = "same-origin", retryMinutes = USUAL_MINUTES, fetch: own } = options;
    this.limitMs = retryMinutes * MINUTE_MS;
    this.#headers = headers;
    this.#credentials = credentials;
    this.#fetch = own ? (own instanceof MessagePort ? fetchOver(own) : guarded(own)) : (input, init) => fetch(input, init);
    this.#origin = model === undefined ? null : new URL(model).origin;
    this.#onWaiting = onWaiting;
    this.#isOffline = options.isOffline ?? false;
  }

  async fetch(url: string, headers: Record<string, string>, method: string, signal: AbortSignal): Promise<Response> {
    if (this.#isOffline) throw new AzulejoError("network", `${url} was to be read from what is kept.`, "Load the model again.");
    const own = new URL(url).origin === this.#origin ? this.#headers : {};
    // Chunks are kept in the store: the browser's own cache would be a second copy.
    const init = { method, headers: { ...own, ...headers }, cache: "no-store", credentials: this.#credentials, signal } as const;
    return this.#fetch(url, init);
  }

  /** A server gave something: when it falls silent, that is the connection's fault and not the address's. */
  heard(url: string): void {
    this.#heard.add(url);
  }

  hasHeard(url: string): boolean {
    return this.#heard.has(url);
  }

  /** Waits before a server is asked again, or until the browser says that it's online again. */
  async wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
    this.#onWaiting?.();
    const scope = globalThis as Partial<EventTarget>;
    let back!: () => void;
    const online = new Promise<void>((done) => (back = done));
    scope.addEventListener?.("online", back);
    const end = new AbortController();
    try {
      await abortable(Promise.race([pause(milliseconds, end.signal), online]), signal);
    } finally {
      end.abort();
      scope.removeEventListener?.("online", back);
    }
  }
}

/** False where the browser knows that there is no network. */
const mayBeOnline = () => (globalThis.navigator as Partial<Navigator> | undefined)?.onLine !== false;

/** How long a busy server wants to be left alone: seconds or a date. */
function wantedWait(response: Response | null): number | null {
  const text = response?.headers.get("retry-after");
  if (!text) return null;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(wait) ? null : Math.min(Math.max(wait, 0), LONGEST_WAIT_MS);
}

/** What went wrong at one try, told if it was the last. */
interface Failed {
  response: Response | null;
  /** True if a good answer was begun. */
  hasBegun?: boolean;
  what: string;
  cause?: unknown;
}

/** Waits before the next try, longer each time; throws when there were enough. */
export class Patience {
  /** Tries in a row that brought nothing, those of them that were answered, and for how long. */
  #tries = 0;
  #begun = 0;
  #ms = 0;
  #pieces = 0;
  #since = performance.now();
  readonly #network: Network;
  readonly #url: string;
  readonly #signal: AbortSignal | undefined;
  readonly #brief: boolean;

  /** `brief`: the server isn't waited for, since something else will do if it doesn't answer. */
  constructor(network: Network, url: string, signal?: AbortSignal, brief = false) {
    this.#network = network;
    this.#url = url;
    this.#signal = signal;
    this.#brief = brief;
  }

  async again({ response, hasBegun, what, cause }: Failed, gotSome = false): Promise<void> {
    checkAbort(this.#signal);
    if (gotSome) this.#network.heard(this.#url);
    // Not by the clock alone: a laptop that slept for the night has waited for nothing yet.
    this.#ms = gotSome ? 0 : this.#ms + Math.min(performance.now() - this.#since, STALL_MS);
    this.#tries = gotSome ? 0 : this.#tries + 1;
    this.#begun = gotSome ? 0 : this.#begun + (hasBegun ? 1 : 0);
    this.#pieces++;
    if (this.#isEnough()) {
      const status = response ? ` (status ${response.status})` : "";
      const how = this.#ms > MINUTE_MS ? `, ${Math.round(this.#ms / MINUTE_MS)} minutes long` : "";
      throw new AzulejoError(
        "network",
        `${this.#url} could not be read${status}: ${what}. ${this.#pieces} tries were made${how}.`,
        "Check the connection and the address, then try again: what was kept is not downloaded again. On another " +
          "origin the server has to allow this page (CORS), and the page's policy the address (connect-src).",
        cause,
        { url: this.#url, tries: this.#pieces, ...(response ? { status: response.status } : {}) },
      );
    }
    const growing = Math.min(250 * 2 ** (this.#tries - 1), LONGEST_WAIT_MS) * (0.5 + Math.random() / 2);
    const left = Math.max(0, this.#network.limitMs - this.#ms);
    const wait = wantedWait(response) ?? (this.#tries === 0 ? 0 : Math.min(growing, left));
    const start = performance.now();
    if (wait > 0) await this.#network.wait(wait, this.#signal);
    this.#since = performance.now();
    // As long as was meant at most, and less where the browser said that it's online again.
    this.#ms += Math.min(wait, this.#since - start);
  }

  #isEnough(): boolean {
    if (this.#pieces >= PIECES || this.#begun >= TRIES) return true;
    if (this.#brief && (!mayBeOnline() || this.#tries >= TRIES)) return true;
    if (mayBeOnline() && !this.#network.hasHeard(this.#url)) return this.#tries >= TRIES;
    return this.#tries > 0 && this.#ms >= this.#network.limitMs;
  }
}
