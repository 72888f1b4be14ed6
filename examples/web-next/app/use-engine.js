// React's side of azulejo: an engine that lives as long as its component, and a question after the other.
import { createEngine } from "azulejo";
import { useCallback, useEffect, useRef, useState } from "react";

const LOADING = { engine: null, progress: "Loading the engine…", error: null };

/** An engine for a model: `{engine, progress, error}`, the first of them null until it's there. */
export function useEngine(model) {
  const [state, setState] = useState(LOADING);
  useEffect(() => {
    const left = new AbortController();
    const set = (state) => left.signal.aborted || setState({ ...LOADING, ...state });
    // A moment later: what StrictMode mounts and unmounts at once starts no worker.
    const loading = Promise.resolve().then(() =>
      createEngine(model, { signal: left.signal, onProgress: ({ text }) => set({ progress: text }) }),
    );
    loading.then((engine) => set({ engine }), (error) => set({ error }));
    return () => {
      left.abort();
      setState(LOADING);
      // If it was there already, or came at the same moment.
      loading.then((engine) => engine.dispose(), () => {});
    };
  }, [model]);
  return state;
}

const IDLE = { answer: "", status: "idle", error: null };

/**
 * Questions to an engine: `{ask, stop, answer, status, error}`, with a status of "idle", "answering", "done", "stopped" or
 * "failed". A new question ends the answer to the last one.
 */
export function useChat(engine) {
  const [state, setState] = useState(IDLE);
  const current = useRef(null);
  const stop = useCallback(() => current.current?.abort(), []);
  // With the engine, or the component, its answer goes too.
  useEffect(() => stop, [engine, stop]);
  const ask = useCallback(
    async (question) => {
      stop();
      const { signal } = (current.current = new AbortController());
      const isCurrent = () => current.current.signal === signal;
      const set = (state) => isCurrent() && setState((last) => ({ ...last, ...state }));
      set({ ...IDLE, status: "answering" });
      try {
        const messages = [{ role: "user", content: question }];
        const stream = await engine.chat.completions.create({ messages, stream: true, temperature: 0 }, { signal });
        let answer = "";
        for await (const chunk of stream) set({ answer: (answer += chunk.choices[0]?.delta?.content ?? "") });
        set({ status: "done" });
      } catch (error) {
        set(signal.aborted ? { status: "stopped" } : { status: "failed", error });
      }
    },
    [engine, stop],
  );
  return { ...state, ask, stop };
}
