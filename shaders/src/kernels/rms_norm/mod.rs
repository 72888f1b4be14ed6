//! The root-mean-square norm of every token.
//!
//! Formula, grid and traffic: at the head of `rms_norm.wesl`.

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
        /// Added to the mean square.
        eps: f32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "rms_norm",
    source: include_str!("rms_norm.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    vec![Variant::default()]
}
