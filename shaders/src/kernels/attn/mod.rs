//! Attention of the tokens of a step over the cache.
//!
//! Formula, grid and traffic: at the head of `attn.wesl`.

mod cases;
mod twin;

use crate::kernel::{Kernel, Variant};
use crate::kernels::kv_types;

crate::params! {
    /// The parameters of a call.
    pub struct Params {
        /// Query heads.
        heads: u32,
        /// Heads of keys and values.
        kv_heads: u32,
        /// Elements of a head.
        head_size: u32,
        /// f32 from one row of the queries to the next.
        q_stride: u32,
        /// The first column of the queries.
        q_offset: u32,
        /// f32 from one row of the output to the next.
        out_stride: u32,
        /// The first column of the output.
        out_offset: u32,
        /// What scores are multiplied by, 1 / sqrt(head_size).
        scale: f32,
        /// The last so many of the positions that a token could see; more than any where it sees all of them.
        window: u32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "attn",
    source: include_str!("attn.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    kv_types(&["reach_past", "reach_text"])
}
