// The OpenAI API's shapes: what requests may hold and what answers look like. A structural subset of the types of the
// `openai` package, so that code written for it compiles and runs here; test/types.ts holds the two together.

export interface ChatMessagePart {
  type: string;
  text?: string;
}

/**
 * A message. Chat templates get all of it, also fields that aren't listed here; what they don't read has no effect, as
 * with transformers.
 */
export interface ChatMessage {
  /** `system`, `developer` (the same), `user`, `assistant`, `tool`. */
  role: string;
  content?: string | null | readonly ChatMessagePart[];
  name?: string | null;
  /** What the assistant called. The arguments, JSON in a string, are an object to templates. */
  tool_calls?: readonly unknown[] | null;
  tool_call_id?: string | null;
  /** What the assistant thought before it spoke. */
  reasoning_content?: string | null;
}

/** What both kinds of requests may hold beside their prompt. */
export interface SamplingOptions {
  /** Taken as it is: an engine has one model. */
  model?: string;
  max_tokens?: number | null;
  /** 0 takes the likeliest token each time. 1 if absent, as OpenAI's. */
  temperature?: number | null;
  top_p?: number | null;
  top_k?: number | null;
  min_p?: number | null;
  /** Greater than 0; 1 is none. `repeat_penalty` and `repetition_penalty` are the same. */
  repeat_penalty?: number | null;
  repetition_penalty?: number | null;
  /** How many of the last tokens the penalties look at; -1 is all of the context. */
  repeat_last_n?: number | null;
  frequency_penalty?: number | null;
  presence_penalty?: number | null;
  /** The same seed, prompt and options give the same answer on the same device. */
  seed?: number | null;
  stop?: string | null | readonly string[];
  /** Goes on after the model's end of text. */
  ignore_eos?: boolean | null;
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean } | null;
  /** Sends chunks with `prompt_progress` while the prompt is read, as llama-server does. */
  return_progress?: boolean | null;
  /** Aborts the request, here as well as in the second argument. */
  signal?: AbortSignal | null;
  n?: number | null;
  // What OpenAI's requests may hold and this engine refuses unless it asks for nothing (fields.ts).
  logit_bias?: unknown;
}

export interface ChatRequest extends SamplingOptions {
  messages: readonly ChatMessage[];
  max_completion_tokens?: number | null;
  logprobs?: boolean | null;
  top_logprobs?: number | null;
  /** A chat template in place of the model's own: Jinja, or a built-in one's name (`chatml`; a wrong one gets the list). */
  chat_template?: string | null;
  /** Variables of the chat template, as transformers and vLLM have them: `{enable_thinking: false}` for Qwen 3. */
  chat_template_kwargs?: Readonly<Record<string, unknown>> | null;
  /**
   * Reads a control token's spelling in a message (`<|im_end|>`) as that token. Whoever writes messages can then forge
   * turns: only for messages that the page itself wrote.
   */
  parse_special_in_content?: boolean | null;
  tools?: unknown;
  tool_choice?: unknown;
  functions?: unknown;
  function_call?: unknown;
  response_format?: unknown;
  modalities?: unknown;
  audio?: unknown;
  reasoning_effort?: unknown;
}

export interface CompletionRequest extends SamplingOptions {
  /** A text or its tokens. */
  prompt: string | readonly string[] | readonly number[] | readonly (readonly number[])[] | null;
  echo?: boolean | null;
  /** How many of the likeliest tokens to tell beside each (0 to 20). */
  logprobs?: number | null;
  best_of?: number | null;
  suffix?: string | null;
}

export interface EmbeddingRequest {
  /** Taken as it is: an engine has one model. */
  model?: string;
  /** A text or its tokens, or several of them. */
  input: string | readonly string[] | readonly number[] | readonly (readonly number[])[];
  /** Numbers, if absent; base64 is of their bytes in 32 bits each, the lowest first. */
  encoding_format?: "float" | "base64" | null;
  /** As many as the model's vectors have (`info.embedding.dimensions`), or an error. */
  dimensions?: number | null;
  user?: string | null;
  /** The name of what the model's files want in front of texts of a kind (`info.embedding.prompts`). */
  prompt_name?: string | null;
  /** Aborts the request, here as well as in the second argument. */
  signal?: AbortSignal | null;
}

/** A vector a text, in the texts' order; a vector's length is 1 unless the model's files say otherwise. */
export interface EmbeddingResponse<Vector = number[]> {
  object: "list";
  data: { object: "embedding"; index: number; embedding: Vector }[];
  model: string;
  usage: EmbeddingUsage;
}

export interface EmbeddingUsage {
  prompt_tokens: number;
  total_tokens: number;
}

/** `stop`: the model had no more to say, or a stop string came; `length`: it was cut off, also by `interruptGenerate()`. */
export type FinishReason = "stop" | "length";

export interface TokenLogprob {
  token: string;
  bytes: number[] | null;
  logprob: number;
  top_logprobs: { token: string; bytes: number[] | null; logprob: number }[];
}

export interface ChatLogprobs {
  content: TokenLogprob[] | null;
  refusal: null;
}

export interface CompletionLogprobs {
  tokens: string[];
  token_logprobs: number[];
  top_logprobs: Record<string, number>[];
  text_offset: number[];
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number };
}

/** Times of an answer, by the names that llama-server gives them. */
export interface Timings {
  /** Tokens of the prompt that were in the cache, and those that were read. */
  cache_n: number;
  prompt_n: number;
  prompt_ms: number;
  prompt_per_second: number;
  predicted_n: number;
  predicted_ms: number;
  predicted_per_second: number;
}

export interface PromptProgress {
  total: number;
  cache: number;
  processed: number;
  time_ms: number;
}

interface Answer {
  id: string;
  created: number;
  model: string;
  /** The engine's version, back-end and tier: the same one gives the same answer for the same seed. */
  system_fingerprint: string;
}

export interface ChatCompletion extends Answer {
  object: "chat.completion";
  choices: {
    index: number;
    message: { role: "assistant"; content: string | null; refusal: null };
    finish_reason: FinishReason;
    /** There if `interruptGenerate()` ended it. */
    interrupted?: true;
    logprobs: ChatLogprobs | null;
  }[];
  usage: Usage;
  timings: Timings;
}

export interface ChatCompletionChunk extends Answer {
  object: "chat.completion.chunk";
  choices: {
    index: number;
    delta: { role?: "assistant"; content?: string };
    finish_reason: FinishReason | null;
    /** There, in the last chunk, if `interruptGenerate()` ended it. */
    interrupted?: true;
    logprobs: ChatLogprobs | null;
  }[];
  /** In the last chunk, if `stream_options.include_usage` asked for it. */
  usage?: Usage | null;
  /** In the last chunk. */
  timings?: Timings;
  prompt_progress?: PromptProgress;
}

/** Also the chunk of a streamed completion, as OpenAI has it. */
export interface Completion extends Answer {
  object: "text_completion";
  choices: {
    index: number;
    text: string;
    /** In chunks before the last one null, which OpenAI's own type doesn't say. */
    finish_reason: FinishReason;
    /** There if `interruptGenerate()` ended it. */
    interrupted?: true;
    logprobs: CompletionLogprobs | null;
  }[];
  usage?: Usage;
  timings?: Timings;
  prompt_progress?: PromptProgress;
}
