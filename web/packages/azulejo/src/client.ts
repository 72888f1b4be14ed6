// The engine as its users see it: the OpenAI API's calls, made of calls through a port.

import { chatChunks, chatCompletion, type Chunker, completion, completionChunks, ending, heading } from "./answer.js";
import { usageOf, type Written } from "./answer.js";
import { checkRequestOptions, parseChat, parseCompletion, parseMessages, type Parsed, tokenIds } from "./chat.js";
import { AzulejoError, cancelled, disposed, forCaller, listenerThrew, pause, reported, stoppedBy } from "./errors.js";
import { embeddingResponse, parseEmbedding } from "./embeddings.js";
import type { Encoders } from "./encoders.js";
import type { EngineEvent, GenerateEvent, Generated, Port } from "./protocol.js";
import type { ChatCompletion, ChatCompletionChunk, ChatMessage, ChatRequest, Completion } from "./shapes.js";
import type { CompletionRequest, EmbeddingRequest, EmbeddingResponse } from "./shapes.js";
import { Channel, Stream } from "./stream.js";
import { wellFormed } from "./text.js";
import type { ChatCompletions, Completions, Embeddings, EngineInfo, EngineListener, LocalEngine, RequestOptions } from "./types.js";

/** How long a worker is waited for before it is ended all the same. */
const DISPOSE_MS = 3000;

/** A request on its way. */
interface Request {
  events: Channel<GenerateEvent>;
  generated: Promise<Generated>;
  /** Ends it without a word: the stream's own. */
  controller: AbortController;
  interrupt: AbortController;
  /** What the caller gets for an error: its signal's reason if that ended the request. */
  told(error: unknown): unknown;
  /** Takes the signals' listeners off. */
  done(): void;
}

export class Client implements LocalEngine {
  readonly #events = new EventTarget();
  readonly #port: Port;
  readonly #encoders: Encoders;
  readonly #onEvent: ((event: EngineEvent) => void) | undefined;
  #info: EngineInfo;
  #disposed: Promise<void> | null = null;
  /** Those that weren't answered yet, and of them the ones whose turn has come. */
  readonly #requests = new Set<Request>();
  readonly #started = new Set<Request>();

  constructor(port: Port, encoders: Encoders, info: EngineInfo, onEvent?: (event: EngineEvent) => void) {
    this.#port = port;
    this.#encoders = encoders;
    this.#info = info;
    this.#onEvent = onEvent;
  }

  get info(): EngineInfo {
    return this.#info;
  }

  readonly chat = {
    completions: {
      create: (body: ChatRequest, options?: RequestOptions) => this.#chat(body, options),
    } as ChatCompletions,
  };

  readonly completions = {
    create: (body: CompletionRequest, options?: RequestOptions) => this.#complete(body, options),
  } as Completions;

  readonly embeddings = {
    create: (body: EmbeddingRequest, options?: RequestOptions) => this.#embed(body, options),
  } as Embeddings;

  readonly debug = {
    loseDevice: async () => void (await this.#port.call("loseDevice", null)),
    memory: () => this.#encoders.memory(),
    greedyTokens: (prompt: readonly number[], count: number) =>
      this.#port.call("greedyTokens", { prompt: tokenIds(prompt, "prompt"), count }),
  };

  async interruptGenerate(): Promise<void> {
    const started = [...this.#started];
    started.forEach(({ interrupt }) => interrupt.abort());
    await Promise.allSettled(started.map(({ generated }) => generated));
  }

  async resetChat(): Promise<void> {
    await this.#port.call("clear", null);
  }

  async tokenize(input: string | readonly ChatMessage[]): Promise<number[]> {
    const prompt = typeof input === "string" ? wellFormed(input) : { messages: parseMessages(input) };
    return this.#port.call("tokenize", { input: prompt, special: false });
  }

  async detokenize(tokens: readonly number[]): Promise<string> {
    return this.#port.call("detokenize", { tokens: tokenIds(tokens, "tokens", this.#info.vocabulary) });
  }

  dispose(): Promise<void> {
    this.#disposed ??= (async () => {
      const why = new AzulejoError("cancelled", "The engine was disposed before the answer was whole.",
        "Wait for answers before dispose(); interruptGenerate() gives what there is of one.");
      this.#requests.forEach(({ events }) => events.fail(why));
      this.#encoders.close(why);
      await Promise.race([this.#port.call("dispose", null).catch(() => {}), pause(DISPOSE_MS)]);
      this.#port.close();
    })();
    return this.#disposed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  addEventListener<T extends EngineEvent["type"]>(type: T, listener: EngineListener<T>): void {
    this.#events.addEventListener(type, listener as EventListener);
  }

  removeEventListener<T extends EngineEvent["type"]>(type: T, listener: EngineListener<T>): void {
    this.#events.removeEventListener(type, listener as EventListener);
  }

  /** Passes on what the engine tells by itself; no call waits for these listeners. */
  tell(event: EngineEvent): void {
    if ("info" in event) this.#info = event.info;
    this.#events.dispatchEvent(new CustomEvent(event.type, { detail: event }));
    if (this.#onEvent) reported(() => this.#onEvent!(event));
  }

  async #chat(body: ChatRequest, options?: RequestOptions): Promise<ChatCompletion | Stream<ChatCompletionChunk>> {
    const parsed = parseChat(body);
    checkRequestOptions(options);
    const head = this.#heading("chatcmpl-");
    const request = this.#request(parsed, [body.signal, options?.signal], options);
    if (parsed.stream) return this.#stream(request, chatChunks(head, parsed));
    return chatCompletion(head, parsed, await this.#whole(request));
  }

  async #complete(body: CompletionRequest, options?: RequestOptions): Promise<Completion | Stream<Completion>> {
    const parsed = parseCompletion(body);
    checkRequestOptions(options);
    const head = this.#heading("cmpl-");
    const request = this.#request(parsed, [body.signal, options?.signal], options);
    if (parsed.stream) return this.#stream(request, completionChunks(head, parsed));
    return completion(head, parsed, await this.#whole(request));
  }

  async #embed(body: EmbeddingRequest, options?: RequestOptions): Promise<EmbeddingResponse<number[] | string>> {
    if (this.#disposed) throw disposed();
    const parsed = parseEmbedding(body, this.#info);
    checkRequestOptions(options);
    const signals = [body.signal, options?.signal];
    const { controller, done } = stoppedBy(...signals);
    try {
      const answer = await this.#encoders.embed(parsed.args, controller, this.#info);
      const response = embeddingResponse(this.#info.name, parsed, answer);
      this.tell({ type: "embedded", usage: response.usage });
      return response;
    } catch (error) {
      const told = forCaller(error, ...signals);
      this.tell({ type: "failed", error: told });
      throw told;
    } finally {
      done();
    }
  }

  #heading(prefix: string) {
    const { name, version, device } = this.#info;
    return heading(prefix, name, `azulejo-${version}-${device.backend}-${device.tier}`);
  }

  #request({ prompt, options }: Parsed, signals: (AbortSignal | null | undefined)[], how?: RequestOptions): Request {
    signals.forEach((signal) => signal?.throwIfAborted());
    if (this.#disposed) throw disposed();
    const { controller, done } = stoppedBy(...signals);
    const interrupt = new AbortController();
    const events = new Channel<GenerateEvent>();
    controller.signal.addEventListener("abort", () => events.fail(cancelled()));
    const onEvent = (event: GenerateEvent) => {
      if (event.type === "started") this.#started.add(request);
      try {
        if (event.type === "prompt") how?.onPromptProgress?.(event.progress);
      } catch (error) {
        events.fail(listenerThrew("onPromptProgress", error));
        controller.abort();
      }
      events.push(event);
    };
    const context = { signal: controller.signal, interrupt: interrupt.signal, onEvent };
    const generated = this.#port.call("generate", { prompt, options }, context);
    const told = (error: unknown) => forCaller(error, ...signals);
    const request: Request = { events, generated, controller, interrupt, told, done };
    this.#requests.add(request);
    const over = () => (this.#requests.delete(request), this.#started.delete(request));
    generated.finally(over).then(
      (made) => {
        this.tell({ type: "answered", usage: usageOf(made), timings: made.timings, ...ending(made) });
        events.end();
      },
      (error) => {
        this.tell({ type: "failed", error: told(error) });
        events.fail(error);
      },
    );
    return request;
  }

  async #whole({ events, generated, told, done }: Request): Promise<Written> {
    try {
      const tokens: Written["tokens"] = [];
      let text = "";
      for await (const event of events) {
        if (event.type === "rest") text += event.text;
        if (event.type !== "token") continue;
        text += event.token.text;
        if (event.token.token) tokens.push(event.token.token);
      }
      return { text, tokens, generated: await generated };
    } catch (error) {
      throw told(error);
    } finally {
      done();
    }
  }

  /** The stream, as soon as the request's turn has come: what is wrong with it is thrown here. */
  async #stream<T>({ events, generated, controller, told, done }: Request, chunker: Chunker<T>): Promise<Stream<T>> {
    const taken = events[Symbol.asyncIterator]();
    try {
      await taken.next();
    } catch (error) {
      done();
      throw told(error);
    }
    async function* chunks(): AsyncGenerator<T, void, undefined> {
      try {
        yield* chunker.first();
        for await (const event of taken) yield* chunker.event(event);
        yield* chunker.last(await generated);
      } catch (error) {
        const why = told(error);
        // The stream's own end is quiet: its caller left it, or called abort().
        if (!controller.signal.aborted || (why as AzulejoError).code !== "cancelled") throw why;
      } finally {
        done();
      }
    }
    return new Stream(chunks(), controller);
  }
}
