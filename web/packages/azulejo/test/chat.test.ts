// Requests: what is taken, what is refused and in which words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { checkRequestOptions, parseChat, parseCompletion } from "../src/chat.js";
import { AzulejoError, ERROR_CODES, toWire } from "../src/errors.js";
import { CHAT, COMPLETION, type Fate, MESSAGE } from "../src/fields.js";
import { json, unescaped, wellFormed } from "../src/text.js";

const messages = [{ role: "user", content: "Bom dia" }];
const refused = (body: object, code: string, words: RegExp) =>
  assert.throws(() => parseChat({ messages, ...body } as never), (error: AzulejoError) => {
    assert.equal(error.code, code);
    assert.match(error.message, words);
    assert.ok(error.hint.length > 0);
    return true;
  });

test("chat_defaults are OpenAI's temperature and the engine's everything else", () => {
  const { options, stream, prompt } = parseChat({ messages });
  assert.deepEqual(options, { temperature: 1 });
  assert.equal(stream, false);
  assert.deepEqual(prompt, { messages });
});

test("chat_options go by the engine's names", () => {
  const { options } = parseChat({
    messages, max_tokens: 7, temperature: 0, top_p: 0.5, top_k: 9, min_p: 0.1, repetition_penalty: 1.1,
    repeat_last_n: -1, frequency_penalty: 0.2, presence_penalty: -0.3, seed: 5, stop: "\n", logprobs: true, top_logprobs: 3,
  });
  assert.deepEqual(options, {
    maxTokens: 7, temperature: 0, topP: 0.5, topK: 9, minP: 0.1, repeatPenalty: 1.1, repeatLastN: -1,
    frequencyPenalty: 0.2, presencePenalty: -0.3, seed: 5, stop: ["\n"], logprobs: 3,
  });
});

test("chat_max_completion_tokens goes before max_tokens", () => {
  assert.equal(parseChat({ messages, max_tokens: 7, max_completion_tokens: 3 }).options.maxTokens, 3);
});

test("chat_parts of text are put together, a developer is the system", () => {
  const parts = [{ type: "text", text: "Bom " }, { type: "text", text: "dia" }];
  const { prompt } = parseChat({ messages: [{ role: "developer", content: "Curto." }, { role: "user", content: parts }] });
  assert.deepEqual(prompt, { messages: [{ role: "system", content: "Curto." }, { role: "user", content: "Bom dia" }] });
});

test("chat_what means nothing is taken", () => {
  parseChat({
    messages, model: "x", user: "y", n: 1, tools: [], tool_choice: "none", response_format: { type: "text" },
    logit_bias: {}, modalities: ["text"], stop: null, seed: null, top_logprobs: null,
  } as never);
});

test("chat_what the engine can't do is refused by name", () => {
  refused({ tools: [{ type: "function" }] }, "unsupported", /"tools"/);
  refused({ response_format: { type: "json_object" } }, "unsupported", /"response_format"/);
  refused({ logit_bias: { 5: -100 } }, "unsupported", /"logit_bias"/);
  refused({ temprature: 0 }, "unsupported", /"temprature"/);
  refused({ messages: [{ role: "function", content: "" }] }, "unsupported", /role "function"/);
  refused({ messages: [{ role: "user", content: [{ type: "image_url" }] }] }, "unsupported", /messages\[0\]\.content\[0\].*image_url/);
});

test("chat_fields: each has one fate in the table, and no other name is taken", () => {
  for (const [fates, parse, whole] of [
    [CHAT, parseChat, { messages }],
    [COMPLETION, parseCompletion, { prompt: "a" }],
    [MESSAGE, (message: object) => parseChat({ messages: [message as never] }), messages[0]!],
  ] as [Record<string, Fate>, (body: never) => unknown, object][]) {
    for (const [name, fate] of Object.entries(fates)) {
      const body = { ...whole, [name]: () => 1 } as never;
      if (fate === "harmless") parse(body);
      else if (fate === "done") assert.throws(() => parse(body), { code: "invalid_argument" }, name);
      else {
        assert.throws(() => parse(body), { code: "unsupported", parameters: { name } }, name);
        for (const nothing of [null, undefined, ...fate.nothing]) parse({ ...whole, [name]: nothing } as never);
      }
    }
  }
  for (const value of [false, "", 0, [], {}, "none", "auto"]) {
    refused({ temprature: value }, "unsupported", /"temprature"/);
    assert.throws(() => parseCompletion({ prompt: "a", mesages: value } as never), { code: "unsupported" });
  }
  refused({ web_search_options: {} }, "unsupported", /"web_search_options"/);
  refused({ service_tier: "flex" }, "unsupported", /"service_tier"/);
  refused({ stream_options: { include_usgae: true } }, "unsupported", /"include_usgae"/);
  refused({ constructor: 1 }, "unsupported", /"constructor"/);
});

test("chat_values of the wrong kind are refused and not guessed", () => {
  for (const name of ["stream", "ignore_eos", "return_progress", "logprobs", "parse_special_in_content"]) {
    for (const value of ["true", 1, "", {}]) refused({ [name]: value }, "invalid_argument", new RegExp(`"${name}" is .*true or false`));
  }
  refused({ stream_options: { include_usage: "yes" } }, "invalid_argument", /include_usage/);
  refused({ signal: {} }, "invalid_argument", /AbortSignal/);
  refused({ chat_template_kwargs: "x" }, "invalid_argument", /"chat_template_kwargs" is "x"/);
  refused({ chat_template_kwargs: { messages: [] } }, "invalid_argument", /"messages"/);
  for (const options of [{ sginal: null }, 5, { timeout: 1000 }, { onPromptProgress: 1 }, { signal: 1 }]) {
    if ("sginal" in Object(options)) checkRequestOptions(options as never);
    else assert.throws(() => checkRequestOptions(options as never), AzulejoError);
  }
});

test("chat_messages reach templates whole", () => {
  const call = { id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Évora","days":[1,2]}' } };
  const { prompt } = parseChat({
    messages: [
      { role: "user", content: "Sol?", name: "Ana", refusal: null } as never,
      { role: "assistant", content: null, tool_calls: [call], reasoning_content: "Hm\ud83d.", annotations: [] } as never,
      { role: "tool", content: [{ type: "text", text: "sim" }], tool_call_id: "c1", lang: { of: ["pt"] } } as never,
      { role: "assistant" },
    ],
    chat_template_kwargs: { enable_thinking: false, tools: [{ a: 1 }] },
  });
  const parsed = { ...call, function: { name: "weather", arguments: { city: "Évora", days: [1, 2] } } };
  assert.deepEqual(prompt, {
    messages: [
      { role: "user", content: "Sol?", name: "Ana" },
      { role: "assistant", content: null, tool_calls: [parsed], reasoning_content: "Hm\ufffd." },
      { role: "tool", content: "sim", tool_call_id: "c1", lang: { of: ["pt"] } },
      { role: "assistant", content: "" },
    ],
    variables: { enable_thinking: false, tools: [{ a: 1 }] },
  });
  const of = (more: object) => ({ messages: [{ role: "assistant", content: "a", ...more }] });
  const self: { self?: unknown } = {};
  self.self = self;
  for (const [more, words] of [
    [{ odd: () => 1 }, /messages\[0\]\.odd is a function/],
    [{ odd: { deep: [NaN] } }, /messages\[0\]\.odd\.deep\[0\] is NaN/],
    [{ odd: self }, /holds itself/],
    [{ odd: 1n }, /odd is 1/],
    [{ name: 5 }, /messages\[0\]\.name/],
    [{ tool_calls: {} }, /tool_calls/],
    [{ tool_calls: [{ function: { arguments: "{" } }] }, /tool_calls\[0\]\.function\.arguments/],
  ] as const) {
    refused(of(more), "invalid_argument", words);
  }
  refused(of({ refusal: "no" }), "unsupported", /"refusal"/);
  refused(of({ function_call: {} }), "unsupported", /"function_call"/);
  refused({ messages: [null] }, "invalid_argument", /messages\[0\]/);
  refused({ messages: [{ role: "user", content: [null] }] }, "unsupported", /content\[0\]/);
  refused({ messages: [{ role: "user", content: 5 }] }, "invalid_argument", /content/);
});

test("chat_values out of bounds are refused with the bounds", () => {
  refused({ n: 2 }, "invalid_argument", /"n" is 2/);
  refused({ temperature: -1 }, "invalid_argument", /"temperature" is -1.*at least 0/);
  refused({ top_p: 1.5 }, "invalid_argument", /"top_p" is 1.5.*from 0 to 1/);
  refused({ max_tokens: 1.5 }, "invalid_argument", /"max_tokens" is 1.5.*whole/);
  refused({ temperature: "hot" }, "invalid_argument", /"temperature" is "hot"/);
  refused({ top_logprobs: 2 }, "invalid_argument", /"logprobs": true/);
  refused({ stop: [""] }, "invalid_argument", /"stop"/);
  refused({ messages: [] }, "invalid_argument", /"messages"/);
});

test("chat_numbers that make no sense are refused by the name that was used", () => {
  const names = ["temperature", "top_p", "min_p", "repeat_penalty", "repetition_penalty", "frequency_penalty",
    "presence_penalty", "top_k", "repeat_last_n", "seed", "max_tokens", "max_completion_tokens"];
  for (const name of names) {
    for (const value of [NaN, Infinity, -Infinity]) {
      refused({ [name]: value }, "invalid_argument", new RegExp(`^"${name}" is ${value}, and has to be a`));
    }
  }
  for (const name of ["repeat_penalty", "repetition_penalty"]) {
    // The engine's 32 bits make 0 of the last one.
    for (const value of [0, -0, 1e-60]) refused({ [name]: value }, "invalid_argument", new RegExp(`"${name}" is .*greater than 0`));
    refused({ [name]: -1 }, "invalid_argument", new RegExp(`"${name}" is -1`));
  }
  // ... and infinity of this one.
  refused({ temperature: 1e60 }, "invalid_argument", /"temperature" is 1e\+60/);
  const most = { top_k: 2 ** 40, repeat_last_n: 2 ** 40, max_tokens: 2 ** 40 };
  const { topK, repeatLastN, maxTokens } = parseChat({ messages, ...most }).options;
  assert.deepEqual([topK, repeatLastN, maxTokens], Array(3).fill(2 ** 31 - 1));
});

test("text_halves of characters become U+FFFD wherever a text comes in", () => {
  const [high, low] = ["\ud83d", "\ude42"];
  for (const [text, whole] of [[high, "\ufffd"], [low + high, "\ufffd\ufffd"], [`a${high}b${high}${low}`, "a\ufffdb🙂"], ["🙂", "🙂"]]) {
    assert.equal(wellFormed(text!), whole);
    const { prompt, options } = parseChat({ messages: [{ role: "user", content: text! }], stop: text!, chat_template: `{{${text}}}` });
    assert.deepEqual(prompt, { messages: [{ role: "user", content: whole }], template: `{{${whole}}}` });
    assert.deepEqual(options.stop, [whole]);
    assert.deepEqual(parseCompletion({ prompt: text!, echo: true }).prompt, whole);
    assert.equal(parseCompletion({ prompt: text!, echo: true }).echo, whole);
    assert.deepEqual(json({ messages: [{ content: text }], n: 1 }, "it"), { messages: [{ content: whole }], n: 1 });
  }
  // Halves of one character in two parts of a message are that character.
  const content = [high, low].map((text) => ({ type: "text", text }));
  assert.deepEqual(parseChat({ messages: [{ role: "user", content }] }).prompt, { messages: [{ role: "user", content: "🙂" }] });
});

test("text_of an address is what its escapes say, or what it is", () => {
  for (const [part, text] of [["100%", "100%"], ["%EA", "%EA"], ["%c3%a9%EA%", "%c3%a9%EA%"], ["%C3%A9-100%-%2F", "é-100%-/"], ["", ""]]) {
    assert.equal(unescaped(part!), text);
  }
});

test("completion_prompts are one text or one list of tokens", () => {
  assert.equal(parseCompletion({ prompt: "a" }).prompt, "a");
  assert.equal(parseCompletion({ prompt: ["a"] }).prompt, "a");
  assert.deepEqual(parseCompletion({ prompt: [1, 2] }).prompt, [1, 2]);
  assert.deepEqual(parseCompletion({ prompt: [[1, 2]] }).prompt, [1, 2]);
  assert.equal(parseCompletion({ prompt: "a" }).options.maxTokens, 16);
  // 32 bits would make token 5 of the last but one.
  for (const prompt of [["a", "b"], [[1], [2]], [1.5], [], null, [-1], [2 ** 32 + 5], [1, "2"]]) {
    assert.throws(() => parseCompletion({ prompt } as never), { code: "invalid_argument" });
  }
});

test("error_codes and hints survive a worker's border", () => {
  const chunk = { chunk: 3 };
  const there = structuredClone(toWire(new AzulejoError("integrity", "Chunk 3 is wrong.", "Check it.", undefined, chunk)));
  const back = AzulejoError.from(there);
  assert.deepEqual([back.code, back.message, back.hint, back.parameters], ["integrity", "Chunk 3 is wrong.", "Check it.", chunk]);
  const bug = AzulejoError.from(structuredClone(toWire(new RangeError("odd"))));
  assert.match(String((bug.cause as Error).stack), /RangeError: odd[^]*chat\.test/);
  assert.equal(AzulejoError.from(new DOMException("stop", "AbortError")).code, "cancelled");
  assert.equal(new AzulejoError("cancelled", "").name, "AbortError");
  assert.equal(AzulejoError.from(new RangeError("odd")).code, "internal");
  assert.equal(AzulejoError.from({ code: "nonsense", message: "x" }).code, "internal");
  assert.equal(new Set(ERROR_CODES).size, ERROR_CODES.length);
});
