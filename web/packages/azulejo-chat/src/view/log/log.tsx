// The conversation, which follows its end unless the reader has gone back.

import { useLayoutEffect, useRef, useState } from "preact/hooks";

import type { State } from "../../conversation/state.js";
import { Consent } from "../consent/consent.js";
import { Icon } from "../icon.js";
import { Turn } from "../turn/turn.js";
import type { Ui } from "../ui.js";

/** Pixels from the end within which a reader counts as being there. */
const NEAR = 60;

export function Log({ state, open, ...ui }: Ui & { state: State; open: boolean }) {
  const { speaker, settings } = ui;
  const { turns, consent, forgotten, engine } = state;
  const box = useRef<HTMLDivElement>(null);
  const log = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [isBehind, setBehind] = useState(false);
  const count = useRef(0);

  const toEnd = () => {
    const { current } = box;
    if (current) current.scrollTop = current.scrollHeight;
  };
  useLayoutEffect(() => {
    const { current } = box;
    if (!current || !open) return;
    // One's own question is always shown, and from its beginning on, so that the answer is read from the top.
    const isNew = turns.length > count.current;
    count.current = turns.length;
    if (isNew) follows.current = true;
    if (!follows.current) return setBehind(turns.length > 0);
    const last = log.current?.lastElementChild;
    if (turns.length === 0 || !(last instanceof HTMLElement)) return;
    current.scrollTop = Math.min(current.scrollHeight, last.offsetTop - current.offsetTop);
  }, [state, open]);
  const onScroll = () => {
    const { current } = box;
    if (!current) return;
    const last = log.current?.lastElementChild;
    const start = last instanceof HTMLElement ? last.offsetTop - current.offsetTop : 0;
    const isAtEnd = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR;
    follows.current = isAtEnd || current.scrollTop >= start - NEAR;
    if (follows.current) setBehind(false);
  };

  const { name } = settings;
  const isSearched = ui.hasIndex;
  return (
    <div class="log-place">
      <div ref={box} class="scroll" tabIndex={0} role="group" aria-labelledby="title" onScroll={onScroll}>
        <p class="welcome">
          {isSearched ? (name ? speaker.say("welcomeOf", { name }) : speaker.say("welcome")) : speaker.say("welcomeUnsearched")}
        </p>
        {forgotten && <p class="aside">{speaker.say("forgotten")}</p>}
        {consent && <Consent {...ui} about={state.about} />}
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
