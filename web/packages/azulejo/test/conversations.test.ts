// Several conversations in one engine, each with its cache, and what an engine tells of its answers.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { EngineEvent, LocalEngine } from "../src/index.js";
import { ask, demo, QUESTION } from "./demo.js";

const all = demo();
const LETTERS = ["bottles ", "passport ", "water bill ", "school "];

/** Talks that have nothing in common but what every prompt begins with. */
const talk = (about: number) => [{ role: "user", content: LETTERS[about]!.repeat(30) + QUESTION }];

/** What a next turn of a talk finds in the cache, of how many tokens, and what it says. */
async function turn(engine: LocalEngine, about: number, more: object[] = []) {
  const answer = await engine.chat.completions.create({ ...ask, messages: [...talk(about), ...more] as never, max_tokens: 6 });
  const { prompt_tokens, prompt_tokens_details } = answer.usage;
  const said = answer.choices[0]!.message.content!;
  return { said, isKept: prompt_tokens_details.cached_tokens > prompt_tokens / 2, cached: prompt_tokens_details.cached_tokens };
}

test("conversations_up to so many don't evict each other, the least recently used goes first", async () => {
  const one = await all.load();
  const two = await all.load({ conversations: 2 });
  try {
    const next = [{ role: "assistant", content: "Yes." }, { role: "user", content: "And then?" }];
    const alone = [];
    for (const about of [0, 1, 0, 1, 2, 1, 0]) alone.push((await turn(one, about, next)).said);
    assert.equal((await turn(one, 1)).isKept, false, "one conversation keeps one");

    const kept = [];
    const said = [];
    for (const about of [0, 1, 0, 1, 2, 1, 0]) {
      const told = await turn(two, about, next);
      kept.push(told.isKept);
      said.push(told.said);
    }
    // The third one took the place of the first, and then the first one the third's.
    assert.deepEqual(kept, [false, false, true, true, false, true, false]);
    assert.deepEqual(said, alone, "what is kept changes nothing that is said");
    const { isKept } = await turn(two, 1, [...next, { role: "assistant", content: "So." }, { role: "user", content: "?" }]);
    assert.equal(isKept, true, "a talk that goes on");
    await two.resetChat();
    assert.equal((await turn(two, 1)).cached, 0);
    assert.equal((await turn(two, 0)).isKept, false);
  } finally {
    await Promise.all([one.dispose(), two.dispose()]);
  }
});

test("events_tell of each answer and failure what a log of one's own needs", async () => {
  const events: EngineEvent[] = [];
  const engine = await all.load({ onEvent: (event: EngineEvent) => void events.push(event) });
  const heard: string[] = [];
  engine.addEventListener("answered", ({ detail }) => heard.push(detail.finish_reason));
  const answer = await engine.chat.completions.create(ask);
  for await (const chunk of await engine.completions.create({ prompt: QUESTION, max_tokens: 3, ignore_eos: true, stream: true })) void chunk;
  const reason = new Error("mine");
  const controller = new AbortController();
  const ended = engine.chat.completions.create(ask, { signal: controller.signal, onPromptProgress: () => controller.abort(reason) });
  await assert.rejects(ended);
  await assert.rejects(engine.chat.completions.create({ messages: [{ role: "user", content: "bottle ".repeat(2000) }] }));
  await engine.dispose();
  const [whole, streamed, aborted, full, ...others] = events;
  assert.deepEqual(whole, { type: "answered", usage: answer.usage, timings: answer.timings, finish_reason: "length" });
  assert.ok(streamed?.type === "answered" && streamed.usage.completion_tokens === 3);
  assert.deepEqual(aborted, { type: "failed", error: reason });
  assert.ok(full?.type === "failed" && (full.error as { code: string }).code === "context_full");
  assert.deepEqual(others, []);
  assert.deepEqual(heard, ["length", "length"]);
});
