// The engine as a language model of the Vercel AI SDK: `azulejo(engine)` for version 7 (specification v4), `azulejoV3`
// for version 6 (v3).

import { AzulejoError } from "../errors.js";
import type { ChatMessage, ChatRequest, FinishReason, Usage } from "../shapes.js";
import { readable } from "../stream.js";
import type { Engine } from "../types.js";

// The parts of the specifications that an engine has to do with. Written out, since a page has one version of
// `@ai-sdk/provider` and not the other; test/types.ts holds them to both.

interface CallOptions {
  prompt: { role: string; content: string | readonly { type: string; text?: string }[] }[];
  maxOutputTokens?: number | undefined;
  temperature?: number | undefined;
  stopSequences?: string[] | undefined;
  topP?: number | undefined;
  topK?: number | undefined;
  presencePenalty?: number | undefined;
  frequencyPenalty?: number | undefined;
  seed?: number | undefined;
  responseFormat?: { type: string } | undefined;
  tools?: readonly unknown[] | undefined;
  reasoning?: string | undefined;
  /** What requests have and the SDK has no name for: `{azulejo: {min_p, chat_template_kwargs}}`. */
  providerOptions?: Record<string, Record<string, unknown>> | undefined;
  abortSignal?: AbortSignal | undefined;
}

interface Warning {
  type: "unsupported";
  feature: string;
  details: string;
}

interface Result {
  content: { type: "text"; text: string }[];
  finishReason: { unified: FinishReason | "other"; raw: string };
  usage: ReturnType<typeof usage>;
  warnings: Warning[];
  request: { body: unknown };
  response: { id: string; timestamp: Date; modelId: string };
}

type Part =
  | { type: "stream-start"; warnings: Warning[] }
  | { type: "response-metadata"; id: string; timestamp: Date; modelId: string }
  | { type: "text-start" | "text-end"; id: string }
  | { type: "text-delta"; id: string; delta: string }
  | { type: "finish"; finishReason: Result["finishReason"]; usage: Result["usage"] };

/** A language model of the AI SDK, of one version of its specification. */
export interface SdkModel<Version extends string> {
  readonly specificationVersion: Version;
  readonly provider: string;
  readonly modelId: string;
  supportedUrls: Record<string, RegExp[]>;
  doGenerate(options: CallOptions): Promise<Result>;
  doStream(options: CallOptions): Promise<{ stream: ReadableStream<Part>; request: { body: unknown } }>;
}

const PROVIDER = "azulejo";

/** The engine as a model of AI SDK 7. */
export function azulejo(engine: Engine): SdkModel<"v4"> {
  return { specificationVersion: "v4", ...model(engine) };
}

/** The engine as a model of AI SDK 6. */
export function azulejoV3(engine: Engine): SdkModel<"v3"> {
  return { specificationVersion: "v3", ...model(engine) };
}

function model(engine: Engine): Omit<SdkModel<string>, "specificationVersion"> {
  return {
    provider: PROVIDER,
    modelId: engine.info.name,
    supportedUrls: {},
    async doGenerate(options: CallOptions): Promise<Result> {
      const { body, warnings } = request(options);
      const answer = await named(engine.chat.completions.create({ ...body, stream: false }, signalOf(options)));
      const [choice] = answer.choices;
      return {
        content: [{ type: "text", text: choice?.message.content ?? "" }],
        finishReason: finish(choice),
        usage: usage(answer.usage),
        warnings,
        request: { body },
        response: { id: answer.id, timestamp: new Date(answer.created * 1000), modelId: answer.model },
      };
    },
    async doStream(options: CallOptions): Promise<{ stream: ReadableStream<Part>; request: { body: unknown } }> {
      const { body, warnings } = request(options);
      const asked = { ...body, stream: true as const, stream_options: { include_usage: true } };
      const answer = await named(engine.chat.completions.create(asked, signalOf(options)));
      return { stream: readable(partsOf(answer, warnings)), request: { body: asked } };
    },
  };
}

type Chunks = AsyncIterable<{
  id: string;
  created: number;
  model: string;
  choices: { delta: { content?: string }; finish_reason: FinishReason | null; interrupted?: true }[];
  usage?: Usage | null;
}>;

async function* partsOf(chunks: Chunks, warnings: Warning[]): AsyncGenerator<Part, void, undefined> {
  yield { type: "stream-start", warnings };
  let id: string | null = null;
  let end: Ending | undefined;
  let used: Usage | null = null;
  for await (const chunk of chunks) {
    if (id === null) {
      id = chunk.id;
      const timestamp = new Date(chunk.created * 1000);
      yield { type: "response-metadata", id, timestamp, modelId: chunk.model };
      yield { type: "text-start", id };
    }
    const [choice] = chunk.choices;
    if (choice?.delta.content) yield { type: "text-delta", id, delta: choice.delta.content };
    if (choice?.finish_reason) end = choice;
    used = chunk.usage ?? used;
  }
  if (id !== null) yield { type: "text-end", id };
  yield { type: "finish", finishReason: finish(end), usage: usage(used) };
}

/** The request, and what of the options is not in it: the SDK tells its user so. */
function request(options: CallOptions): { body: ChatRequest; warnings: Warning[] } {
  const warnings: Warning[] = [];
  const lacks = (feature: string, details: string) => warnings.push({ type: "unsupported", feature, details });
  if (options.tools?.length) lacks("tools", "The engine calls no tools: they are left out.");
  if (options.responseFormat?.type === "json") lacks("responseFormat", "The engine holds no answer to a schema.");
  if (!["provider-default", "none"].includes(options.reasoning ?? "none")) {
    lacks("reasoning", "The engine thinks as the model does.");
  }
  const body: ChatRequest = {
    messages: options.prompt.map(message),
    max_completion_tokens: options.maxOutputTokens ?? null,
    temperature: options.temperature ?? null,
    top_p: options.topP ?? null,
    top_k: options.topK ?? null,
    presence_penalty: options.presencePenalty ?? null,
    frequency_penalty: options.frequencyPenalty ?? null,
    seed: options.seed ?? null,
    stop: options.stopSequences ?? null,
    ...options.providerOptions?.[PROVIDER],
  };
  return { body, warnings };
}

/** The SDK's names for what requests call otherwise. */
const NAMES: Record<string, string> = {
  max_completion_tokens: "maxOutputTokens",
  top_p: "topP",
  top_k: "topK",
  presence_penalty: "presencePenalty",
  frequency_penalty: "frequencyPenalty",
  stop: "stopSequences",
};

/** What the request refuses, by the name that the SDK's user knows. */
async function named<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof AzulejoError) || error.code !== "invalid_argument") throw error;
    const message = error.message.replace(/^"(\w+)"/, (quoted, name) => (NAMES[name] ? `"${NAMES[name]}"` : quoted));
    throw new AzulejoError(error.code, message, error.hint, error, error.parameters);
  }
}

function message({ role, content }: CallOptions["prompt"][number]): ChatMessage {
  if (typeof content === "string") return { role, content };
  const texts = content.map((part) => {
    if (part.type === "text") return part.text ?? "";
    // What the model thought before it spoke is not a part of the conversation.
    if (part.type === "reasoning") return "";
    throw new AzulejoError("unsupported", `A message of the role "${role}" has a part of the type "${part.type}".`,
      "The engine reads text only: send text parts.");
  });
  return { role, content: texts.join("") };
}

const signalOf = ({ abortSignal }: CallOptions) => ({ signal: abortSignal ?? null });

interface Ending {
  finish_reason: FinishReason | null;
  interrupted?: true;
}

function finish(choice: Ending | undefined): Result["finishReason"] {
  if (choice?.interrupted) return { unified: "other", raw: "interrupted" };
  const reason = choice?.finish_reason ?? "stop";
  return { unified: reason, raw: reason };
}

function usage(used: Usage | null) {
  const cached = used?.prompt_tokens_details.cached_tokens;
  const total = used?.prompt_tokens;
  const noCache = total === undefined || cached === undefined ? undefined : total - cached;
  return {
    inputTokens: { total, noCache, cacheRead: cached, cacheWrite: undefined },
    outputTokens: { total: used?.completion_tokens, text: used?.completion_tokens, reasoning: undefined },
  };
}

/** An embedding model of the AI SDK, of one version of its specification. */
export interface SdkEmbeddingModel<Version extends string> {
  readonly specificationVersion: Version;
  readonly provider: string;
  readonly modelId: string;
  readonly maxEmbeddingsPerCall: undefined;
  readonly supportsParallelCalls: false;
  doEmbed(options: EmbedOptions): Promise<{ embeddings: number[][]; usage: { tokens: number }; warnings: Warning[] }>;
}

interface EmbedOptions {
  values: string[];
  /** `{azulejo: {prompt_name: "query"}}`. */
  providerOptions?: Record<string, Record<string, unknown>> | undefined;
  abortSignal?: AbortSignal | undefined;
}

/** The engine's encoder as an embedding model of AI SDK 7. */
export function azulejoEmbedding(engine: Engine): SdkEmbeddingModel<"v4"> {
  return { specificationVersion: "v4", ...embeddingModel(engine) };
}

/** The engine's encoder as an embedding model of AI SDK 6. */
export function azulejoEmbeddingV3(engine: Engine): SdkEmbeddingModel<"v3"> {
  return { specificationVersion: "v3", ...embeddingModel(engine) };
}

function embeddingModel(engine: Engine): Omit<SdkEmbeddingModel<string>, "specificationVersion"> {
  return {
    provider: PROVIDER,
    modelId: engine.info.name,
    maxEmbeddingsPerCall: undefined,
    supportsParallelCalls: false,
    async doEmbed({ values, providerOptions, abortSignal }: EmbedOptions) {
      const body = { input: values, ...providerOptions?.[PROVIDER], encoding_format: "float" as const };
      const { data, usage } = await engine.embeddings.create(body, { signal: abortSignal ?? null });
      return { embeddings: data.map(({ embedding }) => embedding), usage: { tokens: usage.prompt_tokens }, warnings: [] };
    },
  };
}
