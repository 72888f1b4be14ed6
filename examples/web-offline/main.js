// An engine, a question, an answer as it comes, without a network too: the service worker keeps the page and the package,
// and the package keeps the model. `cargo xtask demo` serves it.
import { createEngine } from "./azulejo/index.js";

/** Has the page kept: what came before the service worker was there is told to it. */
async function keep() {
  await navigator.serviceWorker.register("service-worker.js");
  const { active } = await navigator.serviceWorker.ready;
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  const files = loaded.filter((url) => new URL(url).origin === location.origin && !url.endsWith(".gguf"));
  // What the engine's worker asks for is in no list of the page.
  const ofWorker = ["azulejo/worker.js", "azulejo/azulejo_wasm_bg.wasm"].map((name) => new URL(name, location).href);
  active.postMessage([location.href, ...files, ...ofWorker]);
}

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
  // Last, so that it delays nothing. A browser that has no service workers, or a private window, goes without.
  keep().catch((error) => console.info(`The page isn't kept: ${error.message}`));
} catch (error) {
  show(`${error.message} ${error.hint ?? ""}`);
}
