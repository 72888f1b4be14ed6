//! The cases.

use azulejo_plan::KvCache;

use super::{KERNEL, Params};
use crate::cases::{case, padded, step, with_probes};
use crate::check::Case;
use crate::kernel::Variant;
use crate::program::Extent;

#[derive(Clone, Copy)]
struct Shape {
    heads: u32,
    kv_heads: u32,
    head_size: u32,
    rotated: u32,
    position: u32,
    tokens: u32,
    pieces: [&'static str; 3],
}

pub(super) fn cases() -> Vec<Case> {
    const PAIRS: [&str; 3] = ["rope_interleaved", "kcache_f16", "vcache_f16"];
    const HALVES: [&str; 3] = ["rope_split", "kcache_f16", "vcache_f16"];
    let shape = |heads, kv_heads, head_size, rotated, position, tokens, pieces| {
        of(Shape { heads, kv_heads, head_size, rotated, position, tokens, pieces })
    };
    let cases = vec![
        shape(12, 12, 64, 64, 0, 1, PAIRS),
        shape(4, 2, 64, 64, 1, 3, HALVES),
        shape(4, 2, 20, 20, 255, 33, ["rope_split", "kcache_f32", "vcache_f32"]),
        shape(3, 1, 80, 32, 1, 37, ["rope_split", "kcache_f16", "vcache_f32"]),
        shape(4, 2, 128, 64, 256, 3, ["rope_interleaved", "kcache_f32", "vcache_f16"]),
        shape(2, 1, 256, 256, 700, 3, HALVES),
        shape(3, 3, 20, 10, 5, 3, ["rope_interleaved", "kcache_f32", "vcache_f32"]),
        shape(3, 1, 80, 80, 0, 3, ["rope_interleaved", "kcache_f16", "vcache_f32"]),
        shape(2, 2, 6, 2, 9, 2, ["rope_split", "kcache_f32", "vcache_f16"]),
        shape(4, 2, 64, 64, 255, 33, ["rope_split", "kcache_q8_0", "vcache_q8_0"]),
        shape(3, 1, 96, 32, 1, 37, ["rope_interleaved", "kcache_q4_0", "vcache_q4_0"]),
        shape(4, 4, 32, 32, 2, 3, ["rope_split", "kcache_q8_0", "vcache_f16"]),
        shape(2, 1, 256, 256, 0, 1, ["rope_interleaved", "kcache_f32", "vcache_q4_0"]),
    ];
    with_probes(cases, &["rope_kv_split_f16_f16_4to2x64_at_1"])
}

fn of(shape: Shape) -> Case {
    let Shape { heads, kv_heads, head_size, rotated, position, tokens, pieces } = shape;
    let [rope, k, v] = pieces.map(|piece| piece.split_once('_').map_or(piece, |(_, rest)| rest));
    let turned = if rotated < head_size { format!("_turning_{rotated}") } else { String::new() };
    let name = format!("rope_kv_{rope}_{k}_{v}_{heads}to{kv_heads}x{head_size}{turned}_at_{position}");
    case(name, &KERNEL, Variant::of(&pieces), move |inputs| {
        let (q_width, kv_width) = (heads * head_size, kv_heads * head_size);
        // Values, queries and keys in this order, with something between them.
        let (v_offset, q_offset) = (1, kv_width + 4);
        let k_offset = q_offset + q_width;
        let width = k_offset + kv_width + 3;
        let qkv = inputs.rows(tokens + 1, width);
        inputs.output_floats(4, &qkv);
        let capacity = position + tokens + 3;
        let cache_width = kv_heads * KvCache::head_stride(head_size);
        inputs.cache(5, k, capacity, position, cache_width);
        inputs.cache(6, v, capacity, position, cache_width);
        inputs.rotation(capacity, rotated);
        let params = Params {
            heads,
            kv_heads,
            head_size,
            rotated,
            stride: padded(width),
            q_offset,
            k_offset,
            v_offset,
        };
        let pairs = heads * rotated / 2 + cache_width;
        (params.words(), [Extent::Fixed(pairs.div_ceil(64)), Extent::Tokens(1)], step(position, tokens))
    })
}
