// Measures a model on this device: loading, reading a prompt, writing, memory. The first run counts for nothing, so that
// what happens once (compiling shaders) is in no figure. `?run` measures at once what the address says.
import { createEngine } from "./azulejo/index.js";

const byId = (id) => document.getElementById(id);
const say = (text) => (byId("state").textContent = text);
const results = [];
const HEAD = ["model", "device", "tier", "load, s", "read, tokens/s", "write, tokens/s", "wasm, MiB", "device, MiB"];
const MIB = 1024 * 1024;

function chosenModel() {
  const name = byId("model").value;
  if (name === "demo") return "./models/azulejo-demo.gguf";
  if (name !== "file") return { shape: name, quant: byId("quant").value };
  const file = byId("file").files[0];
  if (!file) throw new Error("Choose a file first.");
  return file;
}

/** Milliseconds of reading so many tokens and writing so many more: the least of some runs, as other work only adds. */
async function timed(engine, read, written) {
  const { vocabulary } = engine.info;
  const prompt = Array.from({ length: read }, (_, i) => (i * 7919 + 1) % vocabulary);
  let least = Infinity;
  const end = performance.now() + 2000;
  for (let run = 0; run < 1 || (run < 10 && performance.now() < end); run++) {
    await engine.resetChat();
    const start = performance.now();
    await engine.debug.greedyTokens(prompt, written);
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

async function measure() {
  const [read, written] = [Number(byId("prompt").value), Number(byId("written").value)];
  const device = byId("device").value;
  const start = performance.now();
  const engine = await createEngine(chosenModel(), {
    device,
    context: Math.max(512, read + written + 1),
    onProgress: ({ text }) => say(text),
  });
  try {
    const load = (performance.now() - start) / 1000;
    say("Measuring…");
    await timed(engine, read, 2);
    const one = await timed(engine, read, 1);
    const all = await timed(engine, read, written + 1);
    const { memory, device: found, name } = engine.info;
    const { wasmBytes } = await engine.debug.memory();
    const onDevice = (memory.weights + memory.kv + memory.activations) / MIB;
    const speeds = [(read * 1000) / one, (written * 1000) / Math.max(all - one, 1e-3)];
    const numbers = [load, ...speeds].map((n) => (n < 100 ? n.toPrecision(3) : n.toFixed(0)));
    const row = [name, `${found.name} (${found.backend})`, found.tier, ...numbers, (wasmBytes / MIB).toFixed(0), onDevice.toFixed(0)];
    results.push(row);
    const line = document.createElement("tr");
    line.append(...row.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    byId("rows").append(line);
    say(`Done. The device was chosen because: ${found.choice}.`);
  } finally {
    await engine.dispose();
  }
}

const markdown = () => [HEAD, HEAD.map(() => "---"), ...results].map((row) => `| ${row.join(" | ")} |`).join("\n");

byId("model").addEventListener("change", () => (byId("file").hidden = byId("model").value !== "file"));
byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("run").disabled = true;
  try {
    await measure();
    byId("copy").disabled = false;
  } catch (error) {
    say([error.message, error.hint].filter(Boolean).join(" "));
  }
  byId("run").disabled = false;
});
byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(markdown());
  say("Copied.");
});

const page = new URL(location.href).searchParams;
for (const id of ["model", "quant", "device", "prompt", "written"]) if (page.has(id)) byId(id).value = page.get(id);
if (page.has("run")) byId("form").requestSubmit();
