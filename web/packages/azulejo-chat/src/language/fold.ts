// Text as it is compared: without case, accents and the typographer's signs.

/** Lower case, without accents (ñ, ç and the like are n and c), and with plain quotes, dashes and spaces. */
export function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[‘’ʼ´`]/g, "'")
    .replace(/[‐‑‒–—−]/g, "-")
    .replace(/[\u00a0\u2000-\u200a\u202f]/g, " ");
}
