"use client";

import Link from "next/link";

import { useChat, useEngine } from "./use-engine.js";

// The bundler copies it, and this is its address then.
const MODEL = new URL("../../../models/azulejo-demo.gguf", import.meta.url).href;
const LANGUAGE = "eu";
const STATUS = { idle: "Ready.", answering: "Answering…", done: "Done.", stopped: "Stopped." };

export default function Chat() {
  const { engine, progress, error: loadingError } = useEngine(MODEL);
  const { ask, stop, answer, status, error: answerError } = useChat(engine);
  const error = loadingError ?? answerError;
  const submit = (event) => {
    event.preventDefault();
    ask(new FormData(event.currentTarget).get("question"));
  };
  return (
    <>
      <form id="form" onSubmit={submit}>
        <label htmlFor="question">Your question</label>
        <input id="question" name="question" lang={LANGUAGE} required autoComplete="off" placeholder="Non botatzen da papera?" />
        <button id="send" disabled={!engine}>Ask</button>
        <button id="stop" type="button" disabled={status !== "answering"} onClick={stop}>Stop</button>
      </form>
      <p id="answer" lang={LANGUAGE}>{answer}</p>
      {/* Once, when it is whole: what is rewritten token by token is read again and again. */}
      <p id="spoken" className="unseen" aria-live="polite" lang={LANGUAGE}>{status === "done" && answer}</p>
      <p id="state" role="status">
        {error ? `${error.message} ${error.hint ?? ""}` : engine ? STATUS[status] : progress}
      </p>
      <Link id="about" href="/about">About</Link>
    </>
  );
}
