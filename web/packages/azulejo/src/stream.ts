// Streams of chunks as the OpenAI SDK has them: async iterables with a controller, that can become ReadableStreams.

import { AzulejoError } from "./errors.js";

/** A line of values between one who gives them and one who takes them. */
export class Channel<T> implements AsyncIterable<T> {
  #values: T[] = [];
  #end: { error?: unknown } | null = null;
  #wake: (() => void) | null = null;

  push(value: T): void {
    if (this.#end) return;
    this.#values.push(value);
    this.#wake?.();
  }

  end(): void {
    this.#end ??= {};
    this.#wake?.();
  }

  /** Ends with an error, which comes before values that nobody has taken yet. */
  fail(error: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    this.#values = [];
    this.#wake?.();
  }

  /** Ends without the values that nobody has taken yet. */
  drop(): void {
    this.#end ??= {};
    this.#values = [];
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      while (this.#values.length > 0) yield this.#values.shift() as T;
      if (this.#end) {
        if ("error" in this.#end) throw this.#end.error;
        return;
      }
      await new Promise<void>((done) => (this.#wake = done));
      this.#wake = null;
    }
  }
}

/**
 * An answer as it is written. Leaving the loop and `abort()` end it quietly, as with the OpenAI SDK; the request's own
 * signal ends it by throwing the signal's reason, so that half an answer is not taken for a whole one.
 */
export class Stream<T> implements AsyncIterable<T> {
  readonly controller: AbortController;
  readonly #source: AsyncIterable<T>;
  #taken = false;

  constructor(source: AsyncIterable<T>, controller: AbortController) {
    this.#source = source;
    this.controller = controller;
  }

  abort(): void {
    this.controller.abort();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    if (this.#taken) {
      throw new AzulejoError("invalid_argument", "This stream was read already.", "Keep its chunks, or use tee().");
    }
    this.#taken = true;
    let finished = false;
    try {
      for await (const value of this.#source) yield value;
      finished = true;
    } finally {
      if (!finished) this.controller.abort();
    }
  }

  /** Two streams of the same chunks. Each ends by itself; the answer ends when both were left. */
  tee(): [Stream<T>, Stream<T>] {
    const branch = () => ({ channel: new Channel<T>(), controller: new AbortController() });
    const branches = [branch(), branch()] as const;
    for (const { channel, controller } of branches) {
      controller.signal.addEventListener("abort", () => {
        channel.drop();
        if (branches.every((other) => other.controller.signal.aborted)) this.controller.abort();
      });
    }
    void (async () => {
      try {
        for await (const value of this) branches.forEach(({ channel }) => channel.push(value));
        branches.forEach(({ channel }) => channel.end());
      } catch (error) {
        branches.forEach(({ channel }) => channel.fail(error));
      }
    })();
    const [one, two] = branches.map(({ channel, controller }) => new Stream(channel, controller));
    return [one!, two!];
  }

  /** The chunks as JSON, a line each, in UTF-8: what the OpenAI SDK's `Stream.fromReadableStream` reads. */
  toReadableStream(): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    return readable(mapped(this[Symbol.asyncIterator](), (value) => encoder.encode(`${JSON.stringify(value)}\n`)));
  }
}

async function* mapped<T, U>(values: AsyncIterable<T>, map: (value: T) => U): AsyncGenerator<U, void, undefined> {
  for await (const value of values) yield map(value);
}

/** A ReadableStream of values that are made as they are asked for. */
export function readable<T>(values: AsyncGenerator<T, void, undefined>): ReadableStream<T> {
  return new ReadableStream<T>({
    async pull(controller) {
      try {
        const { value, done } = await values.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(error);
      }
    },
    async cancel() {
      await values.return();
    },
  });
}
