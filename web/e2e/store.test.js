// What is kept of models: a disk that gets full, files that replace each other, addresses that change, downloads without
// an engine, and what is deleted when.
//
// All on the CPU, since the device has no part in it. What is counted are the bytes that the server handed out.

import assert from "node:assert/strict";
import { rm, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";

import { ENGINES, launch, notRun } from "./harness/browsers.js";
import { until } from "./harness/page.js";
import { azulejo as program } from "./harness/program.js";
import { CHUNK, RANDOM, serveRandom, site } from "./harness/site.js";

const MODEL = "/models/random.gguf";
const OTHER = "/models/other.gguf";
const checked = (url) => ({ url, manifest: `${MODEL}.azulejo.json` });
const ASK = "Onde posso renovar o cartão de cidadão?";
const MIB = 1 << 20;

let server, folder, size, otherSize;
/** Serves the other model at MODEL's address, or MODEL again. */
const replace = (by) => {
  const file = join(folder, `${by}.gguf`);
  server.mount(MODEL, file);
  server.mount(`${MODEL}.azulejo.json`, `${file}.azulejo.json`);
};
before(async () => {
  server = await site();
  folder = await mkdtemp(join(tmpdir(), "azulejo-e2e-store-"));
  size = await serveRandom(server, folder);
  otherSize = await serveRandom(server, folder, "other", { ...RANDOM, layers: 3 });
  await program("split", join(folder, "random.gguf"), "-o", join(folder, "parts"), "--max-tensors", "15");
  await program("manifest", join(folder, "parts-00001-of-00003.gguf"), "--chunk-bytes", String(CHUNK));
  server.mount("/parts/", folder);
});
after(async () => {
  await server?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** Loads and lets go again; what it told of the file. */
const load = (page, model, options = {}) =>
  page.evaluate(
    async (model, options) => {
      const { file } = await e2e.load(model, { device: "cpu", ...options });
      await e2e.dispose();
      return file;
    },
    model,
    options,
  );
const list = (page) => page.evaluate(() => azulejo.storage.list());
const has = (page, model) => page.evaluate((model) => azulejo.storage.has(model), model);
const answer = async (page) => (await page.evaluate((p) => e2e.ask(p, { max_tokens: 12 }), ASK)).text;

for (const name of ENGINES) {
  describe(name, () => {
    let browser, page;
    before(async () => {
      browser = await launch(name);
      page = await browser.newPage(server.url("/pages/blank.html"));
    });
    after(() => browser?.close());
    beforeEach(async () => {
      await page.evaluate(async () => {
        await e2e.dispose();
        for (const { id } of await azulejo.storage.list()) await azulejo.storage.delete(id);
      });
      replace("random");
      server.reset();
    });

    test("a disk that gets full in mid-download: the load goes on without keeping, and deletes nothing", async (t) => {
      if (notRun(t, name, "quota")) return;
      await load(page, OTHER);
      server.faults.set(MODEL, { hold: { after: 6 * MIB } });
      const loading = page.evaluate((model) => e2e.load(model, { device: "cpu" }), checked(MODEL));
      const stored = async () => (await list(page)).find(({ url }) => url === server.url(MODEL))?.storedBytes ?? 0;
      await until(async () => (await stored()) >= 3 * MIB, "3 MiB are stored");
      await page.setQuota(1 * MIB);
      server.faults.clear();
      const { file } = await loading;
      assert.deepEqual([file.kept, file.storage], [false, "memory"], JSON.stringify(file));
      assert.match(file.note, /in part only/);
      assert.equal(file.noteCode, "storage_full");
      assert.equal((await page.evaluate(() => e2e.progress.at(-1))).kept, false);
      assert.ok((await answer(page)).length > 0);
      await page.setQuota(undefined);
      const models = await list(page);
      assert.deepEqual(models.filter((m) => m.complete).map((m) => m.url), [server.url(OTHER)]);
      assert.ok((await stored()) >= 3 * MIB, "what was kept stays");
      server.reset();
      const kept = await stored();
      assert.equal((await load(page, checked(MODEL))).kept, true);
      assert.equal(server.bytes(MODEL), size - kept);
    });

    for (const [what, broken] of [
      ["writes", () => (FileSystemFileHandle.prototype.createWritable = async () => {
        throw new DOMException("The disk is on fire.", "InvalidStateError");
      })],
      ["makes folders", () => {
        const real = FileSystemDirectoryHandle.prototype.getDirectoryHandle;
        FileSystemDirectoryHandle.prototype.getDirectoryHandle = async function (at, options) {
          if (options?.create && at !== "azulejo") throw new DOMException("No.", "UnknownError");
          return real.call(this, at, options);
        };
      }],
      ["reads", () => (FileSystemFileHandle.prototype.getFile = async () => {
        throw new DOMException("Gone.", "NotReadableError");
      })],
    ]) {
      test(`a store that no longer ${what}, by whatever error: the load goes on, and leaves no entry`, async (t) => {
        if (notRun(t, name, "opfs")) return;
        const own = await browser.newPage(server.url("/pages/blank.html"));
        // On the page itself, where a browser's part can be broken.
        await own.evaluate(`(${broken})() && null`);
        const file = await load(own, checked(MODEL), { worker: false });
        assert.equal(file.verified, true);
        if (what === "reads") return own.close();
        assert.equal(file.kept, false);
        assert.match(file.note, /not kept: random.gguf can't be kept/);
        assert.equal(file.noteCode, "io");
        assert.deepEqual(await list(own), []);
        await assert.rejects(load(own, checked(MODEL), { worker: false, cache: "opfs" }), { code: "io" });
        await own.close();
      });
    }

    test("loads that fail leave no entry", async () => {
      for (const fault of [{ status: 404 }, { status: 503, retryAfter: 0 }, { flip: { at: 1000 } }]) {
        server.faults.set(MODEL, fault);
        await assert.rejects(load(page, checked(MODEL)));
        if (!fault.flip) await assert.rejects(load(page, MODEL));
        // Chunks after a bad one may be there, and are of use.
        for (const model of await list(page)) assert.ok(model.storedBytes > 0, JSON.stringify(model));
        if (!fault.flip) assert.deepEqual(await list(page), []);
      }
    });

    test("a new manifest's file takes the old one's place once it is there, and not before", async () => {
      const old = await load(page, checked(MODEL));
      replace("other");
      server.faults.set(MODEL, { flip: { at: otherSize - 10 } });
      await assert.rejects(load(page, checked(MODEL)), { code: "integrity" });
      assert.ok((await list(page)).find(({ id, complete }) => id === old.id && complete), "the old one is there");
      server.reset();
      const fresh = await load(page, checked(MODEL));
      assert.notEqual(fresh.id, old.id);
      assert.deepEqual((await list(page)).map(({ id }) => id), [fresh.id]);
    });

    test("where there is room for one only, the old one goes at once", async (t) => {
      if (notRun(t, name, "opfs")) return;
      const own = await browser.newPage(server.url("/pages/blank.html"));
      const old = await load(own, checked(MODEL), { worker: false });
      await own.evaluate(() => (StorageManager.prototype.estimate = async () => ({ quota: 5 << 20, usage: 0 })) && null);
      replace("other");
      const fresh = await load(own, checked(MODEL), { worker: false });
      assert.deepEqual([fresh.kept, fresh.id === old.id], [true, false], JSON.stringify(fresh));
      assert.deepEqual((await list(own)).map(({ id }) => id), [fresh.id]);
      await own.close();
    });

    test("without a manifest another page's checked copy is used while the server has that file, and never deleted", async () => {
      const verified = await load(page, checked(MODEL));
      // A load that asks the server for nothing has no news of it, nor has a page with the manifest in itself.
      await load(page, checked(MODEL));
      const inPage = await page.evaluate(async (url) => (await fetch(url)).json(), `${MODEL}.azulejo.json`);
      await load(page, { url: MODEL, manifest: inPage });
      server.log.length = 0;
      const same = await load(page, MODEL);
      assert.deepEqual([same.id, same.verified, server.bytes(MODEL)], [verified.id, true, 0]);
      server.faults.set(MODEL, { etag: '"another"' });
      const own = await load(page, MODEL);
      assert.deepEqual([own.id === verified.id, own.verified, server.bytes(MODEL)], [false, false, size]);
      assert.deepEqual((await list(page)).map(({ id, complete }) => [id, complete]).sort(),
        [[own.id, true], [verified.id, true]].sort());
      // And the checked one's page still finds its manifest's address with it.
      server.log.length = 0;
      assert.equal(await has(page, checked(MODEL)), true);
      assert.equal((await load(page, checked(MODEL))).id, verified.id);
      assert.equal(server.bytes(MODEL), 0);
    });

    test("an address that changes at each visit is one file by its cacheKey", async () => {
      const signed = (signature) => ({ url: `${MODEL}?sig=${signature}`, cacheKey: "random" });
      await load(page, signed(1));
      server.log.length = 0;
      await load(page, signed(2));
      assert.equal(server.bytes(MODEL), 0);
      assert.equal((await list(page)).length, 1);
      assert.deepEqual([await has(page, signed(3)), await has(page, `${MODEL}?sig=2`)], [true, false]);
      // Another file under the name: the old one goes.
      replace("other");
      await load(page, signed(4));
      assert.deepEqual((await list(page)).map(({ bytes }) => bytes), [otherSize]);
      await assert.rejects(load(page, { url: MODEL, cacheKey: 7 }), { code: "invalid_argument" });
    });

    test("a signature that ran out doesn't matter for what is kept", async () => {
      await load(page, { url: `${MODEL}?sig=1`, cacheKey: "random" });
      server.faults.set(MODEL, { status: 403 });
      assert.equal((await load(page, { url: `${MODEL}?sig=1`, cacheKey: "random" })).kept, true);
    });

    test("without a network what is kept loads, also a checked copy for a page without a manifest", async () => {
      await load(page, checked(MODEL));
      const online = server.url("");
      const gone = await browser.newPage(server.url("/pages/blank.html"));
      // The engine's own files are here; the model's server isn't.
      await gone.evaluate((model) => {
        const real = window.fetch;
        window.fetch = (url, init) => (String(url).includes(model) ? Promise.reject(new TypeError("offline")) : real(url, init));
        Object.defineProperty(navigator, "onLine", { get: () => false, configurable: true });
      }, MODEL);
      assert.ok(online);
      server.log.length = 0;
      assert.equal((await load(gone, checked(MODEL), { worker: false })).verified, true);
      assert.equal((await load(gone, MODEL, { worker: false })).verified, true);
      assert.equal(server.count(MODEL), 0);
      await gone.close();
    });

    test("a download without an engine is kept, goes on where it stopped, and isn't made twice", async () => {
      const download = (options = "") =>
        page.evaluate(`(async () => {
          const seen = [];
          const stop = new AbortController();
          const file = await azulejo.download(${JSON.stringify(checked(MODEL))}, {
            onProgress: (progress) => seen.push(progress), signal: stop.signal, ${options} });
          return { file, last: seen.at(-1),
            first: seen.find((p) => p.phase === "download")?.loaded ?? null, phases: [...new Set(seen.map((p) => p.phase))] };
        })()`);
      assert.equal(await has(page, checked(MODEL)), false);
      // Progress is told now and then: the download mustn't be over before.
      server.faults.set(MODEL, { bytesPerSecond: 4e6 });
      const reason = 'Object.assign(new Error("enough"), { code: "enough" })';
      await assert.rejects(download(`onProgress: (p) => p.loaded > 3e6 && stop.abort(${reason})`), { code: "enough" });
      const begun = (await list(page))[0]?.storedBytes ?? 0;
      assert.ok(begun > 0 && begun < size, `${begun} bytes`);
      assert.equal(await has(page, checked(MODEL)), false);
      server.log.length = 0;
      const { file, first, last, phases } = await download();
      assert.ok(first >= begun, `${first} bytes at first: what is there counts, ${begun}`);
      assert.ok(server.bytes(MODEL) <= size - begun, `${server.bytes(MODEL)} bytes and ${begun} of ${size}`);
      assert.deepEqual([file.kept, file.verified, file.bytes, last.phase, last.progress], [true, true, size, "ready", 1]);
      assert.ok(phases.includes("download"), String(phases));
      assert.equal(await has(page, checked(MODEL)), true);
      assert.equal(await has(page, MODEL), true);
      server.log.length = 0;
      await download();
      await load(page, checked(MODEL));
      assert.equal(server.bytes(MODEL), 0);
    });

    test("a page's own fetch serves an engine in its worker, also one that is replaced", async () => {
      const told = await page.evaluate(async (model) => {
        let calls = 0;
        let workers = 0;
        let trap = () => {};
        const own = (url, init) => {
          if (++calls === 3) trap();
          return fetch(`${url}?by=page`, init);
        };
        const Real = window.Worker;
        window.Worker = class extends Real {
          constructor(...args) {
            super(...args);
            if (++workers > 1) return;
            // The first one says that it met a bug when it had begun, and is replaced.
            const post = this.postMessage.bind(this);
            this.postMessage = (message, transfer) => {
              trap = () => this.onmessage({ data: { id: message.id, error: { code: "internal", message: "a trap" } } });
              post(message, transfer);
            };
          }
        };
        try {
          const info = await e2e.load(model, { device: "cpu", fetch: own });
          return { calls, workers, kept: info.file.kept };
        } finally {
          window.Worker = Real;
        }
      }, checked(MODEL));
      assert.deepEqual([told.workers, told.kept], [2, true]);
      assert.ok(told.calls > Math.ceil(size / CHUNK), `${told.calls} calls`);
      const asked = server.log.filter(({ path }) => path.startsWith(MODEL));
      assert.ok(asked.length > Math.ceil(size / CHUNK) && asked.every(({ search }) => search === "?by=page"), JSON.stringify(asked));
      await assert.rejects(
        page.evaluate((model) => azulejo.createEngine(model, { worker: "shared", fetch: (u, i) => fetch(u, i) }), MODEL),
        { code: "invalid_argument" },
      );
      await assert.rejects(
        page.evaluate((model) => azulejo.download(model, { fetch: async () => { throw new Error("signed out"); } }), OTHER),
        (error) => error.code === "network" && /signed out/.test(error.told),
      );
    });

    test("an outage is waited for in the worker, and told", async () => {
      // Room in the server for no more than the first third, then silence at each connection for a while.
      server.faults.set(MODEL, { hold: { after: 4 * MIB } });
      const loading = page.evaluate(async (model) => {
        const info = await e2e.load(model, { device: "cpu" });
        return { kept: info.file.kept, waited: e2e.progress.some((p) => p.waiting && /Waiting/.test(p.text)),
          last: e2e.progress.at(-1).waiting };
      }, checked(MODEL));
      await until(() => server.bytes(MODEL) >= 4 * MIB, "a third is on its way");
      await until(async () => (await list(page)).some((m) => m.storedBytes >= MIB), "some is stored");
      server.faults.clear();
      server.faults.set(MODEL, { status: 503, times: 40 });
      server.drop();
      await until(() => server.log.filter((e) => e.status === 503).length >= 3 * 5 + 1, "more tries than a wrong address gets");
      server.faults.clear();
      assert.deepEqual(await loading, { kept: true, waited: true, last: false });
    });

    test("a model in several files is one: by the address of its first part, or of any", async () => {
      const first = "/parts/parts-00001-of-00003.gguf";
      const parts = [first, "/parts/parts-00002-of-00003.gguf", "/parts/parts-00003-of-00003.gguf"];
      const manifest = `${first}.azulejo.json`;
      const bytes = () => parts.reduce((sum, part) => sum + server.bytes(part), 0);
      await page.evaluate((url) => e2e.load(url, { device: "cpu" }), MODEL);
      const text = await answer(page);
      assert.ok(text.length > 0);
      await page.evaluate(async () => {
        await e2e.dispose();
        for (const { id } of await azulejo.storage.list()) await azulejo.storage.delete(id);
      });
      for (const [model, verified] of [[parts[1], false], [{ url: first, manifest }, true]]) {
        server.log.length = 0;
        const { file } = await page.evaluate((model) => e2e.load(model, { device: "cpu" }), model);
        assert.equal(await answer(page), text);
        await page.evaluate(() => e2e.dispose());
        assert.deepEqual([file.verified, file.kept, file.bytes, bytes()], [verified, true, file.bytes, file.bytes]);
        assert.deepEqual((await list(page)).map((m) => [m.id, m.url, m.complete]), [[file.id, server.url(first), true]]);
        assert.equal(await has(page, model), true);
        await load(page, model);
        assert.equal(bytes(), file.bytes, "and from the store");
        const { bytes: told } = await page.evaluate((model) => azulejo.probe(model), verified ? { model: first, manifest } : { model: first });
        assert.equal(told, file.bytes);
      }
      const clear = () => page.evaluate(async () => {
        for (const { id } of await azulejo.storage.list()) await azulejo.storage.delete(id);
      });
      // Servers that know no ranges, and a byte that is wrong once in the last part.
      for (const model of [first, { url: first, manifest }]) {
        await clear();
        for (const part of parts) server.faults.set(part, { noRanges: true, ...(model.url && { flip: { at: 9, times: 1 } }) });
        await page.evaluate((model) => e2e.load(model, { device: "cpu" }), model);
        assert.equal(await answer(page), text);
        await page.evaluate(() => e2e.dispose());
      }
      await clear();
      server.reset();
      server.faults.set(parts[2], { status: 404 });
      await assert.rejects(load(page, first), (error) => error.code === "not_found" && error.told.includes("00003-of-00003"));
      // A manifest of parts at an address that is none.
      await assert.rejects(load(page, { url: MODEL, manifest }), { code: "integrity" });
    });

    test("what a page keeps by the names that an earlier page used is found and deleted", async () => {
      await load(page, checked(MODEL));
      await page.close();
      page = await browser.newPage(server.url("/pages/blank.html"));
      // In WebKit's private windows what is kept is gone with the last that uses it: so while the engine is there.
      const { file } = await page.evaluate((model) => e2e.load(model, { device: "cpu" }), checked(MODEL));
      assert.equal(file.kept, true);
      assert.deepEqual((await list(page)).map(({ id, storedBytes }) => [id, storedBytes]), [[file.id, size]]);
      assert.equal(await has(page, checked(MODEL)), true);
      await page.evaluate((id) => azulejo.storage.delete(id), file.id);
      assert.deepEqual(await list(page), []);
    });

    test("an entry of which no one knows what it is, is listed and deleted", async (t) => {
      if (notRun(t, name, "opfs")) return;
      await page.evaluate(async () => {
        const azulejo = await (await navigator.storage.getDirectory()).getDirectoryHandle("azulejo");
        const lost = await azulejo.getDirectoryHandle("lost", { create: true });
        await lost.getFileHandle("0", { create: true });
        await azulejo.getFileHandle("no-folder", { create: true });
      });
      await load(page, checked(MODEL));
      assert.deepEqual((await list(page)).map(({ id, bytes, complete }) => (complete ? bytes : id)).sort(), [size, "lost", "no-folder"]);
      await page.evaluate(() => azulejo.storage.delete("lost"));
      assert.deepEqual(await page.evaluate(async () => (await azulejo.storage.free({ unusedDays: 1 })).map((m) => m.id)), ["no-folder"]);
      assert.equal((await list(page)).length, 1);
    });

    test("a download that was begun at an earlier visit is waited for, though the server gave nothing yet", async () => {
      server.faults.set(MODEL, { hold: { after: 4 * MIB } });
      const stopped = page.evaluate(async (model) => {
        const stop = new AbortController();
        window.e2eStop = () => stop.abort(Object.assign(new Error("enough"), { code: "enough" }));
        await azulejo.download(model, { signal: stop.signal });
      }, checked(MODEL));
      stopped.catch(() => {});
      await until(async () => (await list(page)).some((m) => m.storedBytes >= MIB), "some is stored");
      await page.evaluate(() => e2eStop());
      await assert.rejects(stopped, { code: "enough" });
      // A new address may be a wrong one, and gets 5 tries for each of 3 chunks at a time.
      const fault = { status: 503, retryAfter: 0, times: 3 * 5 + 1 };
      server.faults.clear();
      server.faults.set(MODEL, structuredClone(fault));
      server.faults.set(OTHER, { ...fault, times: 1000 });
      assert.equal((await load(page, checked(MODEL))).kept, true);
      await assert.rejects(load(page, { url: OTHER, manifest: `${OTHER}.azulejo.json` }), { code: "network" });
    });

    test("what wasn't used for long goes first, by age or by room", async () => {
      const before = Date.now();
      await load(page, checked(MODEL));
      await load(page, OTHER);
      const free = (what) => page.evaluate(async (what) => (await azulejo.storage.free(what)).map((m) => m.url), what);
      const [first, second] = (await list(page)).sort((a, b) => a.lastUsed - b.lastUsed);
      assert.deepEqual([first.url, second.url], [server.url(MODEL), server.url(OTHER)]);
      assert.ok(first.lastUsed >= before && second.lastUsed <= Date.now());
      assert.deepEqual(await free({ unusedDays: 1 }), []);
      // Used again: now the other one is the older.
      await load(page, checked(MODEL));
      assert.deepEqual(await free({ bytes: 1 }), [server.url(OTHER)]);
      assert.deepEqual(await free({ bytes: 1, unusedDays: 1 }), []);
      assert.deepEqual(await free({ unusedDays: 0 }), [server.url(MODEL)]);
      assert.deepEqual(await list(page), []);
      await assert.rejects(free({}), { code: "invalid_argument" });
      await assert.rejects(free({ bytes: -1 }), { code: "invalid_argument" });
    });
  });
}
