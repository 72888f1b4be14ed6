//! Rope of queries and keys, and the write of keys and values into the cache.
//!
//! Formula, grid and traffic: at the head of `rope_kv.wesl`.

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
        /// f32 from one row of the input to the next.
        stride: u32,
        /// The first column of the queries.
        q_offset: u32,
        /// The first column of the keys.
        k_offset: u32,
        /// The first column of the values.
        v_offset: u32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "rope_kv",
    source: include_str!("rope_kv.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    kv_types(&["rope_interleaved", "rope_split"])
}
