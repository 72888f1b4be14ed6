//! Rope, cache write and split attention of one token, in one dispatch.
//!
//! Formula, grid and traffic: at the head of `attn_decode.wesl`.

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
        /// Elements of a head that rotate.
        rotated: u32,
        /// The first column of the queries.
        q_offset: u32,
        /// The first column of the keys.
        k_offset: u32,
        /// The first column of the values.
        v_offset: u32,
        /// Splits that the results have room for.
        splits: u32,
        /// What scores are multiplied by, 1 / sqrt(head_size).
        scale: f32,
        /// Positions up to its own that the token sees; more than any where it sees all.
        window: u32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "attn_decode",
    source: include_str!("attn_decode.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    kv_types(&["rope_interleaved", "rope_split"])
}
