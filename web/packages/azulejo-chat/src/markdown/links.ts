// Which links may be followed: those to the page's own site, and to the hosts that the page allows.

import { parseUrl } from "../url.js";

/** The address that a link leads to; null if it may lead nowhere. */
export function allowedLink(href: string, base: string, hosts: readonly string[]): URL | null {
  const url = parseUrl(href, base);
  if (!url) return null;
  const own = new URL(base);
  if (url.protocol !== "https:" && url.protocol !== own.protocol) return null;
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  // What looks like a host in front of an @ misleads.
  if (url.username || url.password) return null;
  return url.origin === own.origin || hosts.includes(url.host) ? url : null;
}
