// Sentences a second, from text to a normalised vector: tokenizing, the encoder, pooling. In batches, as users of either
// would give them.
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

window.measure = async ({ words, encoder, dtype }) => {
  window.told = { lines: [], ended: false };
  const { lines } = window.told;
  try {
    const { env, pipeline } = await import("./transformers/transformers.min.js");
    Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: "/models/", useBrowserCache: false });
    env.backends.onnx.wasm.wasmPaths = new URL("./onnxruntime/", location.href).href;
    env.backends.onnx.wasm.numThreads = 1;
    const theirs = await pipeline("feature-extraction", encoder, { device: "wasm", dtype });
    const engine = await createEngine("/model.gguf", { device: "cpu", cache: "memory" });
    const sentences = sentencesOf(words, (text) => theirs.tokenizer.encode(text).length);
    const run = {
      async azulejo(batch) {
        const { data } = await engine.embeddings.create({ input: batch });
        return data.map(({ embedding }) => embedding);
      },
      async theirs(batch) {
        return (await theirs(batch, { pooling: "mean", normalize: true })).tolist();
      },
    };
    // The first batch of each warms it up, and says whether they are the same model.
    const first = sentences.slice(0, BATCH);
    const [a, b] = [await run.azulejo(first), await run.theirs(first)];
    const cosines = a.map((vector, i) => cosine(vector, b[i]));
    lines.push(`  vectors of both: cosine at least ${Math.min(...cosines).toFixed(4)}`);
    const ratios = [];
    for (let round = 0; round < ROUNDS; round++) {
      const speeds = {};
      for (const name of ["azulejo", "theirs"]) {
        const start = performance.now();
        for (const batch of batches(sentences)) await run[name](batch);
        speeds[name] = (SENTENCES * 1000) / (performance.now() - start);
      }
      ratios.push(speeds.azulejo / speeds.theirs);
      lines.push(`  sentences/s: azulejo ${speeds.azulejo.toFixed(1)} / Transformers.js ${dtype} ${speeds.theirs.toFixed(1)} = ${ratios.at(-1).toFixed(2)}`);
    }
    engine.dispose();
  } catch (error) {
    window.told.error = String(error?.stack ?? error);
  }
  window.told.ended = true;
};
