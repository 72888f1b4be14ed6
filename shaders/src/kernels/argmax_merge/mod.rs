//! The next token, from the greatest logits of the chunks.
//!
//! Formula, grid and traffic: at the head of `argmax_merge.wesl`.

mod cases;
mod twin;

use crate::kernel::{Kernel, Variant};

crate::params! {
    /// The parameters of a call.
    pub struct Params {
        /// How many there are.
        count: u32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "argmax_merge",
    source: include_str!("argmax_merge.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    vec![Variant::default()]
}
