// The model on the visitor's device. The engine is fetched here.

import type { Progress } from "../conversation/state.js";
import type { Settings } from "../element/settings.js";
import type { Answerer } from "./answerer.js";
import { claim } from "./forget.js";
import { modelOf } from "./kept.js";

export async function openDevice(
  settings: Settings,
  { onProgress, signal }: { onProgress(progress: Progress): void; signal: AbortSignal },
): Promise<Answerer> {
  const { createEngine } = await import("azulejo");
  const { device, context, model } = settings;
  // Before a part of it is kept; and by its id, since others may load the same file from elsewhere.
  await claim(model);
  const engine = await createEngine(modelOf(settings), { device, onProgress, signal, ...(context ? { context } : {}) });
  const { id } = engine.info.file;
  if (id) await claim(id);
  return {
    context: engine.info.contextLength,
    count: async (messages) => (await engine.tokenize(messages)).length,
    async *answer(messages, { maxTokens, signal }) {
      const request = { messages, max_tokens: maxTokens, temperature: 0, stream: true } as const;
      for await (const chunk of await engine.chat.completions.create(request, { signal })) {
        const piece = chunk.choices[0]?.delta.content;
        if (piece) yield piece;
      }
    },
    dispose: () => engine.dispose(),
  };
}
