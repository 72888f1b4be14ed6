//! The kernels. A new one is a folder and a line in each list here.

use azulejo_quant::BlockFormat;

use crate::kernel::{Kernel, Variant, block_piece};
use crate::program::Extent;

pub mod add;
pub mod argmax;
pub mod argmax_merge;
pub mod attn;
pub mod attn_decode;
pub mod attn_merge;
pub mod embed;
pub mod gemm;
pub mod gemm_narrow;
pub mod gemv;
pub mod gemv_swiglu;
pub mod group_norm;
pub mod layer_norm;
pub mod map;
pub mod rms_norm;
pub mod rope_kv;
pub mod swiglu;

/// All kernels.
pub static ALL: &[&Kernel] = &[
    &embed::KERNEL,
    &rms_norm::KERNEL,
    &gemv::KERNEL,
    &gemv_swiglu::KERNEL,
    &gemm::KERNEL,
    &gemm_narrow::KERNEL,
    &rope_kv::KERNEL,
    &attn::KERNEL,
    &attn_decode::KERNEL,
    &attn_merge::KERNEL,
    &add::KERNEL,
    &swiglu::KERNEL,
    &group_norm::KERNEL,
    &layer_norm::KERNEL,
    &map::KERNEL,
    &argmax::KERNEL,
    &argmax_merge::KERNEL,
];

/// The kernel of that name.
pub fn by_name(name: &str) -> Option<&'static Kernel> {
    ALL.iter().find(|k| k.name == name).copied()
}

/// Lanes of a workgroup on devices of few lanes.
const NARROW_WG: u32 = 8;
/// `BLOCKS` of `gemv` and `gemv_swiglu` there.
const NARROW_BLOCKS: u32 = 4;

/// A variant for devices of few lanes: workgroups as small as one of their vectors, with as much work.
fn narrow(mut variant: Variant, blocks: Option<u32>) -> Variant {
    variant.consts.push(("WG", NARROW_WG));
    variant.consts.extend(blocks.map(|blocks| ("BLOCKS", blocks)));
    variant
}

/// Variants as they are, and for devices of few lanes.
fn wide_and_narrow(variants: Vec<Variant>) -> Vec<Variant> {
    let narrowed: Vec<Variant> = variants.iter().map(|v| narrow(v.clone(), Some(NARROW_BLOCKS))).collect();
    [variants, narrowed].concat()
}

/// The variant of a matrix-vector kernel for a device, of few lanes or not, and its grid over `rows` rows, of which a
/// workgroup takes `rows_per_block` times the variant's `BLOCKS`.
fn gemv_shape(
    pieces: Vec<&'static str>,
    rows: u32,
    rows_per_block: u32,
    is_narrow: bool,
) -> (Variant, [Extent; 2]) {
    let wide = Variant { pieces, consts: Vec::new() };
    let (variant, blocks) =
        if is_narrow { (narrow(wide, Some(NARROW_BLOCKS)), NARROW_BLOCKS) } else { (wide, 1) };
    (variant, [Extent::Fixed(rows.div_ceil(rows_per_block * blocks)), Extent::Fixed(1)])
}

/// The piece of each block format with each of the choices and, where there are any, each of the ends.
fn all_blocks(choices: &[&[&'static str]], ends: &[&'static str]) -> Vec<Variant> {
    let mut variants = Vec::new();
    for format in BlockFormat::ALL {
        for choice in choices {
            let mut pieces = vec![block_piece(format)];
            pieces.extend(*choice);
            if ends.is_empty() {
                variants.push(Variant::of(&pieces));
            }
            variants.extend(ends.iter().map(|end| Variant::of(&[&pieces[..], &[*end]].concat())));
        }
    }
    variants
}

/// Each of the choices (or none) with each pair of types of the KV cache.
fn kv_types(choices: &[&'static str]) -> Vec<Variant> {
    let mut variants = Vec::new();
    for k in ["kcache_f16", "kcache_f32"] {
        for v in ["vcache_f16", "vcache_f32"] {
            if choices.is_empty() {
                variants.push(Variant::of(&[k, v]));
            }
            variants.extend(choices.iter().map(|c| Variant::of(&[c, k, v])));
        }
    }
    variants
}
