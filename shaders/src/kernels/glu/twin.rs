//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;
use crate::twin::glu;

pub(super) fn run(call: &Call, run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    let half = |token: u32, column: u32| f64::from(read.floats(4)[(token * p.stride + column) as usize]);
    for token in 0..run.tokens {
        for i in 0..p.cols {
            let value = glu(call, half(token, p.gate_offset + i), half(token, p.up_offset + i));
            write.floats(8)[(token * p.out_stride + p.out_offset + i) as usize] = value as f32;
        }
    }
}
