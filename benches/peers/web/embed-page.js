// Sentences a second, from text to a normalised vector: tokenizing, the encoder, pooling. Each is given them as it likes
// them best: azulejo all at once, Transformers.js in batches.
import { createEngine } from "./azulejo/index.js";

const SENTENCES = 1000;
const TOKENS = 30;
const BATCH = 32;
const ROUNDS = 3;

const batches = (sentences) => Array.from({ length: Math.ceil(sentences.length / BATCH) }, (_, i) => sentences.slice(i * BATCH, (i + 1) * BATCH));
const cosine = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

/** Sentences of exactly 30 tokens, the two special ones among them, of words in their order. */
function sentencesOf(words, count) {
  const sentences = [];
  for (let next = 0; sentences.length < SENTENCES; next = (next + 1) % words.length) {
    let text = words[next];
    while (count(text) < TOKENS) text += ` ${words[(next = (next + 1) % words.length)]}`;
    if (count(text) === TOKENS) sentences.push(text);
  }
  return sentences;
}

window.measure = async ({ words, encoder, dtype, workers }) => {
  window.told = { lines: [], ended: false };
  const { lines } = window.told;
  try {
    const { env, pipeline } = await import("./transformers/transformers.min.js");
    Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: "/models/", useBrowserCache: false });
    env.backends.onnx.wasm.wasmPaths = new URL("./onnxruntime/", location.href).href;
    env.backends.onnx.wasm.numThreads = 1;
    const theirs = await pipeline("feature-extraction", encoder, { device: "wasm", dtype });
    const engine = await createEngine("/model.gguf", { device: "cpu", maxWorkers: workers });
    const sentences = sentencesOf(words, (text) => theirs.tokenizer.encode(text).length);
    const run = {
      async azulejo(sentences) {
        const { data } = await engine.embeddings.create({ input: sentences });
        return data.map(({ embedding }) => embedding);
      },
      async theirs(sentences) {
        const vectors = [];
        for (const batch of batches(sentences)) vectors.push((await theirs(batch, { pooling: "mean", normalize: true })).tolist());
        return vectors.flat();
      },
    };
    // The first time warms them up, and says whether they are the same model.
    const [a, b] = [await run.azulejo(sentences), await run.theirs(sentences)];
    const cosines = a.map((vector, i) => cosine(vector, b[i]));
    lines.push(`  vectors of both: cosine at least ${Math.min(...cosines).toFixed(4)}`);
    lines.push(`  azulejo may take ${workers ?? Math.min(navigator.hardwareConcurrency, 4)} workers; Transformers.js has one thread, as on any page that isn't cross-origin isolated`);
    const ratios = [];
    for (let round = 0; round < ROUNDS; round++) {
      const speeds = {};
      for (const name of ["azulejo", "theirs"]) {
        const start = performance.now();
        await run[name](sentences);
        speeds[name] = (SENTENCES * 1000) / (performance.now() - start);
      }
      ratios.push(speeds.azulejo / speeds.theirs);
      lines.push(`  sentences/s: azulejo ${speeds.azulejo.toFixed(1)} / Transformers.js ${dtype} ${speeds.theirs.toFixed(1)} = ${ratios.at(-1).toFixed(2)}`);
    }
    await engine.dispose();
  } catch (error) {
    window.told.error = String(error?.stack ?? error);
  }
  window.told.ended = true;
};
