// A chat with a model on the visitor's device; `cargo xtask demo` serves it. `?device=cpu` or `?device=webgpu` overrides the choice, `?model=` the model.
import { createEngine } from "./azulejo/index.js";
import { speaker } from "./speaker.js";

const byId = (id) => document.getElementById(id);
const page = new URL(location.href).searchParams;
const messages = [];
let stop = null;

function say(author, text) {
  const message = document.createElement("p");
  message.className = author;
  const name = document.createElement("strong");
  name.textContent = author === "user" ? "You: " : "Azulejo: ";
  const words = document.createElement("span");
  words.lang = byId("language").value;
  words.textContent = text;
  message.append(name, words);
  byId("log").append(message);
  return words;
}

try {
  const engine = await createEngine(page.get("model") ?? "./models/azulejo-demo.gguf", {
    device: page.get("device") ?? "auto",
    onProgress: ({ text, progress }) => {
      byId("state").textContent = text;
      byId("progress").value = progress;
    },
  });
  const { device, name } = engine.info;
  byId("progress").hidden = true;
  byId("state").textContent = `Ready: ${name} on ${device.name} (${device.backend}, ${device.tier})`;
  byId("send").disabled = false;

  byId("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const question = byId("question").value.trim();
    if (!question || stop) return;
    byId("question").value = "";
    messages.push({ role: "user", content: question });
    say("user", question);
    const words = say("assistant", "");
    byId("spoken").replaceChildren();
    const spoken = speaker(byId("spoken"), words.lang);
    stop = new AbortController();
    byId("send").hidden = true;
    byId("stop").hidden = false;
    byId("state").textContent = "Answering…";
    try {
      const answer = await engine.chat.completions.create(
        { messages, stream: true, temperature: 0, max_tokens: 200 },
        { signal: stop.signal },
      );
      for await (const chunk of answer) {
        const text = chunk.choices[0]?.delta?.content ?? "";
        words.textContent += text;
        spoken.add(text);
      }
      byId("state").textContent = "Done.";
    } catch (error) {
      byId("state").textContent = stop.signal.aborted ? "Stopped." : `${error.message} (${error.code})`;
    }
    spoken.end();
    messages.push({ role: "assistant", content: words.textContent });
    stop = null;
    // Nobody is taken from where they read meanwhile; but a button that vanishes would take the focus with it.
    const isLost = [byId("stop"), document.body].includes(document.activeElement);
    byId("send").hidden = false;
    byId("stop").hidden = true;
    if (isLost) byId("question").focus();
  });
  byId("stop").addEventListener("click", () => stop?.abort());
} catch (error) {
  byId("progress").hidden = true;
  byId("state").textContent = [error.message, error.hint].filter(Boolean).join(" ");
}
