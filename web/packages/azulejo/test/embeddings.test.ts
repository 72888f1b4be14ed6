// Texts as vectors: a tiny BERT beside what transformers makes of it, through the engine, OpenAI's client and the AI SDKs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { after, test } from "node:test";

import { embed, embedMany } from "ai";
import { embed as embed7 } from "ai-7";
import OpenAI from "openai";

import { azulejoEmbedding, azulejoEmbeddingV3 } from "../src/adapters/ai-sdk.js";
import { engineFetch } from "../src/adapters/openai.js";
import { AzulejoError, type EngineEvent, type LocalEngine } from "../src/index.js";
import { demo } from "./demo.js";

const golden = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../../../tests/fixtures/encoders/bert/${name}`, import.meta.url)));

/** A tensor of the fixture: a safetensors file is the length of its header, the header, and the tensors' bytes. */
function tensor<T>(name: string, Kind: new (buffer: ArrayBuffer) => T): T {
  const file = golden("expected.safetensors");
  const length = Number(file.readBigUInt64LE(0));
  const [start, end] = JSON.parse(file.toString("utf8", 8, 8 + length))[name].data_offsets;
  return new Kind(Uint8Array.from(file.subarray(8 + length + start, 8 + length + end)).buffer);
}

/** The mean of the tokens' hidden states that transformers gives, of length 1. */
function expected(text: number): { tokens: number[]; vector: number[] } {
  const tokens = [...tensor(`tokens${text}`, Int32Array)];
  const hidden = tensor(`hidden${text}`, Float32Array);
  const width = hidden.length / tokens.length;
  const mean = Array.from({ length: width }, (_, column) =>
    tokens.reduce((sum, _, row) => sum + hidden[row * width + column]!, 0) / tokens.length);
  const length = Math.hypot(...mean);
  return { tokens, vector: mean.map((value) => value / length) };
}

function near(found: readonly number[], wanted: readonly number[], what: string): void {
  assert.equal(found.length, wanted.length, what);
  const off = Math.max(...found.map((value, i) => Math.abs(value - wanted[i]!)));
  assert.ok(off < 1e-5, `${what}: ${off}`);
}

const writer = demo();
const events: EngineEvent[] = [];
let loading: Promise<LocalEngine> | null = null;
const encoder = () =>
  (loading ??= writer.load({ onEvent: (event: EngineEvent) => events.push(event) }, new Uint8Array(golden("model-f32.gguf"))));
after(async () => (await loading)?.dispose());

test("embeddings are the model's own, of one text or of many at once", async () => {
  const engine = await encoder();
  const texts = [expected(0), expected(1)];
  assert.equal(engine.info.embedding?.dimensions, texts[0]!.vector.length);
  // More than one step takes.
  const many = Array.from({ length: 40 }, (_, i) => texts[i % 2]!);
  assert.ok(many.reduce((sum, { tokens }) => sum + tokens.length, 0) > 2 * engine.info.contextLength);
  const { data, usage, object, model } = await engine.embeddings.create({ input: many.map(({ tokens }) => tokens) });
  assert.deepEqual([object, model, data.map(({ index }) => index)], ["list", engine.info.name, many.map((_, i) => i)]);
  data.forEach(({ embedding }, i) => near(embedding, many[i]!.vector, `text ${i}`));
  assert.equal(usage.total_tokens, many.reduce((sum, { tokens }) => sum + tokens.length, 0));
  assert.deepEqual(events.at(-1), { type: "embedded", usage });
  const [one] = (await engine.embeddings.create({ input: texts[1]!.tokens })).data;
  near(one!.embedding, texts[1]!.vector, "tokens alone");
});

test("embeddings of a text are those of its tokens; base64 is the same numbers", async () => {
  const engine = await encoder();
  const input = "where is the town hall";
  const [one] = (await engine.embeddings.create({ input })).data;
  const { data: [two, three] } = await engine.embeddings.create({ input: [input, `${input}?`], encoding_format: "base64" });
  const bytes = Buffer.from(two!.embedding, "base64");
  assert.deepEqual(one!.embedding, one!.embedding.map((_, i) => bytes.readFloatLE(i * 4)));
  assert.notEqual(three!.embedding, two!.embedding);
});

test("embeddings that can't be had are errors that say what is wrong", async () => {
  const engine = await encoder();
  const refused = (body: object, code: string, message: RegExp, parameters?: object) =>
    assert.rejects(engine.embeddings.create(body as never), (error: AzulejoError) => {
      assert.deepEqual([error.constructor, error.code], [AzulejoError, code]);
      assert.match(error.message, message);
      if (parameters) assert.deepEqual(error.parameters, parameters);
      return true;
    });
  const { dimensions } = engine.info.embedding!;
  const { contextLength, vocabulary } = engine.info;
  await refused({}, "invalid_argument", /"input" has to be a text/);
  await refused({ input: [] }, "invalid_argument", /"input"/);
  await refused({ input: ["a", 3] }, "invalid_argument", /"input"/);
  await refused({ input: [[]] }, "invalid_argument", /"input"\[0\] has no token/);
  await refused({ input: [["a"]] }, "invalid_argument", /"input"\[0\]\[0\] is "a"/);
  await refused({ input: [vocabulary] }, "invalid_argument", /a whole number from 0 to/);
  await refused({ input: "a", dimensions: dimensions - 1 }, "invalid_argument", new RegExp(`"dimensions" is ${dimensions - 1}.* ${dimensions}`));
  await refused({ input: "a", encoding_format: "hex" }, "invalid_argument", /"encoding_format"/);
  await refused({ input: "a", prompt_name: "query" }, "invalid_argument", /there is no prompt 'query'/);
  await refused({ input: "a", truncate: true }, "unsupported", /"truncate"/, { name: "truncate" });
  const needed = contextLength + 1;
  await refused({ input: ["a", ...[Array(needed).fill(5)]] }, "context_full", /"input"\[1\]/, { index: 1, needed, capacity: contextLength });
  await assert.rejects(writer.engine.embeddings.create({ input: "a" }), { code: "unsupported", message: /no encoder/ });
  assert.equal(writer.engine.info.embedding, null);
  for (const asked of [
    engine.chat.completions.create({ messages: [{ role: "user", content: "a" }] }),
    engine.completions.create({ prompt: "a", stream: true }),
  ]) {
    await assert.rejects(asked as Promise<unknown>, { code: "unsupported", message: /is an encoder/ });
  }
  // And nothing of it is in the way of the next one.
  assert.equal((await engine.embeddings.create({ input: "a", dimensions })).data.length, 1);
});

test("embeddings of a file that makes none of a text are refused", async () => {
  const file = golden("model-f32.gguf");
  // The key's value is behind the key and the number of its type: 0 is "none".
  const at = file.indexOf("bert.pooling_type") + "bert.pooling_type".length + 4;
  assert.equal(file.readUInt32LE(at), 1);
  file.writeUInt32LE(0, at);
  const none = await writer.load({}, new Uint8Array(file));
  await assert.rejects(none.embeddings.create({ input: "where is the town hall" }), { code: "unsupported", message: /a vector a token/ });
  await none.dispose();
});

test("embeddings are given up when their signal says so", async () => {
  const engine = await encoder();
  const reason = new Error("enough");
  await assert.rejects(engine.embeddings.create({ input: "a", signal: AbortSignal.abort(reason) }), reason);
  const controller = new AbortController();
  const asked = engine.embeddings.create({ input: Array(20_000).fill("where is the town hall") }, { signal: controller.signal });
  setTimeout(() => controller.abort(reason));
  await assert.rejects(asked, reason);
  assert.equal(events.at(-1)!.type, "failed");
});

test("embeddings by OpenAI's client and by the AI SDKs are the same", async () => {
  const engine = await encoder();
  const values = ["where is the town hall", "when does it open"];
  const { data } = await engine.embeddings.create({ input: values });
  const client = new OpenAI({ fetch: engineFetch(engine), baseURL: "https://azulejo.invalid/v1", apiKey: "-", maxRetries: 0 });
  const theirs = await client.embeddings.create({ model: "any", input: values });
  assert.deepEqual(theirs.data.map(({ embedding }) => embedding), data.map(({ embedding }) => embedding));
  const many = await embedMany({ model: azulejoEmbeddingV3(engine), values });
  assert.deepEqual(many.embeddings, data.map(({ embedding }) => embedding));
  for (const one of [
    await embed({ model: azulejoEmbeddingV3(engine), value: values[0]! }),
    await embed7({ model: azulejoEmbedding(engine), value: values[0]! }),
  ]) {
    assert.deepEqual(one.embedding, data[0]!.embedding);
    assert.ok(one.usage.tokens > 0);
  }
});
