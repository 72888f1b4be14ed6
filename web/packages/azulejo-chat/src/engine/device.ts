// The model on the visitor's device, and what is kept of it there. The engine is fetched here, and nowhere before consent.

import type { Progress } from "../conversation/state.js";
import type { Settings } from "../element/settings.js";
import type { Answerer } from "./answerer.js";

const model = ({ model, manifest }: Settings) => ({ url: model, ...(manifest ? { manifest } : {}) });

export async function openDevice(
  settings: Settings,
  { onProgress, signal }: { onProgress(progress: Progress): void; signal: AbortSignal },
): Promise<Answerer> {
  const { createEngine } = await import("azulejo");
  const { device, context } = settings;
  const engine = await createEngine(model(settings), { device, onProgress, signal, ...(context ? { context } : {}) });
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

/** Whether the model is on this device already. A site that stores nothing has none, and then no code is fetched to ask. */
export async function isKept(settings: Settings): Promise<boolean> {
  if (!(await storesSomething())) return false;
  const { storage } = await import("azulejo");
  return storage.has(model(settings));
}

/** Deletes the model from this device, older ones of the site too, and what was remembered of the device. */
export async function forgetModels(): Promise<void> {
  if (!(await storesSomething())) return;
  const { storage } = await import("azulejo");
  await storage.clear();
}

/** Whether the site keeps anything where models are kept. */
async function storesSomething(): Promise<boolean> {
  try {
    const folder = await navigator.storage?.getDirectory?.();
    if (folder) for await (const _ of folder.keys()) return true;
  } catch {
    // A private window; and a page by http has none.
  }
  const names = (await globalThis.caches?.keys().catch(() => [])) ?? [];
  return names.length > 0;
}
