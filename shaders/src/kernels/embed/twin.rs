//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;
use crate::twin::Matrix;

pub(super) fn run(call: &Call, run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    let table = Matrix::of(call, read, p.units_per_row, p.units);
    for token in 0..run.tokens as usize {
        let id = if call.variant.has("row_position") {
            p.base + run.position + token as u32 - read.words(4)[2 * token]
        } else if call.variant.has("row_fixed") {
            p.base
        } else {
            read.words(4)[token]
        };
        // Rows of another shard are left to its call.
        if id < p.first_row || id - p.first_row >= p.rows {
            continue;
        }
        let out = &mut write.floats(8)[token * p.out_stride as usize..];
        for (out, weight) in out.iter_mut().zip(table.row((id - p.first_row) as usize)) {
            *out = (f64::from(p.scale) * weight) as f32;
        }
    }
}
