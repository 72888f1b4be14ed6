//! The two products of a gated layer and the gate over them, for one token.
//!
//! Formula, grid and traffic: at the head of `gemv_swiglu.wesl`.

mod cases;
mod twin;

use crate::kernel::{Kernel, Variant};
use crate::kernels::all_blocks;

crate::params! {
    /// The parameters of a call.
    pub struct Params {
        /// Columns, before padding.
        cols: u32,
        /// Rows of the matrix.
        rows: u32,
        /// Units of 32 weights in a row of the matrix.
        units_per_row: u32,
        /// Units of the whole matrix.
        units: u32,
        /// The first column of the output.
        out_offset: u32,
        /// The first element of the gate's bias.
        gate_bias_offset: u32,
        /// The first element of the other half's bias.
        up_bias_offset: u32,
        /// Added to the mean square.
        eps: f32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "gemv_swiglu",
    source: include_str!("gemv_swiglu.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    all_blocks(
        &[&["input_plain"], &["input_norm"], &["input_plain", "bias_add"], &["input_norm", "bias_add"]],
        &[],
    )
}
