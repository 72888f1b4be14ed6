// Not run, only compiled: code that was written for the OpenAI SDK compiles against this package, and the other way round.

import type OpenAI from "openai";
import type { EmbeddingModelV3, EmbeddingModelV4, LanguageModelV3, LanguageModelV4 } from "@ai-sdk/provider";
import type { LanguageModel as SdkModel6 } from "ai";
import type { LanguageModel as SdkModel7 } from "ai-7";

import type { CHAT, COMPLETION, EMBEDDING, MESSAGE, PART, STREAM_OPTIONS } from "../src/fields.js";
import { azulejo, azulejoEmbedding, azulejoEmbeddingV3, azulejoV3 } from "../src/adapters/ai-sdk.js";
import type { ChatCompletion, ChatCompletionChunk, ChatRequest, Completion, CompletionRequest, Engine } from "../src/index.js";
import type { EmbeddingRequest, EmbeddingResponse } from "../src/index.js";
import type { Stream } from "../src/index.js";
import type { WasmModule } from "../src/wasm-surface.js";
import type * as glue from "../src/wasm/azulejo_wasm.js";

/** Compiles only where `From` may be used as a `To`. */
type Fits<From extends To, To> = From;

// Requests of the SDK are requests of the engine.
export type Requests = [
  Fits<OpenAI.ChatCompletionCreateParamsNonStreaming, ChatRequest>,
  Fits<OpenAI.ChatCompletionCreateParamsStreaming, ChatRequest>,
  Fits<OpenAI.CompletionCreateParamsNonStreaming, CompletionRequest>,
  Fits<OpenAI.EmbeddingCreateParams, EmbeddingRequest>,
];

/** The names of the fields of each of a union's types. */
type Names<Union> = Union extends unknown ? keyof Union : never;

// What becomes of each field of the SDK is said in the engine's table: a new one there doesn't compile here.
export type Fields = [
  Fits<Names<OpenAI.ChatCompletionCreateParams>, keyof typeof CHAT>,
  Fits<Names<OpenAI.CompletionCreateParams>, keyof typeof COMPLETION>,
  Fits<Names<OpenAI.EmbeddingCreateParams>, keyof typeof EMBEDDING>,
  Fits<Names<OpenAI.ChatCompletionStreamOptions>, keyof typeof STREAM_OPTIONS>,
  Fits<Names<OpenAI.ChatCompletionMessageParam | OpenAI.ChatCompletionMessage>, keyof typeof MESSAGE>,
  Fits<Names<OpenAI.ChatCompletionContentPartText>, keyof typeof PART>,
  // ... and of each of the engine's own.
  Fits<keyof ChatRequest, keyof typeof CHAT>,
  Fits<keyof CompletionRequest, keyof typeof COMPLETION>,
  Fits<keyof EmbeddingRequest, keyof typeof EMBEDDING>,
];

// Answers of the engine are answers of the SDK.
export type Answers = [
  Fits<ChatCompletion, OpenAI.ChatCompletion>,
  Fits<ChatCompletionChunk, OpenAI.ChatCompletionChunk>,
  Fits<Completion, OpenAI.Completion>,
  Fits<EmbeddingResponse, OpenAI.CreateEmbeddingResponse>,
];

export type Models = [
  Fits<ReturnType<typeof azulejo>, LanguageModelV4>,
  Fits<ReturnType<typeof azulejoV3>, LanguageModelV3>,
  Fits<ReturnType<typeof azulejoEmbedding>, EmbeddingModelV4>,
  Fits<ReturnType<typeof azulejoEmbeddingV3>, EmbeddingModelV3>,
  Fits<ReturnType<typeof azulejo>, SdkModel7>,
  Fits<ReturnType<typeof azulejoV3>, SdkModel6>,
];

// The generated bindings are what the package takes them for.
export type Bindings = Fits<typeof glue, WasmModule>;

/** What projects that take an engine by its structure rely on. */
interface ChatLike {
  chat: { completions: { create(body: OpenAI.ChatCompletionCreateParamsStreaming): Promise<AsyncIterable<OpenAI.ChatCompletionChunk>> } };
  interruptGenerate(): void | Promise<void>;
}
export type Structure = Fits<Engine, ChatLike>;

export async function overloads(engine: Engine): Promise<void> {
  const messages = [{ role: "user", content: "?" }];
  const whole: ChatCompletion = await engine.chat.completions.create({ messages });
  const stream: Stream<ChatCompletionChunk> = await engine.chat.completions.create({ messages, stream: true });
  const either = await engine.chat.completions.create({ messages, stream: Math.random() > 0.5 });
  const text: string = "choices" in either ? (either.choices[0]?.message.content ?? "") : "";
  const body: OpenAI.ChatCompletionCreateParamsNonStreaming = { model: "", messages: [{ role: "user", content: "?" }] };
  const typed: OpenAI.ChatCompletion = await engine.chat.completions.create(body, { signal: new AbortController().signal });
  void [whole, stream, text, typed];
}
