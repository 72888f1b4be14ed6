//! The kernels. A new one is a folder and a line in each list here.

use azulejo_quant::BlockFormat;

use crate::kernel::{Kernel, Variant, block_piece};

pub mod add;
pub mod argmax;
pub mod argmax_merge;
pub mod attn;
pub mod attn_decode;
pub mod attn_merge;
pub mod embed;
pub mod gemm;
pub mod gemv;
pub mod gemv_swiglu;
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
    &rope_kv::KERNEL,
    &attn::KERNEL,
    &attn_decode::KERNEL,
    &attn_merge::KERNEL,
    &add::KERNEL,
    &swiglu::KERNEL,
    &argmax::KERNEL,
    &argmax_merge::KERNEL,
];

/// The kernel of that name.
pub fn by_name(name: &str) -> Option<&'static Kernel> {
    ALL.iter().find(|k| k.name == name).copied()
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
