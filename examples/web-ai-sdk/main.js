// Vercel's AI SDK with a model on the visitor's device.
import { streamText } from "ai";
import { createEngine } from "azulejo";
import { azulejo } from "azulejo/ai-sdk";

import file from "../../models/azulejo-demo.gguf?url";

const [state, answer] = ["state", "answer"].map((id) => document.getElementById(id));
try {
  const engine = await createEngine(file, { onProgress: ({ text }) => (state.textContent = text) });
  const { textStream } = streamText({
    model: azulejo(engine),
    prompt: "On puc obrir una botiga?",
    temperature: 0,
  });
  for await (const text of textStream) answer.textContent += text;
  state.textContent = "Done.";
} catch (error) {
  state.textContent = `${error.message} ${error.hint ?? ""}`;
}
