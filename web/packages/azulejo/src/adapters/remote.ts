// The engine's interface on an OpenAI-compatible server (vLLM: `vllm serve MODEL`), for those who outgrow the visitor's
// device. Messages leave the device: nothing takes this by itself, and the visitor's consent is an argument.

import { AzulejoError, cancelled, checkAbort } from "../errors.js";
import type { ChatMessage, ChatRequest, CompletionRequest } from "../shapes.js";
import { Stream } from "../stream.js";
import { json } from "../text.js";
import type { ChatCompletions, Completions, Engine, EngineInfo, RequestOptions } from "../types.js";

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
const OWN = ["signal", "onPromptProgress"];

/** Connects to a server. */
export async function createRemoteEngine(options: RemoteOptions): Promise<Engine> {
  const { consent, signal } = options;
  if (consent !== true && typeof consent !== "function") {
    throw new AzulejoError("consent", "A remote engine wants the visitor's consent.",
      "Give consent: true if the visitor agreed that messages leave the device, or a function that asks.");
  }
  if (consent !== true && (await consent()) !== true) {
    throw new AzulejoError("consent", "The visitor did not agree that messages leave the device.",
      "Go on without the remote engine.");
  }
  checkAbort(signal);
  const base = String(options.baseURL).replace(/\/+$/, "");
  const headers: Record<string, string> = { "content-type": "application/json", ...options.headers };
  if (options.apiKey) headers.authorization = `Bearer ${options.apiKey}`;
  const server = new Server(base, headers);
  const { data } = await server.json<{ data: { id: string; max_model_len?: number }[] }>("/models", null, signal);
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
    memory: { weights: 0, kv: 0, activations: 0 },
    device: { backend: "remote", name: new URL(base).host, driver: "", tier: "remote", reason: "", choice: "asked for" },
    file: { name: "", bytes: 0, verified: false, storage: "none", kept: false, id: null, note: null },
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
      if (signal?.aborted) throw cancelled(signal.reason);
      throw new AzulejoError("network", `${url} could not be reached: ${(error as Error).message}`,
        "Check the address, that the server allows this page (CORS), and that the page's policy has it (connect-src).",
        error);
    }
    if (response.ok) return response;
    const text = (await response.text()).slice(0, 400);
    const code = response.status === 404 ? "not_found" : response.status === 400 ? "invalid_argument" : "network";
    throw new AzulejoError(code, `${url} answered ${response.status}: ${text}`, "The server's message says what to change.");
  }

  async json<T>(path: string, body: unknown, signal?: AbortSignal | null): Promise<T> {
    return (await this.fetch(path, body, signal)).json();
  }
}

class RemoteEngine implements Engine {
  readonly info: EngineInfo;
  readonly #server: Server;
  readonly #running = new Set<AbortController>();
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

  async #create(path: string, body: ChatRequest | CompletionRequest, options?: RequestOptions): Promise<unknown> {
    if (this.#disposed) throw new AzulejoError("invalid_argument", "This engine was disposed.", "Connect anew.");
    const signals = [body.signal, options?.signal];
    signals.forEach(checkAbort);
    const controller = new AbortController();
    const stop = () => controller.abort();
    signals.forEach((signal) => signal?.addEventListener("abort", stop));
    const done = () => {
      signals.forEach((signal) => signal?.removeEventListener("abort", stop));
      this.#running.delete(controller);
    };
    this.#running.add(controller);
    const sent = Object.fromEntries(Object.entries({ ...body, model: this.info.name }).filter(([k]) => !OWN.includes(k)));
    let streams = false;
    try {
      if (!body.stream) return await this.#server.json(path, sent, controller.signal);
      const response = await this.#server.fetch(path, sent, controller.signal);
      streams = true;
      const aborted = () => signals.some((signal) => signal?.aborted);
      return new Stream(events(response, controller, aborted, done), controller);
    } finally {
      if (!streams) done();
    }
  }

  async interruptGenerate(): Promise<void> {
    this.#running.forEach((controller) => controller.abort());
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
    await this.interruptGenerate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/** The chunks of a stream of server-sent events. */
async function* events(
  response: Response,
  controller: AbortController,
  aborted: () => boolean,
  done: () => void,
): AsyncGenerator<object, void, undefined> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done: end } = await reader.read();
      if (end) return;
      rest += value;
      const lines = rest.split(/\r\n|\n|\r/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (controller.signal.aborted) throw cancelled();
        if (!line.startsWith("data:")) continue;
        const data = line.slice(5).trim();
        if (data === "[DONE]") return;
        const chunk = JSON.parse(data);
        if (chunk.error) throw new AzulejoError("network", `The server failed: ${chunk.error.message}`, "Try again.");
        yield chunk;
      }
    }
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    if (aborted()) throw AzulejoError.from(error);
  } finally {
    reader.cancel().catch(() => {});
    done();
  }
}
