// azulejo and a peer with models of one shape, in turns in one page: tokens a second of decoding.
import { createEngine } from "./azulejo/index.js";

const TEXT = "A câmara municipal informa os cidadãos de que";
const PROMPT = [100, 137, 174, 211];
// The shape of make_onnx.py.
const [LAYERS, HEADS, HEAD] = [12, 12, 64];

/** Tokens a second of `work`, which makes `tokens` of them. */
async function speed(tokens, work) {
  const start = performance.now();
  await work();
  return (tokens * 1000) / (performance.now() - start);
}

async function azulejo({ model, device, tokens }) {
  const engine = await createEngine(model, { device, context: 512, cache: "memory" });
  const ids = [...PROMPT];
  // What there was before is in the cache, so that each token is one evaluation of one token.
  const more = async (count) => ids.push(...(await engine.debug.greedyTokens(ids, count)));
  await more(2);
  const { name, backend, tier } = engine.info.device;
  return { decode: () => speed(tokens, () => more(tokens)), end: () => engine.dispose(), about: `${name}, ${backend}, ${tier}` };
}

/** llama.cpp's own WebAssembly: on the CPU, with one thread. */
async function loadedWllama(model, useCache) {
  const { Wllama } = await import("./wllama/index.js");
  const peer = new Wllama({ default: new URL("./wllama/wasm/wllama.wasm", location.href).href }, { suppressNativeLog: true });
  await peer.loadModelFromUrl(model, { n_threads: 1, n_gpu_layers: 0, n_ctx: 512, useCache });
  return peer;
}

async function wllama({ model, tokens }) {
  const peer = await loadedWllama(model, false);
  const run = (count) =>
    peer.createCompletion({ prompt: TEXT, max_tokens: count, temperature: 0, cache_prompt: false, ignore_eos: true });
  await run(2);
  const decode = async () => (await run(tokens + 1)).timings.predicted_per_second;
  return { decode, end: () => peer.exit(), about: "wllama, wasm" };
}

/** A graph of make_onnx.py, run as Transformers.js does: the cache stays on the device, the logits are read each step. */
async function onnxruntime({ model, device, tokens }) {
  const provider = { webgpu: "webgpu", cpu: "wasm" }[device];
  const ort = await import(`./onnxruntime/ort.${provider}.bundle.min.mjs`);
  ort.env.wasm.numThreads = 1;
  const names = Array.from({ length: LAYERS }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();
  const onDevice = { preferredOutputLocation: Object.fromEntries(names.map((name) => [`present.${name}`, "gpu-buffer"])) };
  const options = { executionProviders: [provider], ...(device === "webgpu" && onDevice) };
  const session = await ort.InferenceSession.create(model, options);
  const none = () => new ort.Tensor("float32", new Float32Array(0), [1, HEADS, 0, HEAD]);
  let past = Object.fromEntries(names.map((name) => [`past_key_values.${name}`, none()]));
  let length = 0;
  /** Evaluates tokens behind the ones before, and gives the likeliest next one. */
  const next = async (ids) => {
    length += ids.length;
    const { logits, ...present } = await session.run({
      ...past,
      input_ids: new ort.Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
      attention_mask: new ort.Tensor("int64", new BigInt64Array(length).fill(1n), [1, length]),
    });
    for (const tensor of Object.values(past)) tensor.dispose();
    past = Object.fromEntries(names.map((name) => [`past_key_values.${name}`, present[`present.${name}`]]));
    const last = logits.data.subarray(-logits.dims[2]);
    if (!last.every(Number.isFinite)) throw new Error("onnxruntime-web's logits are no numbers");
    return last.indexOf(last.reduce((a, b) => Math.max(a, b)));
  };
  let token = await next(PROMPT);
  if (tokens > 1) token = await next([token]);
  const more = async (count) => {
    for (let i = 0; i < count; i++) token = await next([token]);
  };
  const about = `onnxruntime-web ${ort.env.versions.web}, ${provider}`;
  return { decode: () => speed(tokens, () => more(tokens)), end: () => session.release(), about };
}

const PEERS = { wllama, onnxruntime };

/**
 * Rounds of one measurement each, in turns; `ours` and `theirs` say which model on which device, and how many tokens to
 * decode. What there is to tell is gathered in `window.told`, for the runner.
 */
window.measure = async (peer, ours, theirs, rounds) => {
  window.told = { lines: [], speeds: [], ended: false };
  const { lines, speeds } = window.told;
  try {
    const engines = [await azulejo(ours), await PEERS[peer](theirs)];
    lines.push(`decode, tokens/s: azulejo (${engines[0].about}) / ${engines[1].about}`);
    for (let round = 0; round < rounds; round++) {
      speeds.push([await engines[0].decode(), await engines[1].decode()]);
      lines.push(`  ${speeds[round].map((speed) => speed.toPrecision(3)).join(" / ")}`);
    }
    for (const engine of engines) await engine.end();
  } catch (error) {
    window.told.error = String(error);
  }
  window.told.ended = true;
};

/** What a visitor waits for: from nothing to the first token, in milliseconds. Each keeps the file as it does by itself. */
const VISITS = {
  async nothing() {
    return { ready: performance.now(), about: "a page of nothing" };
  },

  async azulejo({ model, device, measure }) {
    const engine = await createEngine(model, { device, measure, context: 512 });
    const ready = performance.now();
    await engine.completions.create({ prompt: TEXT, max_tokens: 1, temperature: 0 });
    const { name, backend, tier } = engine.info.device;
    const { wasmBytes } = await engine.debug.memory();
    return { ready, about: `azulejo, ${backend} (${name}, ${tier})`, wasmBytes };
  },

  async wllama({ model }) {
    const peer = await loadedWllama(model, true);
    const ready = performance.now();
    await peer.createCompletion({ prompt: TEXT, max_tokens: 1, temperature: 0, cache_prompt: false, ignore_eos: true });
    return { ready, about: "wllama, wasm" };
  },

  /** Keeps nothing by itself: Transformers.js keeps the file in the Cache API. */
  async onnxruntime({ model, device }) {
    const cache = await caches.open("models");
    if (!(await cache.match(model))) await cache.add(model);
    const bytes = await (await cache.match(model)).arrayBuffer();
    const engine = await onnxruntime({ model: bytes, device, tokens: 1 });
    return { ready: performance.now(), about: engine.about };
  },
};

const wish = new URLSearchParams(location.search).get("visit");
if (wish) {
  const [peer, settings] = JSON.parse(wish);
  const start = performance.now();
  VISITS[peer](settings).then(
    ({ ready, ...more }) => ({ ready: ready - start, first: performance.now() - start, ...more }),
    (error) => ({ error: String(error) }),
  ).then((visited) => console.log(`VISITED ${JSON.stringify(visited)}`));
}
