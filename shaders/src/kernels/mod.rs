//! The kernels. A new one is a folder and a line in each list here.

use azulejo_quant::BlockFormat;

use crate::cases::{narrowed, with_probes};
use crate::check::Case;
use crate::kernel::{Kernel, Variant, block_piece};
use crate::program::{Call, Extent};

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
pub mod gemv_glu;
pub mod gemv_glu_narrow;
pub mod gemv_narrow;
pub mod glu;
pub mod group_norm;
pub mod layer_norm;
pub mod map;
pub mod rms_norm;
pub mod rope_kv;

/// All kernels.
pub static ALL: &[&Kernel] = &[
    &embed::KERNEL,
    &rms_norm::KERNEL,
    &gemv::KERNEL,
    &gemv_narrow::KERNEL,
    &gemv_glu::KERNEL,
    &gemv_glu_narrow::KERNEL,
    &gemm::KERNEL,
    &gemm_narrow::KERNEL,
    &rope_kv::KERNEL,
    &attn::KERNEL,
    &attn_decode::KERNEL,
    &attn_merge::KERNEL,
    &add::KERNEL,
    &glu::KERNEL,
    &group_norm::KERNEL,
    &layer_norm::KERNEL,
    &map::KERNEL,
    &argmax::KERNEL,
    &argmax_merge::KERNEL,
];

/// Lanes of a workgroup on devices of few lanes.
const NARROW_WG: u32 = 8;
/// The variant for devices of few lanes, and its grid over `rows` rows, of which a lane takes `rows_per_lane`.
fn narrow_shape(pieces: Vec<&'static str>, rows: u32, rows_per_lane: u32) -> (Variant, [Extent; 2]) {
    (
        Variant { pieces, consts: vec![("WG", NARROW_WG)] }.with_bytes("bytes_masks"),
        [Extent::Fixed(rows.div_ceil(rows_per_lane * NARROW_WG)), Extent::Fixed(1)],
    )
}

/// The cases of a kernel with the calls of its counterpart for devices of few lanes, of the shape that `shape` says.
fn narrow_cases(
    wide: &Kernel,
    narrow: &'static Kernel,
    probes: &[&str],
    shape: fn(&Call) -> (Variant, [Extent; 2]),
) -> Vec<Case> {
    let cases = (wide.cases)().into_iter().map(|case| {
        let name = case.name.replacen(wide.name, narrow.name, 1);
        narrowed(case, name, move |setup| {
            setup.call.kernel = narrow;
            (setup.call.variant, setup.call.grid) = shape(&setup.call);
        })
    });
    with_probes(cases.collect(), probes)
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

/// Each of the choices with each pair of types of the KV cache.
fn kv_types(choices: &[&'static str]) -> Vec<Variant> {
    let mut variants = Vec::new();
    for k in ["kcache_f16", "kcache_f32", "kcache_q8_0", "kcache_q4_0"] {
        for v in ["vcache_f16", "vcache_f32", "vcache_q8_0", "vcache_q4_0"] {
            variants.extend(choices.iter().map(|c| Variant::of(&[c, k, v])));
        }
    }
    variants
}
