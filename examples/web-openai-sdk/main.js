// Code that is written for OpenAI's client stays as it is: only its `fetch` is another.
// `cargo xtask demo web-openai-sdk` serves it.
import { createEngine } from "azulejo";
import { engineFetch } from "azulejo/openai";
import OpenAI from "openai";

import model from "../../models/azulejo-demo.gguf?url";

const ids = ["form", "question", "send", "answer", "spoken", "state"];
const [form, question, send, answer, spoken, state] = ids.map((id) => document.getElementById(id));
const show = (text) => (state.textContent = text);

try {
  const engine = await createEngine(model, { onProgress: ({ text }) => show(text) });
  const client = new OpenAI({
    fetch: engineFetch(engine),
    // Nothing is sent anywhere: the address never gets further than the line above, and there is no key.
    baseURL: "https://azulejo.invalid/v1",
    apiKey: "none",
    dangerouslyAllowBrowser: true,
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    answer.textContent = spoken.textContent = "";
    answer.lang = spoken.lang = question.lang;
    show("Answering…");
    try {
      const messages = [{ role: "user", content: question.value }];
      const stream = await client.chat.completions.create({ model: "azulejo-demo", messages, stream: true, temperature: 0 });
      for await (const chunk of stream) answer.textContent += chunk.choices[0]?.delta?.content ?? "";
      // Once, when it is whole: what is rewritten token by token is read again and again.
      spoken.textContent = answer.textContent;
      show("Done.");
    } catch (error) {
      show(error.message);
    }
    send.disabled = false;
  });
  show("Ready.");
  send.disabled = false;
} catch (error) {
  show(`${error.message} ${error.hint ?? ""}`);
}
