//! The greatest logit of each chunk of the vocabulary.
//!
//! Formula, grid and traffic: at the head of `argmax.wesl`.

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
    name: "argmax",
    source: include_str!("argmax.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    vec![Variant::default()]
}
