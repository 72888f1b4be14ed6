// What is known before anything is downloaded: the devices, the memory that a model would take, and whether it fits.

import { invalid } from "./errors.js";
import type { Runtime } from "./runtime.js";
import { fetchJson } from "./store/download.js";
import { checkManifest } from "./store/manifest.js";
import { Network } from "./store/network.js";
import { total } from "./store/parts.js";
import { describeAll } from "./store/resolve.js";
import { room } from "./store/store.js";
import type { Manifest, Probe, ProbeRequest } from "./types.js";
import type { DeviceProbe, Memory } from "./wasm-surface.js";

const USUAL_CONTEXT = 4096;
const GIB = 2 ** 30;
/** A WebAssembly memory ends here. */
const WASM_LIMIT = 4 * GIB;
/** What a page gets on a phone or tablet whose browser doesn't tell the memory: Safari ends it at about 1.5 GB. */
const PHONE_LIMIT = 1.2e9;

const size = (bytes: number) => (bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`);

export async function probe({ wasm }: Runtime, { model, manifest, context, network: how }: ProbeRequest): Promise<Probe> {
  const asking = { network: new Network(how, model), brief: true };
  const device: DeviceProbe = JSON.parse(await wasm.probe());
  let about: Manifest | null = null;
  if (typeof manifest === "string") about = await checkManifest(await fetchJson(manifest, asking), `at ${manifest}`);
  else if (manifest) about = await checkManifest(manifest, "of the page");
  const bytes = about?.bytes ?? (model ? total(await describeAll(model, asking)) : null);
  const memory = estimated(about, bytes, context);
  const reasons: string[] = [];
  if (bytes === null || !memory) {
    if (model) reasons.push("The server doesn't tell the file's size, so that nothing is known about the memory.");
    return { device, bytes, memory, verdict: "unknown", reasons };
  }
  const free = await room();
  const verdict = judge(device, memory, reasons);
  const stored = free && free.free < bytes;
  if (stored) {
    reasons.push(`The browser stores ${size(free.free)} more for this site: the model is downloaded at each visit.`);
  }
  return { device, bytes, memory, verdict: verdict === "fits" && stored ? "tight" : verdict, reasons };
}

/** Memory by the manifest; without one the file's size is all that's known. */
function estimated(manifest: Manifest | null, bytes: number | null, context?: number): Memory | null {
  if (context !== undefined && !(context > 0)) throw invalid(`"context" is ${context}, and has to be above 0.`);
  const known = manifest?.memory;
  if (known) {
    const positions = context ?? Math.min(manifest.context ?? USUAL_CONTEXT, USUAL_CONTEXT);
    return { weights: known.weights, kv: known.kv_per_position * positions, activations: known.activations };
  }
  return bytes === null ? null : { weights: bytes, kv: 0, activations: 0 };
}

function judge({ webgpu, webgpuMissing }: DeviceProbe, memory: Memory, reasons: string[]): Probe["verdict"] {
  const need = memory.weights + memory.kv + memory.activations;
  const { deviceMemory, maxTouchPoints = 0 } = navigator as { deviceMemory?: number; maxTouchPoints?: number };
  const phone = maxTouchPoints > 1 && deviceMemory === undefined;
  // Browsers round it, and tell no more than a few gigabytes.
  const has = deviceMemory === undefined ? (phone ? PHONE_LIMIT : null) : deviceMemory * GIB;
  reasons.push(`The model takes about ${size(need)} of memory.`);
  let verdict: Probe["verdict"] = "fits";
  if (!webgpu) {
    reasons.push(`It would run on the CPU, slowly: ${webgpuMissing ?? "there is no WebGPU"}.`);
    if (need > WASM_LIMIT) {
      reasons.push(`WebAssembly has at most ${size(WASM_LIMIT)}.`);
      return "no";
    }
    if (memory.weights > 1e9) verdict = "tight";
  } else if (webgpu.isSoftware) {
    reasons.push(`The GPU "${webgpu.name}" is made up by software: the CPU may be faster.`);
    if (memory.weights > 1e9) verdict = "tight";
  }
  if (has !== null && need > has * (phone ? 1 : 0.9)) {
    reasons.push(`This device gives a page about ${size(has)}.`);
    // 8 GiB is the most that browsers tell: there may be more.
    return deviceMemory !== undefined && deviceMemory >= 8 ? "tight" : "no";
  }
  if (has !== null && need > has / 2) {
    reasons.push(`That is more than half of the ${size(has)} that this device has for a page.`);
    verdict = "tight";
  }
  return verdict;
}
