// How servers are asked: through outages, with a page's headers and credentials, by a page's own fetch.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { after, before, beforeEach, test } from "node:test";

import { download } from "../src/index.js";
import type { WireNetwork } from "../src/protocol.js";
import { portable } from "../src/store/fetch-port.js";
import { rootOf, sha256 } from "../src/store/manifest.js";
import { Network, Patience } from "../src/store/network.js";
import { openSource } from "../src/store/source.js";
import type { Manifest } from "../src/types.js";

const CHUNK = 64 * 1024;
const SIZE = 9 * CHUNK + 777;
const FILE = randomBytes(SIZE);

let server: Server;
let origin: string;
let manifest: Manifest;
let asked: IncomingMessage[] = [];
/** Answers before the file does; true if it did. */
let refuses: (request: IncomingMessage) => number | null;

function start(port = 0): Promise<void> {
  server = createServer((request, response) => {
    asked.push(request);
    const status = refuses(request);
    if (status !== null) return response.writeHead(status).end();
    if (request.url === "/manifest.json") return response.end(JSON.stringify(manifest));
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    const start = Number(from ?? 0);
    const end = Math.min(Number(to ?? SIZE), SIZE - 1) + 1;
    response.writeHead(from === undefined ? 200 : 206, {
      "content-length": end - start,
      ...(from === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${SIZE}` }),
    });
    response.end(request.method === "HEAD" ? undefined : FILE.subarray(start, end));
  });
  return new Promise((done) => server.listen(port, "127.0.0.1", done));
}
function stop(): Promise<void> {
  const closed = new Promise<void>((done) => server.close(() => done()));
  server.closeAllConnections();
  return closed;
}

before(async () => {
  const chunks: string[] = [];
  for (let at = 0; at < SIZE; at += CHUNK) chunks.push(await sha256(Uint8Array.from(FILE.subarray(at, at + CHUNK))));
  const root = await rootOf(chunks);
  manifest = { format: "azulejo-manifest-1", file: "model.gguf", bytes: SIZE, chunk_bytes: CHUNK, chunks, root };
  await start();
  origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
after(stop);
beforeEach(() => {
  asked = [];
  refuses = () => null;
});

/** A network as the engine gets it. */
const source = (network: WireNetwork, more: { signal?: AbortSignal; onWaiting?: () => void; manifest?: string | Manifest } = {}) => {
  let waits = false;
  return openSource({ kind: "url", url: `${origin}/model.gguf`, manifest: more.manifest ?? manifest }, {
    cache: "memory",
    network,
    signal: more.signal,
    onProgress: ({ waiting }) => {
      if (waiting && !waits) more.onWaiting?.();
      waits = waiting;
    },
  });
};
async function readAll(opened: Awaited<ReturnType<typeof source>>, signal?: AbortSignal): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < SIZE; at += CHUNK) {
    pieces.push((await opened.read(at, Math.min(at + CHUNK, SIZE), signal)).slice());
  }
  opened.close();
  return Buffer.concat(pieces);
}

/** Takes the server away until it was missed so many times. */
function outage(opened: Promise<Awaited<ReturnType<typeof source>>>): Promise<Awaited<ReturnType<typeof source>>> {
  return opened.then(async (model) => {
    await model.read(0, CHUNK);
    model.rest();
    await stop();
    return model;
  });
}

test("outage_of more tries than a wrong address gets is waited for, and told", async () => {
  const port = Number(new URL(origin).port);
  let waits = 0;
  let tries = 0;
  // Counted where they are made: a server that is gone counts nothing.
  const counted: typeof fetch = (url, init) => {
    tries++;
    if (server.listening || tries < 3 * 5 + 2) return fetch(url, init);
    return start(port).then(() => fetch(url, init));
  };
  const model = await outage(source({ fetch: counted }, { onWaiting: () => waits++ }));
  tries = 0;
  assert.ok((await readAll(model)).equals(FILE));
  assert.ok(tries > 3 * 5, `${tries} tries`);
  assert.equal(waits, 1, "it is told once, until bytes come");
});

test("outage_longer than the page wants to wait for is an error", async () => {
  const port = Number(new URL(origin).port);
  const model = await outage(source({ retryMinutes: 0.01 }));
  await assert.rejects(model.read(0, 10), { code: "network", message: /tries were made/ });
  model.close();
  await start(port);
});

test("outage_ends at once with the signal", async () => {
  const port = Number(new URL(origin).port);
  const controller = new AbortController();
  let waited = false;
  const model = await outage(source({}, {
    signal: controller.signal,
    onWaiting: () => {
      waited = true;
      controller.abort();
    },
  }));
  await assert.rejects(model.read(0, 10, controller.signal), { code: "cancelled" });
  assert.ok(waited);
  model.close();
  await start(port);
});

test("outage_is not waited for at an address that never gave anything", async () => {
  const port = Number(new URL(origin).port);
  await stop();
  let tries = 0;
  const counted: typeof fetch = (url, init) => {
    tries++;
    return fetch(url, init);
  };
  await assert.rejects(source({ fetch: counted }, { manifest: `${origin}/manifest.json` }), { code: "network" });
  assert.equal(tries, 5);
  await start(port);
});

test("network_that the browser knows to be gone is waited for, and asked at once when it's back", async () => {
  // What a browser's window or worker is, and Node isn't.
  const scope = new EventTarget();
  const had = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { onLine: false }, configurable: true });
  globalThis.addEventListener = scope.addEventListener.bind(scope);
  globalThis.removeEventListener = scope.removeEventListener.bind(scope);
  try {
    let waits = 0;
    // Without an end but for the event: each wait is an hour.
    const network = new Network({ retryMinutes: 600 }, undefined, () => {
      waits++;
      setTimeout(() => scope.dispatchEvent(new Event("online")));
    });
    const patience = new Patience(network, origin);
    const busy = new Response(null, { status: 503, headers: { "retry-after": "3600" } });
    for (let tries = 0; tries < 8; tries++) await patience.again({ response: busy, what: "it's gone" });
    assert.equal(waits, 8, "more than an address gets that never gave anything");
    const brief = new Patience(network, origin, undefined, true);
    await assert.rejects(brief.again({ response: null, what: "it's gone" }), { code: "network" });
    assert.equal(waits, 8, "what is kept is taken at once");
  } finally {
    if (had) Object.defineProperty(globalThis, "navigator", had);
    else delete (globalThis as { navigator?: unknown }).navigator;
    delete (globalThis as { addEventListener?: unknown }).addEventListener;
    delete (globalThis as { removeEventListener?: unknown }).removeEventListener;
  }
});

test("headers are sent to the model's origin, and to no other", async () => {
  const other = createServer((request, response) => {
    asked.push(request);
    response.end(JSON.stringify(manifest));
  });
  await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
  const elsewhere = `http://127.0.0.1:${(other.address() as { port: number }).port}/manifest.json`;
  refuses = (request) => (request.headers.authorization === "Bearer secret" ? null : 401);
  await assert.rejects(source({}, { manifest: `${origin}/manifest.json` }), { code: "network", message: /401/, hint: /headers/ });
  const network = { headers: { authorization: "Bearer secret" } };
  assert.ok((await readAll(await source(network, { manifest: `${origin}/manifest.json` }))).equals(FILE));
  asked = [];
  assert.ok((await readAll(await source(network, { manifest: elsewhere }))).equals(FILE));
  const sent = asked.map(({ url, headers }) => [url, headers.authorization]);
  assert.deepEqual(sent[0], ["/manifest.json", undefined]);
  assert.ok(sent.length > 1 && sent.slice(1).every(([, header]) => header === "Bearer secret"), JSON.stringify(sent));
  other.closeAllConnections();
  other.close();
});

for (const where of ["here", "through a port"]) {
  const network = (own: typeof fetch): WireNetwork => {
    const given = { network: { fetch: own } };
    return where === "here" ? given.network : (portable(given)[0] as typeof given).network;
  };
  const done = ({ fetch: port }: WireNetwork) => port instanceof MessagePort && port.close();

  test(`fetch_of the page's own is asked, ${where}`, async () => {
    const seen: RequestInit[] = [];
    const own = network((url, init) => {
      seen.push(init!);
      return fetch(url, { ...init, headers: { ...(init!.headers as object), "x-token": "1" } });
    });
    refuses = (request) => (request.headers["x-token"] === "1" ? null : 403);
    assert.ok((await readAll(await source({ ...own, credentials: "include" }, { manifest: `${origin}/manifest.json` }))).equals(FILE));
    assert.ok(seen.length > 9 && seen.every((init) => init.credentials === "include" && init.signal instanceof AbortSignal));
    done(own);
  });

  test(`fetch_of the page's own fails as what it is, ${where}`, async () => {
    let tries = 0;
    for (const [failing, code, message, count] of [
      [() => Promise.reject(new Error("not signed in")), "network", /not signed in/, 1],
      [() => { throw new RangeError("odd"); }, "network", /odd/, 1],
      [() => Promise.reject(new TypeError("no route")), "network", /no route.*5 tries/, 5],
      [async () => ({}), "invalid_argument", /Response/, 1],
    ] as const) {
      tries = 0;
      const own = network(((...all: []) => (tries++, failing(...all))) as unknown as typeof fetch);
      await assert.rejects(source(own, { manifest: `${origin}/manifest.json` }), { code, message });
      assert.equal(tries, count, String(message));
      done(own);
    }
  });

  test(`fetch_of the page's own that answers after its abort is not heard, ${where}`, async () => {
    let late!: () => void;
    const answered = new Promise<void>((done) => (late = done));
    let calls = 0;
    const own = network(async (url, init) => {
      if (++calls > 1) return fetch(url, init);
      await answered;
      return new Response("another request's");
    });
    const controller = new AbortController();
    const first = source(own, { signal: controller.signal, manifest: `${origin}/manifest.json` });
    while (calls === 0) await new Promise((done) => setTimeout(done));
    controller.abort();
    await assert.rejects(first, { code: "cancelled" });
    const second = source(own, { manifest: `${origin}/manifest.json` });
    late();
    assert.ok((await readAll(await second)).equals(FILE));
    done(own);
  });

  test(`fetch_of the page's own hears of an abort, ${where}`, async () => {
    const controller = new AbortController();
    let heard!: () => void;
    const aborted = new Promise<void>((hear) => (heard = hear));
    const own = network((_, init) => new Promise((_done, fail) => {
      init!.signal!.addEventListener("abort", () => (heard(), fail(init!.signal!.reason)));
      controller.abort();
    }));
    await assert.rejects(source(own, { signal: controller.signal, manifest: `${origin}/manifest.json` }), { code: "cancelled" });
    await aborted;
    done(own);
  });
}

test("options_of the network that make no sense are named", async () => {
  for (const [options, message] of [
    [{ headers: { "bad name": "1" } }, /headers/],
    [{ headers: { Range: "bytes=0-1" } }, /Range/],
    [{ credentials: "yes" }, /credentials/],
    [{ fetch: "fetch" }, /fetch/],
    [{ retryMinutes: -1 }, /retryMinutes/],
    [{ retryMinutes: Infinity }, /retryMinutes/],
    [{ cache: "memory" }, /cache/],
  ] as const) {
    await assert.rejects(download(`${origin}/model.gguf`, options as object), { code: "invalid_argument", message });
  }
  await assert.rejects(download(new Blob([FILE])), { code: "invalid_argument", message: /address/ });
  // Node keeps nothing: told before anything is downloaded.
  await assert.rejects(download(`${origin}/model.gguf`), { code: "unsupported" });
  assert.deepEqual(asked, []);
});
