// Which device: what the caller says, or the faster one of GPU and CPU, after the GPU was tested. What was found on a
// device is remembered for it and this version.

import { AzulejoError, checkAbort } from "./errors.js";
import { awaited, release } from "./runtime.js";
import { settings } from "./store/cache.js";
import type { ChoiceCode, LoadOptions, Tier } from "./types.js";
import type { DeviceInfo, DeviceProbe, WasmDevice, WasmModule } from "./wasm-surface.js";

const TIERS: readonly Tier[] = ["subgroups+f16", "subgroups", "f16", "baseline"];

/** A device that is open, and why it was chosen. */
export interface Chosen {
  device: WasmDevice;
  info: DeviceInfo;
  choice: string;
  code: ChoiceCode;
}

/** What was found on an adapter by this version. */
interface Findings {
  /** Tiers that passed the self-test, and the ones that failed with what was wrong. */
  passed: string[];
  failed: Record<string, string>;
  /** Milliseconds a token of the trial model. */
  milliseconds?: { webgpu: number; cpu: number };
}

export type DeviceOptions = Pick<LoadOptions, "device" | "maxTier" | "selfTest" | "measure">;

/** The tiers below one, the best first. */
export function tiersBelow(tier: string): readonly Tier[] {
  const at = TIERS.indexOf(tier as Tier);
  return at < 0 ? [] : TIERS.slice(at + 1);
}

export async function openCpu(wasm: WasmModule, code: ChoiceCode, choice: string): Promise<Chosen> {
  const device = await wasm.Device.open(JSON.stringify({ device: "cpu" }));
  return { device, info: JSON.parse(device.info()), choice, code };
}

/** Closes a device: what it holds is free at once, whatever of it is still referred to. */
export function closeDevice(device: WasmDevice): void {
  device.destroy();
  release(device);
}

/** Opens a device as the options say. */
export async function chooseDevice(wasm: WasmModule, options: DeviceOptions, signal?: AbortSignal): Promise<Chosen> {
  const wanted = options.device ?? "auto";
  if (!["auto", "webgpu", "cpu"].includes(wanted)) {
    throw new AzulejoError("invalid_argument", `There is no device "${wanted}".`, 'Choose "auto", "webgpu" or "cpu".');
  }
  if (wanted === "cpu") return openCpu(wasm, "asked", "asked for");
  if (wanted === "webgpu") return gpuOrFaster(wasm, options, signal);
  try {
    return await gpuOrFaster(wasm, options, signal);
  } catch (error) {
    // Whatever a browser says or throws of its GPU, there is the CPU.
    checkAbort(signal);
    return openCpu(wasm, "gpu_refused", `the GPU can't be used: ${messageOf(error)}`);
  }
}

/** The GPU if it was asked for; with "auto" whichever is faster. */
async function gpuOrFaster(wasm: WasmModule, options: DeviceOptions, signal?: AbortSignal): Promise<Chosen> {
  const wanted = options.device ?? "auto";
  const probe: DeviceProbe = JSON.parse(await wasm.probe());
  checkAbort(signal);
  if (!probe.webgpu) {
    const why = probe.webgpuMissing ?? "there is no WebGPU adapter";
    if (wanted === "auto") return openCpu(wasm, "no_webgpu", why);
    throw new AzulejoError("no_device", `WebGPU was asked for, and ${why}.`,
      'Use device: "auto", which takes the CPU then, or turn WebGPU on in the browser.');
  }
  if (wanted === "auto" && probe.webgpu.isSoftware && options.measure !== false) {
    return openCpu(wasm, "gpu_is_software", `the GPU ${probe.webgpu.name} is made of software`);
  }
  const memory = `device ${wasm.version()} ${probe.webgpu.name} ${probe.webgpu.driver}`;
  const found: Findings = { passed: [], failed: {}, ...((await settings.read(memory)) as Findings | null) };
  const gpu = await openGpu(wasm, options, found);
  let chosen = gpu;
  if (wanted === "webgpu") {
    if (!gpu) throw failedAll(probe.webgpu.name, found);
  } else if (!gpu) {
    chosen = await openCpu(wasm, "gpu_wrong", `the GPU fails its test: ${Object.values(found.failed).join("; ")}`);
  } else if (options.measure !== false) {
    chosen = await faster(wasm, gpu, found, signal);
  }
  await settings.write(memory, found);
  if (signal?.aborted && chosen) closeDevice(chosen.device);
  checkAbort(signal);
  return chosen!;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failedAll(name: string, found: Findings): AzulejoError {
  const failures = Object.entries(found.failed).map(([tier, problem]) => `${tier}: ${problem}`);
  return new AzulejoError("device", `${name} computes wrongly on every tier (${failures.join("; ")}).`,
    'Update the graphics driver or the browser, or use device: "cpu".');
}

/** The GPU on the best tier that passes the self-test; null if none does. */
async function openGpu(wasm: WasmModule, options: DeviceOptions, found: Findings): Promise<Chosen | null> {
  const caps: (Tier | undefined)[] = [options.maxTier, ...tiersBelow(options.maxTier ?? TIERS[0]!)];
  const tried = new Set<string>();
  for (const maxTier of caps) {
    const device = await wasm.Device.open(JSON.stringify({ device: "webgpu", maxTier }));
    const info: DeviceInfo = JSON.parse(device.info());
    const passed = options.selfTest === false || found.passed.includes(info.tier);
    const known = tried.has(info.tier) || info.tier in found.failed;
    if (passed || (!known && (await test(device, info, found)))) {
      const failures = Object.keys(found.failed);
      const aside = failures.length > 0 ? `; ${failures.join(", ")} failed the self-test` : "";
      const isAsked = options.device === "webgpu";
      return { device, info, choice: (isAsked ? "asked for" : "there is a GPU") + aside, code: isAsked ? "asked" : "gpu" };
    }
    tried.add(info.tier);
    closeDevice(device);
  }
  return null;
}

/** Runs the self-test, and writes down what it found. */
async function test(device: WasmDevice, info: DeviceInfo, found: Findings): Promise<boolean> {
  let problems: string[];
  try {
    const failed: { name: string; problem: string }[] = JSON.parse(await awaited({ device, info }, device.selfTest()));
    problems = failed.map((f) => (f.problem.includes(f.name) ? f.problem : `${f.name}: ${f.problem}`));
  } catch (error) {
    problems = [(error as Error).message];
  }
  if (problems.length === 0) {
    found.passed.push(info.tier);
    return true;
  }
  found.failed[info.tier] = problems.slice(0, 3).join("; ");
  return false;
}

/** The GPU or the CPU, whichever writes a token of the trial model sooner. Closes the other. */
async function faster(wasm: WasmModule, gpu: Chosen, found: Findings, signal?: AbortSignal): Promise<Chosen> {
  const cpu = await openCpu(wasm, "measured", "");
  try {
    found.milliseconds ??= {
      webgpu: await awaited(gpu, gpu.device.measure()),
      cpu: signal?.aborted ? Infinity : await awaited(cpu, cpu.device.measure()),
    };
  } catch (error) {
    closeDevice(gpu.device);
    return { ...cpu, code: "gpu_failed_trial", choice: `the GPU failed its trial: ${(error as Error).message}` };
  }
  const { webgpu, cpu: onCpu } = found.milliseconds;
  const [best, other] = webgpu <= onCpu ? [gpu, cpu] : [cpu, gpu];
  closeDevice(other.device);
  const told = `measured: ${webgpu.toFixed(1)} ms a token on the GPU, ${onCpu.toFixed(1)} on the CPU`;
  return { ...best, code: "measured", choice: told };
}
