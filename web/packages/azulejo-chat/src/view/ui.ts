// What all parts of the view are given.

import type { Where } from "../conversation/state.js";
import type { Settings } from "../element/settings.js";
import type { Speaker } from "../language/translation.js";
import { parseUrl } from "../url.js";

/** What a visitor can do. */
export interface Acts {
  open(): void;
  close(): void;
  ask(question: string): void;
  stop(): void;
  retry(): void;
  offer(): void;
  agree(where: Where): void;
  decline(): void;
  cancel(): void;
  forget(): void;
  /** Has a screen reader say it. */
  announce(text: string): void;
}

export interface Ui {
  readonly speaker: Speaker;
  readonly settings: Settings;
  readonly acts: Acts;
  /** The site can be searched. */
  readonly hasIndex: boolean;
  /** The page's address, which links are relative to. */
  readonly base: string;
}

/** A server as visitors are told it. */
export const hostOf = (address: string) => parseUrl(address)?.host ?? address;
