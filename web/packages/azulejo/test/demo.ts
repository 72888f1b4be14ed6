// What tests of the engine start from: the built wasm with the demonstration model on the CPU, on this page.

import { fileURLToPath } from "node:url";
import { after, before } from "node:test";

import { serve } from "../../../e2e/harness/server.js";
import { createEngine, type LocalEngine, type ModelInput } from "../src/index.js";

const local = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const QUESTION = "Where do glass bottles go?";
export const messages = [{ role: "user", content: QUESTION }];
export const ask = { messages, temperature: 0, max_tokens: 24 };

/** A server and an engine that are there while a file's tests run, and the engine's answer to `ask`. */
export function demo() {
  let server: Awaited<ReturnType<typeof serve>>;
  const all = {
    engine: null as unknown as LocalEngine,
    text: "",
    load: (options = {}, model: ModelInput = server.url("/models/azulejo-demo.gguf")) =>
      createEngine(model, { worker: false, device: "cpu", wasmUrl: server.url("/wasm/azulejo_wasm_bg.wasm"), ...options }),
    url: (path: string) => server.url(path),
  };
  before(async () => {
    server = await serve({ "/wasm/": local("src/wasm"), "/models/": local("../../../models") });
    all.engine = await all.load();
    all.text = (await all.engine.chat.completions.create(ask)).choices[0]!.message.content!;
  });
  after(async () => {
    await all.engine?.dispose();
    await server?.close();
  });
  return all;
}
