// What `probe` says of a device, in a worker as on the page: its answer is made of codes and numbers.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { ENGINES, launch } from "./harness/browsers.js";
import { site } from "./harness/site.js";

const GIB = 2 ** 30;
/** A manifest of a model that takes so many bytes of memory. */
function manifestOf(weights) {
  const hash = Buffer.alloc(32);
  const root = createHash("sha256").update(hash).digest("hex");
  const memory = { weights, kv_per_position: 0, activations: 0 };
  return { format: "azulejo-manifest-1", file: "a.gguf", bytes: 1000, chunk_bytes: 1000, chunks: [hash.toString("hex")], root, memory };
}

/** What a device's browser tells: a phone doesn't tell its memory, laptops may have a touch screen. */
const DEVICES = {
  phone: { maxTouchPoints: 5, platform: "Linux armv8l", isCoarse: true },
  tablet: { maxTouchPoints: 5, platform: "MacIntel", isCoarse: false },
  touchLaptop: { maxTouchPoints: 10, platform: "Win32", isCoarse: false },
  desktop: { maxTouchPoints: 0, platform: "Linux x86_64", isCoarse: false },
  small: { maxTouchPoints: 5, platform: "Linux armv8l", isCoarse: true, deviceMemory: 2 },
};

let server;
before(async () => (server = await site()));
after(() => server?.close());

for (const name of ENGINES) {
  describe(name, () => {
    let browser, page;
    before(async () => {
      browser = await launch(name);
      page = await browser.newPage(server.url("/pages/blank.html"));
    });
    after(() => browser?.close());

    /** The verdict and the codes of what a device would be told of a model; of the CPU or GPU nothing is compared. */
    const judged = (device, weights, worker) =>
      page.evaluate(async (device, manifest, worker) => {
        const { isCoarse, ...told } = device;
        const own = { deviceMemory: undefined, ...told };
        for (const [name, value] of Object.entries(own)) Object.defineProperty(navigator, name, { value, configurable: true });
        const { matchMedia } = window;
        window.matchMedia = (query) => ({ matches: query === "(pointer: coarse)" && isCoarse });
        const { verdict, reasons } = await azulejo.probe({ manifest, worker });
        window.matchMedia = matchMedia;
        const unlike = ["on_cpu", "gpu_is_software"];
        return { verdict, reasons: reasons.filter(({ code }) => !unlike.includes(code)) };
      }, device, manifestOf(weights), worker);

    for (const worker of [true, false]) {
      test(`each kind of device gets its own answer, worker: ${worker}`, async () => {
        const needed = 1.5e9;
        const codes = async (kind, weights = needed) => {
          const { verdict, reasons } = await judged(DEVICES[kind], weights, worker);
          for (const { text, parameters } of reasons) {
            assert.ok(text.length > 10);
            assert.equal(parameters.needed, weights);
          }
          return [verdict, ...reasons.map(({ code }) => code)];
        };
        for (const kind of ["phone", "tablet"]) {
          assert.deepEqual(await codes(kind), ["no", "memory_needed", "memory_short"], kind);
          assert.deepEqual(await codes(kind, 8e8), ["tight", "memory_needed", "memory_tight"], kind);
          assert.deepEqual(await codes(kind, 1e8), ["fits", "memory_needed"], kind);
        }
        for (const kind of ["desktop", "touchLaptop"]) assert.deepEqual((await codes(kind)).slice(1), ["memory_needed"], kind);
        assert.deepEqual(await codes("small"), ["tight", "memory_needed", "memory_tight"]);
        assert.deepEqual(await codes("small", 2 * GIB), ["no", "memory_needed", "memory_short"]);
        const { reasons } = await judged(DEVICES.small, 2 * GIB, worker);
        assert.deepEqual(reasons.at(-1).parameters, { needed: 2 * GIB, free: 2 * GIB });
      });
    }

    test("a model of a size that nobody tells is unknown, and an address that is none is an error", async () => {
      const { verdict, bytes } = await page.evaluate(() => azulejo.probe({ model: "/models/demo.gguf" }));
      assert.ok(bytes > 1e6 && verdict !== "unknown");
      assert.equal((await page.evaluate(() => azulejo.probe())).verdict, "unknown");
      await assert.rejects(page.evaluate(() => azulejo.probe({ model: "/models/none.gguf" })), { code: "not_found" });
      await assert.rejects(page.evaluate(() => azulejo.probe({ modle: "/models/demo.gguf" })), { code: "invalid_argument" });
    });

    test("a file that the visitor chose is judged by its size", async () => {
      for (const worker of [true, false]) {
        const told = await page.evaluate(async (worker) => {
          const bytes = new Uint8Array(1000);
          const models = [new File([bytes], "a.gguf"), bytes, { file: new Blob([bytes]) }];
          return Promise.all(models.map((model) => azulejo.probe({ model, worker })));
        }, worker);
        assert.deepEqual(told.map(({ bytes, memory }) => [bytes, memory.weights]), Array(3).fill([1000, 1000]));
      }
    });

    test("a signal ends the asking with its own reason", async () => {
      const reason = await page.evaluate(async () => {
        const stop = new AbortController();
        // Aborted while the engine's module is fetched.
        const asked = azulejo.probe({ model: "/models/demo.gguf", signal: stop.signal });
        stop.abort("enough");
        return asked.then(() => "answered", (error) => error);
      });
      assert.equal(reason, "enough");
    });
  });
}
