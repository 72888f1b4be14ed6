// The panel: head, conversation, state of the AI, the line to write in, and what is always said.

import { useEffect, useRef, useState } from "preact/hooks";

import { running } from "../../conversation/state.js";
import type { AppProps } from "../app.js";
import { Composer } from "../composer/composer.js";
import { Icon } from "../icon.js";
import { Log } from "../log/log.js";
import { Status } from "../status/status.js";
import { Menu } from "./menu.js";

export function Panel({ state, open, ...ui }: AppProps) {
  const { speaker, settings, acts } = ui;
  const { inline, name, human } = settings;
  const panel = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const [menu, setMenu] = useState(false);
  const hadConsent = useRef(false);
  const wasOpen = useRef(open);
  const isWriting = running(state) !== null;

  useEffect(() => {
    // A page that comes with it open keeps its focus.
    if (open && !wasOpen.current && !inline) field.current?.focus();
    wasOpen.current = open;
    if (!open) setMenu(false);
  }, [open, inline]);
  useEffect(() => {
    // The button that was pressed is gone with the question.
    const isLost = hadConsent.current && !state.consent && panel.current?.contains(rootOf(panel.current).activeElement) !== true;
    if (isLost && open) field.current?.focus();
    hadConsent.current = state.consent;
  }, [state.consent, open]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.isComposing) return;
    if (menu) {
      setMenu(false);
      panel.current?.querySelector<HTMLElement>(".menu-button")?.focus();
    } else if (isWriting) acts.stop();
    else if (!inline) acts.close();
    else return;
    event.stopPropagation();
  };

  return (
    <div ref={panel} id="panel" class={inline ? "panel inline" : "panel"} part="panel" role={inline ? "region" : "dialog"}
      aria-labelledby="title" hidden={!open} onKeyDown={onKeyDown}>
      <header class="head" part="header">
        <h2 id="title">{name ? speaker.say("titleOf", { name }) : speaker.say("title")}</h2>
        <Menu {...ui} state={state} open={menu} setOpen={setMenu} />
        {!inline && (
          <button type="button" class="plain square" onClick={acts.close}>
            <Icon name="close" />
            <span class="unseen">{speaker.say("close")}</span>
          </button>
        )}
      </header>
      {human && (
        <a class="human" part="human" href={human}>
          <Icon name="person" />
          {speaker.say("human")}
        </a>
      )}
      <Log {...ui} state={state} open={open} />
      <footer class="foot">
        <Status {...ui} state={state} />
        <Composer {...ui} state={state} field={field} />
        <p class="notice" part="notice">{speaker.say("notice")}</p>
      </footer>
    </div>
  );
}

const rootOf = (node: Node) => node.getRootNode() as Document | ShadowRoot;
