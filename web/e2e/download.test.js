// Downloads: resumed after a crash, checked chunk by chunk, shared by tabs, and clear about each thing a server does wrong.
//
// All on the CPU, since the device has no part in it. What is counted are the bytes that the server handed out.

import assert from "node:assert/strict";
import { rm, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";

import { ENGINES, lack, launch, notRun } from "./harness/browsers.js";
import { until } from "./harness/page.js";
import { CHUNK, serveRandom, site } from "./harness/site.js";

const MODEL = "/models/random.gguf";
const MANIFEST = `${MODEL}.azulejo.json`;
const ASK = "Onde posso renovar o cartão de cidadão?";
// A chunk in the middle of the file, and a byte within it.
const BAD = 20;
const BAD_BYTE = BAD * CHUNK + 1234;
const MIB = 1 << 20;

let server, folder, size;
before(async () => {
  server = await site();
  folder = await mkdtemp(join(tmpdir(), "azulejo-e2e-download-"));
  size = await serveRandom(server, folder);
});
after(async () => {
  await server?.close();
  if (folder) await rm(folder, { recursive: true });
});

const load = (page, options = {}) =>
  page.evaluate((model, o) => e2e.load(model, o), { url: MODEL, manifest: MANIFEST, ...options.model }, {
    device: "cpu",
    ...options.engine,
  });
const loadPlain = (page) => page.evaluate((url) => e2e.load(url, { device: "cpu" }), MODEL);
const answer = async (page) => (await page.evaluate((p) => e2e.ask(p, { max_tokens: 12 }), ASK)).text;
/** Waits until a good part of the file is in the store. */
const someStored = (page) =>
  until(
    () => page.evaluate(async () => (await azulejo.storage.list()).some((model) => model.storedBytes >= 3 * (1 << 20))),
    "3 MiB are stored",
  );
const dispose = (page) => page.evaluate(() => e2e.dispose());
const clear = (page) =>
  page.evaluate(async () => {
    await e2e.dispose();
    for (const { id } of await azulejo.storage.list()) await azulejo.storage.delete(id);
  });

/** Writes the files of a chunk in the origin private file system anew, a byte flipped, or empty: how many there are. */
const rewrite = (page, chunk, flip = null) =>
  page.evaluate(async (chunk, flip) => {
    let done = 0;
    const visit = async (folder) => {
      for await (const entry of folder.values()) {
        if (entry.kind === "directory") await visit(entry);
        else if (entry.name === String(chunk)) {
          const bytes = new Uint8Array(flip === null ? 0 : await (await entry.getFile()).arrayBuffer());
          if (flip !== null) bytes[flip] ^= 1;
          const writable = await entry.createWritable();
          await writable.write(bytes);
          await writable.close();
          done += 1;
        }
      }
    };
    await visit(await navigator.storage.getDirectory());
    return done;
  }, chunk, flip);

for (const name of ENGINES) {
  describe(name, () => {
    let browser, page, text;
    const open = async () => (page = await browser.newPage(server.url("/pages/blank.html")));
    before(async () => {
      browser = await launch(name);
      await open();
    });
    after(() => browser?.close());
    beforeEach(async () => {
      await clear(page);
      server.reset();
    });

    test("a load reads the file once, a second load reads nothing", async () => {
      const info = await load(page);
      text = await answer(page);
      assert.ok(text.length > 0);
      assert.equal(info.file.verified, true);
      assert.equal(info.file.storage, lack(name, "opfs") ? "cache-api" : "opfs");
      assert.equal(server.bytes(MODEL), size);
      await dispose(page);
      server.log.length = 0;
      await load(page);
      assert.equal(await answer(page), text);
      assert.equal(server.bytes(MODEL), 0);
    });

    test("without a manifest it loads and says that nothing was verified", async () => {
      const info = await loadPlain(page);
      assert.equal(info.file.verified, false);
      assert.equal(await answer(page), text);
    });

    test("a browser that crashed in mid-download goes on from there", async (t) => {
      if (notRun(t, name, "profile")) return;
      server.faults.set(MODEL, { hold: { after: 6 * MIB } });
      load(page).catch(() => {});
      await until(() => server.bytes(MODEL) >= 6 * MIB, "half of the file is on its way");
      await someStored(page);
      await browser.kill();
      server.reset();
      await browser.restart();
      await open();
      await load(page);
      assert.ok(server.bytes(MODEL) < size - 2 * MIB, `${server.bytes(MODEL)} of ${size} bytes were fetched again`);
      assert.ok(server.bytes(MODEL) >= size - 6 * MIB, "what was never sent was fetched");
      assert.equal(await answer(page), text);
    });

    for (const [what, leave] of [
      ["a tab closed in mid-download is gone on from by another", (left) => left.close()],
      // The page may be kept, frozen, for the visitor's way back.
      ["a page left in mid-download does not hold up another", (left) => left.goto(server.url("/pages/empty.html"))],
    ]) {
      test(what, async () => {
        // Open before: the download takes all connections that a browser makes to a server. And WebKit's private
        // windows forget what a site stored when its last page goes.
        const left = page;
        await open();
        server.faults.set(MODEL, { hold: { after: 6 * MIB } });
        load(left).catch(() => {});
        await someStored(page);
        const leaving = leave(left);
        server.reset();
        await leaving;
        await load(page);
        assert.ok(server.bytes(MODEL) < size, `${server.bytes(MODEL)} of ${size} bytes were fetched again`);
        assert.equal(await answer(page), text);
        await left.close().catch(() => {});
      });
    }

    test("a flipped byte is fetched once more", async () => {
      server.faults.set(MODEL, { flip: { at: BAD_BYTE, times: 1 } });
      await load(page);
      assert.equal(await answer(page), text);
      assert.ok(server.bytes(MODEL) >= size + CHUNK, "the chunk was fetched twice");
      assert.ok(server.bytes(MODEL) <= size + 8 * CHUNK, "and little else");
    });

    test("a byte that stays flipped is refused, and the chunk is named", async () => {
      server.faults.set(MODEL, { flip: { at: BAD_BYTE } });
      await assert.rejects(load(page), (error) => {
        assert.equal(error.code, "integrity", error.told);
        assert.match(error.told, new RegExp(`\\b${BAD}\\b`));
        return true;
      });
      const tries = server.log.filter((entry) => {
        const [, from, to] = /bytes=(\d+)-(\d*)/.exec(entry.range ?? "") ?? [];
        return entry.path === MODEL && from && Number(from) <= BAD_BYTE && (to === "" || BAD_BYTE <= Number(to));
      });
      assert.equal(tries.length, 2, JSON.stringify(tries));
      // Good chunks were kept, the bad one was not.
      server.reset();
      await load(page);
      assert.equal(await answer(page), text);
      assert.ok(server.bytes(MODEL) >= CHUNK && server.bytes(MODEL) <= size, `${server.bytes(MODEL)} bytes`);
    });

    test("a byte that is wrong in the store is noticed", async (t) => {
      if (notRun(t, name, "opfs")) return;
      await load(page);
      await dispose(page);
      assert.equal(await rewrite(page, BAD, BAD_BYTE % CHUNK), 1, "the store has a file a chunk");
      server.reset();
      await load(page);
      assert.equal(await answer(page), text);
      assert.ok(server.bytes(MODEL) >= CHUNK, "the chunk was fetched again");
      assert.ok(server.bytes(MODEL) <= 8 * CHUNK, "and little else");
    });

    test("another root hash than the pinned one is refused before any weight is fetched", async () => {
      await assert.rejects(load(page, { model: { root: "0".repeat(64) } }), { code: "integrity" });
      assert.equal(server.bytes(MODEL), 0);
    });

    test("a server without ranges works", async () => {
      server.faults.set(MODEL, { noRanges: true });
      await load(page);
      assert.equal(await answer(page), text);
    });

    test("connections that are cut three times are taken up again", async () => {
      server.faults.set(MODEL, { cut: { after: 700_000, times: 3 } });
      await load(page);
      assert.equal(await answer(page), text);
      assert.ok(server.bytes(MODEL) < size + 3 * MIB, "what had come was kept");
    });

    test("answers that end early are taken up again", async () => {
      server.faults.set(MODEL, { short: { by: 1000, times: 2 } });
      await load(page);
      assert.equal(await answer(page), text);
    });

    test("a busy server is asked again", async () => {
      server.faults.set(MODEL, { status: 503, retryAfter: 1, times: 2 });
      await load(page);
      assert.equal(await answer(page), text);
    });

    for (const [what, fault, codes] of [
      ["a server that is always busy", { status: 503, retryAfter: 0 }, ["network"]],
      ["connections that are always cut at once", { cut: { after: 10 } }, ["network"]],
      ["a model that is not there", { status: 404 }, ["not_found"]],
      ["a server that refuses every range", { status: 416 }, ["network", "integrity"]],
      ["a server that lies about the size", { total: 5_000_000 }, ["network", "integrity"]],
    ]) {
      test(`${what}: a clear error, and the next load is well`, async () => {
        server.faults.set(MODEL, structuredClone(fault));
        await assert.rejects(load(page), (error) => {
          assert.ok(codes.includes(error.code), `${error.code}: ${error.told}`);
          assert.ok(error.hint, "it says what to do");
          return true;
        });
        server.reset();
        await load(page);
        assert.equal(await answer(page), text);
      });
    }

    test("a manifest that is not there is a clear error", async () => {
      server.faults.set(MANIFEST, { status: 404 });
      await assert.rejects(load(page), { code: "not_found" });
      assert.equal(server.bytes(MODEL), 0);
    });

    test("a file that changes between two visits is not mixed", async () => {
      // Without a manifest chunks have 4 MiB, and all come at the same time: one is missing a byte.
      server.faults.set(MODEL, { etag: '"old"', hold: { after: size - 1 } });
      loadPlain(page).catch(() => {});
      await someStored(page);
      await page.close();
      server.reset();
      server.faults.set(MODEL, { etag: '"new"' });
      await open();
      await loadPlain(page);
      assert.equal(await answer(page), text);
      assert.ok(server.bytes(MODEL) >= size, "all of it was fetched anew");
    });

    test("two tabs download once", async () => {
      const second = await browser.newPage(server.url("/pages/blank.html"));
      server.faults.set(MODEL, { bytesPerSecond: 3e6 });
      await Promise.all([load(page), load(second)]);
      assert.equal(await answer(page), text);
      assert.equal(await answer(second), text);
      await dispose(second);
      await second.close();
      assert.ok(server.bytes(MODEL) < size + 4 * CHUNK, `${server.bytes(MODEL)} bytes of ${size}`);
    });

    test("what is stored is listed, counted and deleted", async () => {
      assert.deepEqual(await page.evaluate(() => azulejo.storage.list()), []);
      await load(page);
      await dispose(page);
      const list = await page.evaluate(() => azulejo.storage.list());
      assert.equal(list.length, 1);
      assert.equal(list[0].url, server.url(MODEL));
      assert.equal(list[0].bytes, size);
      assert.equal(list[0].complete, true);
      const usage = await page.evaluate(() => azulejo.storage.usage());
      assert.ok(usage.models >= size, JSON.stringify(usage));
      await clear(page);
      assert.deepEqual(await page.evaluate(() => azulejo.storage.list()), []);
      server.reset();
      await load(page);
      assert.equal(server.bytes(MODEL), size, "it is really gone");
    });

    test("a chunk whose write was only begun is not counted as stored", async (t) => {
      if (notRun(t, name, "opfs")) return;
      await load(page);
      await dispose(page);
      assert.equal(await rewrite(page, BAD), 1);
      const [model] = await page.evaluate(() => azulejo.storage.list());
      assert.equal(model.storedBytes, size - CHUNK);
      assert.equal(model.complete, false);
      server.reset();
      await load(page);
      assert.equal(server.bytes(MODEL), CHUNK, "it alone is fetched");
      assert.equal((await page.evaluate(() => azulejo.storage.list()))[0].complete, true);
    });

    test("a cancelled download keeps what it has", async () => {
      server.faults.set(MODEL, { hold: { after: 6 * MIB } });
      await assert.rejects(
        page.evaluate(async (url, manifest) => {
          const abort = new AbortController();
          const watch = setInterval(async () => {
            const list = await azulejo.storage.list();
            if (list.some((model) => model.storedBytes >= 3 * (1 << 20))) abort.abort();
          }, 50);
          await e2e.load({ url, manifest }, { device: "cpu", signal: abort.signal }).finally(() => clearInterval(watch));
        }, MODEL, MANIFEST),
        { name: "AbortError" },
      );
      server.reset();
      await load(page);
      assert.ok(server.bytes(MODEL) < size - 2 * MIB, `${server.bytes(MODEL)} of ${size} bytes were fetched again`);
      assert.equal(await answer(page), text);
    });

    test("where there is no room: an error before the download, or a load that keeps nothing and says so", async (t) => {
      if (notRun(t, name, "opfs")) return;
      // Browsers don't tell the truth about it any more; on the page itself it can be told for them.
      await page.evaluate(() => {
        window.e2eEstimate = StorageManager.prototype.estimate;
        StorageManager.prototype.estimate = async () => ({ quota: 5 << 20, usage: 0 });
      });
      const here = { worker: false };
      await assert.rejects(load(page, { engine: { ...here, cache: "opfs" } }), { code: "storage_full" });
      assert.equal(server.bytes(MODEL), 0);
      const info = await load(page, { engine: here });
      assert.equal(info.file.storage, "memory");
      assert.equal(info.file.kept, false);
      assert.match(info.file.note, /not kept/);
      assert.equal(await answer(page), text);
      await page.evaluate(() => (StorageManager.prototype.estimate = window.e2eEstimate) && null);
      assert.deepEqual(await page.evaluate(() => azulejo.storage.list()), [], "nothing is left behind");
    });

    test("a disk that gets full in mid-download where it is to be kept: a clear error, and it goes on from there", async (t) => {
      if (notRun(t, name, "quota")) return;
      server.faults.set(MODEL, { hold: { after: 6 * MIB } });
      const loading = load(page, { engine: { cache: "opfs" } });
      loading.catch(() => {});
      await someStored(page);
      await page.setQuota(1 * MIB);
      server.faults.clear();
      await assert.rejects(loading, { code: "storage_full" });
      await page.setQuota(undefined);
      const [{ storedBytes, complete }] = await page.evaluate(() => azulejo.storage.list());
      assert.ok(!complete && storedBytes >= 3 * MIB, `${storedBytes} bytes stay`);
      server.reset();
      await load(page);
      assert.equal(server.bytes(MODEL), size - storedBytes);
      assert.equal(await answer(page), text);
    });
  });
}
