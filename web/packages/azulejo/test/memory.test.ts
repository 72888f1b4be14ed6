// A model that a device can't hold is refused before it is downloaded.

import assert from "node:assert/strict";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { serve } from "../../../e2e/harness/server.js";
import type { AzulejoError } from "../src/index.js";
import { demo } from "./demo.js";

const all = demo();

/** A GGUF's header: metadata of texts, numbers and floats, and F16 tensors one after the other. */
function header(metadata: [string, string | number][], tensors: [string, number[]][]): { bytes: Buffer; total: number } {
  const u32 = (n: number) => Buffer.from(Uint32Array.of(n).buffer);
  const u64 = (n: number) => Buffer.from(BigUint64Array.of(BigInt(n)).buffer);
  const text = (t: string) => Buffer.concat([u64(t.length), Buffer.from(t)]);
  const value = (v: string | number) => {
    if (typeof v === "string") return Buffer.concat([u32(8), text(v)]);
    return Number.isInteger(v) ? Buffer.concat([u32(4), u32(v)]) : Buffer.concat([u32(6), Buffer.from(Float32Array.of(v).buffer)]);
  };
  let offset = 0;
  const infos = tensors.map(([name, dims]) => {
    const info = Buffer.concat([text(name), u32(dims.length), ...dims.map(u64), u32(1), u64(offset)]);
    offset += Math.ceil((dims.reduce((a, b) => a * b) * 2) / 32) * 32;
    return info;
  });
  const pairs = metadata.map(([key, v]) => Buffer.concat([text(key), value(v)]));
  const start = [Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(metadata.length)];
  const bytes = Buffer.concat([...start, ...pairs, ...infos]);
  return { bytes, total: Math.ceil(bytes.length / 32) * 32 + offset };
}

test("memory_of a device that can't hold a model: said before the download", async () => {
  const width = 4096;
  const layer = (i: number): [string, number[]][] => [
    [`blk.${i}.attn_norm.weight`, [width]],
    ...["attn_q", "attn_k", "attn_v", "attn_output"].map((n): [string, number[]] => [`blk.${i}.${n}.weight`, [width, width]]),
    [`blk.${i}.ffn_norm.weight`, [width]],
    [`blk.${i}.ffn_gate.weight`, [width, 11008]],
    [`blk.${i}.ffn_up.weight`, [width, 11008]],
    [`blk.${i}.ffn_down.weight`, [11008, width]],
  ];
  const layers = 32;
  const { bytes, total } = header(
    [
      ["general.architecture", "llama"], ["llama.block_count", layers], ["llama.context_length", 4096],
      ["llama.embedding_length", width], ["llama.feed_forward_length", 11008], ["llama.attention.head_count", 32],
      ["llama.attention.head_count_kv", 32], ["llama.rope.dimension_count", 128],
      ["llama.attention.layer_norm_rms_epsilon", 1e-5],
    ],
    [
      ["token_embd.weight", [width, 32000]], ...Array.from({ length: layers }, (_, i) => layer(i)).flat(),
      ["output_norm.weight", [width]], ["output.weight", [width, 32000]],
    ],
  );
  const folder = await mkdtemp(join(tmpdir(), "azulejo-"));
  const large = await open(join(folder, "large.gguf"), "w");
  // A file with a hole: it takes no room.
  await large.write(bytes);
  await large.truncate(total);
  await large.close();
  const files = await serve({ "/": folder });
  try {
    const path = "/large.gguf";
    const error: AzulejoError = await all.load({ device: "auto" }, files.url(path)).then(
      () => assert.fail("it was loaded"),
      (error) => error,
    );
    assert.equal(error.code, "out_of_memory", error.message);
    assert.ok(Number(error.parameters.needed) > 13e9 && error.parameters.free === 2 ** 32, JSON.stringify(error.parameters));
    assert.ok(files.bytes(path) < 64e6, `${files.bytes(path)} bytes of ${total} were downloaded`);
  } finally {
    await files.close();
    await rm(folder, { recursive: true });
  }
});
