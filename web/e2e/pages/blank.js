// The package as a site serves it, and what the tests do with it again and again.
import * as azulejo from "/azulejo/index.js";

window.azulejo = azulejo;
window.e2e = {
  engine: null,
  progress: [],
  events: [],

  /** Loads a model as `window.e2e.engine`; what it says of itself. */
  async load(model, options = {}) {
    e2e.progress = [];
    e2e.events = [];
    e2e.engine = await azulejo.createEngine(model, {
      ...options,
      onProgress: (progress) => e2e.progress.push(progress),
      onEvent: (event) => e2e.events.push(event),
    });
    return e2e.engine.info;
  },

  /** The greedy answer to one message, streamed: `{text, finish, usage, pieces}`. `onPiece(text so far)` is called for each piece. */
  async ask(content, options = {}, onPiece = () => {}) {
    const stream = await e2e.engine.chat.completions.create({
      messages: [{ role: "user", content }],
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
      ...options,
    });
    const answer = { text: "", finish: null, usage: null, pieces: 0 };
    for await (const chunk of stream) {
      const choice = chunk.choices[0];
      if (choice?.delta.content) {
        answer.text += choice.delta.content;
        answer.pieces += 1;
        await onPiece(answer.text);
      }
      answer.finish = choice?.finish_reason ?? answer.finish;
      answer.usage = chunk.usage ?? answer.usage;
    }
    return answer;
  },

  async dispose() {
    await e2e.engine?.dispose();
    e2e.engine = null;
  },
};
