// Texts, values and addresses as they come from pages: not all of them are what Unicode, JSON or an address's escapes
// allow.

import { invalid } from "./errors.js";

/**
 * The text with U+FFFD for halves of characters (lone surrogates), as `toWellFormed` has it where it's there. A string
 * may end in the middle of an emoji; JSON and UTF-8 have no such thing.
 */
export function wellFormed(text: string): string {
  // With the flag `u`, halves that are a pair are one character and none of these.
  return text.replace(/[\ud800-\udfff]/gu, "\ufffd");
}

/** What an address's part says, without its escapes; what is none (`100%`), or no UTF-8 (`%EA`), stays as it is. */
export function unescaped(part: string): string {
  return part.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Deeper than what anybody means: the value holds itself. */
const DEEPEST = 64;

/** A value in an error's words: JSON has no NaN and no infinity. */
export function shown(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value === "function") return "a function";
  try {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 60 ? `${text.slice(0, 60)}...` : text;
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** A copy as JSON has it, with well-formed texts; what JSON would silently leave out or change is an error. */
export function json(value: unknown, where: string, depth = 0): Json {
  if (typeof value === "string") return wellFormed(value);
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (depth > DEEPEST) throw invalid(`${where} is nested too deeply, or holds itself.`);
  if (Array.isArray(value)) return value.map((item, at) => json(item, `${where}[${at}]`, depth + 1));
  if (typeof value === "object") {
    if ("toJSON" in value && typeof value.toJSON === "function") return json(value.toJSON(), where, depth + 1);
    const there = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(there.map(([name, item]) => [wellFormed(name), json(item, `${where}.${name}`, depth + 1)]));
  }
  throw invalid(`${where} is ${shown(value)}, which JSON has no word for.`);
}

/** An address that means the same elsewhere: a worker has no page to be relative to. */
export function absolute(url: string | URL, name: string): string {
  try {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch {
    throw invalid(`${name} is ${shown(url)}, which is no address.`,
      "Give a whole one (https://...); one that is relative needs a page.", { url: String(url) });
  }
}
