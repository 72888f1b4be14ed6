// The engine's interface on an OpenAI-compatible server (vLLM: `vllm serve MODEL`), for those who outgrow the visitor's
// device. Messages leave the device: nothing takes this by itself, and the visitor's consent is an argument.

import { checkRequestOptions } from "../chat.js";
import { AzulejoError, cancelled, disposed, forCaller, invalid, stoppedBy } from "../errors.js";
import { checkOptions, REMOTE_OPTIONS } from "../options.js";
import type { ChatMessage, ChatRequest, CompletionRequest, EmbeddingRequest } from "../shapes.js";
import { Stream } from "../stream.js";
import { absolute, json } from "../text.js";
import type { ChatCompletions, Completions, Embeddings, Engine, EngineInfo, RequestOptions } from "../types.js";

export interface RemoteOptions {
  /** The API's address, such as `https://llm.example.org/v1`. */
  baseURL: string | URL;
  /** True, or what asks the visitor: messages go to the server only after it said yes. */
  consent: true | (() => boolean | Promise<boolean>);
  /** The model's name there; the first one of `/models` if absent. */
  model?: string;
  /** Sent as a bearer token. A page can't keep a secret: only for keys that may be public. */
  apiKey?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** What has a meaning on this side only. */
const OWN = ["signal"];

/** Connects to a server. */
export async function createRemoteEngine(options: RemoteOptions): Promise<Engine> {
  checkOptions(options, "createRemoteEngine's options", REMOTE_OPTIONS);
  const { consent, signal } = options;
  if (consent !== true && typeof consent !== "function") {
    throw new AzulejoError("consent", "A remote engine wants the visitor's consent.",
      "Give consent: true if the visitor agreed that messages leave the device, or a function that asks.");
  }
  if (consent !== true && (await consent()) !== true) {
    throw new AzulejoError("consent", "The visitor did not agree that messages leave the device.",
      "Go on without the remote engine.");
  }
  signal?.throwIfAborted();
  const base = absolute(options.baseURL, "baseURL").replace(/\/+$/, "");
  const headers: Record<string, string> = { "content-type": "application/json", ...options.headers };
  if (options.apiKey) headers.authorization = `Bearer ${options.apiKey}`;
  const server = new Server(base, headers);
  const { data } = await server.json<{ data?: { id: string; max_model_len?: number }[] }>("/models", null, signal);
  if (!Array.isArray(data)) throw odd(`${base}/models`, "it lists no models");
  const model = options.model ?? data[0]?.id;
  const found = data.find(({ id }) => id === model);
  if (!model || !found) {
    const names = data.map(({ id }) => id).join(", ") || "none";
    throw new AzulejoError("not_found", `${base} has no model "${model ?? ""}"; it has ${names}.`, "Name one that it has.");
  }
  return new RemoteEngine(server, infoOf(model, base, found.max_model_len ?? 0));
}

function infoOf(name: string, base: string, contextLength: number): EngineInfo {
  return {
    name,
    architecture: "",
    contextLength,
    vocabulary: 0,
    parameters: 0,
    bytesPerToken: 0,
    // No server tells.
    embedding: null,
    memory: { weights: 0, kv: 0, activations: 0 },
    device: {
      backend: "remote", name: new URL(base).host, driver: "", tier: "remote", reason: "", choice: "asked for", choiceCode: "asked",
    },
    file: { name: "", bytes: 0, verified: false, storage: "none", kept: false, id: null, note: null, noteCode: null },
    warnings: [],
    version: "",
  };
}

class Server {
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor(base: string, headers: Record<string, string>) {
    this.#base = base;
    this.#headers = headers;
  }

  async fetch(path: string, body: unknown, signal?: AbortSignal | null): Promise<Response> {
    // vLLM has its tokenizer beside the API, not in it.
    const url = (path.endsWith("tokenize") ? this.#base.replace(/\/v1$/, "") : this.#base) + path;
    const how = body === null ? {} : { method: "POST", body: JSON.stringify(json(body, "The request")) };
    let response: Response;
    try {
      response = await fetch(url, { ...how, headers: this.#headers, signal: signal ?? null });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw new AzulejoError("network", `${url} could not be reached: ${(error as Error).message}`,
        "Check the address, that the server allows this page (CORS), and that the page's policy has it (connect-src).",
        error, { url });
    }
    if (response.ok) return response;
    const { status } = response;
    const text = (await response.text().catch(() => "")).slice(0, 400);
    const code = status === 404 ? "not_found" : status === 400 ? "invalid_argument" : "network";
    throw new AzulejoError(code, `${url} answered ${status}: ${text}`, "The server's message says what to change.",
      undefined, { url, status });
  }

  async json<T>(path: string, body: unknown, signal?: AbortSignal | null): Promise<T> {
    const response = await this.fetch(path, body, signal);
    try {
      return await response.json();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw odd(response.url, (error as Error).message, error);
    }
  }
}

/** A server that isn't one of OpenAI's API, or whose connection broke. */
function odd(url: string, what: string, cause?: unknown): AzulejoError {
  return new AzulejoError("network", `The answer of ${url} can't be used: ${what}.`,
    "Try again; if it stays so, check that the address is an OpenAI-compatible API's.", cause, { url });
}

class RemoteEngine implements Engine {
  readonly info: EngineInfo;
  readonly #server: Server;
  readonly #running = new Set<Running>();
  #disposed = false;

  constructor(server: Server, info: EngineInfo) {
    this.#server = server;
    this.info = info;
  }

  readonly chat = {
    completions: {
      create: (body: ChatRequest, options?: RequestOptions) => this.#create("/chat/completions", body, options),
    } as unknown as ChatCompletions,
  };

  readonly completions = {
    create: (body: CompletionRequest, options?: RequestOptions) => this.#create("/completions", body, options),
  } as unknown as Completions;

  readonly embeddings = {
    create: (body: EmbeddingRequest, options?: RequestOptions) => this.#create("/embeddings", body, options),
  } as unknown as Embeddings;

  async #create(path: string, body: ChatRequest | CompletionRequest | EmbeddingRequest, options?: RequestOptions): Promise<unknown> {
    if (this.#disposed) throw disposed();
    checkRequestOptions(options);
    if (typeof body !== "object" || body === null) throw invalid("The request has to be an object.");
    const signals = [body.signal, options?.signal];
    const stopped = stoppedBy(...signals);
    const { controller } = stopped;
    const running: Running = {
      controller,
      why: null,
      told: (error) => forCaller(running.why instanceof AzulejoError ? running.why : error, ...signals),
    };
    const done = () => {
      stopped.done();
      this.#running.delete(running);
    };
    this.#running.add(running);
    const sent = Object.fromEntries(Object.entries({ ...body, model: this.info.name }).filter(([k]) => !OWN.includes(k)));
    let streams = false;
    try {
      if (!("stream" in body && body.stream)) return await this.#server.json(path, sent, controller.signal);
      const response = await this.#server.fetch(path, sent, controller.signal);
      streams = true;
      return new Stream(events(response, running, done), controller);
    } catch (error) {
      if (running.why !== "interrupted") throw running.told(error);
      throw new AzulejoError("cancelled", "The answer was interrupted, and a server tells no part of one that isn't streamed.",
        "Use stream: true.");
    } finally {
      if (!streams) done();
    }
  }

  async interruptGenerate(): Promise<void> {
    this.#end("interrupted");
  }

  #end(why: Running["why"]): void {
    for (const running of this.#running) {
      running.why ??= why;
      running.controller.abort();
    }
  }

  async tokenize(input: string | readonly ChatMessage[]): Promise<number[]> {
    const asked = typeof input === "string" ? { prompt: input, add_special_tokens: false } : { messages: input };
    return (await this.#server.json<{ tokens: number[] }>("/tokenize", { model: this.info.name, ...asked })).tokens;
  }

  async detokenize(tokens: readonly number[]): Promise<string> {
    return (await this.#server.json<{ prompt: string }>("/detokenize", { model: this.info.name, tokens })).prompt;
  }

  async resetChat(): Promise<void> {}
  addEventListener(): void {}
  removeEventListener(): void {}

  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#end(new AzulejoError("cancelled", "The engine was disposed before the answer was whole.", "Wait for it."));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/** A request on its way, and what but its signals ended it. */
interface Running {
  controller: AbortController;
  why: AzulejoError | "interrupted" | null;
  told(error: unknown): unknown;
}

interface Chunk {
  choices?: { index?: number; finish_reason?: string | null }[];
  error?: { message?: string };
}

/** The chunks of a stream of server-sent events. */
async function* events(response: Response, running: Running, done: () => void): AsyncGenerator<object, void, undefined> {
  const { signal } = running.controller;
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let last: Chunk | null = null;
  let rest = "";
  let finished = false;
  try {
    for (;;) {
      const { value, done: end } = await reader.read();
      if (end && finished) return;
      if (end) throw odd(response.url, "it ended before the answer did");
      rest += value;
      const lines = rest.split(/\r\n|\n|\r/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (signal.aborted) throw cancelled();
        if (!line.startsWith("data:")) continue;
        const data = line.slice(5).trim();
        if (data === "[DONE]") return;
        const chunk: Chunk = JSON.parse(data);
        if (chunk.error) throw new AzulejoError("network", `The server failed: ${chunk.error.message}`, "Try again.");
        finished ||= chunk.choices?.some((choice) => choice.finish_reason) ?? false;
        last = chunk;
        yield chunk;
      }
    }
  } catch (error) {
    if (running.why === "interrupted") {
      const [choice] = last?.choices ?? [];
      const ended = { index: 0, finish_reason: "length", interrupted: true, ...("text" in (choice ?? {}) ? { text: "" } : { delta: {} }) };
      if (last && !finished) yield { ...last, choices: [ended] };
      return;
    }
    const isOurs = error instanceof AzulejoError || signal.aborted;
    const why = running.told(isOurs ? error : odd(response.url, (error as Error).message, error));
    // The stream's own end is quiet: its caller left it, or called abort().
    if (!signal.aborted || (why as AzulejoError).code !== "cancelled" || running.why) throw why;
  } finally {
    reader.cancel().catch(() => {});
    done();
  }
}
