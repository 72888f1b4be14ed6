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

/** Engines of one model, each in a worker of its own; the first one downloads and keeps it, the others read it from the store. */
async function enginesOf(count, lines) {
  let downloaded = 0;
  const counted = async (address, init) => {
    const response = await fetch(address, init);
    // The answer to a HEAD says how long the file is, and has nothing of it.
    if (init.method !== "HEAD") downloaded += Number(response.headers.get("content-length"));
    return response;
  };
  const create = () => createEngine("/model.gguf", { device: "cpu", fetch: counted });
  const engines = [await create()];
  const first = downloaded;
  engines.push(...(await Promise.all(Array.from({ length: count - 1 }, create))));
  if (count > 1) {
    lines.push(
      `  azulejo has ${count} engines, a worker each; Transformers.js one thread, as on any page that isn't cross-origin isolated`,
      `  downloaded: ${(first / 1e6).toFixed(1)} MB by the first engine, ${((downloaded - first) / 1e6).toFixed(1)} MB by the others`,
    );
  }
  return engines;
}

window.measure = async ({ words, encoder, dtype, engines: count }) => {
  window.told = { lines: [], ended: false };
  const { lines } = window.told;
  try {
    const { env, pipeline } = await import("./transformers/transformers.min.js");
    Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: "/models/", useBrowserCache: false });
    env.backends.onnx.wasm.wasmPaths = new URL("./onnxruntime/", location.href).href;
    env.backends.onnx.wasm.numThreads = 1;
    const theirs = await pipeline("feature-extraction", encoder, { device: "wasm", dtype });
    const engines = await enginesOf(count, lines);
    const sentences = sentencesOf(words, (text) => theirs.tokenizer.encode(text).length);
    const run = {
      /** Each engine takes the next batch when it has done one. */
      async azulejo(batches) {
        const vectors = [];
        let next = 0;
        const work = async (engine) => {
          while (next < batches.length) {
            const at = next++;
            const { data } = await engine.embeddings.create({ input: batches[at] });
            vectors[at] = data.map(({ embedding }) => embedding);
          }
        };
        await Promise.all(engines.map(work));
        return vectors.flat();
      },
      async theirs(batches) {
        const vectors = [];
        for (const batch of batches) vectors.push((await theirs(batch, { pooling: "mean", normalize: true })).tolist());
        return vectors.flat();
      },
    };
    // The first batches of each engine warm it up, and say whether they are the same model.
    const first = batches(sentences).slice(0, count);
    const [a, b] = [await run.azulejo(first), await run.theirs(first)];
    const cosines = a.map((vector, i) => cosine(vector, b[i]));
    lines.push(`  vectors of both: cosine at least ${Math.min(...cosines).toFixed(4)}`);
    const ratios = [];
    for (let round = 0; round < ROUNDS; round++) {
      const speeds = {};
      for (const name of ["azulejo", "theirs"]) {
        const start = performance.now();
        await run[name](batches(sentences));
        speeds[name] = (SENTENCES * 1000) / (performance.now() - start);
      }
      ratios.push(speeds.azulejo / speeds.theirs);
      lines.push(`  sentences/s: azulejo ${count > 1 ? `with ${count} engines ` : ""}${speeds.azulejo.toFixed(1)} / Transformers.js ${dtype} ${speeds.theirs.toFixed(1)} = ${ratios.at(-1).toFixed(2)}`);
    }
    for (const engine of engines) await engine.dispose();
  } catch (error) {
    window.told.error = String(error?.stack ?? error);
  }
  window.told.ended = true;
};
