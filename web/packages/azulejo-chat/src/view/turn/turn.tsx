// A question and what came of it.

import { failureText } from "../../conversation/failure.js";
import type { EngineState, Turn as TurnState } from "../../conversation/state.js";
import { Icon } from "../icon.js";
import { Quotation, Results } from "../results/results.js";
import type { Ui } from "../ui.js";
import { Answer } from "./answer.js";

interface TurnProps extends Ui {
  turn: TurnState;
  isLast: boolean;
  engine: EngineState;
}

export function Turn({ turn, isLast, engine, ...ui }: TurnProps) {
  const { speaker } = ui;
  const { id, question, lang, emergency, searching, found, searchFailed, overtaken, answer } = turn;
  const passage = answer?.quoted === null || answer?.quoted === undefined ? null : found?.[answer.quoted]?.passage;
  const isStopped = overtaken || answer?.status === "stopped";
  const canRetry = isLast && (searchFailed || answer?.status === "failed" || isStopped);
  const isBare = !searching && !answer && found === null && !searchFailed && !overtaken;
  return (
    <div class="turn">
      {/* Before the question, which may fill a low window: a turn is read from its beginning on. */}
      {emergency && <Emergency {...ui} />}
      <div class="question" part="message user">
        <span class="unseen">{speaker.say("you")}: </span>
        <p lang={lang}>{question}</p>
      </div>
      {answer && (answer.text || answer.status === "reading" || answer.status === "writing") && (
        <Answer {...ui} answer={answer} found={found ?? []} lang={lang} isLast={isLast} />
      )}
      {isStopped && <p class="aside">{speaker.say("stopped")}</p>}
      {answer?.failure && (
        <p class="failure" part="error"><Icon name="warning" />{failureText(speaker, answer.failure, answer.where)}</p>
      )}
      {passage && <Quotation {...ui} passage={passage} number={(answer?.quoted ?? 0) + 1} />}
      {searching && <p class="aside">{speaker.say("searching")}</p>}
      {searchFailed && <p class="failure" part="error"><Icon name="warning" />{speaker.say("searchFailed")}</p>}
      {found && !(passage && found.length === 1) && <Results {...ui} found={found} short={Boolean(answer?.text || passage)} id={id} />}
      {isBare && <p class="aside">{speaker.say(engine.phase === "loading" ? "phaseProbe" : "notSetUp")}</p>}
      {canRetry && <button type="button" class="plain" onClick={ui.acts.retry}>{speaker.say("retry")}</button>}
    </div>
  );
}

function Emergency({ speaker, settings }: Ui) {
  return (
    <div class="emergency" part="emergency">
      <p><Icon name="warning" /><strong>{speaker.say("emergency")}</strong></p>
      {/* Before all else there is to read: in a low window what follows is out of sight. */}
      <p class="row">
        {settings.emergency.map((number) => (
          <a class="button" href={`tel:${number}`}><Icon name="phone" />{speaker.say("call", { number })}</a>
        ))}
      </p>
      <p>{speaker.say("emergencyHelp")}</p>
    </div>
  );
}
