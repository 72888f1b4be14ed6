//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;
use crate::twin::norm_scale;

pub(super) fn run(call: &Call, run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    // Whole vec4, as the shader has them: the padding of the input is zeros, and so becomes that of the output.
    let width = p.cols.next_multiple_of(4) as usize;
    for token in 0..run.tokens as usize {
        let x: Vec<f64> =
            read.floats(4)[token * p.x_stride as usize..][..width].iter().map(|&v| v.into()).collect();
        let scale = norm_scale(&x, p.cols, p.eps);
        let out = &mut write.floats(8)[token * p.out_stride as usize..][..width];
        for ((out, x), &weight) in out.iter_mut().zip(&x).zip(read.floats(5)) {
            *out = (x * scale * f64::from(weight)) as f32;
        }
    }
}
