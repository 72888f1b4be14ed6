// Whether a fact is said of the same thing in two texts. A passage has many prices, days and times; the one that a claim
// may name is the one that stands nearest to the claim's own words.

import { agrees, type Fact } from "./facts.js";
import type { Item, Text } from "./text.js";

/** Facts of one kind with nothing between them that says anything: "das 9h às 12h e das 14h às 17h", "segunda e quarta". */
interface Group {
  readonly kind: Fact["kind"];
  readonly items: readonly Item[];
}

/** How much of its weight a word keeps across the end of a sentence or line, and across another fact of the kind. */
const PAST_UNIT = 0.5;
const PAST_RIVAL = 0.4;
/** Letters after which a word has half its weight. */
const HALF = 24;
/** How much better than its rivals the fact's place must be. */
const LEAD = 1.05;

/** A number counts something or is a number of a street: they are no rivals. */
const kindOf = (fact: Fact) => (fact.kind === "number" ? `number ${fact.of ?? ""}` : fact.kind);

function groupsOf(items: readonly Item[]): Group[] {
  const groups: { kind: Fact["kind"]; items: Item[] }[] = [];
  items.forEach((item, index) => {
    if (!item.fact) return;
    const before = items[index - 1];
    const last = groups.at(-1);
    const follows = last && before?.fact && before === last.items.at(-1) && kindOf(before.fact) === kindOf(item.fact) && before.unit === item.unit && item.start - before.end < 16;
    if (follows) last.items.push(item);
    else groups.push({ kind: item.fact.kind, items: [item] });
  });
  return groups;
}

/** What a word at `item` weighs for a group: less with each letter, and with what lies between. */
function weight(item: Item, group: Group, groups: readonly Group[]): number {
  const first = group.items[0]!;
  const last = group.items.at(-1)!;
  const [from, to] = item.start < first.start ? [item.end, first.start] : [last.end, item.start];
  const rivals = groups.filter(
    (other) => other !== group && kindOf(other.items[0]!.fact!) === kindOf(first.fact!) && other.items[0]!.start >= from && other.items.at(-1)!.end <= to,
  );
  const units = Math.abs(item.unit - (item.start < first.start ? first : last).unit);
  return (PAST_RIVAL ** rivals.length * PAST_UNIT ** units) / (1 + Math.max(0, to - from) / HALF);
}

/** Days of a range: Monday to Friday has Wednesday. */
function holds(group: Group, fact: Fact): boolean {
  if (group.items.some(({ fact: known }) => agrees(fact, known!))) return true;
  if (fact.kind !== "day" || group.items.length !== 2) return false;
  const [from, to] = group.items.map((item) => Number(item.fact!.keys[0]!.slice(1)));
  const day = Number(fact.keys[0]!.slice(1));
  // Two days with more between them than a comma or an "and" are a range.
  return group.items[1]!.start - group.items[0]!.end !== 2 && from! < day && day < to!;
}

/** A range of prices can't be told by one of its ends. */
const isWhole = (claimed: Group, group: Group) => claimed.kind !== "money" || claimed.items.length === group.items.length || group.items.length === 1;

/**
 * Whether each fact of `claim` is said of the same thing in `known`, whose facts have all of them; `isSame` compares
 * items' words.
 */
export function isBound(claim: Text, known: Text, isSame: (claimed: Item, known: Item) => boolean): boolean {
  const claimed = groupsOf(claim.items);
  const groups = groupsOf(known.items);
  return claimed.every((group) => {
    const rivals = groups.filter((other) => other.items.some(({ fact }) => group.items.some((item) => kindOf(item.fact!) === kindOf(fact!) || agrees(item.fact!, fact!))));
    const right = rivals.filter((other) => group.items.every(({ fact }) => holds(other, fact!)) && isWhole(group, other));
    if (right.length === 0) return false;
    const wrong = rivals.filter((other) => !right.includes(other));
    if (wrong.length === 0) return true;
    const about = claim.items.filter((item) => !group.items.includes(item));
    const score = (other: Group) => {
      let sum = 0;
      for (const item of about) {
        const same = known.items.filter((candidate) => !other.items.includes(candidate) && isSame(item, candidate));
        if (same.length === 0) continue;
        const best = Math.max(...same.map((candidate) => weight(candidate, other, groups)));
        sum += (weight(item, group, claimed) * best) / Math.sqrt(same.length);
      }
      return sum;
    };
    return Math.max(...right.map(score)) > LEAD * Math.max(...wrong.map(score));
  });
}
