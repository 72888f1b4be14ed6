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
  /** When that was found. A failure, or a measurement in a busy minute, is tried again some day. */
  at?: number;
}

const FINDINGS_LAST_MS = 7 * 24 * 60 * 60 * 1000;
/** How long a model that is there waits for a GPU that isn't known yet. */
const TRIAL_MS = 1000;
/** A measurement that was disturbed is made again, so many times. */
const MEASUREMENTS = 3;

/** What is going on before a device is chosen. */
type Step = { phase: "probe" | "test" | "measure"; text: string };

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

/**
 * The choice of a device, from the start of a load on: the GPU is opened, tested and measured beside the download. Where
 * that takes more than a second, or compiling does, the model may be loaded on the CPU, and move when there is a better
 * device.
 */
export class Trial {
  readonly #wasm: WasmModule;
  readonly #options: DeviceOptions;
  readonly #start = performance.now();
  readonly #stopped = new AbortController();
  readonly #best: Promise<Chosen>;
  #isTaken = false;
  #step: Step = { phase: "probe", text: "Looking at this device" };
  #report: ((step: Step) => void) | null = null;
  /** Nothing is left to find out but whether the GPU opens. */
  #isKnown = false;
  /** What a measurement waits for, and how often there was something. */
  #work: Promise<unknown> = Promise.resolve();
  #works = 0;
  /** The device that is better than the one that was taken meanwhile; null at last if there is none. */
  better: Promise<Chosen | null> | null = null;

  constructor(wasm: WasmModule, options: DeviceOptions) {
    this.#wasm = wasm;
    this.#options = options;
    this.#best = this.#find();
    // Whoever takes the device hears of it; a load that fails before doesn't.
    this.#best.catch(() => {});
  }

  /** The best device; `report` is told what is being found out until then. */
  async best(report: (step: Step) => void): Promise<Chosen> {
    this.#report = report;
    report(this.#step);
    const best = await this.#best;
    this.#isTaken = true;
    return best;
  }

  /** The best device, or after a second the CPU. */
  async first(report: (step: Step) => void): Promise<Chosen> {
    if ((this.#options.device ?? "auto") !== "auto") return this.best(report);
    const best = this.best(report);
    const chosen = await inTime(best, this.#start);
    if (chosen || this.#isKnown) return chosen ?? best;
    this.#report = null;
    this.better = best.then((it) => (it.info.backend === "webgpu" ? it : (closeDevice(it.device), null)), () => null);
    return openCpu(this.#wasm, "gpu_untried", "the GPU was still being tried when the model was there");
  }

  /** Whether a GPU's programs are compiled within a second. If not, it's better later, where nobody asked for it. */
  async isCompiled(gpu: Chosen, compiled: Promise<void>): Promise<boolean> {
    const isDone = compiled.then(() => true);
    if (this.#options.device === "webgpu") return isDone;
    if (await inTime(isDone, performance.now())) return true;
    checkAbort(this.#stopped.signal);
    this.better = isDone.then(() => gpu, () => (closeDevice(gpu.device), null));
    return false;
  }

  /** Measures nothing while this is being done. */
  disturb(work: Promise<unknown>): void {
    this.#works++;
    this.#work = Promise.allSettled([this.#work, work]);
  }

  /** Gives up, and closes what nobody took. */
  stop(): void {
    this.#stopped.abort();
    const left = this.better ?? (this.#isTaken ? null : this.#best);
    left?.then((chosen) => chosen && closeDevice(chosen.device), () => {});
    this.better = null;
  }

  async #find(): Promise<Chosen> {
    const { device: wanted = "auto" } = this.#options;
    if (wanted === "cpu") return openCpu(this.#wasm, "asked", "asked for");
    if (wanted === "webgpu") return this.#gpuOrFaster();
    try {
      return await this.#gpuOrFaster();
    } catch (error) {
      // Whatever a browser says or throws of its GPU, there is the CPU.
      checkAbort(this.#stopped.signal);
      return openCpu(this.#wasm, "gpu_refused", `the GPU can't be used: ${messageOf(error)}`);
    }
  }

  /** The GPU if it was asked for; with "auto" whichever is faster. */
  async #gpuOrFaster(): Promise<Chosen> {
    const wasm = this.#wasm;
    const { device: wanted = "auto", measure, selfTest } = this.#options;
    const probe: DeviceProbe = JSON.parse(await wasm.probe());
    checkAbort(this.#stopped.signal);
    if (!probe.webgpu) {
      const why = probe.webgpuMissing ?? "there is no WebGPU adapter";
      if (wanted === "auto") return openCpu(wasm, "no_webgpu", why);
      throw new AzulejoError("no_device", `WebGPU was asked for, and ${why}.`,
        'Use device: "auto", which takes the CPU then, or turn WebGPU on in the browser.');
    }
    if (wanted === "auto" && probe.webgpu.isSoftware && measure !== false) {
      return openCpu(wasm, "gpu_is_software", `the GPU ${probe.webgpu.name} is made of software`);
    }
    const name = `device ${wasm.version()} ${probe.webgpu.name} ${probe.webgpu.driver}`;
    const found = await remembered(name);
    const before = JSON.stringify(found);
    const { milliseconds } = found;
    const isMeasured = measure === false || milliseconds !== undefined;
    this.#isKnown = isMeasured && (selfTest === false || found.passed.length > 0);
    if (wanted === "auto" && measure !== false && milliseconds && milliseconds.cpu < milliseconds.webgpu) {
      return openCpu(wasm, "measured", told(milliseconds));
    }
    const gpu = await this.#openGpu(found);
    let chosen = gpu;
    if (wanted === "webgpu") {
      if (!gpu) throw failedAll(probe.webgpu.name, found);
    } else if (!gpu) {
      chosen = await openCpu(wasm, "gpu_wrong", `the GPU fails its test: ${Object.values(found.failed).join("; ")}`);
    } else if (measure !== false) {
      chosen = await this.#faster(gpu, found);
    }
    if (JSON.stringify(found) !== before) await settings.write(name, { ...found, at: Date.now() });
    if (this.#stopped.signal.aborted && chosen) closeDevice(chosen.device);
    checkAbort(this.#stopped.signal);
    return chosen!;
  }

  /** The GPU on the best tier that passes the self-test; null if none does. */
  async #openGpu(found: Findings): Promise<Chosen | null> {
    const { maxTier: highest, selfTest, device: wanted } = this.#options;
    const caps: (Tier | undefined)[] = [highest, ...tiersBelow(highest ?? TIERS[0]!)];
    const tried = new Set<string>();
    for (const maxTier of caps) {
      const device = await this.#wasm.Device.open(JSON.stringify({ device: "webgpu", maxTier }));
      const info: DeviceInfo = JSON.parse(device.info());
      const passed = selfTest === false || found.passed.includes(info.tier);
      const known = tried.has(info.tier) || info.tier in found.failed;
      if (passed || (!known && (await this.#test(device, info, found)))) {
        const failures = Object.keys(found.failed);
        const aside = failures.length > 0 ? `; ${failures.join(", ")} failed the self-test` : "";
        const isAsked = wanted === "webgpu";
        return { device, info, choice: (isAsked ? "asked for" : "there is a GPU") + aside, code: isAsked ? "asked" : "gpu" };
      }
      tried.add(info.tier);
      closeDevice(device);
    }
    return null;
  }

  /** Runs the self-test, and writes down what it found. */
  async #test(device: WasmDevice, info: DeviceInfo, found: Findings): Promise<boolean> {
    this.#tell({ phase: "test", text: "Testing the GPU" });
    let problems: string[];
    try {
      const failed: { name: string; problem: string }[] = JSON.parse(await awaited({ device, info }, device.selfTest()));
      problems = failed.map((f) => (f.problem.includes(f.name) ? f.problem : `${f.name}: ${f.problem}`));
    } catch (error) {
      problems = [messageOf(error)];
    }
    if (problems.length === 0) {
      found.passed.push(info.tier);
      return true;
    }
    found.failed[info.tier] = problems.slice(0, 3).join("; ");
    return false;
  }

  /** The GPU or the CPU, whichever writes a token of the trial model sooner. Closes the other. */
  async #faster(gpu: Chosen, found: Findings): Promise<Chosen> {
    const cpu = await openCpu(this.#wasm, "measured", "");
    try {
      if (!found.milliseconds) {
        this.#tell({ phase: "measure", text: "Trying which is faster, the GPU or the CPU" });
        found.milliseconds = { webgpu: await this.#measured(gpu), cpu: await this.#measured(cpu) };
      }
    } catch (error) {
      closeDevice(gpu.device);
      return { ...cpu, code: "gpu_failed_trial", choice: `the GPU failed its trial: ${messageOf(error)}` };
    }
    const { webgpu, cpu: onCpu } = found.milliseconds;
    const [best, other] = webgpu <= onCpu ? [gpu, cpu] : [cpu, gpu];
    closeDevice(other.device);
    return { ...best, code: "measured", choice: told(found.milliseconds) };
  }

  /** Milliseconds a token, while nothing else is being done. */
  async #measured(chosen: Chosen): Promise<number> {
    for (let time = 1; ; time++) {
      await this.#work;
      if (this.#stopped.signal.aborted) return Infinity;
      const works = this.#works;
      const milliseconds = await awaited(chosen, chosen.device.measure());
      if (works === this.#works || time === MEASUREMENTS) return milliseconds;
    }
  }

  #tell(step: Step): void {
    this.#step = step;
    this.#report?.(step);
  }
}

/** What was found on a device before, without what is old. */
async function remembered(name: string): Promise<Findings> {
  const { passed = [], failed = {}, milliseconds, at = 0 } = ((await settings.read(name)) ?? {}) as Partial<Findings>;
  if (at < Date.now() - FINDINGS_LAST_MS) return { passed, failed: {} };
  return { passed, failed, at, ...(milliseconds ? { milliseconds } : {}) };
}

/** What the work gives within a second of `start`, else null. */
async function inTime<T>(work: Promise<T>, start: number): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout>;
  const over = new Promise<null>((done) => {
    timer = setTimeout(() => done(null), Math.max(0, TRIAL_MS - (performance.now() - start)));
  });
  return Promise.race([work, over]).finally(() => clearTimeout(timer));
}

function told({ webgpu, cpu }: { webgpu: number; cpu: number }): string {
  return `measured: ${webgpu.toFixed(1)} ms a token on the GPU, ${cpu.toFixed(1)} on the CPU`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failedAll(name: string, found: Findings): AzulejoError {
  const failures = Object.entries(found.failed).map(([tier, problem]) => `${tier}: ${problem}`);
  return new AzulejoError("device", `${name} computes wrongly on every tier (${failures.join("; ")}).`,
    'Update the graphics driver or the browser, or use device: "cpu".');
}
