//! A matrix times one token, for devices of few lanes: the call, the twin and the cases are those of
//! [`gemv`](super::gemv).
//!
//! Formula, grid and traffic: at the head of `gemv_narrow.wesl`.

use super::{gemv, narrow_cases, narrow_shape};
use crate::check::Case;
use crate::kernel::{Kernel, Variant};
use crate::program::Extent;

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "gemv_narrow",
    source: include_str!("gemv_narrow.wesl"),
    params: gemv::Params::FIELDS,
    twin: gemv::KERNEL.twin,
    variants,
    cases,
};

/// The variant, and its grid over `rows` rows.
pub fn shape(pieces: Vec<&'static str>, rows: u32) -> (Variant, [Extent; 2]) {
    narrow_shape(pieces, rows, 16)
}

fn variants() -> Vec<Variant> {
    (gemv::KERNEL.variants)().into_iter().map(|v| shape(v.pieces, 1).0).collect()
}

fn cases() -> Vec<Case> {
    narrow_cases(&gemv::KERNEL, &KERNEL, &["gemv_narrow_q4_k_input_norm_out_store"], |call| {
        shape(call.variant.pieces.clone(), gemv::Params::of(call).rows)
    })
}
