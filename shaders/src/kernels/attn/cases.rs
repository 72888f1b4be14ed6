//! The cases.

use azulejo_plan::KvCache;

use super::{KERNEL, Params};
use crate::cases::{case, padded, spans, step, with_probes};
use crate::check::Case;
use crate::kernel::Variant;
use crate::program::Extent;

#[derive(Clone, Copy)]
struct Shape {
    heads: u32,
    kv_heads: u32,
    head_size: u32,
    position: u32,
    tokens: u32,
    window: u32,
    /// Tokens of each text, where a token sees all of its own.
    texts: &'static [u32],
    pieces: [&'static str; 2],
}

pub(super) fn cases() -> Vec<Case> {
    const F16: [&str; 2] = ["kcache_f16", "vcache_f16"];
    const F32: [&str; 2] = ["kcache_f32", "vcache_f32"];
    let shape = |heads, kv_heads, head_size, position, tokens, pieces| {
        of(Shape { heads, kv_heads, head_size, position, tokens, window: u32::MAX, texts: &[], pieces })
    };
    let windowed = |heads, kv_heads, head_size, position, tokens, window, pieces| {
        of(Shape { heads, kv_heads, head_size, position, tokens, window, texts: &[], pieces })
    };
    let of_texts = |heads, kv_heads, head_size, texts: &'static [u32], pieces| {
        let (position, tokens, window) = (0, texts.iter().sum(), u32::MAX);
        of(Shape { heads, kv_heads, head_size, position, tokens, window, texts, pieces })
    };
    let cases = vec![
        shape(12, 12, 64, 0, 1, F16),
        shape(4, 2, 64, 62, 3, F16),
        shape(4, 2, 20, 0, 33, F32),
        shape(3, 1, 80, 255, 3, ["kcache_f16", "vcache_f32"]),
        shape(4, 2, 128, 1, 37, ["kcache_f32", "vcache_f16"]),
        shape(2, 1, 256, 700, 3, F16),
        shape(1, 1, 512, 126, 2, F32),
        shape(3, 3, 6, 256, 1, F32),
        windowed(4, 2, 64, 62, 37, 19, F16),
        windowed(3, 1, 80, 255, 3, 1, F32),
        windowed(4, 2, 20, 0, 70, 64, F32),
        windowed(2, 1, 128, 300, 33, 200, F16),
        shape(4, 2, 64, 62, 37, ["kcache_q8_0", "vcache_q8_0"]),
        shape(3, 1, 96, 255, 3, ["kcache_q4_0", "vcache_q4_0"]),
        shape(2, 1, 512, 126, 2, ["kcache_q8_0", "vcache_q4_0"]),
        windowed(4, 2, 32, 300, 33, 200, ["kcache_f16", "vcache_q8_0"]),
        // More tokens than one block of a kernel by tensor cores has (64), and positions that it takes at once (32).
        shape(2, 1, 64, 40, 131, F16),
        windowed(2, 1, 144, 33, 70, 40, F32),
        windowed(3, 1, 80, 100, 70, 7, F16),
        shape(1, 1, 256, 45, 66, ["kcache_q8_0", "vcache_q4_0"]),
        of_texts(4, 4, 20, &[70], F32),
        of_texts(3, 3, 64, &[33], F16),
        of_texts(2, 1, 64, &[1, 37, 70, 2], F32),
        of_texts(4, 4, 32, &[5, 66], ["kcache_q8_0", "vcache_q8_0"]),
    ];
    with_probes(cases, &["attn_f16_f16_4to2x64_at_62"])
}

fn of(shape: Shape) -> Case {
    let Shape { heads, kv_heads, head_size, position, tokens, window, texts, pieces } = shape;
    let [k, v] = pieces.map(|piece| &piece["kcache_".len()..]);
    let seen = match (window, texts) {
        (u32::MAX, []) => String::new(),
        (_, []) => format!("_seeing_{window}"),
        _ => format!("_of_{}_texts_of_{tokens}", texts.len()),
    };
    let reach = if texts.is_empty() { "reach_past" } else { "reach_text" };
    let name = format!("attn_{k}_{v}_{heads}to{kv_heads}x{head_size}_at_{position}{seen}");
    case(name, &KERNEL, Variant::of(&[reach, pieces[0], pieces[1]]), move |inputs| {
        let (q_offset, out_offset) = (5, 2);
        let (q_width, out_width) = (q_offset + heads * head_size + 1, out_offset + heads * head_size + 3);
        let mut q = inputs.rows(tokens, q_width);
        // Scores with a standard deviation of about 3, so that some positions matter much and others little.
        q.iter_mut().for_each(|q| *q *= 3.0);
        inputs.floats(4, &q);
        let (used, width) = (position + tokens, kv_heads * KvCache::head_stride(head_size));
        inputs.cache(5, k, used + 3, used, width);
        inputs.cache(6, v, used + 3, used, width);
        if !texts.is_empty() {
            inputs.words(7, spans(texts));
        }
        let out = inputs.rows(tokens + 1, out_width);
        inputs.output_floats(8, &out);
        let params = Params {
            heads,
            kv_heads,
            head_size,
            q_stride: padded(q_width),
            q_offset,
            out_stride: padded(out_width),
            out_offset,
            scale: 1.0 / (head_size as f32).sqrt(),
            window,
        };
        (params.words(), [Extent::Fixed(heads), Extent::Tokens(1)], step(position, tokens))
    })
}
