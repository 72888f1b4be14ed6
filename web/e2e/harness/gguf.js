// Makes a GGUF of any size with random weights and the embedded model's tokenizer: for tests of downloads and memory.
//
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

import { open, readFile } from "node:fs/promises";

const ALIGN = 32;
const SCALARS = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const [STRING, ARRAY, U32, F32] = [8, 9, 4, 6];
// Blocks of 32 weights behind an f16 scale; `deviation` is that of the stored integers when all bits are random.
const FORMATS = {
  Q4_0: { id: 2, block: 18, deviation: 4.61 },
  Q8_0: { id: 8, block: 34, deviation: 73.9 },
};

/** The metadata of a GGUF as pairs of a key and its value's bytes, type included. */
function metadata(file) {
  let at = 24;
  const pairs = new Map();
  const u32 = () => ((at += 4), file.readUInt32LE(at - 4));
  const u64 = () => ((at += 8), Number(file.readBigUInt64LE(at - 8)));
  const skip = (type) => {
    if (type === STRING) {
      const length = u64();
      at += length;
    } else if (type === ARRAY) {
      const [inner, count] = [u32(), u64()];
      for (let i = 0; i < count; i++) skip(inner);
    } else at += SCALARS[type];
  };
  for (let left = Number(file.readBigUInt64LE(16)); left > 0; left--) {
    const length = u64();
    const key = file.toString("utf8", at, (at += length));
    const start = at;
    skip(u32());
    pairs.set(key, file.subarray(start, at));
  }
  return pairs;
}

const u32 = (n) => {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(n);
  return b;
};
const u64 = (n) => {
  const b = Buffer.alloc(8);
  b.writeBigUInt64LE(BigInt(n));
  return b;
};
const f32 = (x) => {
  const b = Buffer.alloc(4);
  b.writeFloatLE(x);
  return b;
};
const text = (s) => Buffer.concat([u64(Buffer.byteLength(s)), Buffer.from(s)]);

/** The bits of an f16; enough for the small positive normal numbers that scales are. */
function f16(x) {
  const exponent = Math.floor(Math.log2(x));
  return ((exponent + 15) << 10) | (Math.floor((x / 2 ** exponent - 1) * 1024) & 1023);
}

/** A stretch of about 1 MiB of blocks with the scale at each one's start and random bits behind it. */
function noise({ block, deviation }, cols, gain, seed) {
  const pool = Buffer.alloc(Math.floor((1 << 20) / block) * block);
  let state = seed | 1;
  for (let at = 0; at + 4 <= pool.length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    pool.writeInt32LE(state | 0, at);
  }
  const scale = f16(gain / (deviation * Math.sqrt(cols)));
  for (let at = 0; at < pool.length; at += block) pool.writeUInt16LE(scale, at);
  return pool;
}

/**
 * Writes a Llama of the shape `{layers, hidden, ffn, heads, kvHeads, format = "Q8_0", context = 512, seed = 1}` to
 * `name`, with tokenizer and template of the GGUF `from`. Returns its size in bytes.
 */
export async function makeGguf(name, from, shape) {
  const { layers, hidden, ffn, heads, kvHeads, format = "Q8_0", context = 512, seed = 1 } = shape;
  const donor = metadata(await readFile(from));
  const vocabulary = Number(donor.get("tokenizer.ggml.tokens").readBigUInt64LE(8));
  const head = hidden / heads;
  const set = (key, type, value) => donor.set(key, Buffer.concat([u32(type), value]));
  set("general.name", STRING, text(`random ${layers}x${hidden}`));
  set("general.description", STRING, text("Random weights, for tests"));
  donor.delete("general.size_label");
  const sizes = {
    "llama.block_count": layers,
    "llama.context_length": context,
    "llama.embedding_length": hidden,
    "llama.feed_forward_length": ffn,
    "llama.attention.head_count": heads,
    "llama.attention.head_count_kv": kvHeads,
    "llama.attention.key_length": head,
    "llama.attention.value_length": head,
    "llama.rope.dimension_count": head,
  };
  for (const [key, value] of Object.entries(sizes)) set(key, U32, u32(value));
  set("llama.rope.freq_base", F32, f32(10000));

  const tensors = [];
  let offset = 0;
  const tensor = (label, cols, rows, gain = 1) => {
    const bytes = rows ? (rows * cols * FORMATS[format].block) / 32 : cols * 4;
    tensors.push({ label, cols, rows, gain, bytes, offset });
    offset += Math.ceil(bytes / ALIGN) * ALIGN;
  };
  tensor("token_embd.weight", hidden, vocabulary);
  tensor("output_norm.weight", hidden);
  for (let i = 0; i < layers; i++) {
    const at = `blk.${i}.`;
    tensor(`${at}attn_norm.weight`, hidden);
    tensor(`${at}attn_q.weight`, hidden, hidden);
    tensor(`${at}attn_k.weight`, hidden, head * kvHeads);
    tensor(`${at}attn_v.weight`, hidden, head * kvHeads);
    tensor(`${at}attn_output.weight`, hidden, hidden, 0.4);
    tensor(`${at}ffn_norm.weight`, hidden);
    tensor(`${at}ffn_gate.weight`, hidden, ffn);
    tensor(`${at}ffn_up.weight`, hidden, ffn);
    tensor(`${at}ffn_down.weight`, ffn, hidden, 0.4);
  }

  const header = [Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(donor.size)];
  for (const [key, value] of donor) header.push(text(key), value);
  for (const { label, cols, rows, offset } of tensors) {
    const dimensions = rows ? [cols, rows] : [cols];
    header.push(text(label), u32(dimensions.length), ...dimensions.map(u64));
    header.push(u32(rows ? FORMATS[format].id : 0), u64(offset));
  }
  const prefix = Buffer.concat(header);
  const data = Math.ceil(prefix.length / ALIGN) * ALIGN;
  const file = await open(name, "w");
  try {
    await file.write(prefix, 0, prefix.length, 0);
    const pools = new Map();
    for (const [index, { cols, rows, gain, bytes, offset }] of tensors.entries()) {
      let pool;
      if (rows) {
        const key = `${cols} ${gain}`;
        pools.has(key) || pools.set(key, noise(FORMATS[format], cols, gain, seed + pools.size * 7919));
        pool = pools.get(key);
      } else {
        pool = Buffer.concat(Array(cols).fill(f32(1)));
      }
      // Each tensor begins elsewhere in the noise, so that no two are the same.
      let from = rows ? ((index * 1009) % (pool.length / FORMATS[format].block)) * FORMATS[format].block : 0;
      for (let at = 0; at < bytes; from = 0) {
        const part = Math.min(bytes - at, pool.length - from);
        await file.write(pool, from, part, data + offset + at);
        at += part;
      }
    }
    await file.truncate(data + offset);
  } finally {
    await file.close();
  }
  return data + offset;
}
