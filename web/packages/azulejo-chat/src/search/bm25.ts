// BM25+ over several fields: what words tell of a passage, by how often they stand in it, how long it is, and how rare they
// are (Lv and Zhai 2011, "Lower-bounding term frequency normalization").

/** A question's word, and where it stands. */
export interface Term {
  readonly word: string;
  /** What it counts beside others, from 0 to 1. */
  readonly weight: number;
  /** Field by field, the passages that have it, each with how often. */
  readonly fields: readonly ReadonlyMap<number, number>[];
}

/** A field of all passages. */
export interface Field {
  readonly boost: number;
  /** How many words each passage has in it. */
  readonly lengths: readonly number[];
  /** Their mean. */
  readonly average: number;
}

export interface Ranked {
  readonly passage: number;
  readonly score: number;
  /** The words that it has. */
  readonly words: readonly string[];
}

/** How soon a word that stands there often tells no more; how much of a passage's length is reckoned with; what standing there counts in any length. */
const K = 1.2;
const B = 0.7;
const DELTA = 0.5;

/** What a word tells that `having` of `all` passages have. */
export const rarity = (having: number, all: number) => Math.log(1 + (all - having + 0.5) / (having + 0.5));

/**
 * The passages that have any of the words, the best first, and of equal ones the earlier. A score counts once for each word
 * that is there: whoever asks with two words wants a passage of both.
 */
export function ranked(terms: readonly Term[], fields: readonly Field[]): Ranked[] {
  const found = new Map<number, { score: number; words: Set<string> }>();
  for (const { word, weight, fields: counts } of terms) {
    for (const [number, { boost, lengths, average }] of fields.entries()) {
      const having = counts[number]!;
      const worth = weight * boost * rarity(having.size, lengths.length);
      for (const [passage, count] of having) {
        const norm = K * (1 - B + (B * (lengths[passage] ?? 0)) / average);
        const { score, words } = found.get(passage) ?? { score: 0, words: new Set() };
        found.set(passage, { score: score + worth * (DELTA + (count * (K + 1)) / (count + norm)), words: words.add(word) });
      }
    }
  }
  const passages = [...found].map(([passage, { score, words }]) => ({ passage, score: score * words.size, words: [...words] }));
  return passages.sort((a, b) => b.score - a.score || a.passage - b.passage);
}
