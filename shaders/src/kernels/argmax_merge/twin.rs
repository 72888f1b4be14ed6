//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;

/// What the token is where no logit is a number.
const NOTHING: u32 = u32::MAX;

pub(super) fn run(call: &Call, _run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let (mut value, mut token) = (-3.4e38_f32, NOTHING);
    for best in read.words(4).chunks_exact(2).take(Params::of(call).count as usize) {
        // False for NaN, and for all but the first of equals, whose indices are lower.
        if f32::from_bits(best[0]) > value {
            (value, token) = (f32::from_bits(best[0]), best[1]);
        }
    }
    write.words(8)[0] = token;
}
