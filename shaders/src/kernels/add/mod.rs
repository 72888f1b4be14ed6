//! The sum of two activations.
//!
//! Formula, grid and traffic: at the head of `add.wesl`.

mod cases;
mod twin;

use crate::kernel::{Kernel, Variant};

crate::params! {
    /// The parameters of a call.
    pub struct Params {
        /// Columns, before padding.
        cols: u32,
        /// f32 from one row of a to the next.
        a_stride: u32,
        /// The first column of a.
        a_offset: u32,
        /// f32 from one row of b to the next.
        b_stride: u32,
        /// The first column of b.
        b_offset: u32,
        /// f32 from one row of the output to the next.
        out_stride: u32,
        /// The first column of the output.
        out_offset: u32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "add",
    source: include_str!("add.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    vec![Variant::of(&["out_add"]), Variant::of(&["out_accumulate"])]
}
