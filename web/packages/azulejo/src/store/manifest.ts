// Manifests of model files: reading them, checking that they agree with themselves, and hashes.

import { AzulejoError } from "../errors.js";
import type { Manifest } from "../types.js";

/** Several chunks are in memory at a time. */
const LARGEST_CHUNK = 16 << 20;

/** SHA-256 in hex. */
export async function sha256(bytes: BufferSource): Promise<string> {
  if (!globalThis.crypto?.subtle) {
    throw new AzulejoError(
      "unsupported",
      "A browser checks hashes on pages that come by https (or from localhost) only.",
      "Serve the page by https, or leave the manifest out.",
    );
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function wrong(where: string, what: string): AzulejoError {
  return new AzulejoError(
    "integrity",
    `The manifest ${where} ${what}.`,
    "Write it anew with `azulejo manifest model.gguf`, and check that it is served as it was written.",
  );
}

/** Checks a manifest; `root` is the hash that the page pins, if it does. */
export async function checkManifest(value: unknown, where: string, root?: string | null): Promise<Manifest> {
  const manifest = value as Manifest;
  if (typeof manifest !== "object" || manifest === null || manifest.format !== "azulejo-manifest-1") {
    throw wrong(where, 'is not one of the format "azulejo-manifest-1"');
  }
  const { bytes, chunk_bytes, chunks } = manifest;
  if (!Number.isSafeInteger(bytes) || bytes <= 0) throw wrong(where, `gives the file ${bytes} bytes`);
  if (!Number.isSafeInteger(chunk_bytes) || chunk_bytes <= 0 || chunk_bytes > LARGEST_CHUNK) {
    throw wrong(where, `gives chunks ${chunk_bytes} bytes; they may have up to ${LARGEST_CHUNK}`);
  }
  const { parts } = manifest;
  if (parts && !(Array.isArray(parts) && parts.every((n) => Number.isSafeInteger(n) && n > 0) &&
    parts.reduce((sum, n) => sum + n, 0) === bytes)) {
    throw wrong(where, `has parts that don't make ${bytes} bytes: ${JSON.stringify(parts)}`);
  }
  const count = Math.ceil(bytes / chunk_bytes);
  if (!Array.isArray(chunks) || chunks.length !== count) {
    throw wrong(where, `has ${chunks?.length} chunks where ${bytes} bytes make ${count}`);
  }
  const odd = chunks.findIndex((hash) => typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash));
  if (odd >= 0) throw wrong(where, `has no SHA-256 for chunk ${odd}`);
  const found = await rootOf(chunks);
  if (manifest.root !== found) throw wrong(where, `says that its root hash is ${manifest.root}, and it is ${found}`);
  if (root && root.toLowerCase() !== found) {
    throw wrong(where, `has the root hash ${found}, and the page wants ${root}`);
  }
  return manifest;
}

/** SHA-256 over the chunks' hashes, put together as bytes. */
export function rootOf(chunks: readonly string[]): Promise<string> {
  const all = new Uint8Array(chunks.length * 32);
  chunks.forEach((hash, index) => {
    for (let at = 0; at < 32; at++) all[index * 32 + at] = parseInt(hash.slice(at * 2, at * 2 + 2), 16);
  });
  return sha256(all);
}
