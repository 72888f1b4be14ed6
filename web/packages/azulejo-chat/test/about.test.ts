// What is known of a model before it is downloaded, from a server of this test.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";

import { aboutModel, heldBack } from "../src/engine/about.js";
import { settingsOf } from "../src/element/settings.js";

const ROOT = "0123456789abcdef".repeat(4);
const MANIFEST = {
  root: ROOT,
  format: "azulejo-manifest-1", bytes: 1_403_000_000, name: "Town 2B", license: "Apache-2.0", languages: ["pt", "es", "fr"], context: 8192,
  memory: { weights: 1.4e9, kv_per_position: 200_000, activations: 1e8 }, chunk_bytes: 16 << 20, chunks: Array(84).fill(ROOT),
};
const server = createServer(({ url, method }, response) => {
  if (url === "/model.gguf") response.writeHead(200, { "content-length": 3_029_504 }).end(method === "HEAD" ? undefined : "x");
  else if (url === "/packed.gguf") response.writeHead(200, { "content-length": 99, "content-encoding": "gzip" }).end();
  else if (url === "/manifest.json") response.end(JSON.stringify(MANIFEST));
  else if (url === "/page.json") response.end("<!doctype html>");
  else if (url?.startsWith("/wrong.json?")) {
    response.end(JSON.stringify({ ...MANIFEST, ...(JSON.parse(decodeURIComponent(url.split("?")[1]!)) as object) }));
  } else if (url === "/null.json") response.end("null");
  else if (url === "/other.json") response.end('{"name": "site"}');
  else response.writeHead(url === "/forbidden.gguf" ? 403 : 404).end();
});
let origin = "";
before(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

/** A browser with these properties. */
function browser(properties: object): void {
  Object.defineProperty(globalThis, "navigator", { value: properties, configurable: true });
}

const about = (attributes: Record<string, string>) =>
  aboutModel(settingsOf((name) => attributes[name] ?? null, origin, () => {}), new AbortController().signal);

test("with a manifest: name, licence, bytes, languages", async () => {
  browser({ deviceMemory: 8 });
  assert.deepEqual(await about({ model: "/model.gguf", manifest: "/manifest.json" }), {
    name: "Town 2B", licence: "Apache-2.0", bytes: 1_403_000_000, languages: ["pt-PT", "pt-BR", "es"], kept: false, held: null, tooSmall: null, failure: null,
  });
});

test("without one: the file's name and the bytes that the server tells, or none", async () => {
  browser({});
  const plain = await about({ model: "/model.gguf", licence: "MIT" });
  assert.deepEqual([plain.name, plain.licence, plain.bytes, plain.languages], ["model", "MIT", 3_029_504, null]);
  assert.equal((await about({ model: "/packed.gguf" })).bytes, null, "what it is packed isn't what it is");
});

test("a model that isn't there, may not be had or has no manifest", async () => {
  browser({});
  const code = async (attributes: Record<string, string>) => (await about(attributes)).failure?.code;
  assert.equal(await code({ model: "/gone.gguf" }), "not_found");
  assert.equal(await code({ model: "/model.gguf", manifest: "/gone.json" }), "not_found");
  assert.equal(await code({ model: "/forbidden.gguf" }), "network");
  assert.equal(await code({ model: "/model.gguf", manifest: "/page.json" }), "integrity");
  assert.equal(await code({ model: "/model.gguf", manifest: "/other.json" }), "integrity");
  assert.equal(await code({ model: "http://127.0.0.1:1/model.gguf" }), "network");
});

test("a manifest with another root hash than the pinned one, and a root hash without a manifest", async () => {
  browser({});
  const code = async (attributes: Record<string, string>) => (await about({ model: "/model.gguf", ...attributes })).failure?.code;
  const manifest = "/manifest.json";
  assert.equal(await code({ manifest, root: ROOT.toUpperCase() }), undefined);
  for (const root of [ROOT.replace("0", "1"), ROOT.slice(1), "sha256"]) assert.equal(await code({ manifest, root }), "integrity", root);
  assert.equal(await code({ root: ROOT }), "integrity");
});

test("a device with too little memory is known beforehand, where browser and manifest tell", async () => {
  browser({ deviceMemory: 2 });
  const { tooSmall } = await about({ model: "/model.gguf", manifest: "/manifest.json" });
  assert.deepEqual(tooSmall, { needed: 1.4e9 + 1e8 + 200_000 * 4096, free: 2 * 2 ** 30 });
  assert.equal((await about({ model: "/model.gguf", manifest: "/manifest.json", context: "512" })).tooSmall, null);
  browser({});
  assert.equal((await about({ model: "/model.gguf", manifest: "/manifest.json" })).tooSmall, null);
});

test("what speaks against asking unasked", async () => {
  const battery = (level: number, charging: boolean) => ({ getBattery: async () => ({ level, charging }) });
  const cases: [object, string | null][] = [
    [{}, null],
    [{ connection: { saveData: true } }, "data"],
    [{ connection: { type: "cellular" } }, "metered"],
    [{ connection: { effectiveType: "slow-2g" } }, "metered"],
    [{ connection: { effectiveType: "4g", type: "wifi" } }, null],
    [battery(0.1, false), "battery"],
    [battery(0.1, true), null],
    [battery(0.9, false), null],
    [{ getBattery: async () => Promise.reject(new Error("forbidden")) }, null],
  ];
  for (const [properties, held] of cases) {
    browser(properties);
    assert.equal(await heldBack(), held, JSON.stringify(properties));
  }
});

test("a manifest whose entries are of other kinds is a fault of the page's settings, and not of this code", async () => {
  browser({ deviceMemory: 4 });
  const wrong = [
    { languages: "pt" }, { languages: [1] }, { bytes: "3 MB" }, { bytes: -1 }, { bytes: 0 }, { bytes: 1.5 }, { name: {} }, { license: [] },
    // Sizes that the hashes aren't enough for, or too many, or that aren't in chunks.
    { bytes: 1e15 }, { bytes: 85 << 24 }, { bytes: 83 << 24 }, { chunks: [] }, { chunks: null }, { chunks: { length: 84 } },
    { chunk_bytes: 0 }, { chunk_bytes: null }, { chunk_bytes: 2e9, chunks: [ROOT] },
    { root: 7 }, { context: "8k" }, { memory: 5 }, { memory: { weights: "1" } },
  ];
  for (const entry of wrong) {
    const manifest = `/wrong.json?${encodeURIComponent(JSON.stringify(entry))}`;
    const { failure, bytes } = await about({ model: "/model.gguf", manifest });
    assert.deepEqual([failure?.code, bytes], ["integrity", null], JSON.stringify(entry));
  }
  assert.equal((await about({ model: "/model.gguf", manifest: "/null.json" })).failure?.code, "integrity");
  const absent = `/wrong.json?${encodeURIComponent('{"name":null,"license":null,"languages":null,"context":null,"memory":null}')}`;
  const plain = await about({ model: "/model.gguf", manifest: absent });
  assert.deepEqual([plain.failure, plain.name, plain.languages], [null, "model", null]);
});

test("a percent sign in a model's address stands for itself where it stands for nothing", async () => {
  browser({});
  assert.equal((await about({ model: "/100%.gguf" })).name, "100%");
});
