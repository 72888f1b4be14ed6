// Texts as vectors, in the OpenAI API's shapes: requests checked, answers made.

import { checkFields, checkSignal, tokenIds, unfit } from "./chat.js";
import { invalid } from "./errors.js";
import { EMBEDDING } from "./fields.js";
import type { Calls } from "./protocol.js";
import type { EmbeddingRequest, EmbeddingResponse } from "./shapes.js";
import { wellFormed } from "./text.js";
import type { EngineInfo } from "./types.js";

/** A request that was found right. */
export interface ParsedEmbedding {
  args: Calls["embed"]["args"];
  isBase64: boolean;
}

/** `dimensions`: those that the model's vectors have. */
export function parseEmbedding(body: EmbeddingRequest, { vocabulary, embedding }: EngineInfo): ParsedEmbedding {
  checkFields(body, "The request", EMBEDDING);
  checkSignal(body.signal);
  const { encoding_format = null, dimensions = null, prompt_name = null } = body;
  if (encoding_format !== null && encoding_format !== "float" && encoding_format !== "base64") {
    throw unfit("encoding_format", encoding_format, '"float" or "base64"');
  }
  if (prompt_name !== null && typeof prompt_name !== "string") throw unfit("prompt_name", prompt_name, "a string");
  // No file says that a part of its model's vectors would do.
  if (dimensions !== null && embedding && dimensions !== embedding.dimensions) {
    throw unfit("dimensions", dimensions, `${embedding.dimensions}, which this model's vectors have`);
  }
  const inputs = inputsOf(body.input).map((input, index) => {
    if (typeof input === "string") return wellFormed(input);
    const tokens = tokenIds(input, `"input"[${index}]`, vocabulary);
    if (tokens.length === 0) throw invalid(`"input"[${index}] has no token.`, undefined, { name: "input", index });
    return tokens;
  });
  return { args: { inputs, ...(prompt_name === null ? {} : { prompt: prompt_name }) }, isBase64: encoding_format === "base64" };
}

/** The texts, or the tokens of each. */
function inputsOf(input: unknown): unknown[] {
  if (typeof input === "string") return [input];
  if (Array.isArray(input) && input.length > 0) {
    if (typeof input[0] === "number") return [input];
    const isRight = (one: unknown) => typeof one === "string" || Array.isArray(one);
    if (input.every(isRight)) return input;
  }
  throw invalid('"input" has to be a text, a list of tokens, or a list of some of these.', undefined, { name: "input" });
}

export function embeddingResponse(
  model: string,
  { isBase64 }: ParsedEmbedding,
  { vectors, dimensions, tokens }: Calls["embed"]["answer"],
): EmbeddingResponse<number[] | string> {
  const data = Array.from({ length: vectors.length / dimensions }, (_, index) => {
    const vector = vectors.subarray(index * dimensions, (index + 1) * dimensions);
    return { object: "embedding" as const, index, embedding: isBase64 ? base64(vector) : [...vector] };
  });
  return { object: "list", data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

/** The numbers' bytes, in 32 bits each, the lowest first, as OpenAI sends them. */
function base64(vector: Float32Array): string {
  const bytes = new DataView(new ArrayBuffer(vector.length * 4));
  vector.forEach((value, index) => bytes.setFloat32(index * 4, value, true));
  return btoa(Array.from(new Uint8Array(bytes.buffer), (byte) => String.fromCharCode(byte)).join(""));
}
