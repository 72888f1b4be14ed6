// Answers in the OpenAI API's shapes, made from an engine's events: whole, or as a stream of chunks.

import type { Parsed } from "./chat.js";
import type { GenerateEvent, Generated, WireToken } from "./protocol.js";
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatLogprobs,
  Completion,
  CompletionLogprobs,
  FinishReason,
  TokenLogprob,
  Usage,
} from "./shapes.js";

/** What all chunks of an answer have in common. */
export interface Heading {
  id: string;
  created: number;
  model: string;
  system_fingerprint: string;
}

export function heading(prefix: string, model: string, fingerprint: string): Heading {
  const random = crypto.getRandomValues(new Uint32Array(4));
  const id = prefix + [...random].map((word) => word.toString(36).padStart(7, "0")).join("");
  return { id, created: Math.floor(Date.now() / 1000), model, system_fingerprint: fingerprint };
}

/** An answer that is whole: its text, and what was told of each token if that was asked for. */
export interface Written {
  text: string;
  tokens: NonNullable<WireToken["token"]>[];
  generated: Generated;
}

/** How an answer ended. One that was interrupted was cut off: OpenAI's types have no other word for it. */
export function ending({ stop }: Generated): { finish_reason: FinishReason; interrupted?: true } {
  if (stop === "cancelled") return { finish_reason: "length", interrupted: true };
  return { finish_reason: stop === "length" ? "length" : "stop" };
}

export function usageOf(generated: Generated): Usage {
  return {
    prompt_tokens: generated.promptTokens,
    completion_tokens: generated.tokens,
    total_tokens: generated.promptTokens + generated.tokens,
    prompt_tokens_details: { cached_tokens: generated.cachedTokens },
  };
}

/** Bytes of a token that is not whole UTF-8 are told as such, as OpenAI does it. */
function tokenLogprob({ text, bytes, logprob, top }: NonNullable<WireToken["token"]>): TokenLogprob {
  const top_logprobs = top.map((t) => ({ token: t.text, bytes: t.bytes, logprob: t.logprob }));
  return { token: text, bytes, logprob, top_logprobs };
}

function chatLogprobs(parsed: Parsed, tokens: Written["tokens"]): ChatLogprobs | null {
  return parsed.options.logprobs === undefined ? null : { content: tokens.map(tokenLogprob), refusal: null };
}

function completionLogprobs(parsed: Parsed, tokens: Written["tokens"], offset: number): CompletionLogprobs | null {
  if (parsed.options.logprobs === undefined) return null;
  let at = offset;
  return {
    tokens: tokens.map((t) => t.text),
    token_logprobs: tokens.map((t) => t.logprob),
    top_logprobs: tokens.map((t) => Object.fromEntries(t.top.map((other) => [other.text, other.logprob]))),
    text_offset: tokens.map((t) => (at += t.text.length) - t.text.length),
  };
}

export function chatCompletion(head: Heading, parsed: Parsed, written: Written): ChatCompletion {
  return {
    ...head,
    object: "chat.completion",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: written.text, refusal: null },
        ...ending(written.generated),
        logprobs: chatLogprobs(parsed, written.tokens),
      },
    ],
    usage: usageOf(written.generated),
    timings: written.generated.timings,
  };
}

export function completion(head: Heading, parsed: Parsed, written: Written): Completion {
  return {
    ...head,
    object: "text_completion",
    choices: [
      {
        index: 0,
        text: parsed.echo + written.text,
        ...ending(written.generated),
        logprobs: completionLogprobs(parsed, written.tokens, 0),
      },
    ],
    usage: usageOf(written.generated),
    timings: written.generated.timings,
  };
}

/** Makes chunks of one kind from an engine's events. */
export interface Chunker<T> {
  first(): T[];
  event(event: GenerateEvent): T[];
  last(generated: Generated): T[];
}

export function chatChunks(head: Heading, parsed: Parsed): Chunker<ChatCompletionChunk> {
  type Choice = ChatCompletionChunk["choices"][number];
  const chunk = (delta: Choice["delta"], more: Partial<Choice> = {}): ChatCompletionChunk => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, finish_reason: null, logprobs: null, ...more }],
    ...(parsed.includeUsage ? { usage: null } : {}),
  });
  return {
    first: () => [chunk({ role: "assistant", content: "" })],
    event(event) {
      if (event.type === "prompt" && parsed.returnProgress) return [{ ...chunk({}), prompt_progress: event.progress }];
      if (event.type === "rest") return event.text === "" ? [] : [chunk({ content: event.text })];
      if (event.type !== "token") return [];
      const { text, token } = event.token;
      if (text === "" && !token) return [];
      return [chunk({ content: text }, { logprobs: token ? chatLogprobs(parsed, [token]) : null })];
    },
    last(generated) {
      const end = { ...chunk({}, ending(generated)), timings: generated.timings };
      if (!parsed.includeUsage) return [end];
      return [end, { ...chunk({}), choices: [], usage: usageOf(generated), timings: generated.timings }];
    },
  };
}

export function completionChunks(head: Heading, parsed: Parsed): Chunker<Completion> {
  let offset = 0;
  const chunk = (text: string, finish: FinishReason | null, logprobs: CompletionLogprobs | null = null): Completion => ({
    ...head,
    object: "text_completion",
    // OpenAI sends null before the end too, though its type denies it.
    choices: [{ index: 0, text, finish_reason: finish as FinishReason, logprobs }],
  });
  return {
    first: () => (parsed.echo === "" ? [] : [chunk(parsed.echo, null)]),
    event(event) {
      if (event.type === "prompt" && parsed.returnProgress) return [{ ...chunk("", null), prompt_progress: event.progress }];
      if (event.type === "rest") return event.text === "" ? [] : [chunk(event.text, null)];
      if (event.type !== "token") return [];
      const { text, token } = event.token;
      if (text === "" && !token) return [];
      const logprobs = token ? completionLogprobs(parsed, [token], offset) : null;
      offset += token?.text.length ?? 0;
      return [chunk(text, null, logprobs)];
    },
    last(generated) {
      const [choice] = chunk("", null).choices;
      const end = { ...chunk("", null), choices: [{ ...choice!, ...ending(generated) }], timings: generated.timings };
      if (!parsed.includeUsage) return [end];
      const { timings } = generated;
      return [end, { ...head, object: "text_completion", choices: [], usage: usageOf(generated), timings }];
    },
  };
}
