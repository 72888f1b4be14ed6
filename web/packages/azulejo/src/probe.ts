// What is known before anything is downloaded: the devices, the memory that a model would take, and whether it fits.

import { invalid } from "./errors.js";
import { fitsCpu, GIB, size, sum, WASM_LIMIT } from "./memory.js";
import type { Runtime } from "./runtime.js";
import { fetchJson } from "./store/download.js";
import { checkManifest } from "./store/manifest.js";
import { Network } from "./store/network.js";
import { total } from "./store/parts.js";
import { describeAll } from "./store/resolve.js";
import { room } from "./store/store.js";
import type { Manifest, Probe, ProbeRequest, Reason } from "./types.js";
import type { DeviceProbe, Memory } from "./wasm-surface.js";

const USUAL_CONTEXT = 4096;
/** What a page gets on a phone or tablet whose browser doesn't tell the memory: Safari ends it at about 1.5 GB. */
const PHONE_LIMIT = 1.2e9;

/** What a page knows of its device and its worker doesn't. */
export function pagesDevice(): Pick<ProbeRequest, "deviceMemory" | "isHandheld"> {
  const { deviceMemory, maxTouchPoints = 0, platform = "" } = navigator as Navigator & { deviceMemory?: number };
  // Laptops may have a touch screen too, and an iPad may have a mouse: it calls itself a Mac, and no Mac has touch.
  const isCoarse = globalThis.matchMedia?.("(pointer: coarse)").matches ?? false;
  const isHandheld = maxTouchPoints > 1 && (isCoarse || /^(iP|Mac)/.test(platform));
  return { isHandheld, ...(deviceMemory === undefined ? {} : { deviceMemory }) };
}

export async function probe({ wasm }: Runtime, request: ProbeRequest): Promise<Probe> {
  const { model, manifest, context, network } = request;
  const asking = { network: new Network(network, model), brief: true };
  const device: DeviceProbe = JSON.parse(await wasm.probe());
  let about: Manifest | null = null;
  if (typeof manifest === "string") about = await checkManifest(await fetchJson(manifest, asking), `at ${manifest}`);
  else if (manifest) about = await checkManifest(manifest, "of the page");
  const bytes = about?.bytes ?? request.bytes ?? (model ? total(await describeAll(model, asking)) : null);
  const memory = estimated(about, bytes, context);
  const reasons: Reason[] = [];
  const because = (code: Reason["code"], text: string, parameters: Reason["parameters"] = {}) =>
    void reasons.push({ code, text, parameters });
  if (bytes === null || !memory) {
    if (model) because("size_unknown", "The server doesn't tell the file's size, so that nothing is known about the memory.");
    return { device, bytes, memory, verdict: "unknown", reasons };
  }
  const free = await room();
  const verdict = judge(device, memory, request, because);
  const stored = free && free.free < bytes;
  if (stored) {
    because("not_stored", `The browser stores ${size(free.free)} more for this site: the model is downloaded at each visit.`,
      { needed: bytes, free: free.free });
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

type Because = (code: Reason["code"], text: string, parameters?: Reason["parameters"]) => void;

function judge(
  { webgpu, webgpuMissing }: DeviceProbe,
  memory: Memory,
  { deviceMemory, isHandheld }: ProbeRequest,
  because: Because,
): Probe["verdict"] {
  const needed = sum(memory);
  const phone = isHandheld && deviceMemory === undefined;
  // Browsers round it, and tell no more than a few gigabytes.
  const free = deviceMemory === undefined ? (phone ? PHONE_LIMIT : null) : deviceMemory * GIB;
  because("memory_needed", `The model takes about ${size(needed)} of memory.`, { needed });
  let verdict: Probe["verdict"] = "fits";
  if (!webgpu) {
    because("on_cpu", `It would run on the CPU, slowly: ${webgpuMissing ?? "there is no WebGPU"}.`);
    if (!fitsCpu(needed)) {
      because("wasm_limit", `WebAssembly has at most ${size(WASM_LIMIT)}.`, { needed, free: WASM_LIMIT });
      return "no";
    }
    if (memory.weights > 1e9) verdict = "tight";
  } else if (webgpu.isSoftware) {
    because("gpu_is_software", `The GPU "${webgpu.name}" is made up by software: the CPU may be faster.`, { gpu: webgpu.name });
    if (memory.weights > 1e9) verdict = "tight";
  }
  if (free !== null && needed > free * (phone ? 1 : 0.9)) {
    because("memory_short", `This device gives a page about ${size(free)}.`, { needed, free });
    // 8 GiB is the most that browsers tell: there may be more.
    return deviceMemory !== undefined && deviceMemory >= 8 ? "tight" : "no";
  }
  if (free !== null && needed > free / 2) {
    because("memory_tight", `That is more than half of the ${size(free)} that this device has for a page.`, { needed, free });
    verdict = "tight";
  }
  return verdict;
}
