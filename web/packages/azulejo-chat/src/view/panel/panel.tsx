// The panel: head, conversation, state of the AI, the line to write in, and what is always said.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

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
  const lastFocus = useRef<Element | null>(null);
  const wasOpen = useRef(open);
  const isWriting = running(state) !== null;
  // Before anything is removed; a window that isn't in front tells of no focus that moves.
  const active = rootOf(panel.current)?.activeElement;
  if (active && panel.current?.contains(active)) lastFocus.current = active;

  useEffect(() => {
    // A page that comes with it open keeps its focus.
    if (open && !wasOpen.current && !inline) field.current?.focus();
    wasOpen.current = open;
    if (!open) setMenu(false);
  }, [open, inline]);
  useLayoutEffect(() => {
    // A button that is gone, as what it did is done, takes the focus with it.
    if (!lastFocus.current || lastFocus.current.isConnected) return;
    lastFocus.current = null;
    if (open && !rootOf(panel.current)?.activeElement) field.current?.focus();
  });
  useEffect(() => {
    if (!open || inline) return;
    // From outside too: the panel may cover what has the focus there.
    const onEscape = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented && !event.isComposing) acts.close();
    };
    document.addEventListener("keydown", onEscape);
    return () => document.removeEventListener("keydown", onEscape);
  }, [open, inline]);

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
  const onFocusIn = (event: FocusEvent) => (lastFocus.current = event.target as Element);
  const onFocusOut = ({ relatedTarget }: FocusEvent) => {
    // Nothing else has it: the window was left, or what had it is being removed.
    const own = panel.current;
    if (!relatedTarget || !own || own.contains(relatedTarget as Node)) return;
    lastFocus.current = null;
    // Where the panel is the window, as wide as its frame, nothing else could be seen to have the focus.
    if (!inline && own.offsetWidth === own.parentElement?.offsetWidth) acts.close();
  };

  return (
    // No stop of the Tab key's, as what scrolls is in Firefox: in a low window the panel does.
    <div ref={panel} id="panel" class={inline ? "panel inline" : "panel"} part="panel" role={inline ? "region" : "dialog"}
      aria-labelledby="title" hidden={!open} tabIndex={-1}
      onKeyDown={onKeyDown} onFocusIn={onFocusIn} onFocusOut={onFocusOut}>
      <div class="top">
        {/* No landmarks but the panel itself: the banner and the contentinfo are the page's. */}
        <div class="head" part="header">
          <h2 id="title">{name ? speaker.say("titleOf", { name }) : speaker.say("title")}</h2>
          <Menu {...ui} state={state} open={menu} setOpen={setMenu} />
          {!inline && (
            <button type="button" class="plain square" onClick={acts.close}>
              <Icon name="close" />
              <span class="unseen">{speaker.say("close")}</span>
            </button>
          )}
        </div>
        {human && (
          <a class="human" part="human" href={human}>
            <Icon name="person" />
            {speaker.say("human")}
          </a>
        )}
      </div>
      <Log {...ui} state={state} open={open} />
      <div class="foot">
        <Status {...ui} state={state} />
        <Composer {...ui} state={state} field={field} />
        <p class="notice" part="notice">
          {/* Always: no list of words hears every danger. */}
          {speaker.say("emergency")}
          {settings.emergency.map((number) => [" ", <a href={`tel:${number}`}>{number}</a>])}. {speaker.say("notice")}
        </p>
      </div>
    </div>
  );
}

const rootOf = (node: Node | null) => node?.getRootNode() as Document | ShadowRoot | undefined;
