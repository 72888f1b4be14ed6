// The line to write in.

import type { RefObject } from "preact";

import { running, type State } from "../../conversation/state.js";
import { Icon } from "../icon.js";
import { hostOf, type Ui } from "../ui.js";

export function Composer({ state, field, speaker, settings, acts }: Ui & { state: State; field: RefObject<HTMLTextAreaElement | null> }) {
  const isRunning = running(state) !== null;
  const send = () => {
    const { current } = field;
    if (!current?.value.trim()) return;
    acts.ask(current.value);
    current.value = "";
  };
  const onSubmit = (event: Event) => {
    event.preventDefault();
    if (isRunning) acts.stop();
    else send();
    // It is in sight, and WebKit would scroll the question away for it.
    field.current?.focus({ preventScroll: true });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter also ends what an input method composes; 229 is what Safari says then.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    send();
  };
  const isSent = state.agreed === "server" && (state.engine.phase === "ready" || state.engine.phase === "loading");
  return (
    <form class="composer" onSubmit={onSubmit}>
      <label for="question" class="unseen">{speaker.say("question")}</label>
      <div class="line">
        <textarea ref={field} id="question" part="input" rows={1} placeholder={speaker.say("question")}
          maxLength={2000} aria-describedby="stays hint" enterkeyhint="send"
          onKeyDown={onKeyDown} />
        <button type="submit" class="strong square" part="send">
          <Icon name={isRunning ? "stop" : "send"} />
          <span class="unseen">{speaker.say(isRunning ? "stop" : "send")}</span>
        </button>
      </div>
      <p id="hint" class="unseen">{speaker.say("hint")}</p>
      <p id="stays" class="stays">
        {isSent ? speaker.say("leaves", { host: hostOf(settings.server) }) : speaker.say("stays")}
      </p>
    </form>
  );
}
