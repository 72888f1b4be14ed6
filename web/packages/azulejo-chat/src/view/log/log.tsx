// The conversation, which follows its end unless the reader has gone back.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import type { State } from "../../conversation/state.js";
import { Consent } from "../consent/consent.js";
import { Icon } from "../icon.js";
import { Turn } from "../turn/turn.js";
import type { Ui } from "../ui.js";

/** Pixels from the end within which a reader counts as being there. */
const NEAR = 60;
/** Pixels above what is scrolled to. */
const MARGIN = 12;

export function Log({ state, open, ...ui }: Ui & { state: State; open: boolean }) {
  const { speaker, settings } = ui;
  const { turns, consent, forgotten, engine } = state;
  const box = useRef<HTMLDivElement>(null);
  const log = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [isBehind, setBehind] = useState(false);
  const count = useRef(0);

  /** What scrolls: the conversation, or in a low window all of the panel. */
  const scroller = () => {
    const { current } = box;
    const isOwn = current && getComputedStyle(current).overflowY !== "visible";
    return isOwn ? current : (current?.closest<HTMLElement>(".panel") ?? null);
  };
  /** Pixels from the top of what is seen in the scroller to the last turn's. */
  const lastTop = (within: HTMLElement) => {
    const last = log.current?.lastElementChild;
    const covered = parseFloat(getComputedStyle(within).scrollPaddingBlockStart) || 0;
    return last ? last.getBoundingClientRect().top - within.getBoundingClientRect().top - covered : 0;
  };
  const toEnd = () => {
    const within = scroller();
    if (within) within.scrollTop = within.scrollHeight;
  };
  useLayoutEffect(() => {
    const within = scroller();
    if (!within || !open) return;
    // One's own question is always shown, and from its beginning on, so that the answer is read from the top.
    if (turns.length > count.current) follows.current = true;
    count.current = turns.length;
    if (turns.length === 0) return;
    if (follows.current) within.scrollTop += lastTop(within) - MARGIN;
    else setBehind(true);
  }, [state, open]);
  const onScroll = () => {
    const within = scroller();
    if (!within) return;
    const isAtEnd = within.scrollHeight - within.scrollTop - within.clientHeight < NEAR;
    follows.current = isAtEnd || lastTop(within) < NEAR;
    if (follows.current) setBehind(false);
  };
  useEffect(() => {
    const panel = box.current?.closest(".panel");
    panel?.addEventListener("scroll", onScroll);
    return () => panel?.removeEventListener("scroll", onScroll);
  });

  const { name } = settings;
  const isSearched = ui.hasIndex;
  return (
    <div class="log-place">
      <div ref={box} class="scroll" tabIndex={0} role="group" aria-labelledby="title" onScroll={onScroll}>
        <p class="welcome">
          {isSearched ? (name ? speaker.say("welcomeOf", { name }) : speaker.say("welcome")) : speaker.say("welcomeUnsearched")}
        </p>
        {forgotten && <p class="aside">{speaker.say("forgotten")}</p>}
        {consent && <Consent {...ui} about={state.about} engine={engine} />}
        {/* Announcements have a region of their own: what grows word by word is not for reading out. */}
        <div ref={log} class="log" part="log" role="log" aria-live="off" aria-label={speaker.say("log")}>
          {turns.map((turn, index) => (
            <Turn key={turn.id} {...ui} turn={turn} isLast={index === turns.length - 1} engine={engine} />
          ))}
        </div>
      </div>
      {isBehind && (
        <button type="button" class="newer" onClick={() => (toEnd(), setBehind(false))}>
          <Icon name="down" />
          {speaker.say("newMessages")}
        </button>
      )}
    </div>
  );
}
