// The one error of the package: a stable code, what happened and where, and what to do about it.

import { ENGINE_CODES } from "./codes.js";

/** The engine's codes, and then those of the browser side. */
export const ERROR_CODES = [
  ...ENGINE_CODES,
  "network",
  "not_found",
  "integrity",
  "storage_full",
  "consent",
  "internal",
] as const;

/** What kind of error it is. Stable across versions: branch on it, not on the message. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** What a message names, for pages that say it in their own language: `{needed, capacity}`. */
export type MessageParameters = Readonly<Record<string, string | number>>;

/**
 * What was thrown: `code` to branch on, `message` (what and where), `hint` (what to do), and as `parameters` the
 * numbers and names in the message.
 */
export class AzulejoError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly parameters: MessageParameters;

  constructor(code: ErrorCode, message: string, hint = "", cause?: unknown, parameters: MessageParameters = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.parameters = parameters;
    // What the platform's own aborts are called, so that the usual `error.name === "AbortError"` finds it.
    this.name = code === "cancelled" ? "AbortError" : "AzulejoError";
  }

  /** Any thrown value as an AzulejoError: those that have a code already keep it, also across a worker's border. */
  static from(thrown: unknown): AzulejoError {
    if (thrown instanceof AzulejoError) return thrown;
    const { name, message, code, hint, parameters } = (thrown ?? {}) as { [key: string]: unknown };
    const text = typeof message === "string" && message ? message : String(thrown);
    if (isCode(code)) {
      const named = typeof parameters === "object" && parameters !== null ? (parameters as MessageParameters) : {};
      return new AzulejoError(code, text, typeof hint === "string" ? hint : "", thrown, named);
    }
    if (name === "AbortError") return cancelled(thrown);
    return new AzulejoError(
      "internal",
      `Something inside azulejo failed: ${text}`,
      "This is a bug of azulejo or of the browser. Make a new engine, and report the message with the browser's version.",
      thrown,
    );
  }
}

function isCode(code: unknown): code is ErrorCode {
  return (ERROR_CODES as readonly unknown[]).includes(code);
}

/** An error as it crosses a worker's border. */
export interface WireError {
  code: ErrorCode;
  message: string;
  hint: string;
  parameters: MessageParameters;
  /** Where it was thrown, if it is a bug. */
  stack?: string;
}

export function toWire(thrown: unknown): WireError {
  const error = AzulejoError.from(thrown);
  const { code, message, hint, parameters } = error;
  const { stack } = (error.cause ?? error) as { stack?: string };
  return { code, message, hint, parameters, ...(code === "internal" && stack ? { stack } : {}) };
}

/** What ends a call inside of the engine when a signal stops it; `forCaller` makes the caller's own reason of it. */
export function cancelled(cause?: unknown): AzulejoError {
  return new AzulejoError("cancelled", "The caller stopped it.", "Nothing is wrong: a signal was aborted.", cause);
}

/**
 * What a caller gets of what was thrown: the reason of its own signal if that was aborted, as it is (`AbortSignal.timeout`
 * has a TimeoutError), as with the platform's own functions; else an AzulejoError.
 */
export function forCaller(thrown: unknown, ...signals: (AbortSignal | null | undefined)[]): unknown {
  const aborted = signals.find((signal) => signal?.aborted);
  return aborted ? aborted.reason : AzulejoError.from(thrown);
}

/** What an argument that makes no sense throws. */
export function invalid(
  message: string,
  hint = "Correct the argument that the message names.",
  parameters: MessageParameters = {},
): AzulejoError {
  return new AzulejoError("invalid_argument", message, hint, undefined, parameters);
}

/** What a call ends with whose listener threw. */
export function listenerThrew(name: string, error: unknown): AzulejoError {
  return new AzulejoError("invalid_argument", `${name} threw: ${error instanceof Error ? error.message : error}`,
    "Mend the listener; its error is this one's cause.", error, { name });
}

/** Calls a listener that no call waits for: what it throws is reported as the browser does it for its own events. */
export function reported(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** What an engine that was disposed throws. */
export const disposed = () => invalid("This engine was disposed.", "Make a new one with createEngine().");

/** Throws if the signal was aborted. */
export function checkAbort(signal?: AbortSignal | null): void {
  if (signal?.aborted) throw cancelled(signal.reason);
}

/** A controller that the first of some callers' signals aborts, until `done` takes the listeners off; throws if one has. */
export function stoppedBy(...signals: (AbortSignal | null | undefined)[]): { controller: AbortController; done(): void } {
  signals.forEach((signal) => signal?.throwIfAborted());
  const controller = new AbortController();
  const stop = () => controller.abort();
  signals.forEach((signal) => signal?.addEventListener("abort", stop));
  return { controller, done: () => signals.forEach((signal) => signal?.removeEventListener("abort", stop)) };
}

/** The promise, or a rejection as soon as the signal is aborted; what the promise does afterwards is ignored. */
export function abortable<T>(promise: Promise<T>, signal?: AbortSignal | null): Promise<T> {
  if (!signal) return promise;
  if (signal.aborted) {
    promise.catch(() => {});
    return Promise.reject(cancelled(signal.reason));
  }
  return new Promise((resolve, reject) => {
    const stop = () => reject(cancelled(signal.reason));
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** Waits so long, or until the signal is aborted. */
export function pause(milliseconds: number, signal?: AbortSignal | null): Promise<void> {
  let timer: ReturnType<typeof setTimeout>;
  const wait = new Promise<void>((done) => (timer = setTimeout(done, milliseconds)));
  return abortable(wait, signal).finally(() => clearTimeout(timer));
}
