// Texts that a regular expression was written for: each of its alternatives once, so that one that can never match is found.

interface Choices {
  /** Each way to write a part at least once; the first is what it is where another part varies. */
  readonly ways: readonly string[];
}

/** What stands for any letter, any figure and any sign. */
const CLASSES: { readonly [escape: string]: string } = { w: "a", S: "a", d: "1", W: " ", s: " ", b: "", B: "" };

const sequence = (parts: readonly Choices[]): Choices => {
  const first = parts.map(({ ways }) => ways[0] ?? "");
  return { ways: [...new Set([first.join(""), ...parts.flatMap(({ ways }, at) => ways.map((way) => [...first.slice(0, at), way, ...first.slice(at + 1)].join("")))])] };
};

/**
 * Texts for `source`, which has groups, classes, quantifiers and lookarounds and no references: of each alternative, letter of
 * a class and thing that may be absent, one that has it. Lookarounds are left out.
 */
export function samplesOf(source: string): readonly string[] {
  let at = 0;
  const alternatives = (): Choices => {
    const ways: string[] = [...sequenceOf().ways];
    while (source[at] === "|") {
      at++;
      ways.push(...sequenceOf().ways);
    }
    return { ways };
  };
  const sequenceOf = (): Choices => {
    const parts: Choices[] = [];
    while (at < source.length && source[at] !== "|" && source[at] !== ")") parts.push(counted(atom()));
    return sequence(parts);
  };
  const atom = (): Choices => {
    const sign = source[at++]!;
    if (sign === "(") {
      const mark = /^\?(?:<?[=!]|:)/.exec(source.slice(at))?.[0] ?? "";
      at += mark.length;
      const inner = alternatives();
      at++;
      return mark.length > 0 && mark !== "?:" ? { ways: [""] } : inner;
    }
    if (sign === "[") {
      const letters = source.slice(at, source.indexOf("]", at));
      at += letters.length + 1;
      return { ways: letters.match(/\\?./gu)!.map((letter) => (letter.length > 1 ? CLASSES[letter[1]!] ?? letter[1]! : letter)) };
    }
    if (sign === "\\") {
      const letter = source[at++]!;
      return { ways: [CLASSES[letter] ?? letter] };
    }
    return { ways: [sign === "^" || sign === "$" ? "" : sign === "." ? " " : sign] };
  };
  const counted = (part: Choices): Choices => {
    const [sign, from] = /^(?:[?*+]|\{(\d+)(?:,\d*)?\})\??/.exec(source.slice(at)) ?? [];
    at += sign?.length ?? 0;
    if (!sign || sign.startsWith("+")) return part;
    const least = Number(from ?? 0);
    return { ways: least > 0 ? part.ways.map((way) => way.repeat(least)) : [...part.ways, ""] };
  };
  return alternatives().ways;
}

/** The alternatives of `source` that stand in no group. */
export function alternativesOf(source: string): readonly string[] {
  const ends = [-1];
  let depth = 0;
  for (let at = 0; at < source.length; at++) {
    const sign = source[at]!;
    if (sign === "\\") at++;
    else if (sign === "[") at = source.indexOf("]", at);
    else if (sign === "(") depth++;
    else if (sign === ")") depth--;
    else if (sign === "|" && depth === 0) ends.push(at);
  }
  return ends.map((end, index) => source.slice(end + 1, ends[index + 1]));
}
