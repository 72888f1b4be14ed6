// What the model is asked: who it is, what was said, the passages and the question, within its context.
//
// Passages and questions are contents of messages, in which the engine reads no control tokens.

import type { Language } from "../language/languages.js";
import { cut } from "../search/cut.js";
import type { Passage } from "../search/passage.js";
import type { Answerer, ChatMessage } from "./answerer.js";

/** The first line: who answers, and in which language. */
const ROLE: Record<Language, string> = {
  "pt-PT": "És o assistente do sítio de um serviço público. Responde em português de Portugal, em poucas frases.",
  "pt-BR": "Você é o assistente do site de um serviço público. Responda em português do Brasil, em poucas frases.",
  es: "Eres el asistente del sitio de un servicio público. Responde en español, en pocas frases.",
  ca: "Ets l'assistent del lloc web d'un servei públic. Respon en català, en poques frases.",
  gl: "Es o asistente do sitio dun servizo público. Responde en galego, en poucas frases.",
  eu: "Zerbitzu publiko baten webguneko laguntzailea zara. Erantzun euskaraz, esaldi gutxitan.",
  en: "You are the assistant of a public service's website. Answer in English, in a few sentences.",
};

const FROM_PASSAGES: Record<Language, string> = {
  "pt-PT": "Diz apenas o que está nos textos numerados, com as palavras deles. Se não o dizem, di-lo.",
  "pt-BR": "Diga apenas o que está nos textos numerados, com as palavras deles. Se eles não dizem, diga isso.",
  es: "Di solo lo que está en los textos numerados, con sus palabras. Si no lo dicen, dilo.",
  ca: "Digues només el que hi ha als textos numerats, amb les seves paraules. Si no ho diuen, digues-ho.",
  gl: "Di só o que está nos textos numerados, coas súas palabras. Se non o din, dío.",
  eu: "Esan testu zenbakituetan dagoena bakarrik, haien hitzekin. Ez badute esaten, esan ezetz.",
  en: "Say only what the numbered texts say, in their words. If they don't say it, say so.",
};

/** What was sent for a question, and what came back, as it was: a prefix that stays the same is evaluated once. */
export interface Past {
  readonly asked: string;
  readonly answered: string;
}

export interface Question {
  readonly text: string;
  readonly lang: Language;
  readonly passages: readonly Passage[];
  readonly past: readonly Past[];
}

export interface Prompt {
  readonly messages: readonly ChatMessage[];
  /** The last message's content: the next question's `Past`. */
  readonly asked: string;
  /** How many of the passages and of the past there was room for; the past's oldest turns go first. */
  readonly passages: number;
  readonly past: readonly Past[];
  readonly maxTokens: number;
}

const USUAL_CONTEXT = 4096;
const LONGEST_ANSWER = 400;
const LONGEST_PASSAGE = 1200;
const SHORTEST_PASSAGE = 150;
const MOST_PASSAGES = 4;

/** The prompt of a question, shortened until it fits: first what was said before, then passages. */
export async function promptOf(question: Question, answerer: Answerer): Promise<Prompt> {
  const context = answerer.context || USUAL_CONTEXT;
  const maxTokens = Math.min(LONGEST_ANSWER, Math.floor(context / 3));
  let { past } = question;
  let count = Math.min(MOST_PASSAGES, question.passages.length);
  let longest = LONGEST_PASSAGE;
  for (;;) {
    const asked = askedOf(question.text, question.passages.slice(0, count), longest);
    const messages = messagesOf(question, past, asked);
    const fits = (await answerer.count(messages)) <= context - maxTokens;
    if (fits || (past.length === 0 && count === 0)) return { messages, asked, passages: count, past, maxTokens };
    if (past.length > 0) past = past.slice(1);
    else if (count > 2) count -= 1;
    else if (longest > SHORTEST_PASSAGE) longest = Math.floor(longest / 2);
    else count -= 1;
  }
}

function messagesOf({ lang, passages }: Question, past: readonly Past[], asked: string): ChatMessage[] {
  const system = passages.length > 0 ? `${ROLE[lang]} ${FROM_PASSAGES[lang]}` : ROLE[lang];
  const said = past.flatMap(({ asked, answered }): ChatMessage[] => [
    { role: "user", content: asked },
    { role: "assistant", content: answered },
  ]);
  return [{ role: "system", content: system }, ...said, { role: "user", content: asked }];
}

function askedOf(question: string, passages: readonly Passage[], longest: number): string {
  const texts = passages.map(({ title, heading, text }, index) => {
    const name = heading && heading !== title ? `${title} - ${heading}` : title;
    return `[${index + 1}] ${name}\n${cut(text, longest)}`;
  });
  return [...texts, question].join("\n\n");
}
