//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;
use crate::twin::put;

pub(super) fn run(call: &Call, run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    for token in 0..run.tokens {
        for i in 0..p.cols {
            let b = f64::from(read.floats(4)[(token * p.b_stride + p.b_offset + i) as usize]);
            let (a, out) = (token * p.a_stride + p.a_offset + i, token * p.out_stride + p.out_offset + i);
            put(call, read, write, out, a, b);
        }
    }
}
