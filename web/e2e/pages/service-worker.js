// A service worker that asks for an engine, and tells what came of it.
import { createEngine } from "/azulejo/index.js";

self.onmessage = async ({ source }) => {
  const told = await createEngine("/models/demo.gguf").then(() => ({}), ({ code, message }) => ({ code, message }));
  source.postMessage(told);
};
