// What a screen reader is told when a conversation changes: whole sentences, each once, in the language that it is in.

import { failureText } from "../conversation/failure.js";
import type { State, Turn } from "../conversation/state.js";
import type { Speaker } from "../language/translation.js";

export interface Announcement {
  readonly text: string;
  readonly lang: string;
  /** It interrupts what is being said. */
  readonly urgent?: true;
}

export function announcements(after: State, before: State, speaker: Speaker): Announcement[] {
  const told: Announcement[] = [];
  const tell = (text: string, lang: string = speaker.language) => void told.push({ text, lang });
  for (const turn of after.turns) {
    const old = before.turns.find(({ id }) => id === turn.id);
    if (turn === old) continue;
    if (turn.emergency && !old) told.push({ text: emergencyText(speaker), lang: speaker.language, urgent: true });
    if (turn.found && turn.found !== old?.found) tell(foundText(turn, speaker));
    if (turn.searchFailed && !old?.searchFailed) tell(speaker.say("searchFailed"));
    tellAnswer(turn, old, speaker, tell);
  }
  if (after.consent && !before.consent) tell(speaker.say("consent"));
  tellEngine(after, before, speaker, tell);
  if (after.forgotten && !before.forgotten) tell(speaker.say("forgotten"));
  return told;
}

const emergencyText = (speaker: Speaker) => `${speaker.say("emergency")} ${speaker.say("emergencyHelp")}`;

function foundText({ found }: Turn, speaker: Speaker): string {
  if (found && found.length > 0) return speaker.count("found", found.length);
  return `${speaker.say("nothingFound")} ${speaker.say("nothingFoundHelp")}`;
}

type Tell = (text: string, lang?: string) => void;

function tellAnswer({ answer, found, lang }: Turn, old: Turn | undefined, speaker: Speaker, tell: Tell): void {
  if (!answer || answer === old?.answer) return;
  const isNew = !old?.answer || (answer.status === "reading" && old.answer.status !== "reading");
  if (isNew) tell(speaker.say("writing"));
  const said = isNew ? 0 : (old?.answer?.said.length ?? 0);
  for (const sentence of answer.said.slice(said)) tell(plain(sentence), lang);
  if (answer.status === old?.answer?.status) return;
  if (answer.status === "stopped") tell(speaker.say("stopped"));
  if (answer.status === "failed" && answer.failure) tell(failureText(speaker, answer.failure, answer.where));
  if (answer.status !== "done") return;
  const quoted = answer.quoted === null ? null : found?.[answer.quoted]?.passage;
  if (quoted) {
    tell(speaker.say("quoted"));
    tell(quoted.text, quoted.lang);
  } else if (answer.hidden > 0) tell(speaker.count("hidden", answer.hidden));
  tell(speaker.say("done"));
}

/** A sentence as it is read out: without Markdown's signs. */
function plain(sentence: string): string {
  return sentence.replace(/^\s*(?:[-*+]|#+|>)\s+/, "").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[*_`]+/g, "").trim();
}

/** How many quarters of a download are there. */
const quarters = ({ engine }: State) =>
  engine.phase === "loading" && engine.progress?.phase === "download" ? Math.floor(engine.progress.progress * 4) : 0;

function tellEngine(after: State, before: State, speaker: Speaker, tell: Tell): void {
  const { engine } = after;
  if (engine === before.engine) return;
  if (engine.phase === "loading") {
    const isNew = before.engine.phase !== "loading";
    if (isNew) tell(speaker.say(engine.where === "device" ? "phaseProbe" : "connecting"));
    const now = quarters(after);
    if (now > quarters(before) && now < 4) tell(speaker.say("downloaded", { percent: speaker.percent(now / 4) }));
    const isWaiting = (state: State) => state.engine.phase === "loading" && state.engine.progress?.waiting === true;
    if (isWaiting(after) && !isWaiting(before)) tell(speaker.say("waiting"));
  } else if (engine.phase !== before.engine.phase) {
    if (engine.phase === "ready") tell(speaker.say("phaseReady"));
    if (engine.phase === "failed") tell(failureText(speaker, engine.failure, engine.where));
  }
}
