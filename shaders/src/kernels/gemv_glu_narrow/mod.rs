//! The two products of a gated layer and the gate over them, for one token on a device of few lanes: the call, the twin
//! and the cases are those of [`gemv_glu`](super::gemv_glu).
//!
//! Formula, grid and traffic: at the head of `gemv_glu_narrow.wesl`.

use super::{gemv_glu, narrow_cases, narrow_shape};
use crate::check::Case;
use crate::kernel::{Kernel, Variant};
use crate::program::Extent;

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "gemv_glu_narrow",
    source: include_str!("gemv_glu_narrow.wesl"),
    params: gemv_glu::Params::FIELDS,
    twin: gemv_glu::KERNEL.twin,
    variants,
    cases,
};

/// The variant, and its grid over `rows` rows of the gate.
pub fn shape(pieces: Vec<&'static str>, rows: u32) -> (Variant, [Extent; 2]) {
    narrow_shape(pieces, rows, 8)
}

fn variants() -> Vec<Variant> {
    (gemv_glu::KERNEL.variants)().into_iter().map(|v| shape(v.pieces, 1).0).collect()
}

fn cases() -> Vec<Case> {
    narrow_cases(&gemv_glu::KERNEL, &KERNEL, &["gemv_glu_narrow_q4_k_odd_rows"], |call| {
        shape(call.variant.pieces.clone(), gemv_glu::Params::of(call).rows)
    })
}
