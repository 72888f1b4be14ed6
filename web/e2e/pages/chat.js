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
