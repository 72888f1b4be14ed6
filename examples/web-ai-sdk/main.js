// Vercel's AI SDK with a model on the visitor's device. `cargo xtask demo web-ai-sdk` serves it.
import { streamText } from "ai";
import { createEngine } from "azulejo";
import { azulejo } from "azulejo/ai-sdk";

import file from "../../models/azulejo-demo.gguf?url";

const ids = ["form", "question", "send", "answer", "spoken", "state"];
const [form, question, send, answer, spoken, state] = ids.map((id) => document.getElementById(id));
const show = (text) => (state.textContent = text);

try {
  const engine = await createEngine(file, { onProgress: ({ text }) => show(text) });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    answer.textContent = spoken.textContent = "";
    answer.lang = spoken.lang = question.lang;
    show("Answering…");
    let failed = null;
    const { textStream } = streamText({
      model: azulejo(engine),
      prompt: question.value,
      temperature: 0,
      // A stream of the AI SDK doesn't throw: it ends.
      onError: ({ error }) => (failed = error),
    });
    for await (const text of textStream) answer.textContent += text;
    // Once, when it is whole: what is rewritten token by token is read again and again.
    spoken.textContent = answer.textContent;
    show(failed?.message ?? "Done.");
    send.disabled = false;
  });
  show("Ready.");
  send.disabled = false;
} catch (error) {
  show(`${error.message} ${error.hint ?? ""}`);
}
