// The element <azulejo-chat>: importing this registers it.

import { AzulejoChat } from "./element/element.js";

export { AzulejoChat } from "./element/element.js";
export type { ChatEvents } from "./element/events.js";
export type { Language } from "./language/languages.js";
export type { SiteIndex } from "./parts.js";
export type { Found, Passage } from "./search/passage.js";

// Two bundles of a page may both have it.
if (globalThis.customElements && !customElements.get("azulejo-chat")) customElements.define("azulejo-chat", AzulejoChat);

declare global {
  interface HTMLElementTagNameMap {
    "azulejo-chat": AzulejoChat;
  }
}
