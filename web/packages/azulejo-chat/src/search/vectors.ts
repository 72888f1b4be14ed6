// Passages near a question by their vectors, and how they and what was found by words become one list.

import type { Hit, LanguageIndex } from "./language-index.js";

/** Reciprocal rank fusion's constant (Cormack, Clarke and Büttcher, 2009). */
const RANK = 60;
/** A passage is near where it is so many standard deviations nearer than all of its language are on average. */
const NEAR = 2;

/** The passages of a language that are near a vector of length 1, the nearest first. */
export async function nearest(index: LanguageIndex, vector: Float32Array, signal?: AbortSignal): Promise<Hit[]> {
  const part = index.words.vectors;
  if (!part) return [];
  const bytes = await index.parts.bytes(part, signal);
  const { size } = index;
  const width = vector.length;
  if (bytes.byteLength !== size * (4 + width)) return [];
  const view = new DataView(bytes);
  const numbers = new Int8Array(bytes, 4 * size);
  const scores = Array.from({ length: size }, (_, passage) => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += (vector[i] ?? 0) * (numbers[passage * width + i] ?? 0);
    return sum * view.getFloat32(4 * passage, true);
  });
  const mean = scores.reduce((sum, score) => sum + score, 0) / size;
  const deviation = Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / size);
  const hits = scores.map((score, passage) => ({ index, passage, score }));
  return hits.filter(({ score }) => score > mean + NEAR * deviation).sort((a, b) => b.score - a.score);
}

/** One list of several, by reciprocal rank. */
export function fused(lists: readonly (readonly Hit[])[]): Hit[] {
  const hits = new Map<string, { hit: Hit; score: number }>();
  for (const list of lists) {
    for (const [rank, hit] of list.entries()) {
      const key = `${hit.index.language} ${hit.passage}`;
      const score = (hits.get(key)?.score ?? 0) + 1 / (RANK + rank + 1);
      hits.set(key, { hit, score });
    }
  }
  return [...hits.values()].map(({ hit, score }) => ({ ...hit, score })).sort((a, b) => b.score - a.score);
}
