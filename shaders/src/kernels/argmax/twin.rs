//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;

/// What the index is where no logit is a number.
const NOTHING: u32 = u32::MAX;
/// Logits of a chunk.
const CHUNK: usize = 1024;

pub(super) fn run(call: &Call, _run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let count = Params::of(call).count as usize;
    for (chunk, logits) in read.floats(4)[..count].chunks(CHUNK).enumerate() {
        let (mut value, mut index) = (-3.4e38_f32, NOTHING);
        for (i, &logit) in logits.iter().enumerate() {
            // False for NaN, and for all but the first of equals.
            if logit > value {
                (value, index) = (logit, (chunk * CHUNK + i) as u32);
            }
        }
        write.words(8)[2 * chunk..2 * chunk + 2].copy_from_slice(&[value.to_bits(), index]);
    }
}
