// One answer as a site's own script has it made: no test's code takes part.
import { createEngine } from "/azulejo/index.js";

const WORKERS = { true: true, false: false, shared: "shared" };

window.e2eAnswer = (async () => {
  const worker = WORKERS[new URLSearchParams(location.search).get("worker")] ?? true;
  const engine = await createEngine("/models/demo.gguf", { worker });
  const completion = await engine.chat.completions.create({
    messages: [{ role: "user", content: "Where do glass bottles go?" }],
    temperature: 0,
    max_tokens: 24,
  });
  const device = engine.info.device;
  await engine.dispose();
  return { text: completion.choices[0].message.content, device };
})();
