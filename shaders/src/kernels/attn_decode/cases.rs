//! The cases.

use azulejo_plan::KvCache;

use super::{KERNEL, Params};
use crate::cases::{case, step, with_probes};
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
    window: u32,
    pieces: [&'static str; 3],
}

pub(super) fn cases() -> Vec<Case> {
    const PAIRS: [&str; 3] = ["rope_interleaved", "kcache_f16", "vcache_f16"];
    const HALVES: [&str; 3] = ["rope_split", "kcache_f16", "vcache_f16"];
    let shape = |heads, kv_heads, head_size, rotated, position, pieces| {
        of(Shape { heads, kv_heads, head_size, rotated, position, window: u32::MAX, pieces })
    };
    let windowed = |heads, kv_heads, head_size, position, window, pieces| {
        of(Shape { heads, kv_heads, head_size, rotated: head_size, position, window, pieces })
    };
    let cases = vec![
        shape(12, 12, 64, 64, 0, PAIRS),
        shape(4, 2, 20, 20, 1, ["rope_split", "kcache_f32", "vcache_f32"]),
        shape(3, 1, 80, 32, 255, ["rope_split", "kcache_f16", "vcache_f32"]),
        shape(4, 2, 64, 64, 256, PAIRS),
        shape(2, 1, 256, 256, 257, HALVES),
        shape(6, 2, 64, 64, 700, HALVES),
        shape(4, 2, 128, 64, 700, ["rope_interleaved", "kcache_f32", "vcache_f16"]),
        shape(1, 1, 512, 512, 63, ["rope_interleaved", "kcache_f32", "vcache_f32"]),
        shape(3, 1, 20, 10, 64, ["rope_interleaved", "kcache_f16", "vcache_f32"]),
        shape(2, 2, 6, 2, 65, ["rope_split", "kcache_f32", "vcache_f16"]),
        shape(4, 2, 64, 64, 700, ["rope_split", "kcache_q8_0", "vcache_q8_0"]),
        shape(3, 1, 96, 32, 255, ["rope_interleaved", "kcache_q4_0", "vcache_q4_0"]),
        shape(2, 1, 512, 512, 63, ["rope_interleaved", "kcache_q8_0", "vcache_q4_0"]),
        shape(6, 2, 32, 32, 256, ["rope_split", "kcache_f16", "vcache_q8_0"]),
        windowed(4, 2, 64, 700, 300, HALVES),
        windowed(3, 1, 20, 300, 45, ["rope_split", "kcache_f32", "vcache_f32"]),
        windowed(2, 2, 20, 256, 1, PAIRS),
        windowed(2, 1, 80, 257, 100, PAIRS),
        windowed(2, 1, 20, 30, 100, PAIRS),
    ];
    with_probes(cases, &["attn_decode_interleaved_f16_f16_4to2x64_at_256"])
}

fn of(shape: Shape) -> Case {
    let Shape { heads, kv_heads, head_size, rotated, position, window, pieces } = shape;
    let [rope, k, v] = pieces.map(|piece| piece.split_once('_').map_or(piece, |(_, rest)| rest));
    let turned = if rotated < head_size { format!("_turning_{rotated}") } else { String::new() };
    let seen = if window == u32::MAX { String::new() } else { format!("_seeing_{window}") };
    let name =
        format!("attn_decode_{rope}_{k}_{v}_{heads}to{kv_heads}x{head_size}{turned}_at_{position}{seen}");
    case(name, &KERNEL, Variant::of(&pieces), move |inputs| {
        let width = kv_heads * head_size;
        let (k_offset, q_offset) = (1, width + 4);
        let v_offset = q_offset + heads * head_size;
        let mut qkv = inputs.rows(1, v_offset + width + 3);
        let queries = &mut qkv[q_offset as usize..v_offset as usize];
        queries.iter_mut().for_each(|q| *q *= 3.0);
        inputs.floats(4, &qkv);
        // Room for a split that the position hasn't come to.
        let capacity = position + 300;
        let splits = capacity.div_ceil(256);
        let kv_width = kv_heads * KvCache::head_stride(head_size);
        inputs.cache(5, k, capacity, position, kv_width);
        inputs.cache(6, v, capacity, position, kv_width);
        inputs.rotation(position + 1, rotated);
        let parts = inputs.rows(1, heads * splits * (head_size + 2));
        inputs.output_floats(8, &parts);
        let params = Params {
            heads,
            kv_heads,
            head_size,
            rotated,
            q_offset,
            k_offset,
            v_offset,
            splits,
            scale: 1.0 / (head_size as f32).sqrt(),
            window,
        };
        (params.words(), [Extent::Fixed(heads), Extent::Fixed(splits)], step(position, 1))
    })
}
