// Puts announcements into a live region one after the other, so that a screen reader says each whole.
//
// Each is an element of its own that stays for a while: where a region's text is replaced, some readers break off the
// sentence that they are in.

import type { Announcement } from "./announcements.js";

/** Milliseconds between two, so that readers take them for two. */
const GAP = 150;
/** So many stay in the region, and so many milliseconds after the last one: who reads on doesn't meet them again. */
const KEPT = 12;
const STAY = 10_000;

/** What shows an announcement, and says how to take it away again. */
export type Show = (announcement: Announcement) => () => void;

export class Announcer {
  readonly #show: Show;
  readonly #later: (call: () => void, milliseconds: number) => void;
  #waiting: Announcement[] = [];
  #shown: (() => void)[] = [];
  #isBusy = false;
  /** How many were put into the region so far. */
  #count = 0;

  constructor(show: Show, later: (call: () => void, milliseconds: number) => void = (call, ms) => void setTimeout(call, ms)) {
    this.#show = show;
    this.#later = later;
  }

  tell(announcements: readonly Announcement[]): void {
    // What is urgent doesn't wait.
    for (const one of announcements) if (one.urgent) this.#put(one);
    this.#waiting.push(...announcements.filter((one) => !one.urgent));
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    const one = this.#waiting.shift();
    this.#isBusy = one !== undefined;
    if (!one) {
      const count = this.#count;
      return this.#later(() => count === this.#count && this.clear(), STAY);
    }
    this.#put(one);
    this.#later(() => this.#next(), GAP);
  }

  #put(one: Announcement): void {
    this.#count += 1;
    this.#shown.push(this.#show(one));
    while (this.#shown.length > KEPT) this.#shown.shift()?.();
  }

  /** Takes away what was said and what waits. */
  clear(): void {
    this.#waiting = [];
    this.#shown.splice(0).forEach((remove) => remove());
  }
}
