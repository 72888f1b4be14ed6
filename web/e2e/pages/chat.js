// A page with the chat. Its attributes are the address's query; `index` among them brings a search with a few passages, and
// `two` a second chat in the page's text. What the tests look at is kept from the start.
import "/chat/azulejo-chat.js";

const PASSAGES = [
  { url: "/pages/chat.html", anchor: "link", title: "Waste", heading: "Glass",
    text: "Put glass bottles and jars in the green bin. The green bins are emptied on Tuesdays." },
  { url: "/pages/empty.html", anchor: "cards", title: "Cards", heading: "Library card",
    text: "A library card costs 4.50 euros a year. Bring an identity card to the library." },
  { url: "https://elsewhere.example/page", anchor: null, title: "Elsewhere", heading: "", text: "Another site's page on glass." },
];

/** A search by whole words. */
const index = {
  async search(question) {
    const words = question.toLowerCase().match(/\p{L}{4,}/gu) ?? [];
    const score = ({ title, text }) => words.filter((word) => `${title} ${text}`.toLowerCase().includes(word)).length;
    return PASSAGES.map((passage) => ({ passage: { lang: "en", ...passage }, score: score(passage) }))
      .filter((found) => found.score > 0)
      .sort((a, b) => b.score - a.score);
  },
};

const query = new URLSearchParams(location.search);
const make = (more = {}) => {
  const chat = document.createElement("azulejo-chat");
  for (const [name, value] of [...query, ...Object.entries(more)]) {
    if (!["index", "two", "trusted-types"].includes(name)) chat.setAttribute(name, value);
  }
  if (query.has("index")) chat.index = index;
  return chat;
};

window.chatEvents = [];
for (const name of ["ready", "message", "error", "progress", "consent"]) {
  document.addEventListener(`azulejo-${name}`, ({ detail }) => window.chatEvents.push([name, detail]));
}
window.chat = make();
document.querySelector("#place").append(window.chat);
if (query.has("two")) {
  window.second = make({ mode: "inline" });
  document.querySelector("#place").append(window.second);
}

/** What the live regions were told, in order; the first chat's. */
window.chatSaid = [];
const root = window.chat.shadowRoot;
for (const region of root.querySelectorAll("[role=status], [role=alert]")) {
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const { textContent, lang } of addedNodes) window.chatSaid.push([region.getAttribute("role"), lang, textContent]);
    }
  }).observe(region, { childList: true });
}

/** What the tests look at and press, as a person would: by what it says. */
const ui = (chat) => {
  const root = chat.shadowRoot;
  const isSeen = (node) => node.checkVisibility?.() ?? node.getClientRects().length > 0;
  const all = (selector) => [...root.querySelectorAll(selector)].filter(isSeen);
  const named = (name) => (node) => (node.getAttribute("aria-label") ?? node.textContent).trim().startsWith(name);
  return {
    /** What the panel says. */
    text: () => root.querySelector(".panel")?.innerText ?? "",
    find: (name, selector = "button, a") => all(selector).find(named(name)) ?? null,
    press(name) {
      const found = this.find(name);
      if (!found) throw new Error(`nothing to press is called "${name}"; there is: ${all("button, a").map((n) => n.textContent).join(" | ")}`);
      found.focus();
      found.click();
    },
    ask(question) {
      const field = root.querySelector("textarea");
      field.value = question;
      field.dispatchEvent(new InputEvent("input", { bubbles: true }));
      field.form.requestSubmit();
    },
    /** What has the focus: its label or text, with its element's name. */
    focused() {
      const node = root.activeElement ?? document.activeElement;
      const name = node.labels?.[0]?.textContent ?? node.getAttribute("aria-label") ?? node.textContent;
      return `${node.localName} ${name.trim().slice(0, 40)}`;
    },
    one: (selector) => root.querySelector(selector),
    count: (selector) => root.querySelectorAll(selector).length,
  };
};
window.ui = ui(window.chat);
if (window.second) window.ui2 = ui(window.second);

/** What this site has stored, of whatever kind; an empty list if nothing. */
window.stored = async () => {
  const found = [];
  const walk = async (folder, path) => {
    for await (const [name, entry] of folder.entries()) {
      found.push(`${entry.kind} ${path}${name}`);
      if (entry.kind === "directory") await walk(entry, `${path}${name}/`);
    }
  };
  // Private windows refuse some of these, and keep nothing there.
  await navigator.storage?.getDirectory?.().then((root) => walk(root, "/"), () => {});
  for (const name of (await globalThis.caches?.keys().catch(() => [])) ?? []) {
    found.push(`cache ${name}`);
  }
  for (const { name } of (await indexedDB.databases?.().catch(() => [])) ?? []) found.push(`database ${name}`);
  for (const store of [localStorage, sessionStorage]) found.push(...Object.keys(store).map((key) => `key ${key}`));
  if (document.cookie) found.push(`cookie ${document.cookie}`);
  return found;
};

/** axe's complaints about the whole page. */
window.complaints = async () => {
  if (!window.axe) await import("/axe/axe.min.js");
  // A colour on its way to another is neither; of new colours all are known two frames later.
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  for (const chat of document.querySelectorAll("azulejo-chat")) {
    for (const animation of chat.shadowRoot.getAnimations?.() ?? []) if (animation instanceof CSSTransition) animation.finish();
  }
  const { violations } = await window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    resultTypes: ["violations"],
  });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target.flat().join(" ")} ${failureSummary}`).join("; ")}`);
};
