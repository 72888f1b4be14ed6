// What people see of the element: the button and the panel, or the panel in the page's text.

import { useEffect, useRef } from "preact/hooks";

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
  useEffect(() => {
    // Focus goes back to where the panel was opened from, if it was inside.
    if (wasOpen.current && !open && !inline) launcher.current?.focus();
    wasOpen.current = open;
  }, [open, inline]);
  if (inline) return <Panel {...ui} state={state} open={true} />;
  return (
    <>
      <Launcher {...ui} open={open} button={launcher} />
      <Panel {...ui} state={state} open={open} />
    </>
  );
}
