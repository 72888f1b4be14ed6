// An engine, a question, an answer as it comes. There is no bundler: the page's import map says where the package is.
// `cargo xtask demo` serves it.
import { createEngine } from "azulejo";

const ids = ["form", "question", "send", "answer", "spoken", "state"];
const [form, question, send, answer, spoken, state] = ids.map((id) => document.getElementById(id));
const show = (text) => (state.textContent = text);

try {
  const engine = await createEngine("azulejo-demo.gguf", { onProgress: ({ text }) => show(text) });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    answer.textContent = spoken.textContent = "";
    answer.lang = spoken.lang = question.lang;
    show("Answering…");
    try {
      const messages = [{ role: "user", content: question.value }];
      const stream = await engine.chat.completions.create({ messages, stream: true, temperature: 0 });
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
