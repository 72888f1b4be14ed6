// Code that is written for OpenAI's client stays as it is: only its `fetch` is another.
import { createEngine } from "azulejo";
import { engineFetch } from "azulejo/openai";
import OpenAI from "openai";

import model from "../../models/azulejo-demo.gguf?url";

const [state, answer] = ["state", "answer"].map((id) => document.getElementById(id));
try {
  const engine = await createEngine(model, { onProgress: ({ text }) => (state.textContent = text) });
  const client = new OpenAI({
    fetch: engineFetch(engine),
    // Nothing is sent anywhere: the address never gets further than the line above, and there is no key.
    baseURL: "https://azulejo.invalid/v1",
    apiKey: "none",
    dangerouslyAllowBrowser: true,
  });
  const stream = await client.chat.completions.create({
    model: "azulejo-demo",
    messages: [{ role: "user", content: "Onde posso renovar o cartão de cidadão?" }],
    temperature: 0,
    stream: true,
  });
  for await (const chunk of stream) answer.textContent += chunk.choices[0]?.delta?.content ?? "";
  state.textContent = "Done.";
} catch (error) {
  state.textContent = `${error.message} ${error.hint ?? ""}`;
}
