// Downloads from a real server that misbehaves in each way that it can: what arrives is right, or the error is clear.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";

import { serve } from "../../../e2e/harness/server.js";
import { checkManifest } from "../src/store/manifest.js";
import { openSource } from "../src/store/source.js";
import type { Manifest } from "../src/types.js";

const CHUNK = 64 * 1024;
const SIZE = 21 * CHUNK + 777;
const FILE = randomBytes(SIZE);
const PATH = "/model.gguf";

let server: Awaited<ReturnType<typeof serve>>;
let folder: string;
let manifest: Manifest;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "azulejo-download-"));
  await writeFile(join(folder, "model.gguf"), FILE);
  const chunks: string[] = [];
  const all = createHash("sha256");
  for (let at = 0; at < SIZE; at += CHUNK) {
    const hash = createHash("sha256").update(FILE.subarray(at, at + CHUNK)).digest();
    chunks.push(hash.toString("hex"));
    all.update(hash);
  }
  const root = all.digest("hex");
  manifest = { format: "azulejo-manifest-1", file: "model.gguf", bytes: SIZE, chunk_bytes: CHUNK, chunks, root };
  server = await serve({ "/": folder });
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => server.reset());

const open = (options: { manifest?: Manifest; path?: string; signal?: AbortSignal } = {}) =>
  openSource(
    { kind: "url", url: server.url(options.path ?? PATH), ...(options.manifest ? { manifest: options.manifest } : {}) },
    { cache: "memory", signal: options.signal },
  );

/** Reads all of the file in pieces that fit no chunk. */
async function readAll(options: Parameters<typeof open>[0] = {}): Promise<Buffer> {
  const source = await open(options);
  try {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < source.total; at += 50_001) {
      // A read gives what the next one may overwrite.
      pieces.push((await source.read(at, Math.min(at + 50_001, source.total), options.signal)).slice());
    }
    return Buffer.concat(pieces);
  } finally {
    source.close();
  }
}

const whole = (bytes: Buffer) => assert.ok(bytes.equals(FILE), `${bytes.length} bytes, and not the file's`);

test("range_requests fetch each byte once, checked", async () => {
  whole(await readAll({ manifest }));
  assert.equal(server.bytes(PATH), SIZE);
});

test("address_that is no proper escape names the file as well as it can", async () => {
  for (const [path, name] of [
    ["/100%.gguf", "100%.gguf"],
    ["/a%EA.gguf", "a%EA.gguf"],
    ["/a%2.gguf", "a%2.gguf"],
    ["/ol%C3%A1%20b.gguf", "olá b.gguf"],
  ] as const) {
    await writeFile(join(folder, name), FILE.subarray(0, 1000));
    const source = await open({ path });
    assert.deepEqual([source.name, source.total], [name, 1000], path);
    assert.ok(Buffer.from(await source.read(0, 1000)).equals(FILE.subarray(0, 1000)), path);
    source.close();
  }
});

test("range_without a manifest is unverified, and the size is asked for", async () => {
  const source = await open();
  assert.equal(source.verified, false);
  assert.equal(source.total, SIZE);
  source.close();
  whole(await readAll());
});

for (const [what, fault] of [
  ["connections are cut", { cut: { after: 10_000, times: 6 } }],
  ["answers end early", { short: { by: 1000, times: 3 } }],
  ["the server is busy", { status: 503, retryAfter: 0, times: 2 }],
  ["the server knows no ranges", { noRanges: true }],
  ["a byte is flipped once", { flip: { at: 5 * CHUNK + 5, times: 1 } }],
] as const) {
  test(`faults_mended: ${what}`, async () => {
    server.faults.set(PATH, structuredClone(fault));
    whole(await readAll({ manifest }));
  });
}

test("faults_mended: no ranges, and the connection is cut", async () => {
  server.faults.set(PATH, { noRanges: true, cut: { after: 700_000, times: 1 } });
  whole(await readAll({ manifest }));
});

test("faults_mended: no ranges, and the reader goes back", async () => {
  server.faults.set(PATH, { noRanges: true });
  const source = await open({ manifest });
  const end = Buffer.from(await source.read(SIZE - 1000, SIZE));
  const start = Buffer.from(await source.read(10, 2000));
  source.close();
  assert.ok(end.equals(FILE.subarray(SIZE - 1000)) && start.equals(FILE.subarray(10, 2000)));
});

for (const [what, fault, code, words] of [
  ["not there", { status: 404 }, "not_found", /404/],
  ["refused", { status: 403 }, "network", /403/],
  ["always busy", { status: 503, retryAfter: 0 }, "network", /503/],
  ["always cut at once", { cut: { after: 10 } }, "network", /model\.gguf/],
  ["every range refused", { status: 416 }, "network", /416/],
  ["another size", { total: SIZE + 5 }, "network", new RegExp(`${SIZE + 5}.*${SIZE}`)],
  ["a byte that stays flipped", { flip: { at: 5 * CHUNK + 5 } }, "integrity", /Chunk 5\b/],
] as const) {
  test(`faults_told: ${what}`, async () => {
    server.faults.set(PATH, structuredClone(fault));
    await assert.rejects(readAll({ manifest }), (error: { code: string; message: string; hint: string }) => {
      assert.equal(error.code, code, error.message);
      assert.match(error.message, words);
      assert.ok(error.hint);
      return true;
    });
  });
}

test("file_changed in mid-download is noticed without a manifest", async () => {
  const source = await open();
  await source.read(0, 100);
  server.faults.set(PATH, { etag: '"another"' });
  source.rest();
  await assert.rejects(source.read(0, 100), { code: "network", message: /changed/ });
  source.close();
});

test("abort_of a read ends it at once, and the next read is well", async () => {
  server.faults.set(PATH, { hold: { after: 1000 } });
  const controller = new AbortController();
  const source = await open({ manifest });
  const reading = source.read(0, 10, controller.signal);
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(reading, { code: "cancelled", name: "AbortError" });
  server.reset();
  assert.ok(Buffer.from(await source.read(0, 10)).equals(FILE.subarray(0, 10)));
  source.close();
});

test("size_unknown: the file is taken whole and not kept", async () => {
  const chunked = createServer((request, response) => {
    response.writeHead(200);
    if (request.method === "HEAD") return response.end();
    response.write(FILE.subarray(0, 100_000));
    response.end(FILE.subarray(100_000));
  });
  await new Promise<void>((done) => chunked.listen(0, "127.0.0.1", done));
  const { port } = chunked.address() as { port: number };
  const source = await openSource({ kind: "url", url: `http://127.0.0.1:${port}/m.gguf` }, { cache: "auto" });
  assert.equal(source.total, SIZE);
  assert.equal(source.file.kept, false);
  assert.match(source.file.note ?? "", /size/);
  assert.equal(source.file.noteCode, "size_unknown");
  assert.ok(Buffer.from(await source.read(99_990, 100_020)).equals(FILE.subarray(99_990, 100_020)));
  source.close();
  chunked.closeAllConnections();
  chunked.close();
});

test("etag_that is weak in one answer and strong or missing in another is the same file's", async () => {
  for (const [head, get, same] of [
    ['W/"a"', '"a"', true],
    ['"a"', 'W/"a"', true],
    [null, '"a"', true],
    ['"a"', null, true],
    ['"a"', '"b"', false],
    ['W/"a"', 'W/"b"', false],
  ] as const) {
    const answer = createServer((request, response) => {
      const etag = request.method === "HEAD" ? head : get;
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
      const start = Number(from ?? 0);
      const end = Math.min(Number(to ?? SIZE), SIZE - 1) + 1;
      response.writeHead(from === undefined ? 200 : 206, {
        "content-length": end - start,
        "last-modified": "Sat, 28 Nov 2026 10:00:00 GMT",
        ...(etag ? { etag } : {}),
        ...(from === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${SIZE}` }),
      });
      response.end(request.method === "HEAD" ? undefined : FILE.subarray(start, end));
    });
    await new Promise<void>((done) => answer.listen(0, "127.0.0.1", done));
    const url = `http://127.0.0.1:${(answer.address() as { port: number }).port}/model.gguf`;
    const source = await openSource({ kind: "url", url }, { cache: "memory" });
    const read = source.read(0, 1000).then((bytes) => Buffer.from(bytes));
    if (same) assert.ok((await read).equals(FILE.subarray(0, 1000)), `${head}, ${get}`);
    else await assert.rejects(read, /changed/, `${head}, ${get}`);
    source.close();
    answer.closeAllConnections();
    answer.close();
  }
});

test("blob_of a file that was changed since it was chosen says so", async () => {
  const path = join(folder, "chosen.gguf");
  await writeFile(path, FILE);
  const chosen = await openAsBlob(path);
  const source = await openSource({ kind: "blob", blob: chosen, name: "m.gguf" }, { cache: "auto" });
  await writeFile(path, FILE.subarray(1));
  await assert.rejects(source.read(0, 10), { code: "io", message: /^m\.gguf can't be read any more/, parameters: { file: "m.gguf" } });
});

test("blob_chunks are checked too", async () => {
  const right = await openSource({ kind: "blob", blob: new Blob([FILE]), name: "m", manifest }, { cache: "auto" });
  assert.equal(right.verified, true);
  assert.ok(Buffer.from(await right.read(CHUNK - 3, CHUNK + 3)).equals(FILE.subarray(CHUNK - 3, CHUNK + 3)));
  const bad = Buffer.from(FILE);
  bad[3 * CHUNK]! ^= 1;
  const wrong = await openSource({ kind: "blob", blob: new Blob([bad]), name: "m", manifest }, { cache: "auto" });
  await assert.rejects(wrong.read(3 * CHUNK, 3 * CHUNK + 1), { code: "integrity", message: /Chunk 3/, parameters: { file: "m", chunk: 3 } });
  await assert.rejects(
    openSource({ kind: "blob", blob: new Blob([FILE.subarray(1)]), name: "m", manifest }, { cache: "auto" }),
    { code: "integrity" },
  );
});

test("manifest_checks find each lie", async () => {
  await checkManifest(manifest, "here", manifest.root.toUpperCase());
  await checkManifest({ ...manifest, parts: [SIZE - 7, 7] }, "here");
  const [first = "", ...others] = manifest.chunks;
  for (const [lie, words] of [
    [{ format: "other" }, /format/],
    [{ bytes: -1 }, /-1 bytes/],
    [{ parts: [SIZE - 1, 2] }, /parts/],
    [{ parts: [SIZE, 0] }, /parts/],
    [{ parts: "two" as never }, /parts/],
    [{ bytes: SIZE + CHUNK }, /22 chunks/],
    [{ chunk_bytes: 1 << 30 }, /chunks/],
    [{ chunks: [first.slice(1), ...others] }, /chunk 0/],
    [{ chunks: [others[0]!, ...others] }, /root hash/],
    [{ root: "0".repeat(64) }, /root hash/],
  ] as const) {
    await assert.rejects(checkManifest({ ...manifest, ...lie }, "here"), { code: "integrity", message: words });
  }
  await assert.rejects(checkManifest(manifest, "here", "1".repeat(64)), { code: "integrity", message: /the page wants/ });
});
