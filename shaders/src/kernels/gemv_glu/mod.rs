//! The two products of a gated layer and the gate over them, for one token.
//!
//! Formula, grid and traffic: at the head of `gemv_glu.wesl`.

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
    name: "gemv_glu",
    source: include_str!("gemv_glu.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    let mut choices = Vec::new();
    for gate in ["gate_silu", "gate_gelu"] {
        for input in ["input_plain", "input_norm"] {
            choices.push(vec![gate, input]);
            choices.push(vec![gate, input, "bias_add"]);
        }
    }
    all_blocks(&choices.iter().map(Vec::as_slice).collect::<Vec<_>>(), &[])
}
