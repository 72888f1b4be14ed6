// Requests in the OpenAI API's shapes: checked, and turned into what the engine takes. Nothing that a request asks for
// is left out silently: what the engine can't do is an error that says so.

import { AzulejoError, invalid } from "./errors.js";
import type { WirePrompt } from "./protocol.js";
import type { ChatMessage, ChatRequest, CompletionRequest, SamplingOptions } from "./shapes.js";
import { wellFormed } from "./text.js";
import type { SessionOptions } from "./wasm-surface.js";

/** A request that was found right. */
export interface Parsed {
  prompt: WirePrompt;
  options: SessionOptions;
  stream: boolean;
  includeUsage: boolean;
  returnProgress: boolean;
  /** The prompt's text to put before the answer (`echo`). */
  echo: string;
}

/** Names of no effect on an answer: accepted from those who send them everywhere. */
const WITHOUT_EFFECT = ["model", "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
  "prompt_cache_retention", "parallel_tool_calls"];
const SAMPLING = ["max_tokens", "temperature", "top_p", "top_k", "min_p", "repeat_penalty", "repetition_penalty",
  "repeat_last_n", "frequency_penalty", "presence_penalty", "seed", "stop", "ignore_eos", "stream", "stream_options",
  "return_progress", "signal", "logprobs", "n"];
const CHAT = new Set([...WITHOUT_EFFECT, ...SAMPLING, "messages", "max_completion_tokens", "top_logprobs",
  "chat_template", "parse_special_in_content"]);
const COMPLETION = new Set([...WITHOUT_EFFECT, ...SAMPLING, "prompt", "echo", "best_of"]);

const INSTEAD: Record<string, string> = {
  tools: "Describe the tools in the system message and read the calls from the text.",
  functions: "Describe the functions in the system message and read the calls from the text.",
  response_format: "Ask for JSON in the prompt and check what comes.",
};

/** Values that ask for nothing. */
function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  if (value === "" || value === "none" || value === "auto") return true;
  if (Array.isArray(value)) return value.length === 0 || (value.length === 1 && value[0] === "text");
  if (typeof value !== "object") return false;
  const entries = Object.entries(value);
  return entries.length === 0 || (entries.length === 1 && value !== null && "type" in value && value.type === "text");
}

function refuseUnknown(body: object, known: Set<string>): void {
  for (const [name, value] of Object.entries(body)) {
    if (known.has(name) || isNothing(value)) continue;
    throw new AzulejoError(
      "unsupported",
      `The request's "${name}" is not something this engine can do.`,
      INSTEAD[name] ?? `Leave "${name}" out.`,
    );
  }
}

/** A value in an error's words: JSON has no NaN and no infinity. */
function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

/** A number within bounds, or undefined if there is none. */
function number(name: string, value: unknown, low: number, high: number, whole = false): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
  const kind = whole ? "a whole number" : "a number";
  const bounds = high >= WHOLE ? `of at least ${low}` : `from ${low} to ${high}`;
  throw invalid(`"${name}" is ${shown(value)}, and has to be ${kind} ${bounds}.`);
}

/** A number that something is divided by, in the engine's precision. */
function divisor(name: string, value: unknown): number | undefined {
  if (typeof value === "number" && value >= 0 && Math.fround(value) === 0) {
    throw invalid(`"${name}" is ${value}, and has to be a number greater than 0; 1 is none.`);
  }
  return number(name, value, 0, GREATEST);
}

/** The first of some names that has a value, and the value. */
function named<T>(values: Record<string, T>): [string, T | undefined] {
  const entries = Object.entries(values);
  return entries.find(([, value]) => value !== undefined && value !== null) ?? [entries[0]![0], undefined];
}

const WHOLE = Number.MAX_SAFE_INTEGER;
/** The greatest number that the engine has: it counts in 32 bits. */
const GREATEST = 3.4028234663852886e38;

/** A count as the engine takes it: there are never more tokens than that. */
function count(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.min(value, 2 ** 31 - 1);
}

function sampling(body: SamplingOptions, [tokensName, tokens]: [string, unknown]): SessionOptions {
  if ((body.n ?? 1) !== 1) throw invalid(`"n" is ${body.n}: an engine writes one answer.`, "Ask several times.");
  const stop = body.stop ?? [];
  const stops = typeof stop === "string" ? [stop] : [...stop];
  if (!stops.every((s) => typeof s === "string" && s !== "")) {
    throw invalid('"stop" has to be a string or strings, none of them empty.');
  }
  const { repeat_penalty, repetition_penalty } = body;
  const options = {
    maxTokens: count(number(tokensName, tokens, 0, WHOLE, true)),
    temperature: number("temperature", body.temperature, 0, GREATEST) ?? 1,
    topP: number("top_p", body.top_p, 0, 1),
    topK: count(number("top_k", body.top_k === -1 ? 0 : body.top_k, 0, WHOLE, true)),
    minP: number("min_p", body.min_p, 0, 1),
    repeatPenalty: divisor(...named({ repeat_penalty, repetition_penalty })),
    repeatLastN: count(number("repeat_last_n", body.repeat_last_n, -1, WHOLE, true)),
    frequencyPenalty: number("frequency_penalty", body.frequency_penalty, -2, 2),
    presencePenalty: number("presence_penalty", body.presence_penalty, -2, 2),
    seed: number("seed", body.seed, -WHOLE, WHOLE, true),
    ignoreEnd: body.ignore_eos ?? undefined,
    stop: stops.length > 0 ? stops.map(wellFormed) : undefined,
  };
  // -1 is "any" to those who come from llama.cpp; other negative seeds are as good as any number.
  if (options.seed !== undefined && options.seed < 0) {
    options.seed = options.seed === -1 ? undefined : -options.seed;
  }
  return present(options);
}

/** Without what is undefined, as JSON would have it. */
function present(options: { [K in keyof SessionOptions]: SessionOptions[K] | undefined }): SessionOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function common(body: SamplingOptions): Pick<Parsed, "stream" | "includeUsage" | "returnProgress"> {
  return {
    stream: body.stream === true,
    includeUsage: body.stream_options?.include_usage === true,
    returnProgress: body.return_progress === true,
  };
}

/** A message's words. */
function words(content: ChatMessage["content"], where: string): string {
  if (typeof content === "string") return content;
  if (content === null || content === undefined) return "";
  if (!Array.isArray(content)) throw invalid(`${where} has to be a string or a list of parts.`);
  return content
    .map((part: { type: string; text?: string }, at) => {
      if (part?.type === "text" && typeof part.text === "string") return part.text;
      throw new AzulejoError(
        "unsupported",
        `${where}[${at}] is of type "${part?.type}": this engine reads text only.`,
        'Send parts as {type: "text", text}.',
      );
    })
    .join("");
}

const ROLES: Record<string, string> = { system: "system", developer: "system", user: "user", assistant: "assistant" };

/** A conversation as chat templates take it. */
export function parseMessages(messages: readonly ChatMessage[]): { role: string; content: string }[] {
  if (!Array.isArray(messages) || messages.length === 0) throw invalid('"messages" has to be a list of messages.');
  return messages.map((message: ChatMessage, at) => {
    const role = ROLES[message?.role];
    if (role === undefined) {
      throw new AzulejoError(
        "unsupported",
        `messages[${at}] has the role "${message?.role}"; there are ${Object.keys(ROLES).join(", ")}.`,
        "Put what a tool said into a user's message.",
      );
    }
    return { role, content: wellFormed(words(message.content, `messages[${at}].content`)) };
  });
}

/** Checks a chat's request. */
export function parseChat(body: ChatRequest): Parsed {
  if (typeof body !== "object" || body === null) throw invalid("The request has to be an object.");
  refuseUnknown(body, CHAT);
  const { max_completion_tokens, max_tokens } = body;
  const options = sampling(body, named({ max_completion_tokens, max_tokens }));
  const top = number("top_logprobs", body.top_logprobs, 0, 20, true);
  if (top !== undefined && !body.logprobs) throw invalid('"top_logprobs" wants "logprobs": true beside it.');
  if (body.logprobs) options.logprobs = top ?? 0;
  const prompt: WirePrompt = { messages: parseMessages(body.messages) };
  if (body.chat_template) prompt.template = wellFormed(body.chat_template);
  const special = body.parse_special_in_content ?? false;
  if (typeof special !== "boolean") throw invalid('"parse_special_in_content" has to be true or false.');
  if (special) prompt.parseSpecialInContent = true;
  return { prompt, options, ...common(body), echo: "" };
}

/** Checks a completion's request. */
export function parseCompletion(body: CompletionRequest): Parsed {
  if (typeof body !== "object" || body === null) throw invalid("The request has to be an object.");
  refuseUnknown(body, COMPLETION);
  if ((body.best_of ?? 1) !== 1) throw invalid(`"best_of" is ${body.best_of}: an engine writes one answer.`);
  // OpenAI's default of 16 tokens surprises everyone, but code written for it counts on it.
  const options = sampling(body, ["max_tokens", body.max_tokens ?? 16]);
  const top = number("logprobs", body.logprobs, 0, 20, true);
  if (top !== undefined) options.logprobs = top;
  const prompt = onePrompt(body.prompt);
  if (body.echo && (typeof prompt !== "string" || top !== undefined)) {
    throw new AzulejoError("unsupported", '"echo" works for a prompt that is a text, and without "logprobs".',
      'Leave "echo" out, or use the azulejo program for measurements.');
  }
  return { prompt, options, ...common(body), echo: body.echo ? (prompt as string) : "" };
}

function onePrompt(prompt: CompletionRequest["prompt"]): string | number[] {
  if (typeof prompt === "string") return wellFormed(prompt);
  if (Array.isArray(prompt)) {
    if (prompt.length > 0 && prompt.every((token) => Number.isInteger(token) && token >= 0)) return [...prompt];
    if (prompt.length === 1 && (typeof prompt[0] === "string" || Array.isArray(prompt[0]))) return onePrompt(prompt[0]);
  }
  throw invalid('"prompt" has to be one text or one list of tokens.', "Ask for several completions one by one.");
}
