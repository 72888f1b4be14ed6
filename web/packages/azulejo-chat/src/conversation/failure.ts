// What was thrown as a code and its parameters, and the words for them.

import type { Key, Speaker } from "../language/translation.js";
import type { Failure, Where } from "./state.js";

export function failureOf(thrown: unknown): Failure {
  const { code, parameters } = (thrown ?? {}) as { code?: unknown; parameters?: unknown };
  // A DOMException's code is a number.
  if (typeof code !== "string") {
    console.error(thrown);
    return { code: "internal", parameters: {} };
  }
  return { code, parameters: (parameters ?? {}) as Failure["parameters"] };
}

/** The engine's codes. */
const TEXTS: Readonly<Record<string, Key>> = {
  corrupt: "errorCorrupt",
  unsupported: "errorUnsupported",
  io: "errorIo",
  out_of_memory: "errorMemory",
  device_lost: "errorDevice",
  no_device: "errorDevice",
  device: "errorDevice",
  cancelled: "errorCancelled",
  context_full: "errorContextFull",
  network: "errorNetwork",
  not_found: "errorNotFound",
  // Of the manifest, which the page names; a wrong chunk has a number (below).
  integrity: "errorSettings",
  storage_full: "errorStorageFull",
  consent: "errorConsent",
  // Arguments are the page's, and so a fault of the element.
  invalid_argument: "errorInternal",
  internal: "errorInternal",
};

/** A server's statuses. */
function keyOf(status: number): Key {
  if (status === 429 || status === 503) return "errorBusy";
  return status >= 500 ? "errorServer" : "errorRefused";
}

export function failureText(speaker: Speaker, { code, parameters }: Failure, where: Where): string {
  const status = Number(parameters.status);
  if (status >= 400 && (where === "server" || (status !== 404 && status !== 410))) return speaker.say(keyOf(status));
  const { needed, free } = parameters;
  if (code === "out_of_memory" && where === "device") {
    return typeof needed === "number" && typeof free === "number"
      ? speaker.say("tooSmall", { needed: speaker.size(needed), free: speaker.size(free) })
      : speaker.say("tooSmallUnknown");
  }
  if (code === "integrity" && parameters.chunk !== undefined) return speaker.say("errorIntegrity");
  if (where === "server" && code !== "network" && code !== "context_full") return speaker.say("errorServer");
  return speaker.say(TEXTS[code] ?? "errorInternal");
}
