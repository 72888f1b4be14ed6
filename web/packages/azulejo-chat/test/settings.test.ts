// The element's attributes: what is read of them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { settingsOf } from "../src/element/settings.js";
import { transcript } from "../src/view/panel/transcript.js";
import { loadSpeaker } from "../src/language/translation.js";
import { found, settings, world } from "./doubles.js";

function read(attributes: Record<string, string>) {
  const warnings: string[] = [];
  const settings = settingsOf((name) => attributes[name] ?? null, "https://town.example/a/", (text) => void warnings.push(text));
  return { ...settings, warnings };
}

test("addresses are absolute, numbers are dialled, words are apart", () => {
  const all = read({ model: "m.gguf", human: "tel:+351210000000", emergency: "190, 192 193", hosts: " Taxes.example  gov.example", context: "1024" });
  assert.equal(all.model, "https://town.example/a/m.gguf");
  assert.equal(all.human, "tel:+351210000000");
  assert.deepEqual(all.emergency, ["190", "192", "193"]);
  assert.deepEqual(all.hosts, ["taxes.example", "gov.example"]);
  assert.equal(all.context, 1024);
  assert.deepEqual(all.warnings, []);
});

test("what is absent is the usual, and what makes no sense too, with a warning", () => {
  const usual = read({});
  assert.deepEqual([usual.grounding, usual.inline, usual.device, usual.emergency, usual.context, usual.model], ["strict", false, "auto", ["112"], null, ""]);
  const odd = read({ grounding: "of", mode: "popup", device: "gpu", model: "https://", context: "many", human: "javascript:alert(1)" });
  assert.deepEqual([odd.grounding, odd.inline, odd.device, odd.model, odd.context, odd.human], ["strict", false, "auto", "", null, ""]);
  assert.equal(odd.warnings.length, 5);
});

test("a root hash stays pinned, whatever it is", () => {
  const root = "0123456789ABCDEF".repeat(4);
  const pinned = read({ model: "m.gguf", manifest: "m.json", root });
  assert.deepEqual([pinned.root, pinned.warnings], [root.toLowerCase(), []]);
  const odd = read({ model: "m.gguf", manifest: "m.json", root: "sha256-AbC=" });
  assert.deepEqual([odd.root, odd.warnings.length], ["sha256-abc=", 1]);
  assert.equal(read({ model: "m.gguf", root }).warnings.length, 1, "without a manifest");
});

test("the package can be imported where there is no page", async () => {
  const { AzulejoChat } = await import("../src/index.js");
  assert.deepEqual(AzulejoChat.observedAttributes.slice(0, 2), ["lang", "model"]);
});

test("a transcript has all that was said, and where it stands", async () => {
  const w = world({ settings: settings({ name: "Vila Nova", human: "/contact" }), passages: found("Glass is green."), pieces: ["Glass is green."] });
  await w.conversation.configure();
  await w.conversation.agree("device");
  await w.conversation.ask("Where?");
  const text = transcript(w.conversation.state, await loadSpeaker("en"), w.settings);
  for (const part of ["Vila Nova: assistant", "Not legally binding", "https://town.example/contact", "Your question: Where?".slice(15), "AI assistant: Glass is green.\u00a0[1]", "[1] Waste: Glass: https://town.example/waste#glass"]) {
    assert.ok(text.includes(part), `${part}: ${text}`);
  }
});
