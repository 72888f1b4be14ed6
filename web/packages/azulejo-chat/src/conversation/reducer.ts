// Every change of a conversation's state, in one function.

import type { Language } from "../language/languages.js";
import type { Found } from "../search/passage.js";
import { type About, type Answer, type EngineState, type Failure, initial, type State, type Turn, type Where } from "./state.js";

export type Action =
  | { type: "asked"; id: number; question: string; lang: Language; emergency: boolean; searching: boolean }
  /** Its search begins again. */
  | { type: "searching"; id: number }
  | { type: "found"; id: number; found: readonly Found[] }
  | { type: "search-failed"; id: number }
  /** An answer begins, or begins again. */
  | { type: "answering"; id: number; where: Where }
  | { type: "wrote"; id: number; text: string; said: readonly string[]; hidden: number }
  | { type: "answered"; id: number; quoted: number | null }
  | { type: "stopped"; id: number }
  | { type: "answer-failed"; id: number; failure: Failure }
  | { type: "about"; about: About }
  | { type: "consent"; shown: boolean }
  | { type: "agreed"; where: Where }
  | { type: "engine"; engine: EngineState }
  /** What the page offers is another, and is to be asked about anew. */
  | { type: "configured"; offered: boolean }
  | { type: "forgotten" };

const BEGUN: Omit<Answer, "where"> = { status: "reading", text: "", said: [], hidden: 0, quoted: null, failure: null };

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "asked": {
      const { id, question, lang, emergency, searching } = action;
      const turn: Turn = { id, question, lang, emergency, searching, found: null, searchFailed: false, overtaken: false, answer: null };
      return { ...state, forgotten: false, turns: [...state.turns, turn] };
    }
    case "searching":
      return withTurn(state, action.id, (turn) => ({ ...turn, searching: true, searchFailed: false, overtaken: false }));
    case "found":
      return withTurn(state, action.id, (turn) => ({ ...turn, searching: false, found: action.found }));
    case "search-failed":
      return withTurn(state, action.id, (turn) => ({ ...turn, searching: false, searchFailed: true }));
    case "answering":
      return withTurn(state, action.id, (turn) => ({ ...turn, answer: { ...BEGUN, where: action.where } }));
    case "wrote": {
      const { text, said, hidden } = action;
      return withAnswer(state, action.id, { status: "writing", text, said, hidden });
    }
    case "answered":
      return withAnswer(state, action.id, { status: "done", quoted: action.quoted });
    case "stopped":
      // A search that is stopped leaves no more than the question.
      return withTurn(withAnswer(state, action.id, { status: "stopped" }), action.id, (turn) =>
        ({ ...turn, searching: false, overtaken: turn.searching }));
    case "answer-failed":
      return withAnswer(state, action.id, { status: "failed", failure: action.failure });
    case "about":
      return { ...state, about: action.about };
    case "consent":
      return { ...state, consent: action.shown };
    case "agreed":
      return { ...state, consent: false, agreed: action.where };
    case "engine":
      return { ...state, engine: action.engine };
    case "configured":
      return { ...state, engine: { phase: action.offered ? "off" : "absent" }, about: null, consent: false, agreed: null };
    case "forgotten":
      return { ...initial, engine: state.engine.phase === "absent" ? state.engine : { phase: "off" }, forgotten: true };
  }
}

function withTurn(state: State, id: number, change: (turn: Turn) => Turn): State {
  return { ...state, turns: state.turns.map((turn) => (turn.id === id ? change(turn) : turn)) };
}

/** What comes for an answer that has ended, or that was never begun, changes nothing. */
function withAnswer(state: State, id: number, change: Partial<Answer>): State {
  return withTurn(state, id, (turn) => {
    const { answer } = turn;
    const isOpen = answer?.status === "reading" || answer?.status === "writing";
    return answer && isOpen ? { ...turn, answer: { ...answer, ...change } } : turn;
  });
}
