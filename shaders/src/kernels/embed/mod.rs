//! Looks the rows of tokens up in a table of any block format.
//!
//! Formula, grid and traffic: at the head of `embed.wesl`.

mod cases;
mod twin;

use crate::kernel::{Kernel, Variant};
use crate::kernels::all_blocks;

crate::params! {
    /// The parameters of a call.
    pub struct Params {
        /// Units of 32 weights in a row of the matrix.
        units_per_row: u32,
        /// Units of the whole matrix.
        units: u32,
        /// The row of the whole table that this shard begins with.
        first_row: u32,
        /// Rows of the matrix.
        rows: u32,
        /// f32 from one row of the output to the next.
        out_stride: u32,
        /// The row of position 0, or that of every token.
        base: u32,
        /// What the rows are multiplied by.
        scale: f32,
    }
}

/// The kernel.
pub static KERNEL: Kernel = Kernel {
    name: "embed",
    source: include_str!("embed.wesl"),
    params: Params::FIELDS,
    twin: twin::run,
    variants,
    cases: cases::cases,
};

fn variants() -> Vec<Variant> {
    all_blocks(&[&[], &["row_position"], &["row_fixed"]], &[])
}
