// What a screen reader is told, and in which order.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Announcer } from "../src/announce/announcer.js";
import { type Announcement, announcements } from "../src/announce/announcements.js";
import { initial, type State } from "../src/conversation/state.js";
import { loadSpeaker } from "../src/language/translation.js";
import { found, settings, world } from "./doubles.js";

/** All that is announced over the changes of a conversation. */
async function told(states: readonly State[]): Promise<Announcement[]> {
  const speaker = await loadSpeaker("en");
  return states.flatMap((after, index) => announcements(after, states[index - 1] ?? initial, speaker));
}

test("a conversation is announced by whole sentences, each once, each in its language", async () => {
  const w = world({ passages: found("O vidro vai para o verde. É grátis."), pieces: ["O vidro vai", " para o ver", "de. É gr", "átis."] });
  await w.conversation.configure();
  await w.conversation.agree("device");
  await w.conversation.ask("Onde ponho o vidro?");
  const all = (await told(w.states)).map(({ text, lang }) => [lang, text]);
  assert.deepEqual(all, [
    ["en", "Preparing…"],
    ["en", "50% downloaded."],
    ["en", "Ready."],
    ["en", "1 passage found"],
    ["en", "Writing…"],
    ["pt-PT", "O vidro vai para o verde."],
    ["pt-PT", "É grátis."],
    ["en", "The answer is complete."],
  ]);
});

test("an emergency is urgent and comes first", async () => {
  const w = world();
  await w.conversation.configure();
  await w.conversation.ask("fire");
  const [first] = await told(w.states);
  assert.equal(first?.urgent, true);
  assert.match(first?.text ?? "", /call at once/);
});

test("a quotation is announced with what it is, and what is hidden is counted", async () => {
  const w = world({ passages: found("The library opens at ten."), pieces: ["At nine."] });
  await w.conversation.configure();
  await w.conversation.agree("device");
  await w.conversation.ask("When?");
  const texts = (await told(w.states)).map(({ text }) => text);
  assert.deepEqual(texts.slice(-3).map((text) => text.slice(0, 15)), ["The AI wrote no", "The library ope", "The answer is c"]);
  w.pieces = ["The library opens at ten. At nine."];
  w.states.length = 0;
  await w.conversation.ask("When?");
  assert.ok((await told(w.states)).some(({ text }) => text === "1 sentence isn't shown, as no page supports it."));
});

test("Markdown's signs aren't read out", async () => {
  const pieces = ["- **Glass** goes in `green`.\n", "- See [the page](/waste)."];
  const w = world({ settings: settings({ grounding: "off", sources: "" }), pieces });
  await w.conversation.configure();
  await w.conversation.agree("device");
  await w.conversation.ask("When?");
  const texts = (await told(w.states)).map(({ text }) => text);
  assert.ok(texts.includes("Glass goes in green."), JSON.stringify(texts));
  assert.ok(texts.includes("See the page."), JSON.stringify(texts));
});

test("announcements come one at a time, in order, urgent ones first, and leave again", () => {
  const shown: string[] = [];
  let there = 0;
  let most = 0;
  const later: (() => void)[] = [];
  const announcer = new Announcer(({ text }) => {
    shown.push(text);
    there += 1;
    most = Math.max(most, there);
    return () => void (there -= 1);
  }, (call) => void later.push(call));
  const say = (...texts: string[]) => announcer.tell(texts.map((text) => ({ text, lang: "en", ...(text === "fire" ? { urgent: true as const } : {}) })));
  say("one", "two");
  assert.deepEqual(shown, ["one"], "the second waits");
  say("three", "fire");
  assert.deepEqual(shown, ["one", "fire"], "what is urgent doesn't");
  while (later.length > 0) later.shift()?.();
  assert.deepEqual(shown, ["one", "fire", "two", "three"]);
  say(...Array.from({ length: 40 }, (_, index) => `line ${index}`));
  while (later.length > 0) later.shift()?.();
  assert.equal(shown.length, 44);
  assert.ok(most > 1 && most <= 13, `${most} were there at once`);
  assert.equal(there, 0, "a while later none is");
});
