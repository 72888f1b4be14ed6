// One model on azulejo's CPU path and on wllama's, one thread each, in turns: tokens a second of decoding.
import { createEngine } from "./azulejo/index.js";
import { Wllama } from "./wllama/index.js";

const TEXT = "A câmara municipal informa os cidadãos de que";
const PROMPT = Array.from({ length: 16 }, (_, i) => 100 + i * 37);

async function azulejo(url, device, tokens) {
  const engine = await createEngine(url, { device, context: 512, cache: "memory" });
  await engine.debug.greedyTokens(PROMPT, 2);
  const decode = async () => {
    const times = [];
    for (const count of [1, tokens + 1]) {
      await engine.resetChat();
      const start = performance.now();
      await engine.debug.greedyTokens(PROMPT, count);
      times.push(performance.now() - start);
    }
    return (tokens * 1000) / (times[1] - times[0]);
  };
  return { decode, end: () => engine.dispose() };
}

async function wllama(url, tokens) {
  const peer = new Wllama({ default: new URL("./wllama/wasm/wllama.wasm", location.href).href }, { suppressNativeLog: true });
  await peer.loadModelFromUrl(url, { n_threads: 1, n_gpu_layers: 0, n_ctx: 512, useCache: false });
  const run = async (count) => {
    const start = performance.now();
    const answer = await peer.createCompletion({ prompt: TEXT, max_tokens: count, temperature: 0, cache_prompt: false, ignore_eos: true });
    return { time: performance.now() - start, answer };
  };
  await run(2);
  const decode = async () => {
    const { answer } = await run(tokens + 1);
    return answer.timings.predicted_per_second;
  };
  return { decode, end: () => peer.exit() };
}

/** Rounds of one measurement each, in turns. */
window.measure = async (url, tokens, rounds) => {
  const ours = await azulejo(url, "cpu", tokens);
  const theirs = await wllama(url, tokens);
  const results = [];
  for (let round = 0; round < rounds; round++) results.push([await ours.decode(), await theirs.decode()]);
  await ours.end();
  await theirs.end();
  return results;
};
