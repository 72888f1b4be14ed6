// What answers questions, wherever it is.

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface Answerer {
  /** Tokens that a conversation may have; 0 if that isn't known. */
  readonly context: number;
  /** The tokens of a conversation, as exactly as can be known. */
  count(messages: readonly ChatMessage[]): Promise<number>;
  /** The pieces of an answer as they are written; an aborted signal throws its reason. */
  answer(messages: readonly ChatMessage[], options: { maxTokens: number; signal: AbortSignal }): AsyncIterable<string>;
  /** Frees what it holds. */
  dispose(): Promise<void>;
}

/** For a server, which counts only after it was sent everything: on the safe side for the languages of the element. */
const CHARACTERS_A_TOKEN = 3;

export function estimatedTokens(messages: readonly ChatMessage[]): number {
  return messages.reduce((sum, { content }) => sum + Math.ceil(content.length / CHARACTERS_A_TOKEN) + 8, 0);
}
