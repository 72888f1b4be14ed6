// The chat in Svelte: the element itself, in a component.
import { mount } from "svelte";

import "azulejo-chat";
import Page from "./Page.svelte";

mount(Page, { target: document.body });
