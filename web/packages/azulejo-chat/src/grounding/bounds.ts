// Whether a number or date is the thing itself, or what it mustn't pass: "more than 12 000 €" is not "less than 12 000 €",
// nor is "after 31 January" "before" it. Words of the seven languages, folded, before the number or behind it.

/** On which side of a number what is said lies. */
export interface Bound {
  readonly side: "above" | "below";
  /** Whether the number itself isn't meant: "more than", not "at least". */
  readonly isStrict: boolean;
  /** Letters of it before the number, and behind. */
  readonly before: number;
  readonly after: number;
}

/** Articles and the like that may stand between. */
const LINK = "(?:\\s+(?:de|do|da|dos|das|del|d'|que|o|a|as|os|el|la|les|los|els|ao|aos|al|als|un|uns|unos|the|dia|on))*\\s*(?:[\u20ac$]\\s*)?(?:l'|d')?$";
const before = (words: string) => new RegExp(`(?<!\\p{L})(?:${words})${LINK}`, "u");
/** A word or two ("years", "€") may stand between the number and what bounds it. */
const behind = (words: string) => new RegExp(`^\\s*(?:\u20ac\\s*)?((?:\\p{L}+\\s+){0,2}?)(?:${words})(?!\\p{L})`, "u");

const MORE =
  "(?:mais|mas|mes) (?:do que|de|d'|que)|more than|acima|enriba|(?:por|per) (?:encima|sobre)|superior(?:es|s)? a|ma[ijy]or(?:e?s)? (?:de|que|do que|a)|" +
  "(?:ultra)?passa\\w*|pasa(?:r|n|se|ra)?|excede\\w*|exceed\\w*|supera\\w*|over|above|older than|later than|longer than";
const LATER = "depois|despois|despues|despres|apos|after|posterior(?:e?s)? a";
const LEAST = "(?:a partir|desde|dende|des d)|(?:pel[oa]|pol[oa]|por lo|al|ao) menos|almenys|(?:com[oa]?|com a|no) minim[oa]?|minim[oa]?|at least|from";
const LESS =
  "(?:menos|menys) (?:de|que|do que|d')|less than|fewer than|under|below|younger than|inferior(?:e?s|s)? a|menor(?:e?s)? (?:de|que|do que|a)|abaixo|" +
  "(?:por|per) (?:debajo|sota)|(?:nao|no|non) (?:chega|llega|arriba)\\w*|(?:n't|not) reach";
const EARLIER = "antes|abans|before|anterior(?:e?s)? a|previ[oa]s? a";
const MOST =
  "ate|ata|hasta|fins(?: a)?|up to|until|at most|within|no maximo|como (?:maximo|mucho|moito)|com a maxim|as maximo|(?:com )?(?:um |un |unha |a )?(?:maxim[oa]?|maximum|tope|limite|limit)|no more than";

type Row = readonly [RegExp, "above" | "below", boolean];
const BEFORE: readonly Row[] = [
  [before(MORE), "above", true],
  [before(LATER), "above", true],
  [before(LEAST), "above", false],
  [before(LESS), "below", true],
  [before(EARLIER), "below", true],
  [before(MOST), "below", false],
];
const BEHIND: readonly Row[] = [
  [behind("(?:ou|o|or|e|y|i) (?:mais|mas|mes|more|over|older|above|upwards)|edo gehiago|(?:en|em) (?:diante|adelante|endavant)|como minimo|com a minim|no minimo|gutxienez|aurrera"), "above", false],
  [behind("baino (?:gehiago|handiago|zaharrago)\\w*|gorako\\w*|ondoren|gero"), "above", true],
  [behind("(?:ou|o|or) (?:menos|menys|less|under|fewer|younger|below)|edo gutxiago|como maximo|como mucho|com a maxim|no maximo|at most|gehienez|arte(?:ko)?"), "below", false],
  [behind("baino (?:gutxiago|txikiago|gazteago|lehen|lehenago)\\w*|beherako\\w*"), "below", true],
];
/** What turns "passes" into "doesn't pass", before it or, in Basque, behind. */
const DENIED = /(?<!\p{L})(?:nao|no|non|not|n't|nunca)\s+(?:\p{L}+\s+){0,2}$/u;

/** The same of "over-eighteens", which a verb that is denied before them leaves as old as they are. */
const DENIED_NEXT = /(?<!\p{L})(?:nao|no|non)\s+$/u;

/** What bounds the number or date that stands from `start` to `end` in a folded text, or null. */
export function boundOf(folded: string, start: number, end: number): Bound | null {
  const text = folded.slice(Math.max(0, start - 60), start);
  for (const [words, side, isStrict] of BEFORE) {
    const found = words.exec(text);
    if (!found) continue;
    const denied = isStrict && side === "above" ? (/^ma[ijy]or/.test(found[0]) ? DENIED_NEXT : DENIED).exec(text.slice(0, found.index)) : null;
    const place = denied?.index ?? found.index;
    return { side: denied ? "below" : side, isStrict: isStrict && !denied, before: text.length - place, after: 0 };
  }
  const rest = folded.slice(end, end + 60);
  for (const [words, side, isStrict] of BEHIND) {
    const found = words.exec(rest);
    if (!found) continue;
    const denied = /^\s+ez(?: \p{L}+)?/u.exec(rest.slice(found[0].length));
    return { side: denied ? (side === "above" ? "below" : "above") : side, isStrict: isStrict && !denied, before: 0, after: found[1] ? 0 : found[0].length + (denied?.[0].length ?? 0) };
  }
  return null;
}
