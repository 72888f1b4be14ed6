// What tools and frameworks read about the element, made of the tables in src/element: custom-elements.json (schema 2.1.0),
// and a React component with its types.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { build } from "esbuild";

const METHODS = [
  ["open", "Opens the panel."],
  ["close", "Closes the panel."],
  ["ask", "Asks a question, as if the visitor had typed it.", [["question", "string"]]],
  ["forget", "Deletes the conversation, and from the device the model and those that the site's chats loaded before."],
];
/** The parts of `::part()`. */
const PARTS = ["launcher", "panel", "header", "human", "log", "message", "user", "assistant", "quotation", "sources", "source",
  "emergency", "unsupported", "consent", "status", "error", "input", "send", "notice"];

/** The exports of a module of src/, which imports nothing but types. */
async function tables(here, path) {
  const { outputFiles } = await build({ absWorkingDir: here, entryPoints: [path], bundle: true, format: "esm", write: false });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
}

export async function writeManifest(here) {
  const { ATTRIBUTES } = await tables(here, "src/element/settings.ts");
  const { ATTRIBUTE_TEXTS, EVENT_TEXTS } = await tables(here, "src/element/descriptions.ts");
  const attributes = Object.entries(ATTRIBUTES).map(([name, attribute]) => [name, { ...attribute, ...ATTRIBUTE_TEXTS[name] }]);
  const write = (name, text) => writeFileSync(join(here, "dist", name), text);
  write("custom-elements.json", `${JSON.stringify(manifest(here, attributes, EVENT_TEXTS), null, 2)}\n`);
  write("react.js", react(attributes, EVENT_TEXTS));
  write("types/react.d.ts", reactTypes(attributes, EVENT_TEXTS));
}

function manifest(here, attributes, events) {
  const text = (type) => ({ text: type });
  const declaration = {
    kind: "class",
    customElement: true,
    name: "AzulejoChat",
    tagName: "azulejo-chat",
    superclass: { name: "HTMLElement" },
    description: "A chat that searches a site's pages and answers from them, on the visitor's own device.",
    attributes: attributes.map(([name, { property, type, text: description, usual }]) => ({
      name, fieldName: property, type: text(type), description, ...(usual ? { default: usual } : {}),
    })),
    members: [
      ...attributes.map(([name, { property, type, text: description }]) => ({
        kind: "field", name: property, attribute: name, reflects: true,
        type: text(type === "boolean" ? "boolean" : "string"), description,
      })),
      { kind: "field", name: "index", type: text("SiteIndex | null"), description: "A search of the site's own, in place of `sources`." },
      ...METHODS.map(([name, description, parameters = []]) => ({
        kind: "method", name, description, parameters: parameters.map(([name, type]) => ({ name, type: text(type) })),
      })),
    ],
    events: Object.entries(events).map(([name, description]) => ({ name, type: text("CustomEvent"), description })),
    cssProperties: cssProperties(here).map((name) => ({ name })),
    cssParts: PARTS.map((name) => ({ name })),
  };
  const exports = [
    { kind: "js", name: "AzulejoChat", declaration: { name: "AzulejoChat" } },
    { kind: "custom-element-definition", name: "azulejo-chat", declaration: { name: "AzulejoChat" } },
  ];
  const module = { kind: "javascript-module", path: "dist/index.js", declarations: [declaration], exports };
  return { schemaVersion: "2.1.0", readme: "README.md", modules: [module] };
}

/** What the styles take of the page's. */
function cssProperties(here) {
  const files = readdirSync(join(here, "src/view"), { recursive: true }).filter((name) => name.endsWith(".css"));
  const all = files.flatMap((name) => readFileSync(join(here, "src/view", name), "utf8").match(/--azulejo-chat-[a-z-]+[a-z]/g) ?? []);
  return [...new Set(all)].sort();
}

/** `azulejo-ready` is `onReady`. */
const handler = (event) => event.replace(/^azulejo-(.)(.*)$/, (_, first, rest) => `on${first.toUpperCase()}${rest}`);

function react(attributes, events) {
  const names = Object.fromEntries(attributes.map(([name, { property, type }]) => [property, [name, type]]));
  const handlers = Object.fromEntries(Object.keys(events).map((event) => [handler(event), event]));
  return `// <azulejo-chat> as a React component (18 and later). Written by the build.
import { createElement, forwardRef, useEffect, useRef } from "react";

const ATTRIBUTES = ${JSON.stringify(names)};
const EVENTS = ${JSON.stringify(handlers)};

export const AzulejoChat = forwardRef(function AzulejoChat({ index, ...props }, given) {
  const element = useRef(null);
  const latest = useRef(props);
  latest.current = props;
  const attributes = {};
  for (const [name, value] of Object.entries(props)) {
    if (EVENTS[name]) continue;
    const [attribute, type] = ATTRIBUTES[name] ?? [name === "className" ? "class" : name];
    if (type === "boolean" ? value : value !== undefined && value !== null) attributes[attribute] = type === "boolean" ? "" : value;
  }
  useEffect(() => {
    const { current } = element;
    const listeners = Object.entries(EVENTS).map(([name, event]) => [event, (e) => latest.current[name]?.(e)]);
    for (const [event, listener] of listeners) current.addEventListener(event, listener);
    // On a server it is imported, and registers nothing.
    import("azulejo-chat");
    return () => listeners.forEach(([event, listener]) => current.removeEventListener(event, listener));
  }, []);
  useEffect(() => {
    let isLeft = false;
    customElements.whenDefined("azulejo-chat").then(() => isLeft || index === undefined || (element.current.index = index));
    return () => void (isLeft = true);
  }, [index]);
  const ref = (node) => {
    element.current = node;
    if (typeof given === "function") given(node);
    else if (given) given.current = node;
  };
  return createElement("azulejo-chat", { ...attributes, ref });
});
`;
}

function reactTypes(attributes, events) {
  const props = attributes.map(([, { property, type, text }]) =>
    `  /** ${text} */\n  ${property}?: ${type === "boolean" ? "boolean" : type === "number" ? "number | string" : "string"};`);
  const handlers = Object.entries(events).map(([event, text]) =>
    `  /** ${text} */\n  ${handler(event)}?: (event: CustomEvent<ChatEvents["${event}"]>) => void;`);
  return `// <azulejo-chat> as a React component. Written by the build.
import type { ForwardRefExoticComponent, RefAttributes } from "react";
import type { AzulejoChat as Element, ChatEvents, SiteIndex } from "./index.js";

export interface AzulejoChatProps {
  id?: string;
  className?: string;
  lang?: string;
  /** A search of the site's own, in place of \`sources\`. */
  index?: SiteIndex | null;
${[...props, ...handlers].join("\n")}
}

export declare const AzulejoChat: ForwardRefExoticComponent<AzulejoChatProps & RefAttributes<Element>>;
`;
}
