//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;
use crate::twin::norm_scale;

pub(super) fn run(call: &Call, run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    for row in write.floats(8).chunks_mut(p.stride as usize).take(run.tokens as usize) {
        for (binding, offset, size, groups) in
            [(5, p.q_offset, p.q_size, p.q_groups), (6, p.k_offset, p.k_size, p.k_groups)]
        {
            let columns = &mut row[offset as usize..][..(size * groups) as usize];
            for group in columns.chunks_exact_mut(size as usize) {
                let x: Vec<f64> = group.iter().map(|&v| v.into()).collect();
                let scale = norm_scale(&x, size, p.eps);
                for ((out, x), &weight) in group.iter_mut().zip(x).zip(read.floats(binding)) {
                    *out = (x * scale * f64::from(weight)) as f32;
                }
            }
        }
    }
}
