// Tries what the strict policy forbids. A file of the page, as code that a driver runs may be above the policy.
async function tried(attempt) {
  try {
    return (await attempt()) ? "done" : "refused";
  } catch {
    return "refused";
  }
}

const blobWorker = () => {
  const worker = new Worker(URL.createObjectURL(new Blob(["postMessage(1)"])));
  return new Promise((done) => {
    worker.onmessage = () => done(true);
    worker.onerror = () => done(false);
    setTimeout(() => done(false), 1000);
  });
};

window.e2eTried = (async () => ({
  otherOrigin: await tried(() => fetch("http://127.0.0.1:9/")),
  blobWorker: await tried(blobWorker),
  eval: await tried(() => (0, eval)("1")),
  wasm: await tried(() => WebAssembly.compile(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))),
}))();
