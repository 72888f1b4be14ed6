// The chat in Vue: the element itself, in a template.
import { createApp } from "vue";

import "azulejo-chat";
import Page from "./Page.vue";

createApp(Page).mount(document.body.appendChild(document.createElement("div")));
