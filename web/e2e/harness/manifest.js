// Writes a model's manifest as `azulejo manifest` does, with chunks as small as a test wants them.

import { createHash } from "node:crypto";
import { open, stat, writeFile } from "node:fs/promises";
import { basename } from "node:path";

/** Writes `FILE.azulejo.json` beside the file, and gives what is in it. */
export async function makeManifest(name, chunkBytes) {
  const { size } = await stat(name);
  const file = await open(name);
  const chunks = [];
  const all = createHash("sha256");
  try {
    for (let at = 0; at < size; at += chunkBytes) {
      const chunk = Buffer.alloc(Math.min(chunkBytes, size - at));
      await file.read(chunk, 0, chunk.length, at);
      const hash = createHash("sha256").update(chunk).digest();
      chunks.push(hash.toString("hex"));
      all.update(hash);
    }
  } finally {
    await file.close();
  }
  const manifest = {
    format: "azulejo-manifest-1",
    file: basename(name),
    bytes: size,
    chunk_bytes: chunkBytes,
    chunks,
    root: all.digest("hex"),
  };
  await writeFile(`${name}.azulejo.json`, JSON.stringify(manifest));
  return manifest;
}
