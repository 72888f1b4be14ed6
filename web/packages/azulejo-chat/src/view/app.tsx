// What people see of the element: the button and the panel, or the panel in the page's text.

import { useLayoutEffect, useRef } from "preact/hooks";

import type { State } from "../conversation/state.js";
import { Launcher } from "./launcher/launcher.js";
import { Panel } from "./panel/panel.js";
import type { Ui } from "./ui.js";

export interface AppProps extends Ui {
  state: State;
  open: boolean;
}

export function App({ open, state, ...ui }: AppProps) {
  const { inline } = ui.settings;
  const launcher = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(open);
  useLayoutEffect(() => {
    // Focus goes back to where the panel was opened from, if it was inside.
    const root = launcher.current?.getRootNode() as ShadowRoot | undefined;
    if (wasOpen.current && !open && root?.activeElement?.closest(".panel")) launcher.current?.focus();
    wasOpen.current = open;
  }, [open, inline]);
  return (
    <div class={inline ? "frame inline" : "frame"}>
      {!inline && <Launcher {...ui} open={open} button={launcher} />}
      <Panel {...ui} state={state} open={inline || open} />
    </div>
  );
}
