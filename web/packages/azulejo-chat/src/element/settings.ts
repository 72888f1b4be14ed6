// The element's attributes: what each is, and what the element makes of them. The manifest of the element
// (custom-elements.json), its properties and its React component are made of this table.

import type { Mode } from "../conversation/writing.js";
import { parseUrl } from "../url.js";

interface Attribute {
  /** The property that mirrors it. */
  readonly property: string;
  readonly type: "string" | "boolean" | "number";
  readonly text: string;
  readonly usual?: string;
}

export const ATTRIBUTES = {
  model: { property: "model", type: "string", text: "Address of the model's GGUF file. Without it nothing is offered but search (and the server)." },
  manifest: { property: "manifest", type: "string", text: "Address of its manifest, as `azulejo manifest` writes it: the download is checked against it." },
  root: { property: "root", type: "string", text: "Root hash of the manifest, as `azulejo manifest` prints it: a manifest with another one is refused before anything of the model is downloaded." },
  "model-name": { property: "modelName", type: "string", text: "The model's name, if it isn't in the manifest." },
  licence: { property: "licence", type: "string", text: "The model's licence, if it isn't in the manifest." },
  sources: { property: "sources", type: "string", text: "Address of the search index of the site's pages, as `azulejo index` writes it." },
  grounding: { property: "grounding", type: "string", usual: "strict", text: "What becomes of a sentence that no page supports: `strict` (not shown), `marked`, or `off` (not checked: for pages without sources)." },
  human: { property: "human", type: "string", text: "Address of the way to a person: a page, `tel:` or `mailto:`." },
  name: { property: "name", type: "string", text: "The administration's name." },
  server: { property: "server", type: "string", text: "Base address of the administration's own OpenAI-compatible server, offered beside the device." },
  "server-model": { property: "serverModel", type: "string", text: "The model's name on the server; its first one, if absent." },
  emergency: { property: "emergency", type: "string", usual: "112", text: "Emergency numbers, with spaces between them." },
  hosts: { property: "hosts", type: "string", text: "Hosts beside the page's own that links may lead to, with spaces between them." },
  mode: { property: "mode", type: "string", usual: "panel", text: "`panel`: a button that opens a panel; `inline`: in the page's text." },
  open: { property: "opened", type: "boolean", text: "The panel is open." },
  device: { property: "device", type: "string", usual: "auto", text: "`auto`, `webgpu` or `cpu`." },
  context: { property: "context", type: "number", text: "Tokens that a conversation may have; the model's own, at most 4096, if absent." },
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
