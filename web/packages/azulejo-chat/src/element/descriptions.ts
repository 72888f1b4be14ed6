// What tools and frameworks tell of the element's attributes and events: words for the build (manifest.mjs) alone, so that no
// visitor fetches them.

import type { ChatEvents } from "./events.js";
import type { ATTRIBUTES } from "./settings.js";

interface Description {
  readonly text: string;
  /** What counts where the attribute is absent. */
  readonly usual?: string;
}

export const ATTRIBUTE_TEXTS: { readonly [Name in keyof typeof ATTRIBUTES]: Description } = {
  model: { text: "Address of the model's GGUF file. Without it nothing is offered but search (and the server)." },
  manifest: { text: "Address of its manifest, as `azulejo manifest` writes it: the download is checked against it." },
  root: { text: "Root hash of the manifest, as `azulejo manifest` prints it: a manifest with another one is refused before anything of the model is downloaded." },
  "model-name": { text: "The model's name, if it isn't in the manifest." },
  licence: { text: "The model's licence, if it isn't in the manifest." },
  sources: { text: "Address of the search index of the site's pages, as `azulejo index` writes it." },
  grounding: { usual: "strict", text: "What becomes of a sentence that no page supports: `strict` (not shown), `marked`, or `off` (not checked: for pages without sources)." },
  human: { text: "Address of the way to a person: a page, `tel:` or `mailto:`." },
  name: { text: "The administration's name." },
  server: { text: "Base address of the administration's own OpenAI-compatible server, offered beside the device." },
  "server-model": { text: "The model's name on the server; its first one, if absent." },
  emergency: { usual: "112", text: "Emergency numbers, with spaces between them." },
  hosts: { text: "Hosts beside the page's own that links may lead to, with spaces between them." },
  mode: { usual: "panel", text: "`panel`: a button that opens a panel; `inline`: in the page's text." },
  open: { text: "The panel is open." },
  device: { usual: "auto", text: "`auto`, `webgpu` or `cpu`." },
  context: { text: "Tokens that a conversation may have; the model's own, at most 4096, if absent." },
};

export const EVENT_TEXTS: { readonly [Name in keyof ChatEvents]: string } = {
  "azulejo-ready": "A model is ready to answer: `{where}`, `device` or `server`.",
  "azulejo-message": "A question was asked, or an answer is complete: `{role, text, lang}`.",
  "azulejo-error": "Something failed: `{code, parameters}`.",
  "azulejo-progress": "A model is on its way: `{phase, loaded, total, progress, waiting}`.",
  "azulejo-consent": "Consent is asked for (`agreed` is null), was given or refused: `{agreed, where}`.",
};
