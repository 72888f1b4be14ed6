// What goes wrong is an AzulejoError, whoever's fault it is: options, listeners, servers, and a module that trapped.

import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { test } from "node:test";

import { createRemoteEngine } from "../src/adapters/remote.js";
import { AzulejoError, createEngine, type LocalEngine, probe } from "../src/index.js";
import { ENGINE_OPTIONS, PROBE_OPTIONS } from "../src/options.js";
import { ask, demo, messages } from "./demo.js";

/** The memories of the modules that were started. */
const modules: WebAssembly.Memory[] = [];
const { instantiateStreaming } = WebAssembly;
WebAssembly.instantiateStreaming = async (...args) => {
  const source = await instantiateStreaming(...args);
  modules.push(source.instance.exports.memory as WebAssembly.Memory);
  return source;
};

const all = demo();

async function refused(made: Promise<unknown>, code: string, words: RegExp): Promise<AzulejoError> {
  const error = await made.then(() => assert.fail(`nothing was thrown; ${words}`), (thrown) => thrown);
  assert.ok(error instanceof AzulejoError, `${error}`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, words);
  assert.ok(error.hint.length > 0);
  return error;
}

test("models that are none are refused, each by what it is", async () => {
  for (const [model, words] of [
    [undefined, /undefined/], [null, /null/], [5, /is 5/], [() => 1, /a function/], ["", /The model/], [{}, /no address/],
    [[], /no address/], [{ url: 5 }, /"url" is 5/], [{ url: "/a", manfest: "/b" }, /"manfest"/], [{ shape: "x" }, /quant/],
    [{ url: "http://[" }, /http:/], [{ url: "http://a/b", manifest: { chunks: [() => 1] } }, /chunks\[0\] is a function/],
    [{ url: "http://a/b", root: 5 }, /"root" is 5/],
  ] as const) {
    await refused(createEngine(model as never), "invalid_argument", words);
  }
});

test("options are refused by name, and their values by what they have to be", async () => {
  const odd = [Infinity, NaN, -1, 1.5, "no such", {}, [], () => 1, Symbol("odd"), 2 ** 32];
  for (const [kinds, call] of [
    [ENGINE_OPTIONS, (options: object) => createEngine("http://127.0.0.1:9/", options)],
    [PROBE_OPTIONS, (options: object) => probe(options)],
  ] as const) {
    for (const [name, kind] of Object.entries(kinds)) {
      for (const value of odd.filter((value) => !kind.is(value))) {
        const error = await refused(call({ [name]: value }), "invalid_argument", new RegExp(`^"${name}" is `));
        assert.equal(error.parameters.name, name);
      }
    }
    const unknown = await refused(call({ contextLength: 5 }), "invalid_argument", /"contextLength".*context/);
    assert.deepEqual(unknown.parameters, { name: "contextLength" });
    await refused(call(null as never), "invalid_argument", /has to be an object/);
  }
});

test("a listener that throws fails its call with its error as the cause, and nothing else", async () => {
  const mine = new Error("mine");
  const throws = () => {
    throw mine;
  };
  for (const name of ["onProgress", "initProgressCallback"]) {
    const error = await refused(all.load({ [name]: throws }), "invalid_argument", new RegExp(`^${name} threw: mine`));
    assert.equal(error.cause, mine);
  }
  await all.engine.resetChat();
  const asked = all.engine.chat.completions.create(ask, { onPromptProgress: throws });
  assert.equal((await refused(asked, "invalid_argument", /^onPromptProgress threw: mine/)).cause, mine);
  await all.engine.resetChat();
  const streamed = (async () => {
    const stream = await all.engine.chat.completions.create({ ...ask, stream: true }, { onPromptProgress: throws });
    for await (const chunk of stream) void chunk;
  })();
  await refused(streamed, "invalid_argument", /^onPromptProgress threw: mine/);
  assert.equal((await all.engine.chat.completions.create(ask)).choices[0]!.message.content, all.text);
});

test("a module that trapped is replaced for all engines of the page, which answer as before", async (t) => {
  const warned = t.mock.method(console, "warn", () => {});
  t.mock.method(console, "error", () => {});
  const events: string[] = [];
  const onEvent = (event: { type: string }) => void events.push(event.type);
  const [trapping, answering] = [await all.load({ onEvent }), await all.load({ onEvent })];
  const answer = async (engine: LocalEngine) => (await engine.chat.completions.create(ask)).choices[0]!.message.content;
  assert.equal(modules.length, 1, "engines of a page share a module");

  let said = "";
  const cut = refused((async () => {
    const body = { ...ask, max_tokens: 200, ignore_eos: true, stream: true as const };
    for await (const chunk of await answering.chat.completions.create(body)) {
      said += chunk.choices[0]?.delta.content ?? "";
      if (said.length < 5) continue;
      // Nonsense in the module's memory: the next call traps.
      new Uint8Array(modules[0]!.buffer).fill(0xff);
      assert.equal(await answer(trapping), all.text, "nothing was told yet: it is asked once more");
    }
  })(), "internal", /module failed/);
  await cut;
  assert.ok(all.text.startsWith(said));
  assert.equal(await answer(answering), all.text);
  assert.equal(await answer(all.engine), all.text);
  assert.equal(modules.length, 2, "one new module for all");
  assert.deepEqual(events.filter((type) => type.startsWith("device")), ["device-restored", "device-restored"]);
  assert.equal(warned.mock.callCount(), 3, "each engine says so");
  await Promise.all([trapping.dispose(), answering.dispose()]);
});

test("a server that isn't one, breaks or ends too early is a clear error", async () => {
  const chunk = (more: object) => `data: ${JSON.stringify({ id: "1", choices: [{ index: 0, delta: { content: "a" }, ...more }] })}\n\n`;
  let how: RequestListener = (_, response) => void response.writeHead(200).end("{}");
  const http = createServer((request, response) => {
    if (request.url === "/v1/models") return void response.end('{"data":[{"id":"m"}]}');
    how(request, response);
  });
  await new Promise<void>((done) => http.listen(0, "127.0.0.1", done));
  const base = `http://127.0.0.1:${(http.address() as { port: number }).port}`;
  try {
    const options = { baseURL: `${base}/v1`, consent: true as const };
    await refused(createRemoteEngine({ ...options, baseURL: "/v1" }), "invalid_argument", /baseURL is "\/v1"/);
    await refused(createRemoteEngine({ ...options, baseUrl: "x" } as never), "invalid_argument", /"baseUrl"/);
    await refused(createRemoteEngine({ ...options, baseURL: `${base}/nothing` }), "network", /can't be used|answered/);
    const engine = await createRemoteEngine(options);
    await refused(engine.chat.completions.create({ messages, temperature: Infinity }), "invalid_argument", /temperature is Infinity/);
    await refused(engine.chat.completions.create({ messages }, { timeout: 5 } as never), "unsupported", /"timeout"/);
    const read = async () => {
      let said = "";
      for await (const part of await engine.chat.completions.create({ messages, stream: true })) {
        said += part.choices[0]!.delta.content ?? "";
      }
      return said;
    };
    for (const [end, words] of [
      [(response) => response.destroy(), /can't be used/],
      [(response) => response.end(), /ended before the answer did/],
      [(response) => response.end("data: {odd\n\n"), /can't be used/],
      [(response) => response.end('data: {"error":{"message":"no room"}}\n\n'), /no room/],
    ] as [(response: Parameters<RequestListener>[1]) => void, RegExp][]) {
      how = (_, response) => {
        response.write(chunk({}));
        setTimeout(() => end(response), 20);
      };
      await refused(read(), "network", words);
    }
    how = (_, response) => void response.end(chunk({}) + chunk({ finish_reason: "stop" }));
    assert.equal(await read(), "aa");
    how = (_, response) => void response.end("<html>");
    const error = await refused(engine.chat.completions.create({ messages }), "network", /can't be used/);
    assert.equal(error.parameters.url, `${base}/v1/chat/completions`);
    how = (_, response) => void response.writeHead(503).end("busy");
    assert.deepEqual((await refused(engine.chat.completions.create({ messages }), "network", /503: busy/)).parameters,
      { url: `${base}/v1/chat/completions`, status: 503 });

    // An answer that was interrupted is one that was cut off, or an error where nothing of it came.
    how = (_, response) => void response.write(chunk({}));
    const ends = [];
    for await (const part of await engine.chat.completions.create({ messages, stream: true })) {
      ends.push(part.choices[0]!.finish_reason ?? null, part.choices[0]!.interrupted);
      await engine.interruptGenerate();
    }
    assert.deepEqual(ends, [null, undefined, "length", true]);
    how = () => {};
    const whole = refused(engine.chat.completions.create({ messages }), "cancelled", /interrupted/);
    await engine.interruptGenerate();
    await whole;
    const left = refused(engine.chat.completions.create({ messages }), "cancelled", /disposed/);
    await engine.dispose();
    await left;
    await refused(engine.chat.completions.create({ messages }), "invalid_argument", /disposed/);
  } finally {
    http.closeAllConnections();
    http.close();
  }
});
