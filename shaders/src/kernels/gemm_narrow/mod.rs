//! A matrix times the tokens of a step, for devices of few lanes: the call, the twin and the cases are those of
//! [`gemm`](super::gemm).
//!
//! Formula, grid and traffic: at the head of `gemm_narrow.wesl`.

mod cases;

use super::{all_blocks, gemm, narrow};
use crate::kernel::{Kernel, Variant};
use crate::program::Extent;

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "gemm_narrow",
    source: include_str!("gemm_narrow.wesl"),
    params: gemm::Params::FIELDS,
    twin: gemm::KERNEL.twin,
    variants,
    cases: cases::cases,
};

/// `BLOCKS` and `TOKENS` of the source.
const BLOCKS: u32 = 4;
const TOKENS: u32 = 2;

/// The variant, and its grid over `rows` rows.
pub fn shape(pieces: Vec<&'static str>, rows: u32) -> (Variant, [Extent; 2]) {
    let grid = [Extent::Fixed(rows.div_ceil(4 * BLOCKS)), Extent::Tokens(TOKENS)];
    (narrow(Variant { pieces, consts: Vec::new() }, None), grid)
}

fn variants() -> Vec<Variant> {
    let ends = &["out_store", "out_add", "out_accumulate"];
    all_blocks(&[&[], &["bias_add"]], ends).into_iter().map(|v| narrow(v, None)).collect()
}
