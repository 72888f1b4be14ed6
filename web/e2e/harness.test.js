// The harness itself: each engine starts, runs code, keeps its profile through a crash, has the devices that
// `ABILITIES` says, and the strict policy is in force; and each fault of the server is the fault that it says.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { CONFIGURATIONS, lack, launch, notRun } from "./harness/browsers.js";
import { until } from "./harness/page.js";
import { serve } from "./harness/server.js";

const PAGES = fileURLToPath(new URL("pages/", import.meta.url));

/** Doubles seven numbers on the GPU: the sum of them, and the adapter's features. */
async function doubled() {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return null;
  const device = await adapter.requestDevice();
  const values = new Float32Array([1, 2, 3, 4, 5, 6, 7.5]);
  const usage = GPUBufferUsage;
  const input = device.createBuffer({ size: 28, usage: usage.STORAGE | usage.COPY_DST | usage.COPY_SRC });
  const output = device.createBuffer({ size: 28, usage: usage.MAP_READ | usage.COPY_DST });
  device.queue.writeBuffer(input, 0, values);
  const module = device.createShaderModule({
    code: `@group(0) @binding(0) var<storage, read_write> v: array<f32>;
           @compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3u) {
             if (id.x < arrayLength(&v)) { v[id.x] = v[id.x] + v[id.x]; }
           }`,
  });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: input } }],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(input, 0, output, 0, 28);
  device.queue.submit([encoder.finish()]);
  await output.mapAsync(GPUMapMode.READ);
  const sum = new Float32Array(output.getMappedRange()).reduce((a, b) => a + b);
  const features = [...adapter.features];
  device.destroy();
  return { sum, features };
}

for (const name of CONFIGURATIONS) {
  describe(name, () => {
    let server, browser;
    before(async () => {
      server = await serve({ "/pages/": PAGES });
      browser = await launch(name);
    });
    after(async () => {
      await browser?.close();
      await server?.close();
    });

    test("code runs in a page, values and errors come back", async () => {
      const page = await browser.newPage(server.url("/pages/empty.html"));
      assert.deepEqual(await page.evaluate(async (a, b) => [await a, { b }, null], 1, "é🧩"), [1, { b: "é🧩" }, null]);
      assert.equal(await page.evaluate("1 + 1"), 2);
      await assert.rejects(
        page.evaluate(() => {
          throw Object.assign(new Error("a message"), { code: "a_code", hint: "a hint" });
        }),
        { code: "a_code", hint: "a hint", told: "a message" },
      );
      assert.ok(await page.evaluate(() => typeof WebAssembly === "object"));
      await page.close();
    });

    test("two pages work at the same time", async () => {
      const first = await browser.newPage(server.url("/pages/empty.html"));
      const second = await browser.newPage(server.url("/pages/empty.html"));
      const waits = first.evaluate(() => new Promise((done) => {
        new BroadcastChannel("meeting").onmessage = (e) => done(e.data);
      }));
      const asks = second.evaluate(async () => {
        const channel = new BroadcastChannel("meeting");
        for (let i = 0; i < 50; i++) {
          channel.postMessage("here");
          await new Promise((done) => setTimeout(done, 20));
        }
      });
      assert.equal(await waits, "here");
      await asks;
      await first.close();
      await second.close();
    });

    test("the strict policy is in force and its violations are heard", async () => {
      server.reset();
      const page = await browser.newPage(server.url("/pages/forbidden.html"));
      const tried = await page.evaluate(() => window.e2eTried);
      assert.deepEqual(tried, { otherOrigin: "refused", blobWorker: "refused", eval: "refused", wasm: "done" });
      const heard = await page.evaluate(() => window.e2eViolations);
      assert.ok(heard.some((v) => v.startsWith("connect-src")), heard.join("\n"));
      await until(() => server.violations.length >= 1, "the server is told of them");
      await page.close();
    });

    test("WebGPU runs a kernel", async (t) => {
      const page = await browser.newPage(server.url("/pages/empty.html"));
      const answer = await page.evaluate(doubled);
      await page.close();
      if (lack(name, "webgpu")) {
        assert.equal(answer, null, "this configuration has no WebGPU");
        return notRun(t, name, "webgpu");
      }
      assert.equal(answer.sum, 57);
      assert.equal(answer.features.includes("subgroups"), name === "chromium");
      assert.equal(answer.features.includes("shader-f16"), name === "firefox");
    });

    test("the profile outlives a crash", async (t) => {
      if (notRun(t, name, "profile")) return;
      const page = await browser.newPage(server.url("/pages/empty.html"));
      await page.evaluate(async () => {
        const root = await navigator.storage.getDirectory();
        const file = await root.getFileHandle("kept", { create: true });
        const writable = await file.createWritable();
        await writable.write("still here");
        await writable.close();
      });
      await browser.kill();
      await browser.restart();
      const again = await browser.newPage(server.url("/pages/empty.html"));
      const text = await again.evaluate(async () => {
        const root = await navigator.storage.getDirectory();
        return (await (await root.getFileHandle("kept")).getFile()).text();
      });
      assert.equal(text, "still here");
      await again.close();
    });
  });
}

describe("the server", () => {
  let server, folder;
  const size = 300_001;
  const path = "/files/data.bin";
  const whole = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 255));
  const get = (headers = {}) => fetch(server.url(path), { headers });
  const bytes = async (response) => Buffer.from(await response.arrayBuffer());
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "azulejo-e2e-server-"));
    await writeFile(join(folder, "data.bin"), whole);
    server = await serve({ "/files/": folder });
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });
  const fault = (value) => (server.reset(), server.faults.set(path, value));

  test("whole files and ranges", async () => {
    server.reset();
    assert.deepEqual(await bytes(await get()), whole);
    const part = await get({ range: "bytes=100-299" });
    assert.equal(part.status, 206);
    assert.equal(part.headers.get("content-range"), `bytes 100-299/${size}`);
    assert.deepEqual(await bytes(part), whole.subarray(100, 300));
    assert.equal((await get({ range: `bytes=${size}-` })).status, 416);
    assert.equal(server.bytes(path), size + 200);
    assert.equal((await fetch(server.url("/files/../package.json"))).status, 404);
  });

  test("faults are what they say", async () => {
    fault({ noRanges: true });
    assert.equal((await get({ range: "bytes=0-9" })).status, 200);
    fault({ status: 503, retryAfter: 1, times: 1 });
    const busy = await get();
    assert.deepEqual([busy.status, busy.headers.get("retry-after")], [503, "1"]);
    assert.equal((await get()).status, 200);
    fault({ cut: { after: 70_000, times: 1 } });
    await assert.rejects(get().then(bytes));
    assert.equal(server.bytes(path), 70_000);
    assert.equal((await bytes(await get())).length, size);
    fault({ short: { by: 10 } });
    assert.equal((await bytes(await get({ range: "bytes=0-99" }))).length, 90);
    fault({ total: 5 });
    assert.equal((await get({ range: "bytes=0-1" })).headers.get("content-range"), "bytes 0-1/5");
    fault({ flip: { at: 150, times: 1 } });
    const wrong = await bytes(await get({ range: "bytes=100-199" }));
    assert.equal(wrong[50], whole[150] ^ 1);
    assert.deepEqual(await bytes(await get({ range: "bytes=100-199" })), whole.subarray(100, 200));
  });

  test("a held file stops at its byte and goes on when let go", async () => {
    fault({ hold: { after: 100_000 } });
    const pending = get().then(bytes);
    await new Promise((done) => setTimeout(done, 200));
    assert.equal(server.bytes(path), 100_000);
    server.faults.clear();
    assert.deepEqual(await pending, whole);
  });
});
