// Progress of a loading model, told often enough to look alive and seldom enough to cost nothing.

import type { SourceProgress } from "./store/chunks.js";
import type { ModelSource } from "./store/source.js";
import type { Progress } from "./types.js";

const EVERY_MS = 100;
/** Speed is that of the last seconds. */
const SPEED_MS = 4000;
/** What is waited for in these isn't the file, which comes beside it. */
const BUSY: Progress["phase"][] = ["test", "measure", "compile"];

export class Reporter {
  readonly #send: ((progress: Progress) => void) | undefined;
  readonly #start = performance.now();
  #samples: { at: number; bytes: number }[] = [];
  #told = 0;
  #now: Progress = {
    phase: "probe",
    loaded: 0,
    total: 0,
    progress: 0,
    text: "",
    file: "",
    bytesPerSecond: 0,
    etaSeconds: null,
    timeElapsed: 0,
    fromCache: false,
    verified: false,
    kept: false,
    waiting: false,
  };

  constructor(send?: (progress: Progress) => void) {
    this.#send = send;
  }

  /** What is being loaded. */
  about({ name, total, verified, file }: ModelSource): void {
    Object.assign(this.#now, { file: name, total, verified, kept: file.kept });
  }

  phase(phase: Progress["phase"], text: string): void {
    Object.assign(this.#now, { phase, text });
    this.#tell();
  }

  /** Bytes came. While any of them come from the network, that is what is going on. */
  bytes({ downloaded, fromStore, waiting, kept }: SourceProgress): void {
    const now = performance.now();
    const all = downloaded + fromStore;
    this.#samples.push({ at: now, bytes: all });
    while (this.#samples.length > 2 && this.#samples[0]!.at < now - SPEED_MS) this.#samples.shift();
    const first = this.#samples[0]!;
    const speed = now > first.at ? ((all - first.bytes) * 1000) / (now - first.at) : 0;
    const { total, phase } = this.#now;
    const loaded = total > 0 ? Math.min(all, total) : all;
    const left = total - loaded;
    Object.assign(this.#now, {
      loaded,
      progress: total > 0 ? loaded / total : 0,
      bytesPerSecond: Math.round(speed),
      etaSeconds: speed > 0 && total > 0 ? left / speed : null,
      fromCache: downloaded === 0 && fromStore > 0,
      kept,
    });
    if (waiting !== this.#now.waiting) {
      this.#now.waiting = waiting;
      if (waiting) this.#now.text = "Waiting for the network";
      this.#tell();
    }
    if (now - this.#told < EVERY_MS) return;
    if (BUSY.includes(phase)) return this.#tell();
    if (downloaded > 0) {
      const percent = total > 0 ? `${Math.floor(this.#now.progress * 100)} % of ` : "";
      const size = `${((total || loaded) / 1e6).toFixed(1)} MB`;
      Object.assign(this.#now, { phase: "download", text: `Downloading the model: ${percent}${size}` });
    } else if (phase === "probe" || phase === "verify") {
      Object.assign(this.#now, { phase: "upload", text: "Loading the weights" });
    }
    this.#tell();
  }

  ready(text: string): void {
    const { total } = this.#now;
    Object.assign(this.#now, { phase: "ready", loaded: total, progress: 1, etaSeconds: 0, text });
    this.#tell();
  }

  #tell(): void {
    this.#told = performance.now();
    this.#now.timeElapsed = (this.#told - this.#start) / 1000;
    this.#send?.({ ...this.#now });
  }
}
