// The custom element: attributes and properties in, events out, and a shadow root in which the view is drawn.

import { h, render } from "preact";

import { Announcer } from "../announce/announcer.js";
import { type Announcement, announcements } from "../announce/announcements.js";
import { Conversation } from "../conversation/conversation.js";
import type { State } from "../conversation/state.js";
import { aboutModel } from "../engine/about.js";
import { type Language, languageFor } from "../language/languages.js";
import { loadSpeaker, type Speaker } from "../language/translation.js";
import { parts, type SiteIndex } from "../parts.js";
import { App } from "../view/app.js";
import { styles } from "../view/styles.js";
import { type ChatEvents, tellChange } from "./events.js";
import { ATTRIBUTES, type Properties, type Settings, settingsOf } from "./settings.js";

/** On a server there are no elements: the module can be imported there, and does nothing. */
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/** Attributes that make another offer. */
const OFFER = ["model", "manifest", "root", "server", "server-model", "grounding", "device", "context"];
/** Milliseconds after which an element that was taken out of its page frees its model. */
const REST_MS = 30_000;

export class AzulejoChat extends Base {
  static readonly observedAttributes = ["lang", ...Object.keys(ATTRIBUTES)];

  readonly #conversation: Conversation;
  #settings: Settings | null = null;
  #index: Promise<SiteIndex> | null = null;
  #ownIndex: SiteIndex | null = null;
  #speaker: Speaker | null = null;
  #place: HTMLElement | null = null;
  #announcer: Announcer | null = null;
  #isDrawing = false;
  #resting: ReturnType<typeof setTimeout> | undefined;
  readonly #languages: MutationObserver | null;

  constructor() {
    super();
    this.#languages = globalThis.MutationObserver ? new MutationObserver(() => this.#listen()) : null;
    this.#conversation = new Conversation(
      {
        parts,
        settings: () => this.#read(),
        language: () => this.#language(),
        hasIndex: () => this.#hasIndex(),
        index: () => this.#opened(),
        about: aboutModel,
        connect: async (where, settings, how) => {
          const { openDevice, openServer } = await import("../engine/agreed.js");
          return where === "device" ? openDevice(settings, how) : openServer(settings, how);
        },
        forget: async (settings) => (await import("../engine/forget.js")).forgetModels(settings),
      },
      (after, before) => this.#changed(after, before),
    );
  }

  connectedCallback(): void {
    clearTimeout(this.#resting);
    if (!this.shadowRoot) this.#build();
    this.#upgrade();
    // The page's language may be set anywhere above, and changed there.
    this.#languages?.observe(this.ownerDocument, { attributes: true, attributeFilter: ["lang"], subtree: true });
    if (this.#conversation.state.engine.phase === "absent") void this.#conversation.configure().then(() => this.#offer());
    this.#listen();
  }

  disconnectedCallback(): void {
    this.#languages?.disconnect();
    // What is moved is there again at once, and goes on as it was.
    this.#resting = setTimeout(() => void this.#conversation.rest(), REST_MS);
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after) return;
    this.#settings = null;
    if (!this.isConnected) return;
    if (name === "lang") return this.#listen();
    if (name === "sources") this.#index = null;
    if (OFFER.includes(name) || name === "sources") void this.#conversation.configure().then(() => this.#offer());
    if (name === "open" || name === "mode") this.#offer();
    this.#draw();
  }

  /** Opens the panel. */
  get open(): () => void {
    return () => this.setAttribute("open", "");
  }

  /** Frameworks set an attribute by a property of its name, where there is one; `opened` is the one to read. */
  set open(open: unknown) {
    // "" is what an attribute without a value is to Vue.
    this.toggleAttribute("open", open !== false && open !== null && open !== undefined);
  }

  /** Closes the panel. */
  close(): void {
    this.removeAttribute("open");
  }

  /** Asks a question, as if the visitor had typed it; resolves when all that comes of it has. */
  async ask(question: string): Promise<void> {
    await this.#conversation.ask(String(question));
  }

  /** Deletes the conversation, and from the device the model and those that the site's chats loaded before. */
  async forget(): Promise<void> {
    this.#announcer?.clear();
    await this.#conversation.forget();
  }

  /** A search of the site's own, in place of `sources`. */
  get index(): SiteIndex | null {
    return this.#ownIndex;
  }

  set index(index: SiteIndex | null) {
    this.#ownIndex = index;
    if (this.isConnected) void this.#conversation.configure().then(() => this.#offer());
    this.#draw();
  }

  /** What was set before the element was defined hides the properties that it has now. */
  #upgrade(): void {
    const properties = [...Object.values(ATTRIBUTES).map(({ property }) => property), "index", "open"] as const;
    for (const property of properties) {
      if (!Object.hasOwn(this, property)) continue;
      const { [property]: value } = this as Record<string, unknown>;
      delete (this as Record<string, unknown>)[property];
      (this as Record<string, unknown>)[property] = value;
    }
  }

  #read(): Settings {
    return (this.#settings ??= settingsOf((name) => this.getAttribute(name), this.ownerDocument.baseURI, (text) =>
      console.warn(`<azulejo-chat>: ${text}`)));
  }

  #hasIndex(): boolean {
    return Boolean(this.#ownIndex || this.#read().sources);
  }

  #opened(): Promise<SiteIndex> | null {
    if (this.#ownIndex) return Promise.resolve(this.#ownIndex);
    const { sources } = this.#read();
    if (!sources) return null;
    if (!this.#index) {
      const opening = (this.#index = parts.openIndex(sources));
      // The next question tries again.
      opening.catch(() => this.#index === opening && (this.#index = null));
    }
    return this.#index;
  }

  /** Once the element is seen open. */
  #offer(): void {
    const { inline } = this.#read();
    if (this.isConnected && (inline || this.hasAttribute("open"))) void this.#conversation.offer();
  }

  #language(): Language {
    for (let node: Node | null = this; node; node = node.parentNode ?? (node as Partial<ShadowRoot>).host ?? null) {
      const tag = (node as Partial<Element>).getAttribute?.("lang");
      const language = tag ? languageFor(tag) : null;
      if (language) return language;
      // Its own language is one that the element doesn't speak.
      if (tag) return "en";
    }
    return "en";
  }

  #listen(): void {
    const language = this.#language();
    if (this.#speaker?.language === language) return this.#draw();
    void loadSpeaker(language).then((speaker) => {
      if (this.#language() !== language) return;
      this.#speaker = speaker;
      this.#draw();
    });
  }

  #build(): void {
    const root = this.attachShadow({ mode: "open", delegatesFocus: false });
    root.adoptedStyleSheets = [styles()];
    const make = (role: string | null, name: string) => {
      const node = this.ownerDocument.createElement("div");
      if (role) node.setAttribute("role", role);
      node.className = name;
      root.append(node);
      return node;
    };
    // Regions have to be there before anything is said in them.
    const polite = make("status", "unseen");
    const urgent = make("alert", "unseen");
    this.#place = make(null, "place");
    const show = ({ text, lang, urgent: isUrgent }: Announcement) => {
      const line = this.ownerDocument.createElement("p");
      line.lang = lang;
      line.textContent = text;
      (isUrgent ? urgent : polite).append(line);
      return () => line.remove();
    };
    this.#announcer = new Announcer(show);
  }

  #changed(after: State, before: State): void {
    if (this.#speaker) this.#announcer?.tell(announcements(after, before, this.#speaker));
    tellChange(after, before, (name, detail) =>
      this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true })));
    this.#draw();
  }

  #draw(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    queueMicrotask(() => {
      this.#isDrawing = false;
      const speaker = this.#speaker;
      if (!speaker || !this.#place || !this.isConnected) return;
      const conversation = this.#conversation;
      const acts = {
        open: () => this.open(),
        close: () => this.close(),
        ask: (question: string) => void conversation.ask(question),
        stop: () => conversation.stop(),
        retry: () => void conversation.retry(),
        offer: () => void conversation.offer(true),
        agree: (where: "device" | "server") => void conversation.agree(where),
        decline: () => conversation.decline(),
        cancel: () => conversation.cancel(),
        forget: () => void this.forget(),
        announce: (text: string) => this.#announcer?.tell([{ text, lang: speaker.language }]),
      };
      this.#place.lang = speaker.language;
      const settings = this.#read();
      const hasIndex = this.#hasIndex();
      const base = this.ownerDocument.baseURI;
      render(h(App, { state: conversation.state, open: this.hasAttribute("open"), speaker, settings, acts, hasIndex, base }), this.#place);
    });
  }
}

export interface AzulejoChat extends Properties {
  addEventListener<Name extends keyof ChatEvents>(
    name: Name, listener: (event: CustomEvent<ChatEvents[Name]>) => void, options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(name: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

for (const [name, { property, type }] of Object.entries(ATTRIBUTES)) {
  Object.defineProperty(AzulejoChat.prototype, property, {
    configurable: true,
    enumerable: true,
    get(this: AzulejoChat) {
      return type === "boolean" ? this.hasAttribute(name) : (this.getAttribute(name) ?? "");
    },
    set(this: AzulejoChat, value: unknown) {
      const isAbsent = value === null || value === undefined || value === false;
      if (isAbsent) this.removeAttribute(name);
      else this.setAttribute(name, type === "boolean" ? "" : String(value));
    },
  });
}
