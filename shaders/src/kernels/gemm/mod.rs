//! A matrix times the tokens of a step.
//!
//! Formula, grid and traffic: at the head of `gemm.wesl`.

mod cases;
mod twin;

use crate::kernel::{Kernel, Variant};
use crate::kernels::all_blocks;

crate::params! {
    /// The parameters of a call.
    pub struct Params {
        /// Rows of the matrix.
        rows: u32,
        /// Units of 32 weights in a row of the matrix.
        units_per_row: u32,
        /// Units of the whole matrix.
        units: u32,
        /// The row of the matrix that is the first of these.
        first_row: u32,
        /// f32 from one row of the input to the next.
        x_stride: u32,
        /// f32 from one row of the output to the next.
        out_stride: u32,
        /// The first column of the output.
        out_offset: u32,
        /// f32 from one row of the residual to the next.
        residual_stride: u32,
        /// The first column of the residual.
        residual_offset: u32,
        /// The first element of the bias.
        bias_offset: u32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "gemm",
    source: include_str!("gemm.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    all_blocks(&[&[], &["bias_add"]], &["out_store", "out_add", "out_accumulate"])
}
