//! The gate of a gated layer.
//!
//! Formula, grid and traffic: at the head of `glu.wesl`.

mod cases;
mod twin;

use crate::kernel::{Kernel, Variant};

crate::params! {
    /// The parameters of a call.
    pub struct Params {
        /// Columns, before padding.
        cols: u32,
        /// f32 from one row of the input to the next.
        stride: u32,
        /// The first column of the gate.
        gate_offset: u32,
        /// The first column of the other half.
        up_offset: u32,
        /// f32 from one row of the output to the next.
        out_stride: u32,
        /// The first column of the output.
        out_offset: u32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "glu",
    source: include_str!("glu.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    vec![Variant::of(&["gate_silu"]), Variant::of(&["gate_gelu"])]
}
