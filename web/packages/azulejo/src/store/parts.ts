// Models in several files. They are one file here, one part behind the other: one identity, one manifest, one entry.

/** Part and number of parts, as llama.cpp's `gguf-split` names them: `model-00001-of-00003.gguf`. */
const NAME = /-(\d{5})-of-(\d{5})\.gguf$/;

/** The addresses of all parts, the first one first; of a file that isn't a part's by its name, its own. */
export function partUrls(url: string): string[] {
  const whole = new URL(url);
  const [, number, count] = NAME.exec(whole.pathname) ?? [];
  const [part, parts] = [Number(number), Number(count)];
  if (!(part >= 1 && part <= parts)) return [url];
  return Array.from({ length: parts }, (_, index) => {
    const one = new URL(whole);
    one.pathname = whole.pathname.replace(NAME, `-${String(index + 1).padStart(5, "0")}-of-${count}.gguf`);
    return one.href;
  });
}

/** The bytes of parts, when all are known. */
export function total(parts: readonly { total: number | null }[]): number | null {
  return parts.reduce<number | null>((sum, part) => (sum === null || part.total === null ? null : sum + part.total), 0);
}

/** The name of all parts' state on the server, by that of each; null if one isn't known. */
export function tagOfParts(tags: readonly (string | null)[]): string | null {
  return tags.includes(null) ? null : tags.join("\n");
}
