// The element's attributes, and what the element makes of them. The element's properties, its manifest
// (custom-elements.json) and its React component are made of this table; descriptions.ts has the words for each.

import type { Mode } from "../conversation/writing.js";
import { parseUrl } from "../url.js";

interface Attribute {
  /** The property that mirrors it. */
  readonly property: string;
  readonly type: "string" | "boolean" | "number";
}

export const ATTRIBUTES = {
  model: { property: "model", type: "string" },
  manifest: { property: "manifest", type: "string" },
  root: { property: "root", type: "string" },
  "model-name": { property: "modelName", type: "string" },
  licence: { property: "licence", type: "string" },
  sources: { property: "sources", type: "string" },
  grounding: { property: "grounding", type: "string" },
  human: { property: "human", type: "string" },
  name: { property: "name", type: "string" },
  server: { property: "server", type: "string" },
  "server-model": { property: "serverModel", type: "string" },
  emergency: { property: "emergency", type: "string" },
  hosts: { property: "hosts", type: "string" },
  mode: { property: "mode", type: "string" },
  open: { property: "opened", type: "boolean" },
  device: { property: "device", type: "string" },
  context: { property: "context", type: "number" },
} as const satisfies Record<string, Attribute>;

type Attributes = typeof ATTRIBUTES;

/** The properties that mirror the attributes. */
export type Properties = {
  -readonly [A in keyof Attributes as Attributes[A]["property"]]: Attributes[A]["type"] extends "boolean" ? boolean : string;
};

/** What the element works with. */
export interface Settings {
  /** Absolute addresses; empty where there are none. */
  readonly model: string;
  readonly manifest: string;
  readonly sources: string;
  readonly human: string;
  readonly server: string;
  /** In hex; what is no hash fits no manifest. */
  readonly root: string;
  readonly name: string;
  readonly modelName: string;
  readonly licence: string;
  readonly serverModel: string;
  readonly grounding: Mode;
  readonly emergency: readonly string[];
  readonly hosts: readonly string[];
  readonly inline: boolean;
  readonly device: "auto" | "webgpu" | "cpu";
  readonly context: number | null;
}

const words = (text: string) => text.split(/[\s,]+/).filter(Boolean);

/** `read` gives an attribute's text, null if it is absent. What makes no sense counts as absent, and `warn` is told. */
export function settingsOf(read: (name: keyof Attributes) => string | null, base: string, warn: (text: string) => void): Settings {
  const text = (name: keyof Attributes) => read(name)?.trim() ?? "";
  const address = (name: keyof Attributes) => {
    const given = text(name);
    if (!given) return "";
    const url = parseUrl(given, base);
    if (url) return url.href;
    warn(`${name}="${given}" is no address.`);
    return "";
  };
  const oneOf = <T extends string>(name: keyof Attributes, options: readonly T[]): T => {
    const given = text(name) || options[0]!;
    if (options.includes(given as T)) return given as T;
    warn(`${name}="${given}" is none of ${options.join(", ")}; it counts as ${options[0]}.`);
    return options[0]!;
  };
  const context = Number(text("context"));
  const root = text("root").toLowerCase();
  // It stays pinned: a slip must not let every manifest pass.
  if (root && !/^[0-9a-f]{64}$/.test(root)) warn(`root="${root}" is no SHA-256 in hex: no manifest fits it.`);
  else if (root && !text("manifest")) warn("root needs a manifest: without one no model is used.");
  return {
    model: address("model"),
    manifest: address("manifest"),
    sources: address("sources"),
    human: wayTo(address("human"), warn),
    server: address("server"),
    root,
    name: text("name"),
    modelName: text("model-name"),
    licence: text("licence"),
    serverModel: text("server-model"),
    grounding: oneOf("grounding", ["strict", "marked", "off"]),
    // What a telephone can dial.
    emergency: words(text("emergency") || "112").filter((number) => /^\+?\d+$/.test(number)),
    hosts: words(text("hosts").toLowerCase()),
    inline: oneOf("mode", ["panel", "inline"]) === "inline",
    device: oneOf("device", ["auto", "webgpu", "cpu"]),
    context: Number.isInteger(context) && context > 0 ? context : null,
  };
}

/** The address of a person: a page, a telephone, a letter. */
function wayTo(address: string, warn: (text: string) => void): string {
  if (!address || /^(https?|tel|mailto|sms):/.test(address)) return address;
  warn(`human="${address}" is no page, tel: or mailto:.`);
  return "";
}

/** Whether answers may be written at all: a checked one needs what it is checked against. */
export function mayAnswer({ model, server, grounding }: Settings, hasIndex: boolean): boolean {
  return Boolean(model || server) && (hasIndex || grounding === "off");
}
