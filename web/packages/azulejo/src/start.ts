// Starting workers: what browsers and policies ask of a worker's address, and what to do where they refuse it.

import { AzulejoError } from "./errors.js";
import type { WorkerAddress } from "./types.js";

interface Policy {
  createScriptURL(url: string): string;
}

/** Bundlers copy a file that is named like this as it is; worker.js imports nothing. */
const OWN = new URL("./worker.js", import.meta.url).href;

let policy: Policy | null | undefined;
/** The addresses that the policy trusts. */
const trusted = new Set([OWN]);

/**
 * One of the package's own addresses, trusted where a page takes trusted addresses only (`require-trusted-types-for
 * 'script'`). The policy trusts no other: whatever else gets at it can't make a worker of its own.
 */
function trust(url: string): string {
  const types = (globalThis as { trustedTypes?: { createPolicy(name: string, rules: Policy): Policy } }).trustedTypes;
  if (policy === undefined) {
    const createScriptURL = (asked: string) => {
      if (trusted.has(asked)) return asked;
      throw new TypeError(`azulejo's policy trusts ${OWN} only.`);
    };
    try {
      policy = types?.createPolicy("azulejo", { createScriptURL }) ?? null;
    } catch {
      // The page's policy doesn't name ours. The worker's constructor tells, if it matters.
      policy = null;
    }
  }
  return policy ? policy.createScriptURL(url) : url;
}

/** Starts a worker, the package's own or the caller's: an address of the caller's is as trusted as the caller made it. */
export function startWorker<W>(
  Kind: new (url: string | URL, options: WorkerOptions) => W,
  workerUrl: WorkerAddress | undefined,
  name: string,
): W {
  const isShared = Kind === (globalThis.SharedWorker as unknown);
  // A package that comes from elsewhere (a CDN) has a worker of this page's origin that imports its own. One that tabs
  // share has to have the same address in each of them.
  const imports = workerUrl === undefined && !isShared && originOf(OWN) !== originOf("") ? importing() : null;
  const url = (workerUrl ?? trust(imports ?? OWN)) as string;
  try {
    return new Kind(url, { type: "module", name });
  } catch (error) {
    throw refused(String(workerUrl ?? OWN), workerUrl !== undefined, error as Error);
  }
}

let importingUrl: string | null = null;

function importing(): string {
  if (importingUrl === null) {
    const script = new Blob([`import ${JSON.stringify(OWN)};`], { type: "text/javascript" });
    importingUrl = URL.createObjectURL(script);
    trusted.add(importingUrl);
  }
  return importingUrl;
}

/** An address's origin; the page's own for a relative one. */
function originOf(url: string): string {
  return new URL(url, globalThis.location?.href ?? OWN).origin;
}

/** Why a worker's constructor threw, which it does at once for what the page itself may not do. */
function refused(url: string, isCallers: boolean, error: Error): AzulejoError {
  const code = "unsupported";
  if (error.name === "TypeError" && "trustedTypes" in globalThis) {
    return new AzulejoError(code, `The page takes trusted addresses only (Trusted Types), and the worker's is none: ${url}.`,
      isCallers
        ? "Give workerUrl as a TrustedScriptURL of the page's own policy, or leave it out: the package's own is trusted."
        : "Add `trusted-types azulejo` to the page's policy; where two copies of azulejo are on a page, `'allow-duplicates'`.",
      error, { url });
  }
  const elsewhere = onAnotherOrigin(url, error);
  if (elsewhere) return elsewhere;
  return new AzulejoError(code, `The browser refuses to start the engine's worker ${url}: ${error.message}`,
    "Check that the page's policy has worker-src 'self'.", error, { url });
}

/** Browsers start workers from the page's own origin only; some throw, others fail later. */
function onAnotherOrigin(url: string, error?: Error): AzulejoError | null {
  const [there, origin] = [originOf(url), originOf("")];
  if (there === origin || there === "null") return null;
  return new AzulejoError("unsupported", `The engine's worker is on another origin than the page: ${url}.`,
    "Serve the package's files from the page's own origin, or worker.js alone and name it by workerUrl. A worker of its " +
      `own can come from elsewhere where the page's policy, if it has one, has worker-src blob: ${there}, script-src ` +
      `${there} 'wasm-unsafe-eval' and connect-src ${there}, and ${there} allows the page to read it (CORS).`,
    error, { url, origin });
}

/** What a worker that was started and never said anything has failed with. */
export function workerFailed(workerUrl: WorkerAddress | undefined, message = ""): AzulejoError {
  const url = String(workerUrl ?? OWN);
  return onAnotherOrigin(url) ?? new AzulejoError(
    "network",
    `The engine's worker at ${url} failed${message ? `: ${message}` : " to start"}.`,
    "Check that worker.js is served beside the package's JavaScript (or name its place by workerUrl), and that the " +
      "page's policy has worker-src 'self'.",
    undefined,
    { url },
  );
}
