// A conversation from question to answer, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { failureText } from "../src/conversation/failure.js";
import { reduce } from "../src/conversation/reducer.js";
import { initial, running } from "../src/conversation/state.js";
import { loadSpeaker } from "../src/language/translation.js";
import { ABOUT, found, settings, world } from "./doubles.js";

const last = (w: ReturnType<typeof world>) => w.conversation.state.turns.at(-1)!;

async function ready(more: Parameters<typeof world>[0] = {}) {
  const w = world(more);
  await w.conversation.configure();
  await w.conversation.agree("device");
  assert.deepEqual(w.conversation.state.engine, { phase: "ready", where: "device" });
  return w;
}

test("search comes first, without a model and before consent", async () => {
  const w = world({ passages: found("Glass goes in the green bin.") });
  await w.conversation.configure();
  await w.conversation.offer();
  assert.equal(w.conversation.state.consent, true);
  await w.conversation.ask("  Where does glass go? ");
  assert.equal(last(w).question, "Where does glass go?");
  assert.equal(last(w).found, w.passages);
  assert.equal(last(w).answer, null);
  assert.deepEqual(w.log, ["about", "search Where does glass go?"], "nothing is connected to");
});

test("consent isn't asked for unasked where data, money or battery speak against it, nor where it can't be had", async () => {
  const failure = { code: "not_found", parameters: {} };
  for (const about of [{ held: "data" }, { held: "metered" }, { held: "battery" }, { tooSmall: { needed: 9, free: 1 } }, { failure }] as const) {
    const w = world({ about: { ...ABOUT, ...about } });
    await w.conversation.configure();
    await w.conversation.offer();
    assert.equal(w.conversation.state.consent, false, JSON.stringify(about));
    await w.conversation.offer();
    assert.equal(w.conversation.state.consent, false, "nor the second time");
    await w.conversation.offer(true);
    assert.equal(w.conversation.state.consent, true, "whoever asks for it is told why");
  }
});

test("a page that sets what it offers bit by bit is asked about once, as it is in the end", async () => {
  const w = world();
  const first = w.conversation.configure().then(() => w.conversation.offer());
  w.settings = settings({ model: "/other.gguf" });
  const second = w.conversation.configure().then(() => w.conversation.offer());
  await Promise.all([first, second]);
  assert.equal(w.conversation.state.consent, true);
  await w.conversation.configure();
  assert.deepEqual([w.conversation.state.consent, w.conversation.state.about], [false, null]);
  await w.conversation.offer();
  assert.equal(w.conversation.state.consent, true, "and once more when it changes");
});

test("a page that changes what it offers bit by bit, while a model is there: it is freed first, and consent is asked for once", async () => {
  const w = await ready();
  let go = () => {};
  w.disposing = new Promise((done) => (go = done));
  w.log.length = w.states.length = 0;
  const changes = [1, 2].map(() => w.conversation.configure().then(() => w.conversation.offer()));
  // Long after all else that could happen has.
  await new Promise((done) => setTimeout(done));
  assert.deepEqual(w.log, [], "nothing is asked about while the model is being freed");
  go();
  await Promise.all(changes);
  assert.deepEqual([w.conversation.state.consent, w.log], [true, ["dispose", "about"]]);
  assert.equal(w.states.filter(({ consent }, at) => consent && !w.states[at - 1]?.consent).length, 1);
});

test("a server is offered where the device can't hold the model", async () => {
  const w = world({ settings: settings({ server: "https://llm.example/v1" }), about: { ...ABOUT, tooSmall: { needed: 9, free: 1 } } });
  await w.conversation.configure();
  await w.conversation.offer();
  assert.equal(w.conversation.state.consent, true);
  await w.conversation.agree("server");
  assert.deepEqual(w.log.filter((line) => /connect/.test(line)), ["connect server"]);
});

test("without sources nothing can be checked, and a model is offered only where grounding is off", async () => {
  for (const [grounding, phase] of [["strict", "absent"], ["marked", "absent"], ["off", "off"]] as const) {
    const w = world({ settings: settings({ sources: "", grounding }) });
    await w.conversation.configure();
    assert.equal(w.conversation.state.engine.phase, phase, grounding);
  }
});

test("strict: sentences that no passage supports aren't shown, and those shown cite theirs", async () => {
  const w = await ready({
    passages: found("The library opens at ten.", "Glass goes in the green bin. It is emptied on Tuesdays."),
    pieces: ["Glass goes in the ", "green bin. It costs 12 euros. It is empt", "ied on Tuesdays."],
  });
  await w.conversation.ask("Where does glass go?");
  const { answer } = last(w);
  assert.equal(answer?.text, "Glass goes in the green bin.\u00a0[2] It is emptied on Tuesdays.\u00a0[2]");
  assert.deepEqual(answer?.said, ["Glass goes in the green bin.", "It is emptied on Tuesdays."]);
  assert.deepEqual([answer?.status, answer?.hidden, answer?.quoted], ["done", 1, null]);
  for (const { turns } of w.states) assert.doesNotMatch(turns.at(-1)?.answer?.text ?? "", /12/, "not even for a moment");
});

test("strict: where nothing is supported the best passage is quoted", async () => {
  const w = await ready({ passages: found("The library opens at ten.", "Other."), pieces: ["It opens at nine."] });
  await w.conversation.ask("When does the library open?");
  assert.deepEqual([last(w).answer?.text, last(w).answer?.quoted, last(w).answer?.hidden], ["", 0, 1]);
});

test("strict: where nothing is found the model isn't asked", async () => {
  const w = await ready({ passages: [], pieces: ["Anything."] });
  await w.conversation.ask("Hello?");
  assert.deepEqual([last(w).found, last(w).answer, w.asked], [[], null, []]);
});

test("marked: unsupported sentences are marked; off: nothing is checked", async () => {
  const passages = found("Glass goes in the green bin.");
  const pieces = ["Glass goes in the green bin. It costs 12 euros."];
  const marked = await ready({ settings: settings({ grounding: "marked" }), passages, pieces });
  await marked.conversation.ask("Where?");
  assert.equal(last(marked).answer?.text, "Glass goes in the green bin.\u00a0[1] It costs 12 euros.\u00a0[?]");
  const off = await ready({ settings: settings({ grounding: "off", sources: "" }), pieces });
  await off.conversation.ask("Where?");
  assert.equal(last(off).answer?.text, pieces[0]);
});

test("words for danger to life are told at once, before the search and beside the answer", async () => {
  const w = world();
  await w.conversation.configure();
  await w.conversation.ask("There's a fire!");
  const first = w.states.find(({ turns }) => turns.length > 0)!;
  assert.deepEqual([first.turns[0]?.emergency, first.turns[0]?.searching], [true, true]);
});

test("a question that was asked before the model came is answered when it's there", async () => {
  const w = world({ passages: found("The library opens at ten."), pieces: ["The library opens at ten."] });
  await w.conversation.configure();
  await w.conversation.ask("When does the library open?");
  await w.conversation.agree("device");
  assert.equal(last(w).answer?.text, "The library opens at ten.\u00a0[1]");
});

test("the answer's language follows the question's", async () => {
  const w = await ready({ passages: found("O vidro vai para o ecoponto verde."), pieces: ["O vidro vai para o ecoponto verde."] });
  await w.conversation.ask("Onde ponho o vidro?");
  assert.equal(last(w).lang, "pt-PT");
  assert.match(w.asked[0]?.[0]?.content ?? "", /português de Portugal/);
});

test("stopping keeps what there is; a new question ends the one before", async () => {
  // Once while it loads, and before each piece.
  let stopAt = 3;
  const w = await ready({
    settings: settings({ grounding: "off", sources: "" }), pieces: ["One. ", "Two. ", "Three."],
    between: () => void ((stopAt -= 1) < 0 && w.conversation.stop()),
  });
  await w.conversation.ask("Count");
  assert.deepEqual([last(w).answer?.status, last(w).answer?.text], ["stopped", "One. Two."]);
  let go = () => {};
  w.between = () => new Promise<void>((done) => (go = done));
  const first = w.conversation.ask("First");
  while (last(w).answer?.status !== "reading") await new Promise((done) => setImmediate(done));
  const second = w.conversation.ask("Second");
  w.between = () => {};
  await new Promise((done) => setImmediate(done));
  go();
  await Promise.all([first, second]);
  const [, one, two] = w.conversation.state.turns;
  assert.deepEqual([one?.answer?.status, two?.answer?.status], ["stopped", "done"]);
});

test("what fails is told, and tried again", async () => {
  const failure = Object.assign(new Error("busy"), { code: "network", parameters: { status: 429 } });
  const w = await ready({ settings: settings({ grounding: "off", sources: "" }), pieces: ["Half."], failure: null });
  w.failure = failure;
  await w.conversation.ask("Go");
  assert.deepEqual([last(w).answer?.status, last(w).answer?.failure?.code], ["failed", "network"]);
  w.failure = null;
  await w.conversation.retry();
  assert.deepEqual([last(w).answer?.status, last(w).answer?.text], ["done", "Half."]);
  assert.equal(w.conversation.state.turns.length, 1);

  const broken = world();
  await broken.conversation.configure();
  await broken.conversation.ask("broken");
  assert.deepEqual([last(broken).searchFailed, last(broken).searching], [true, false]);
  await broken.conversation.retry();
  assert.equal(broken.log.filter((line) => line === "search broken").length, 2, "it is searched once more");
});

test("a model that doesn't load is tried again, and what was asked is answered", async () => {
  const w = world({ passages: found("A b c."), pieces: ["A b c."], failure: Object.assign(new Error("gone"), { code: "not_found" }) });
  await w.conversation.configure();
  await w.conversation.ask("a");
  await w.conversation.agree("device");
  assert.equal(w.conversation.state.engine.phase, "failed");
  w.failure = null;
  await w.conversation.retry();
  assert.equal(last(w).answer?.status, "done");
});

test("cancelling a download agrees to nothing", async () => {
  const w = world({ between: (signal) => new Promise((_, fail) => signal.addEventListener("abort", () => fail(signal.reason))) });
  await w.conversation.configure();
  const agreed = w.conversation.agree("device");
  while (w.conversation.state.engine.phase !== "loading") await new Promise((done) => setImmediate(done));
  w.conversation.cancel();
  await agreed;
  assert.deepEqual(w.conversation.state.engine, { phase: "off" });
});

test("forgetting frees the model before it deletes it, and leaves nothing", async () => {
  const w = await ready({ passages: found("A b c."), pieces: ["A b c."] });
  await w.conversation.ask("a");
  w.log.length = 0;
  await w.conversation.forget();
  assert.deepEqual(w.log, ["dispose", "forget"]);
  const { turns, about, agreed, forgotten, engine } = w.conversation.state;
  assert.deepEqual([turns, about, agreed, forgotten, engine.phase], [[], null, null, true, "off"]);
});

test("a second question has the first one's messages in front, as they were", async () => {
  const w = await ready({ passages: found("A b c."), pieces: ["A b c."] });
  await w.conversation.ask("one");
  await w.conversation.ask("two");
  const [first, second] = w.asked;
  assert.deepEqual(second?.slice(0, first?.length), first);
  assert.deepEqual(second?.[2], { role: "assistant", content: "A b c." });
});

test("what comes late for an answer that has ended changes nothing", () => {
  let state = reduce(initial, { type: "asked", id: 1, question: "q", lang: "en", emergency: false, searching: false });
  state = reduce(state, { type: "answering", id: 1, where: "device" });
  assert.equal(running(state)?.id, 1);
  state = reduce(state, { type: "stopped", id: 1 });
  assert.equal(running(state), null);
  const late = reduce(state, { type: "wrote", id: 1, text: "late", said: [], hidden: 0 });
  assert.deepEqual(late, state);
});

test("failures in words: by code, by a server's status, by the memory", async () => {
  const speaker = await loadSpeaker("en");
  const text = (code: string, parameters = {}, where: "device" | "server" = "device") => failureText(speaker, { code, parameters }, where);
  assert.match(text("not_found"), /isn't where it should be/);
  assert.match(text("out_of_memory", { needed: 3e9, free: 1e9 }), /3\.0 GB are needed, 1\.0 GB are there/);
  assert.match(text("out_of_memory"), /too little memory/);
  assert.match(text("network", { status: 401 }, "server"), /refused/);
  assert.match(text("network", { status: 429 }, "server"), /too many/);
  assert.match(text("network", { status: 500 }, "server"), /server has a problem/);
  assert.match(text("network", {}, "server"), /network failed/);
  assert.match(text("no such code"), /Something/);
});

test("a question that another overtook says so, and not that answers aren't set up", async () => {
  const w = world({ passages: found("Glass goes in the green bin.") });
  await w.conversation.configure();
  await Promise.all(["one", "two", "three"].map((question) => w.conversation.ask(question)));
  const told = w.conversation.state.turns.map(({ overtaken, searching, found }) => [overtaken, searching, found !== null]);
  assert.deepEqual(told, [[true, false, false], [true, false, false], [false, false, true]]);
});

test("what a page changes while a question is searched for doesn't lose the question", async () => {
  const w = world({ passages: found("Glass goes in the green bin.") });
  await w.conversation.configure();
  const asked = w.conversation.ask("Where does glass go?");
  await Promise.all([w.conversation.configure(), w.conversation.configure(), asked]);
  await new Promise((done) => setTimeout(done, 10));
  assert.deepEqual([last(w).found, last(w).searching, last(w).overtaken], [w.passages, false, false]);
  // Nor where there is nothing to search any more.
  const again = w.conversation.ask("Where does glass go?");
  w.settings = settings({ sources: "" });
  await Promise.all([w.conversation.configure(), again]);
  assert.deepEqual([last(w).found, last(w).searching, last(w).overtaken], [null, false, true]);
});

test("a search that failed and is tried again leaves no failure behind", async () => {
  const w = world({ passages: found("Glass goes in the green bin.") });
  await w.conversation.configure();
  await w.conversation.ask("broken");
  assert.equal(last(w).searchFailed, true);
  w.broken = false;
  await w.conversation.retry();
  assert.deepEqual([last(w).searchFailed, last(w).found], [false, w.passages]);
});

test("a model that can't be looked at is said to be so to whoever asks for it", async () => {
  const w = world({ about: new TypeError("not a manifest") });
  await w.conversation.configure();
  await w.conversation.offer(true);
  const { about, consent } = w.conversation.state;
  assert.deepEqual([about?.failure?.code, consent], ["internal", true]);
});
