// What the visitor is told of the model before anything of it is downloaded: from its manifest, else from the server's
// answer to a HEAD. The engine's own `probe` needs the engine, which isn't fetched before consent.

import type { About, Failure, Held } from "../conversation/state.js";
import type { Settings } from "../element/settings.js";
import { type Language, languageFor, LANGUAGES } from "../language/languages.js";
import { isKept } from "./kept.js";

/** What of a manifest is told or reckoned with. */
interface Manifest {
  format?: string;
  root?: string;
  bytes?: number;
  name?: string | null;
  license?: string | null;
  languages?: string[] | null;
  context?: number | null;
  memory?: { weights: number; kv_per_position: number; activations: number } | null;
}

export async function aboutModel(settings: Settings, signal: AbortSignal): Promise<About> {
  const [told, held, kept] = await Promise.all([
    toldOf(settings, signal),
    heldBack(),
    // What is pinned can be checked by a manifest alone.
    settings.root && !settings.manifest ? false : isKept(settings).catch(() => false),
  ]);
  const manifest = "failure" in told ? {} : told;
  return {
    name: settings.modelName || manifest.name || fileName(settings.model),
    licence: settings.licence || manifest.license || "",
    bytes: manifest.bytes ?? null,
    languages: known(manifest.languages),
    kept,
    held: kept ? null : held,
    tooSmall: tooSmall(manifest, settings.context),
    // What is kept needs no network; pinned, it needs nothing of the server's.
    failure: "failure" in told && !(kept && (settings.root || told.failure.code === "network")) ? told.failure : null,
  };
}

async function toldOf({ model, manifest, root }: Settings, signal: AbortSignal): Promise<Manifest | { failure: Failure }> {
  if (root && !manifest) return { failure: { code: "integrity", parameters: { url: model } } };
  try {
    const response = manifest ? await fetch(manifest, { signal }) : await fetch(model, { method: "HEAD", signal });
    const parameters = { url: response.url, status: response.status };
    if (response.status === 404 || response.status === 410) return { failure: { code: "not_found", parameters } };
    if (!response.ok) return { failure: { code: "network", parameters } };
    if (manifest) {
      const found = manifestIn(await response.text());
      // That the manifest is true to its root hash is for the engine to check, before it downloads.
      const isWanted = found !== null && (!root || found.root === root);
      return isWanted ? found : { failure: { code: "integrity", parameters } };
    }
    const length = Number(response.headers.get("content-length"));
    // Of a text that was packed for the way it would be another length.
    return length > 0 && !response.headers.get("content-encoding") ? { bytes: length } : {};
  } catch (error) {
    if (signal.aborted) throw error;
    return { failure: { code: "network", parameters: { url: manifest || model } } };
  }
}

/** The manifest in a text; null if that is something else, such as the page that a server has for every address. */
function manifestIn(text: string): Manifest | null {
  let manifest: Record<string, unknown> | null;
  try {
    manifest = JSON.parse(text) as typeof manifest;
  } catch {
    return null;
  }
  return manifest?.format === "azulejo-manifest-1" && isRight(manifest) ? manifest : null;
}

const isAbsent = (value: unknown) => value === undefined || value === null;
const isText = (value: unknown) => typeof value === "string";
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;

/** The engine takes no larger ones. */
const LARGEST_CHUNK = 16 << 20;

/**
 * Whether what is told of a manifest is what it should be; the rest is for the engine to check. That its hashes are as many
 * as its size needs keeps a visitor from being offered a size that no file has.
 */
function isRight({ root, bytes, chunk_bytes, chunks, name, license, languages, context, memory }: Record<string, unknown>): boolean {
  const { weights, kv_per_position, activations } = (memory ?? {}) as Record<string, unknown>;
  return (
    (isAbsent(root) || isText(root)) &&
    isCount(bytes) && bytes !== 0 && isCount(chunk_bytes) && (chunk_bytes as number) <= LARGEST_CHUNK &&
    Array.isArray(chunks) && chunks.length === Math.ceil((bytes as number) / (chunk_bytes as number)) &&
    [name, license].every((text) => isAbsent(text) || isText(text)) &&
    (isAbsent(languages) || (Array.isArray(languages) && languages.every(isText))) &&
    (isAbsent(context) || isCount(context)) &&
    (isAbsent(memory) || [weights, kv_per_position, activations].every(isCount))
  );
}

function fileName(url: string): string {
  const name = (new URL(url).pathname.split("/").at(-1) ?? "").replace(/(-\d+-of-\d+)?\.gguf$/i, "");
  try {
    return decodeURIComponent(name);
  } catch {
    // A percent sign that stands for itself.
    return name;
  }
}

/** The element's languages that the model knows; null if it isn't known or knows none of them. */
function known(tags: string[] | null | undefined): Language[] | null {
  const primary = (tag: string) => tag.toLowerCase().split("-")[0];
  const languages = LANGUAGES.filter((language) =>
    tags?.some((tag) => (tag.includes("-") ? languageFor(tag) === language : primary(tag) === primary(language))));
  return languages.length > 0 ? languages : null;
}

const GIB = 2 ** 30;
const USUAL_CONTEXT = 4096;

/** The engine's own rule, as far as it can be known without it; the engine looks again before it downloads. */
function tooSmall({ memory, context }: Manifest, asked: number | null): About["tooSmall"] {
  const { deviceMemory } = navigator as Navigator & { deviceMemory?: number };
  // Browsers tell no more than 8: there may be more.
  if (!memory || deviceMemory === undefined || deviceMemory >= 8) return null;
  const positions = asked ?? Math.min(context ?? USUAL_CONTEXT, USUAL_CONTEXT);
  const needed = memory.weights + memory.activations + memory.kv_per_position * positions;
  const free = deviceMemory * GIB;
  return needed > free * 0.9 ? { needed, free } : null;
}

interface Connection {
  saveData?: boolean;
  type?: string;
  effectiveType?: string;
}

/** What speaks against offering a download unasked. */
export async function heldBack(): Promise<Held | null> {
  const { connection } = navigator as Navigator & { connection?: Connection };
  if (connection?.saveData || globalThis.matchMedia?.("(prefers-reduced-data: reduce)").matches) return "data";
  if (connection?.type === "cellular" || /2g/.test(connection?.effectiveType ?? "")) return "metered";
  const { getBattery } = navigator as Navigator & { getBattery?(): Promise<{ level: number; charging: boolean }> };
  const battery = await getBattery?.call(navigator).catch(() => null);
  return battery && !battery.charging && battery.level <= 0.2 ? "battery" : null;
}
