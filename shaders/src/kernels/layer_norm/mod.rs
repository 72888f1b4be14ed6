//! The norm by mean and variance of every token.
//!
//! Formula, grid and traffic: at the head of `layer_norm.wesl`.

mod cases;
mod twin;

use crate::kernel::{Kernel, Variant};

crate::params! {
    /// The parameters of a call.
    pub struct Params {
        /// Columns, before padding.
        cols: u32,
        /// f32 from one row of the input to the next.
        x_stride: u32,
        /// f32 from one row of the output to the next.
        out_stride: u32,
        /// Added to the variance.
        eps: f32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "layer_norm",
    source: include_str!("layer_norm.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    vec![Variant::of(&["affine_none"]), Variant::of(&["affine_full"])]
}
