//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;

pub(super) fn run(call: &Call, run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    let cols = p.cols as usize;
    for token in 0..run.tokens as usize {
        let x: Vec<f64> =
            read.floats(4)[token * p.x_stride as usize..][..cols].iter().map(|&v| v.into()).collect();
        let mean = x.iter().sum::<f64>() / cols as f64;
        let variance = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / cols as f64;
        let scale = (variance + f64::from(p.eps)).sqrt().recip();
        let out = &mut write.floats(8)[token * p.out_stride as usize..];
        // Whole vec4, as the shader has them: the padding of the input is zeros, and so becomes that of the output.
        out[..cols.next_multiple_of(4)].fill(0.0);
        for (i, x) in x.into_iter().enumerate() {
            let value = (x - mean) * scale;
            out[i] = if call.variant.has("affine_full") {
                (value * f64::from(read.floats(5)[i]) + f64::from(read.floats(6)[i])) as f32
            } else {
                value as f32
            };
        }
    }
}
