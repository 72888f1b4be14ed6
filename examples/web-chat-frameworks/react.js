// The chat in React: a component with the element's properties and events.
import { createElement as h, useState } from "react";
import { createRoot } from "react-dom/client";

import { AzulejoChat } from "azulejo-chat/react";

function Page() {
  const [asked, setAsked] = useState("");
  const onMessage = ({ detail }) => detail.role === "user" && setAsked(detail.text);
  // In JSX: <AzulejoChat name="Vilamarela" human="/contacto" sources="/search-index.json" onMessage={onMessage} />
  return h("main", null, h("h1", null, "Vilamarela"), h("p", { id: "asked" }, asked),
    h(AzulejoChat, { name: "Vilamarela", human: "/contacto", sources: "/search-index.json", opened: true, onMessage }));
}

createRoot(document.body.appendChild(document.createElement("div"))).render(h(Page));
