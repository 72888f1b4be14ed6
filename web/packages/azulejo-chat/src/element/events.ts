// The events that the element tells its page; they bubble, and leave shadow roots.

import type { Failure, Progress, State, Where } from "../conversation/state.js";

export interface ChatEvents {
  /** A model is ready to answer. */
  "azulejo-ready": { readonly where: Where };
  /** A question was asked, or an answer is complete. */
  "azulejo-message": { readonly role: "user" | "assistant"; readonly text: string; readonly lang: string };
  "azulejo-error": Failure;
  "azulejo-progress": Progress;
  /** Consent is asked for (`agreed` is null), was given or refused. */
  "azulejo-consent": { readonly agreed: boolean | null; readonly where: Where | null };
}

export type Tell = <Name extends keyof ChatEvents>(name: Name, detail: ChatEvents[Name]) => void;

/** Tells what a change of the conversation means to the page. */
export function tellChange(after: State, before: State, tell: Tell): void {
  const { engine } = after;
  if (engine !== before.engine) {
    if (engine.phase === "loading" && engine.progress) tell("azulejo-progress", engine.progress);
    if (engine.phase === "ready" && before.engine.phase !== "ready") tell("azulejo-ready", { where: engine.where });
    if (engine.phase === "failed" && before.engine.phase !== "failed") tell("azulejo-error", engine.failure);
  }
  if (after.consent && !before.consent) tell("azulejo-consent", { agreed: null, where: null });
  if (after.agreed && after.agreed !== before.agreed) tell("azulejo-consent", { agreed: true, where: after.agreed });
  if (before.consent && !after.consent && after.agreed === before.agreed && !after.forgotten) {
    tell("azulejo-consent", { agreed: false, where: null });
  }
  for (const turn of after.turns) {
    const old = before.turns.find(({ id }) => id === turn.id);
    if (turn === old) continue;
    const { question, lang, answer, searchFailed, found } = turn;
    if (!old) tell("azulejo-message", { role: "user", text: question, lang });
    if (answer?.status === "done" && old?.answer?.status !== "done") {
      const quoted = answer.quoted === null ? undefined : found?.[answer.quoted]?.passage;
      tell("azulejo-message", { role: "assistant", text: quoted?.text ?? answer.text, lang: quoted?.lang ?? lang });
    }
    if (answer?.failure && answer.failure !== old?.answer?.failure) tell("azulejo-error", answer.failure);
    if (searchFailed && !old?.searchFailed) tell("azulejo-error", { code: "search", parameters: {} });
  }
}
