// The embedded model answers the 140 questions over the town hall's pages, and what is shown of it under strict grounding
// has no number that stands in none of the passages that were found. The conversation is the element's own, without a page.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { build } from "esbuild";

import { serve } from "./harness/server.js";
import { DEMO, DIST, EXAMPLES, scratch } from "./harness/site.js";
import { townHall } from "./harness/town-hall.js";

const CHAT = new URL("../packages/azulejo-chat/", import.meta.url);
const cleanUp = [];
let folder, server, engine;
before(async () => {
  folder = await scratch({ after: (done) => cleanUp.push(done) });
  server = await serve({ ...(await townHall(join(folder, "served"))), "/azulejo/": DIST });
  const { createEngine } = await import(pathToFileURL(join(DIST, "index.js")));
  const wasmUrl = server.url("/azulejo/azulejo_wasm_bg.wasm");
  engine = await createEngine(new Uint8Array(await readFile(DEMO)), { device: "cpu", worker: false, wasmUrl });
});
after(async () => {
  await engine?.dispose();
  await server?.close();
  for (const done of cleanUp) await done();
});

/** Bundles some of the element's modules, and imports them. */
async function modules(contents) {
  const outfile = join(folder, "modules.mjs");
  const stdin = { contents, resolveDir: new URL("src", CHAT).pathname, loader: "ts" };
  await build({ stdin, bundle: true, format: "esm", external: ["azulejo", "azulejo/*"], outfile, logLevel: "error" });
  return import(pathToFileURL(outfile));
}

test("140 answers: each number that is shown stands in a passage", async (t) => {
  const { Conversation, parts, settingsOf, factsOf, agrees } = await modules(`
    export { Conversation } from "./conversation/conversation.js";
    export { settingsOf } from "./element/settings.js";
    export { agrees, factsOf } from "./grounding/facts.js";
    export { openIndex } from "./search/index.js";
    import * as grounding from "./grounding/index.js";
    import { isEmergency } from "./emergency/index.js";
    import { languageOf } from "./language/detect.js";
    import { openIndex } from "./search/index.js";
    export const parts = { openIndex, grounding: async () => grounding, isEmergency, languageOf };
  `);
  const questions = JSON.parse(await readFile(join(EXAMPLES, "web-town-hall/questions.json"), "utf8"));
  const index = parts.openIndex(server.url("/search-index.json"));
  const attributes = { model: "/models/model.gguf", sources: "/search-index.json" };
  const settings = settingsOf((name) => attributes[name] ?? null, server.origin, () => {});
  const answerer = {
    context: engine.info.contextLength,
    count: async (messages) => (await engine.tokenize(messages)).length,
    async *answer(messages, { maxTokens }) {
      for await (const chunk of await engine.chat.completions.create({ messages, max_tokens: maxTokens, temperature: 0, stream: true })) {
        yield chunk.choices[0]?.delta.content ?? "";
      }
    },
    dispose: async () => {},
  };
  const counts = { answered: 0, quoted: 0, "nothing found": 0 };
  let numbers = 0;
  for (const { id, lang, question } of questions) {
    const tools = {
      parts, settings: () => settings, language: () => lang, hasIndex: () => true, index: () => index,
      about: async () => ({ bytes: 1, languages: null }), connect: async () => answerer, forget: async () => {},
    };
    const conversation = new Conversation(tools, () => {});
    await conversation.configure();
    await conversation.agree("device");
    await conversation.ask(question);
    const [turn] = conversation.state.turns;
    const passages = turn.found.map(({ passage }) => passage);
    const kind = passages.length === 0 ? "nothing found" : turn.answer.text ? "answered" : "quoted";
    counts[kind]++;
    if (kind === "quoted") assert.notEqual(turn.answer.quoted, null, `${id}: a passage is quoted`);
    if (kind !== "answered") continue;
    const known = passages.flatMap(({ text, title, heading, lang }) => factsOf(`${title}. ${heading}. ${text}`, lang));
    for (const fact of factsOf(turn.answer.text, turn.lang)) {
      numbers++;
      assert.ok(known.some((other) => agrees(fact, other)), `${id}: ${fact.keys[0]} stands in no passage: ${turn.answer.text}`);
    }
  }
  t.diagnostic(`${JSON.stringify(counts)}; ${numbers} numbers shown`);
  assert.equal(counts.answered + counts.quoted + counts["nothing found"], 140);
});
