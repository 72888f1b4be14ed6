// Requests in the OpenAI API's shapes: checked, and turned into what the engine takes. Nothing that a request asks for
// is left out silently: what the engine can't do is an error that says so (`fields` says of each field).

import { AzulejoError, invalid } from "./errors.js";
import { CHAT, COMPLETION, type Fate, MESSAGE, PART, REQUEST_OPTIONS, STREAM_OPTIONS } from "./fields.js";
import type { WireMessage, WirePrompt } from "./protocol.js";
import type { ChatMessage, ChatRequest, CompletionRequest, SamplingOptions } from "./shapes.js";
import { type Json, json, shown, wellFormed } from "./text.js";
import type { RequestOptions } from "./types.js";
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

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Checks an object's fields against their fates: refuses what is refused, and what isn't known. */
export function checkFields(object: unknown, where: string, fates: Record<string, Fate>): void {
  if (typeof object !== "object" || object === null || Array.isArray(object)) {
    throw invalid(`${where} has to be an object, and is ${shown(object)}.`);
  }
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined || value === null) continue;
    const fate = Object.hasOwn(fates, name) ? fates[name]! : { instead: "", nothing: [] };
    if (typeof fate === "string" || fate.nothing.some((nothing) => same(nothing, value))) continue;
    throw new AzulejoError(
      "unsupported",
      `${where} has "${name}", which is not something this engine can do.`,
      fate.instead || `Leave "${name}" out.`,
      undefined,
      { name },
    );
  }
}

export function unfit(name: string, value: unknown, needed: string): AzulejoError {
  return invalid(`"${name}" is ${shown(value)}, and has to be ${needed}.`, undefined, { name, value: shown(value) });
}

/** A number within bounds, or undefined if there is none. */
function number(name: string, value: unknown, low: number, high: number, whole = false): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
  const kind = whole ? "a whole number" : "a number";
  throw unfit(name, value, `${kind} ${high >= WHOLE ? `of at least ${low}` : `from ${low} to ${high}`}`);
}

/** A number that something is divided by, in the engine's precision. */
function divisor(name: string, value: unknown): number | undefined {
  if (typeof value === "number" && value >= 0 && Math.fround(value) === 0) {
    throw unfit(name, value, "a number greater than 0; 1 is none");
  }
  return number(name, value, 0, GREATEST);
}

function boolean(name: string, value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  throw unfit(name, value, "true or false");
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
  if ((body.n ?? 1) !== 1) throw invalid(`"n" is ${shown(body.n)}: an engine writes one answer.`, "Ask several times.");
  const stop = body.stop ?? [];
  const stops: unknown[] = Array.isArray(stop) ? stop : [stop];
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
    ignoreEnd: boolean("ignore_eos", body.ignore_eos) || undefined,
    stop: stops.length > 0 ? stops.map((s) => wellFormed(s as string)) : undefined,
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
  const how = body.stream_options ?? {};
  checkFields(how, '"stream_options"', STREAM_OPTIONS);
  checkSignal(body.signal);
  return {
    stream: boolean("stream", body.stream),
    includeUsage: boolean("stream_options.include_usage", how.include_usage),
    returnProgress: boolean("return_progress", body.return_progress),
  };
}

export function checkSignal(signal: unknown): void {
  if (signal === undefined || signal === null || signal instanceof AbortSignal) return;
  throw unfit("signal", signal, "an AbortSignal");
}

/** Checks the second argument of `create`. */
export function checkRequestOptions(options: RequestOptions | null | undefined): void {
  if (options === undefined || options === null) return;
  checkFields(options, "The second argument", REQUEST_OPTIONS);
  checkSignal(options.signal);
  const { onPromptProgress = null } = options;
  if (onPromptProgress !== null && typeof onPromptProgress !== "function") {
    throw unfit("onPromptProgress", onPromptProgress, "a function");
  }
}

/** A message's words. */
function words(content: unknown, where: string): string {
  if (typeof content === "string") return wellFormed(content);
  if (!Array.isArray(content)) throw invalid(`${where} has to be a string or a list of parts.`);
  const texts = content.map((part: { type?: unknown; text?: unknown } | null, at) => {
    if (part?.type !== "text" || typeof part.text !== "string") {
      throw new AzulejoError(
        "unsupported",
        `${where}[${at}] is of type "${part?.type}": this engine reads text only.`,
        'Send parts as {type: "text", text}.',
      );
    }
    checkFields(part, `${where}[${at}]`, PART);
    return part.text;
  });
  return wellFormed(texts.join(""));
}

const ROLES: Record<string, string> = {
  system: "system", developer: "system", user: "user", assistant: "assistant", tool: "tool",
};

/** A conversation as chat templates take it: with all fields of each message. */
export function parseMessages(messages: readonly ChatMessage[]): WireMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) throw invalid('"messages" has to be a list of messages.');
  return messages.map((message: ChatMessage, at) => parseMessage(message, `messages[${at}]`));
}

function parseMessage(message: ChatMessage, where: string): WireMessage {
  if (typeof message !== "object" || message === null) throw invalid(`${where} has to be a message: {role, content}.`);
  if (typeof message.role !== "string") throw unfit(`${where}.role`, message.role, "a string");
  const role = Object.hasOwn(ROLES, message.role) ? ROLES[message.role] : undefined;
  if (role === undefined) {
    throw new AzulejoError(
      "unsupported",
      `${where} has the role "${message.role}"; there are ${Object.keys(ROLES).join(", ")}.`,
      "Use one of these roles.",
    );
  }
  const { role: _, content, tool_calls, ...others } = message as ChatMessage & Record<string, unknown>;
  const own = Object.fromEntries(Object.entries(others).filter(([name]) => !Object.hasOwn(MESSAGE, name)));
  checkFields({ ...message, ...Object.fromEntries(Object.keys(own).map((name) => [name, null])) }, where, MESSAGE);
  const calls = toolCalls(tool_calls, `${where}.tool_calls`);
  const nothing = calls ? null : "";
  const parsed: WireMessage = { role, content: content == null ? nothing : words(content, `${where}.content`) };
  if (calls) parsed.tool_calls = calls;
  for (const name of ["name", "tool_call_id"] as const) {
    const value = message[name];
    if (value == null) continue;
    if (typeof value !== "string") throw unfit(`${where}.${name}`, value, "a string");
    parsed[name] = wellFormed(value);
  }
  for (const [name, value] of Object.entries(own)) if (value != null) parsed[name] = json(value, `${where}.${name}`);
  return parsed;
}

/** Calls as templates take them: with the arguments as an object, which OpenAI's API has as JSON in a string. */
function toolCalls(calls: unknown, where: string): Json[] | null {
  if (calls === undefined || calls === null) return null;
  if (!Array.isArray(calls)) throw unfit(where, calls, "a list of calls");
  if (calls.length === 0) return null;
  return calls.map((call, at) => {
    const copy = json(call, `${where}[${at}]`) as { function?: { arguments?: Json } } & { [name: string]: Json };
    const written = copy?.function?.arguments;
    if (typeof written !== "string") return copy;
    try {
      copy.function = { ...copy.function, arguments: JSON.parse(written) };
    } catch {
      throw unfit(`${where}[${at}].function.arguments`, written, "JSON");
    }
    return copy;
  });
}

/** Names that a template is given by others than the caller. */
const TAKEN = ["messages", "add_generation_prompt", "chat_template", "tokenize"];

/** A template's further variables. */
function variables(kwargs: unknown): { [name: string]: Json } {
  if (typeof kwargs !== "object" || kwargs === null || Array.isArray(kwargs)) {
    throw unfit("chat_template_kwargs", kwargs, "an object: the template's variables by their names");
  }
  const taken = Object.keys(kwargs).find((name) => TAKEN.includes(name));
  if (taken) throw invalid(`"chat_template_kwargs" has "${taken}", which the engine itself gives.`, `Leave "${taken}" out.`);
  return json(kwargs, '"chat_template_kwargs"') as { [name: string]: Json };
}

/** Checks a chat's request. */
export function parseChat(body: ChatRequest): Parsed {
  checkFields(body, "The request", CHAT);
  const { max_completion_tokens, max_tokens } = body;
  const options = sampling(body, named({ max_completion_tokens, max_tokens }));
  const logprobs = boolean("logprobs", body.logprobs);
  const top = number("top_logprobs", body.top_logprobs, 0, 20, true);
  if (top !== undefined && !logprobs) throw invalid('"top_logprobs" wants "logprobs": true beside it.');
  if (logprobs) options.logprobs = top ?? 0;
  const prompt: WirePrompt = { messages: parseMessages(body.messages) };
  const template = body.chat_template ?? "";
  if (typeof template !== "string") throw unfit("chat_template", template, "a template or a name");
  if (template !== "") prompt.template = wellFormed(template);
  if (body.chat_template_kwargs != null) prompt.variables = variables(body.chat_template_kwargs);
  if (boolean("parse_special_in_content", body.parse_special_in_content)) prompt.parseSpecialInContent = true;
  return { prompt, options, ...common(body), echo: "" };
}

/** Checks a completion's request. */
export function parseCompletion(body: CompletionRequest): Parsed {
  checkFields(body, "The request", COMPLETION);
  if ((body.best_of ?? 1) !== 1) throw invalid(`"best_of" is ${shown(body.best_of)}: an engine writes one answer.`);
  // OpenAI's default of 16 tokens surprises everyone, but code written for it counts on it.
  const options = sampling(body, ["max_tokens", body.max_tokens ?? 16]);
  const top = number("logprobs", body.logprobs, 0, 20, true);
  if (top !== undefined) options.logprobs = top;
  const prompt = onePrompt(body.prompt);
  const echo = boolean("echo", body.echo);
  if (echo && (typeof prompt !== "string" || top !== undefined)) {
    throw new AzulejoError("unsupported", '"echo" works for a prompt that is a text, and without "logprobs".',
      'Leave "echo" out, or use the azulejo program for measurements.');
  }
  return { prompt, options, ...common(body), echo: echo ? (prompt as string) : "" };
}

function onePrompt(prompt: unknown): string | number[] {
  if (typeof prompt === "string") return wellFormed(prompt);
  if (Array.isArray(prompt)) {
    if (prompt.length > 0 && typeof prompt[0] === "number") return tokenIds(prompt, '"prompt"');
    if (prompt.length === 1 && (typeof prompt[0] === "string" || Array.isArray(prompt[0]))) return onePrompt(prompt[0]);
  }
  throw invalid('"prompt" has to be one text or one list of tokens.', "Ask for several completions one by one.");
}

/** Tokens' numbers, none of which 32 bits would make another one. */
export function tokenIds(tokens: unknown, where: string, vocabulary = 2 ** 32): number[] {
  const is = (token: unknown) => Number.isInteger(token) && (token as number) >= 0 && (token as number) < vocabulary;
  if (!Array.isArray(tokens)) throw invalid(`${where} has to be a list of tokens.`);
  const at = tokens.findIndex((token) => !is(token));
  if (at < 0) return [...(tokens as number[])];
  throw invalid(`${where}[${at}] is ${shown(tokens[at])}, and has to be a token: a whole number from 0 to ${vocabulary - 1}.`);
}
