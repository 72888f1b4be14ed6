// The button that opens and closes the panel.

import type { RefObject } from "preact";

import { Icon } from "../icon.js";
import type { Ui } from "../ui.js";

export function Launcher({ speaker, acts, open, button }: Ui & { open: boolean; button: RefObject<HTMLButtonElement | null> }) {
  return (
    <button ref={button} type="button" class="launcher" part="launcher" aria-expanded={open} aria-controls="panel"
      onClick={open ? acts.close : acts.open}>
      <Icon name={open ? "close" : "speech"} />
      <span>{speaker.say(open ? "close" : "launcher")}</span>
    </button>
  );
}
