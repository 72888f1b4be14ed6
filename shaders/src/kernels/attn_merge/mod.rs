//! Puts the splits of a decoded token's attention together.
//!
//! Formula, grid and traffic: at the head of `attn_merge.wesl`.

mod cases;
mod twin;

use crate::kernel::{Kernel, Variant};

crate::params! {
    /// The parameters of a call.
    pub struct Params {
        /// Elements of a head.
        head_size: u32,
        /// Splits that the results have room for.
        splits: u32,
        /// The first column of the output.
        out_offset: u32,
        /// Positions up to its own that the token sees; more than any where it sees all.
        window: u32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "attn_merge",
    source: include_str!("attn_merge.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    vec![Variant::default()]
}
