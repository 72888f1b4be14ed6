// What can be done with the whole conversation: keep it, print it, delete everything.

import { useEffect, useRef, useState } from "preact/hooks";

import type { State } from "../../conversation/state.js";
import type { Ui } from "../ui.js";
import { transcript } from "./transcript.js";

interface MenuProps extends Ui {
  state: State;
  open: boolean;
  setOpen(open: boolean): void;
}

export function Menu({ state, open, setOpen, ...ui }: MenuProps) {
  const { speaker, acts, settings } = ui;
  const button = useRef<HTMLButtonElement>(null);
  const first = useRef<HTMLButtonElement>(null);
  const [sure, setSure] = useState(false);
  useEffect(() => {
    if (!open) setSure(false);
  }, [open]);
  useEffect(() => {
    if (sure) first.current?.focus();
  }, [sure]);
  const done = () => {
    setOpen(false);
    button.current?.focus();
  };
  const isEmpty = state.turns.length === 0;
  return (
    <div class="menu-place">
      <button ref={button} type="button" class="plain menu-button" aria-expanded={open} aria-controls="menu"
        onClick={() => setOpen(!open)}>
        {speaker.say("menu")}
      </button>
      <div id="menu" class="menu" hidden={!open}>
        {sure ? (
          <div role="group" aria-labelledby="sure">
            <p id="sure">{speaker.say("forgetAsk")}</p>
            <button ref={first} type="button" class="strong" onClick={() => (acts.forget(), done())}>
              {speaker.say("forgetYes")}
            </button>
            <button type="button" class="plain" onClick={done}>{speaker.say("forgetNo")}</button>
          </div>
        ) : (
          <>
            <button type="button" class="plain" disabled={isEmpty}
              onClick={() => (save(transcript(state, speaker, settings), `${speaker.say("saveName")}.txt`), done())}>
              {speaker.say("save")}
            </button>
            <button type="button" class="plain" disabled={isEmpty} onClick={() => (done(), window.print())}>
              {speaker.say("print")}
            </button>
            <button type="button" class="plain" onClick={() => setSure(true)}>{speaker.say("forget")}</button>
          </>
        )}
      </div>
    </div>
  );
}

/** Gives the visitor a file: an address of the page itself, which no policy speaks of. */
function save(text: string, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
