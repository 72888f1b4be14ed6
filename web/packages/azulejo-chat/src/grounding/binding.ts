// Whether a fact is said of the same thing in two texts. A passage has many prices, days and times; the one that a claim
// may name is the one that the passage says of the claim's own words.

import { WORKING_WEEK } from "./calendar.js";
import { agrees, type Fact } from "./facts.js";
import { isOfPrices } from "./synonyms.js";
import type { Item, Text } from "./text.js";

/** Facts of one kind with nothing between them that says anything: "das 9h às 12h e das 14h às 17h", "segunda e quarta". */
type Group = readonly [Item, ...Item[]];

/** What a word weighs for the facts that it's said of, where they are the first of their kind in the sentence. */
const OWN = 1;
/** The same where others of the kind stand before: what is said there is said to tell them apart. */
const OWN_OF_LATER = 2;
/** What was said of the facts before may hold for these as well ("The grey bin is emptied on ..., the brown one on ..."). */
const INHERITED = 0.5;
/** What is said later in the sentence, of others. */
const LATER = 0.25;
/** What is said in another sentence of other facts of the kind speaks against these. */
const ELSEWHERE = -0.5;
/** How much better than its rivals the fact's place must be. */
const LEAD = 1.1;

/** What an inflected word or another of its meaning counts beside the same word. */
const INFLECTED = 0.85;
/** What a price that is a limit counts as a rival of one that is not. */
const LIMIT = 0.5;

/** Whether `b` might stand where `a` does: prices are no rivals of days, nor months of years. */
const areRivals = (a: Fact, b: Fact) => a.kind === b.kind && (a.kind !== "number" || a.of === b.of);

/** "3 €; free for children" is no range. */
const isPriceAndFree = (a: Fact, b: Fact) => (a.keys[0] === "m0") !== (b.keys[0] === "m0");

function groupsOf(items: readonly Item[]): Group[] {
  const groups: [Item, ...Item[]][] = [];
  items.forEach((item, index) => {
    if (!item.fact) return;
    const before = items[index - 1];
    const last = groups.at(-1);
    const follows = item.fact.kind !== "contact" && last && before?.fact && before === last.at(-1) && areRivals(before.fact, item.fact) && !isPriceAndFree(before.fact, item.fact) && before.unit === item.unit && item.start - before.end < (item.fact.kind === "money" ? 8 : 16);
    if (follows) last.push(item);
    else groups.push([item]);
  });
  return groups;
}

/**
 * Of which of the groups of a sentence an item is said: what stands before the first of them is said of it; between two
 * it's said of the one before up to the next comma, and then of the one behind; both where no comma says which.
 */
function ownersOf(item: Item, groups: readonly Group[], items: readonly Item[]): readonly Group[] {
  const kinds = [item.fact?.kind, groups[0]?.[0].fact!.kind];
  if (kinds.includes("day") && kinds.includes("time") && kinds[0] !== kinds[1]) {
    // "Monday to Friday, 9 to 13, and Tuesday, 15 to 17": what comes first, day or time, comes first each time.
    const first = items.find(({ unit, fact }) => unit === item.unit && fact && kinds.includes(fact.kind));
    const owner = first?.fact!.kind === kinds[0] ? groups.find(([{ start }]) => start > item.start) : groups.findLast(([{ start }]) => start < item.start);
    if (owner) return [owner];
  }
  const next = groups.findIndex((group) => group[0].start > item.start);
  const before = groups.at(next < 0 ? -1 : next - 1);
  if (next === 0 || !before) return groups.slice(0, 1);
  const behind = next < 0 ? undefined : groups[next]!;
  // "Monday: closed" is one clause.
  const isBefore = item.clause === before.at(-1)!.clause || item.start - before.at(-1)!.end < 3;
  if (!behind) return isBefore ? [before] : [];
  if (isBefore && item.clause === behind[0].clause) return [before, behind];
  return [isBefore ? before : behind];
}

/** What an item weighs for a group, `groups` being the ones of its kind. */
function weight(item: Item, group: Group, groups: readonly Group[], items: readonly Item[]): number {
  if (item.unit !== group[0].unit) return groups.some(([first]) => first.unit === item.unit) ? ELSEWHERE : 0;
  const here = groups.filter(([first]) => first.unit === item.unit);
  const owners = ownersOf(item, here, items);
  if (owners.includes(group)) return (group === here[0] ? OWN : OWN_OF_LATER) / owners.length;
  return item.start < group[0].start ? INHERITED : LATER;
}

const day = ({ fact }: Item) => Number(fact!.keys[0]!.slice(1));

/** Whether a group has a fact; Monday to Friday has Wednesday; "up to 8" is the end of "5 to 8", and not of "8 to 12". */
function holds(group: Group, fact: Fact): boolean {
  const [from, to] = group;
  const isEnd = (item: Item) => !fact.bound || item.fact!.bound || group.length !== 2 || (fact.bound.side === "above") === (item === from);
  const isEdge = (item: Item) => !fact.edge || group.length < 2 || (fact.edge === "first") === (group.indexOf(item) % 2 === 0);
  if (group.some((item) => agrees(fact, item.fact!) && isEnd(item) && isEdge(item))) return true;
  // Two days with more between them than a comma are a range.
  return fact.kind === "day" && group.length === 2 && to!.start - from.end > 2 && day(from) < day({ fact } as Item) && day({ fact } as Item) < day(to!);
}

/**
 * Whether several facts stand in `other` in their order, each once; a pair of times as a pair ("10 to 14 and 16 to 19" isn't
 * 14 to 16), and Monday to Friday isn't Monday, Wednesday and Friday.
 */
function isInOrder(group: Group, other: Group): boolean {
  const places = group.map(({ fact }) => other.findIndex((item) => agrees(fact!, item.fact!)));
  return group.every(({ fact }, index) => {
    const [place, next] = [places[index]!, places[index + 1]];
    if (next === undefined) return true;
    if (place < 0 || next < 0) return !fact!.goesTo;
    if (next === place && other[place]!.fact!.keys[0] === WORKING_WEEK) return true;
    if (next <= place) return false;
    if (fact!.kind === "time") return next === place + 1 && (index % 2 === 1 || place % 2 === 0);
    return fact!.kind !== "day" || !fact!.goesTo || (next === place + 1 && !!other[place]!.fact!.goesTo);
  });
}

/**
 * Whether each fact of `claim` is said of the same thing in `known`, which has all of them, or has it in its heading;
 * `isSame` compares items. Where one sentence has all of several, what others say doesn't count.
 */
export function isBound(claim: Text, known: Text, isSame: (claimed: Item, known: Item) => boolean): boolean {
  const facts = claim.items.filter(({ fact }) => fact);
  if (facts.length === 0) return true;
  // What the passage says once, a claim can't say of two things.
  const times = (items: readonly Item[], one: Fact) => items.filter(({ fact }) => fact && agrees(one, fact)).length;
  if (facts.some(({ fact }) => fact!.keys[0] !== "m0" && times(facts, fact!) > Math.max(1, times(known.items, fact!)))) return false;
  const units = [...new Set(known.items.map(({ unit }) => unit))].map((unit) => known.items.filter((item) => item.unit === unit));
  const isWhole = (items: readonly Item[]) => facts.every(({ fact }) => items.some((item) => item.fact && agrees(fact!, item.fact)));
  if (groupsOf(claim.items).length > 1 && units.some((items) => isWhole(items) && isBoundAmong(claim, items, isSame))) return true;
  return isBoundAmong(claim, known.items, isSame);
}

function isBoundAmong(claim: Text, known: readonly Item[], isSame: (claimed: Item, known: Item) => boolean): boolean {
  const groups = groupsOf(known);
  const claimed = groupsOf(claim.items);
  /** Groups of the passage that one of the claim's is surely about. */
  const taken = new Map<Group, Group>();
  const isRight = (group: Group): boolean => {
    const [{ fact }] = group;
    const rivals = groups.filter((other) => other.some((item) => areRivals(fact!, item.fact!) || agrees(fact!, item.fact!)));
    // One end of a range of prices isn't the price.
    const isWhole = (other: Group) => fact!.kind !== "money" || other.length === 1 || other.length === group.length;
    const right = rivals.filter((other) => group.every((item) => holds(other, item.fact!)) && isWhole(other) && isInOrder(group, other));
    // What the claim says of another of its facts is this one's no more.
    const wrong = rivals.filter((other) => !right.includes(other) && (taken.get(other) ?? group) === group);
    // What the passage doesn't have, its heading has.
    if (!known.some((item) => item.fact && group.some((one) => agrees(one.fact!, item.fact!)))) return true;
    if (right.length === 0) return false;
    if (wrong.length === 0) {
      if (right.length === 1) taken.set(right[0]!, group);
      return true;
    }
    const kin = claimed.filter((other) => other.some((item) => areRivals(fact!, item.fact!)));
    // What a number counts stands behind each of them, or is left out: it tells none from the other.
    const end = group.at(-1)!.end;
    const isCounted = (item: Item) => fact!.kind === "number" && item.start >= end && item.start - end < 4;
    // That it costs something is said of every price.
    const isPrice = (item: Item) => fact!.kind === "money" && !!item.word && isOfPrices(item.word.text);
    const about = claim.items.filter((item) => !group.includes(item) && !isCounted(item) && !isPrice(item));
    const score = (other: Group) =>
      about.reduce((sum, item) => {
        const same = known.filter((candidate) => !other.includes(candidate) && isSame(item, candidate));
        if (same.length === 0) return sum;
        const share = (candidate: Item) => {
          if (candidate.word) return candidate.word.text === item.word!.text ? 1 : INFLECTED;
          // "Up to 8" is not "8 to 12".
          return groups.find((one) => one.includes(candidate))!.length > claimed.find((one) => one.includes(item))!.length ? 0.5 : 1;
        };
        // What is said where the fact stands a second time is no sign against it.
        const least = (candidate: Item) => (right.some(([{ unit }]) => unit === candidate.unit) ? 0 : -1);
        const best = Math.max(...same.map((candidate) => Math.max(weight(candidate, other, rivals, known) * share(candidate), right.includes(other) ? least(candidate) : -1)));
        const own = weight(item, group, kin, claim.items);
        // What the claim says of another of its facts may be said of this one too; that it isn't is no sign against it.
        if (kin.length > 1 && own < OWN / 2) return sum;
        return sum + ((kin.length > 1 && own < OWN ? Math.max(own * best, 0) : Math.max(own, LATER) * best)) / Math.sqrt(same.length);
      }, 0);
    const isLimit = (other: Group) => !!other[0].fact!.bound !== !!fact!.bound;
    const scores = right.map(score);
    const best = Math.max(...scores);
    const rival = Math.max(...wrong.map((other) => score(other) * (isLimit(other) ? LIMIT : 1)));
    const isSure = best > 0 && (rival <= 0 || best > LEAD * rival);
    if (isSure) taken.set(right[scores.indexOf(best)]!, group);
    return isSure;
  };
  // Twice: what is sure of one leaves less for the others.
  const unsure = claimed.filter((group) => !isRight(group));
  return unsure.length < claimed.length ? unsure.every(isRight) : unsure.length === 0;
}
