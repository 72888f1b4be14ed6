//! Root-mean-square norms of queries and keys, in place, head by head or as a whole.
//!
//! Formula, grid and traffic: at the head of `group_norm.wesl`.

mod cases;
mod twin;

use crate::kernel::{Kernel, Variant};

crate::params! {
    /// The parameters of a call.
    pub struct Params {
        /// f32 from one row to the next.
        stride: u32,
        /// The first column of the queries.
        q_offset: u32,
        /// Columns of a group of queries.
        q_size: u32,
        /// Groups of queries.
        q_groups: u32,
        /// The first column of the keys.
        k_offset: u32,
        /// Columns of a group of keys.
        k_size: u32,
        /// Groups of keys.
        k_groups: u32,
        /// Added to the mean squares.
        eps: f32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "group_norm",
    source: include_str!("group_norm.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    vec![Variant::default()]
}
