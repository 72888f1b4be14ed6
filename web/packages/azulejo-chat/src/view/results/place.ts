// Where a passage stands, and what that place is called.

import type { Settings } from "../../element/settings.js";
import type { Passage } from "../../search/passage.js";
import { parseUrl } from "../../url.js";

/** The address of a passage: relative ones are relative to the index. */
export function addressOf({ url, anchor }: Passage, { sources }: Pick<Settings, "sources">): string {
  const base = sources || globalThis.document?.baseURI;
  const address = parseUrl(url, base);
  if (!address) return url;
  if (anchor) address.hash = anchor;
  return address.href;
}

export const nameOf = ({ title, heading }: Passage) => (heading && heading !== title ? `${title}: ${heading}` : title);
