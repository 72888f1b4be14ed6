// The ten lines: an engine, a question, an answer as it comes.
import { createEngine } from "azulejo";

import model from "../../models/azulejo-demo.gguf?url";

const [state, answer] = ["state", "answer"].map((id) => document.getElementById(id));
try {
  const engine = await createEngine(model, { onProgress: ({ text }) => (state.textContent = text) });
  const messages = [{ role: "user", content: "¿Cómo puedo sacar el pasaporte?" }];
  const stream = await engine.chat.completions.create({ messages, stream: true, temperature: 0 });
  for await (const chunk of stream) answer.textContent += chunk.choices[0]?.delta?.content ?? "";
  state.textContent = "Done.";
} catch (error) {
  state.textContent = `${error.message} ${error.hint ?? ""}`;
}
