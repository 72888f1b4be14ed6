// How answers and calls end, and that each end is told as what it is: by a signal's own reason, cut off, disposed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { generateText } from "ai";

import { azulejoV3 } from "../src/adapters/ai-sdk.js";
import { engineFetch } from "../src/adapters/openai.js";
import { languageModel } from "../src/adapters/prompt-api.js";
import type { Engine } from "../src/index.js";
import { ask, demo, messages, QUESTION } from "./demo.js";

const all = demo();
const long = { ...ask, max_tokens: 400, ignore_eos: true };

/** Is the value itself. */
const is = (reason: unknown) => (error: unknown) => {
  assert.equal(error, reason);
  return true;
};

test("signal_reason is what its caller gets, wherever it was given", async () => {
  const { engine } = all;
  const model = languageModel(() => engine);
  const session = await model.create({ temperature: 0, topK: 1 });
  const url = "https://azulejo.invalid/v1/chat/completions";
  const ways: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
    chat: (signal) => engine.chat.completions.create(long, { signal }),
    body: (signal) => engine.chat.completions.create({ ...long, signal }),
    text: (signal) => engine.completions.create({ prompt: QUESTION, max_tokens: 400, ignore_eos: true, signal }),
    stream: async (signal) => {
      for await (const chunk of await engine.chat.completions.create({ ...long, stream: true, signal })) void chunk;
    },
    load: (signal) => all.load({ signal }),
    prompt: (signal) => session.prompt(QUESTION, { signal }),
    create: (signal) => model.create({ signal }),
    sdk: (signal) => generateText({ model: azulejoV3(engine) as never, prompt: QUESTION, maxRetries: 0, abortSignal: signal }),
    fetch: (signal) => engineFetch(engine)(url, { method: "POST", body: JSON.stringify(long), signal }),
    // A Request's own signal makes a new one of the same reason.
    request: (signal) => engineFetch(engine)(new Request(url, { method: "POST", body: JSON.stringify(long), signal })),
  };
  for (const [name, way] of Object.entries(ways)) {
    for (const reason of [new DOMException("late", "TimeoutError"), new Error("mine"), { odd: 1 }]) {
      const controller = new AbortController();
      const ended = assert.rejects(way(controller.signal), is(reason), name);
      controller.abort(reason);
      await ended;
      await assert.rejects(way(AbortSignal.abort(reason)), is(reason), `${name}, aborted before`);
    }
  }
  const late = AbortSignal.timeout(0);
  while (!late.aborted) await new Promise((done) => setTimeout(done));
  await assert.rejects(ways.chat!(late), { name: "TimeoutError" });
  assert.equal((await engine.chat.completions.create(ask)).choices[0]!.message.content, all.text);
});

test("interrupt_ends the answer with what there is, as one that was cut off", async () => {
  const { engine, text } = all;
  const stream = await engine.chat.completions.create({ ...long, stream: true });
  let said = "";
  let last;
  for await (const chunk of stream) {
    said += chunk.choices[0]?.delta.content ?? "";
    last = chunk.choices[0] ?? last;
    if (said.length > 5) await engine.interruptGenerate();
  }
  assert.deepEqual([last!.finish_reason, last!.interrupted], ["length", true]);
  assert.ok(said.length < text.length && text.startsWith(said), said);

  // The one whose turn it is, and not those behind it.
  const started = () => engine.interruptGenerate();
  const first = engine.chat.completions.create({ ...long, return_progress: true }, { onPromptProgress: started });
  const second = engine.completions.create({ prompt: QUESTION, temperature: 0, max_tokens: 3, ignore_eos: true });
  const [cut] = (await first).choices;
  assert.deepEqual([cut!.finish_reason, cut!.interrupted], ["length", true]);
  const [whole] = (await second).choices;
  assert.deepEqual([whole!.finish_reason, "interrupted" in whole!], ["length", false]);
  await engine.interruptGenerate();
  const [after] = (await engine.chat.completions.create({ ...ask, max_tokens: 200 })).choices;
  assert.deepEqual([after!.finish_reason, "interrupted" in after!], ["stop", false]);

  const prompted = generateText({
    model: { ...azulejoV3(interrupting(engine)) } as never, prompt: QUESTION, temperature: 0, maxOutputTokens: 400,
  });
  assert.deepEqual([(await prompted).finishReason, (await prompted).rawFinishReason], ["other", "interrupted"]);
});

/** The engine, interrupted in each answer. */
function interrupting(engine: Engine): Engine {
  const create = (body: never, options: object) =>
    engine.chat.completions.create(body, { ...options, onPromptProgress: () => void engine.interruptGenerate() });
  return { ...engine, info: engine.info, chat: { completions: { create } } } as never;
}

test("dispose_in mid-answer is an error, and no shorter answer", async () => {
  const engine = await all.load();
  const stream = await engine.chat.completions.create({ ...long, stream: true });
  const whole = assert.rejects(engine.chat.completions.create(ask), { code: "cancelled", name: "AbortError", message: /disposed/ });
  let said = "";
  let disposed;
  await assert.rejects(async () => {
    for await (const chunk of stream) {
      said += chunk.choices[0]?.delta.content ?? "";
      if (said.length > 5) disposed ??= engine.dispose();
    }
  }, { code: "cancelled", name: "AbortError", message: /disposed/ });
  await whole;
  await disposed;
  await assert.rejects(engine.chat.completions.create(ask), { code: "invalid_argument", message: /disposed/ });
});

test("tee_branches end each by itself, and the answer when both were left", async () => {
  const { engine, text } = all;
  const read = async (stream: AsyncIterable<{ choices: { delta: { content?: string } }[] }>, most = Infinity) => {
    let said = "";
    for await (const chunk of stream) {
      said += chunk.choices[0]?.delta.content ?? "";
      if (said.length > most) break;
    }
    return said;
  };
  const [left, stays] = (await engine.chat.completions.create({ ...ask, stream: true })).tee();
  const [short, whole] = await Promise.all([read(left, 5), read(stays)]);
  assert.ok(short.length < text.length && text.startsWith(short));
  assert.equal(whole, text);

  const [quiet, other] = (await engine.chat.completions.create({ ...ask, stream: true })).tee();
  quiet.abort();
  assert.deepEqual([await read(quiet), await read(other)], ["", text]);

  const source = await engine.chat.completions.create({ ...long, stream: true });
  const branches = source.tee();
  await read(branches[0], 5);
  assert.equal(source.controller.signal.aborted, false);
  await read(branches[1], 5);
  assert.equal(source.controller.signal.aborted, true);

  const controller = new AbortController();
  const both = (await engine.chat.completions.create({ ...long, stream: true, signal: controller.signal })).tee();
  const reason = new Error("mine");
  const ends = both.map((branch) => assert.rejects(read(branch), is(reason)));
  controller.abort(reason);
  await Promise.all(ends);
});

test("prompt_api's create ends with its signal at once, whatever the engine does", async () => {
  const model = languageModel(() => new Promise<Engine>(() => {}));
  const controller = new AbortController();
  const created = assert.rejects(model.create({ signal: controller.signal }), { name: "AbortError" });
  controller.abort();
  await created;
});

test("prompt_api's context is as it was after a prompt that was ended", async () => {
  const session = await languageModel(() => all.engine).create({ temperature: 0, topK: 1 });
  const said = await session.prompt(QUESTION);
  const before = session.contextUsage;
  const reason = new Error("mine");
  // In the line, while the prompt is read, and in the answer.
  const waiting = new AbortController();
  const running = new AbortController();
  const first = assert.rejects(session.prompt(QUESTION.repeat(8), { signal: running.signal }), is(reason));
  const second = assert.rejects(session.prompt(QUESTION.repeat(8), { signal: waiting.signal }), is(reason));
  waiting.abort(reason);
  await second;
  running.abort(reason);
  await first;
  assert.equal(session.contextUsage, before);
  const reader = session.promptStreaming(QUESTION).getReader();
  await reader.read();
  await reader.cancel();
  assert.equal(session.contextUsage, before);
  const fresh = await languageModel(() => all.engine).create({ temperature: 0, topK: 1 });
  await fresh.prompt(QUESTION);
  assert.equal(await session.prompt("And paper?"), await fresh.prompt("And paper?"), "nothing of it is remembered");
  const [ended] = await Promise.allSettled([session.prompt(QUESTION), Promise.resolve().then(() => session.destroy())]);
  assert.equal(ended.status, "rejected");
  assert.equal((ended as PromiseRejectedResult).reason.name, "AbortError");
  assert.ok(said.length > 0);
});

test("body_stream of engineFetch ends with the request's signal", async () => {
  const controller = new AbortController();
  const reason = new Error("mine");
  const body = JSON.stringify({ ...long, stream: true });
  const request = new Request("https://azulejo.invalid/v1/chat/completions", { method: "POST", body, signal: controller.signal });
  const response = await engineFetch(all.engine)(request);
  const read = assert.rejects(response.text(), is(reason));
  controller.abort(reason);
  await read;
  const odd = await engineFetch(all.engine)("https://azulejo.invalid/v1/completions", { method: "POST", body: "{" });
  assert.deepEqual([odd.status, (await odd.json()).error.code], [400, "invalid_argument"]);
  const refused = await engineFetch(all.engine)("https://azulejo.invalid/v1/chat/completions", {
    method: "POST", body: JSON.stringify({ messages, tools: [1] }),
  });
  assert.deepEqual([refused.status, (await refused.json()).error.param], [400, "tools"]);
});
