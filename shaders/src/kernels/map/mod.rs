//! A function of each element, in place.
//!
//! Formula, grid and traffic: at the head of `map.wesl`.

mod cases;
mod twin;

use crate::kernel::{Kernel, Variant};

crate::params! {
    /// The parameters of a call.
    pub struct Params {
        /// Columns, before padding.
        cols: u32,
        /// f32 from one row to the next.
        stride: u32,
        /// The first column.
        offset: u32,
        /// What `map_clamp` keeps within.
        limit: f32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "map",
    source: include_str!("map.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    vec![Variant::of(&["map_gelu"]), Variant::of(&["map_clamp"])]
}
