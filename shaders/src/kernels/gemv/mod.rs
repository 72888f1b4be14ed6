//! A matrix times one token, behind a norm and before an addition where the plan says so.
//!
//! Formula, grid and traffic: at the head of `gemv.wesl`.

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
        /// f32 from one row of the input to the next.
        x_stride: u32,
        /// 1: the input is row `run.row` of its activation; 0: the first.
        x_row: u32,
        /// The first column of the output.
        out_offset: u32,
        /// The first column of the residual.
        residual_offset: u32,
        /// The first element of the bias.
        bias_offset: u32,
        /// Added to the mean square.
        eps: f32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "gemv",
    source: include_str!("gemv.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    all_blocks(
        &[&["input_plain"], &["input_norm"], &["input_plain", "bias_add"], &["input_norm", "bias_add"]],
        &["out_store", "out_add", "out_accumulate"],
    )
}
