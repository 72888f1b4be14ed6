//! A matrix times the tokens of a step, for devices of few lanes: the call, the twin and the cases are those of
//! [`gemm`](super::gemm).
//!
//! Formula, grid and traffic: at the head of `gemm_narrow.wesl`.

use super::{gemm, narrow_cases, narrow_shape};
use crate::check::Case;
use crate::kernel::{Kernel, Variant};
use crate::program::Extent;

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "gemm_narrow",
    source: include_str!("gemm_narrow.wesl"),
    params: gemm::Params::FIELDS,
    twin: gemm::KERNEL.twin,
    variants,
    cases,
};

/// `TOKENS` of the source.
const TOKENS: u32 = 4;

/// The variant, and its grid over `rows` rows.
pub fn shape(pieces: Vec<&'static str>, rows: u32) -> (Variant, [Extent; 2]) {
    let (variant, [groups, _]) = narrow_shape(pieces, rows, 16);
    (variant, [groups, Extent::Tokens(TOKENS)])
}

fn variants() -> Vec<Variant> {
    (gemm::KERNEL.variants)().into_iter().map(|v| shape(v.pieces, 1).0).collect()
}

fn cases() -> Vec<Case> {
    narrow_cases(&gemm::KERNEL, &KERNEL, &["gemm_narrow_q4_0_bias_add_out_add"], |call| {
        shape(call.variant.pieces.clone(), gemm::Params::of(call).rows)
    })
}
