// The model on the administration's own server, with the visitor's agreement.

import type { Settings } from "../element/settings.js";
import { type Answerer, estimatedTokens } from "./answerer.js";

/** Connects; only for a visitor who agreed that messages leave the device. */
export async function openServer(settings: Settings, { signal }: { signal: AbortSignal }): Promise<Answerer> {
  const { createRemoteEngine } = await import("azulejo/remote");
  const { server, serverModel } = settings;
  const engine = await createRemoteEngine({
    baseURL: server, consent: true, signal, ...(serverModel ? { model: serverModel } : {}),
  });
  return {
    context: engine.info.contextLength,
    count: async (messages) => estimatedTokens(messages),
    async *answer(messages, { maxTokens, signal }) {
      const request = { messages, max_tokens: maxTokens, temperature: 0, stream: true } as const;
      for await (const chunk of await engine.chat.completions.create(request, { signal })) {
        const piece = chunk.choices[0]?.delta?.content;
        if (piece) yield piece;
      }
    },
    dispose: () => engine.dispose(),
  };
}
