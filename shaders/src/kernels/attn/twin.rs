//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;
use crate::twin::{Cache, attend, dot, head_stride};

pub(super) fn run(call: &Call, run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    let (size, stride) = (p.head_size as usize, head_stride(p.head_size));
    for token in 0..run.tokens {
        for head in 0..p.heads {
            let at = (token * p.q_stride + p.q_offset + head * p.head_size) as usize;
            let query: Vec<f64> =
                read.floats(4)[at..at + size].iter().map(|&q| f64::from(q) * f64::from(p.scale)).collect();
            let kv_head = head / (p.heads / p.kv_heads);
            let place = |position: usize| (position * p.kv_heads as usize + kv_head as usize) * stride;
            let (first, end) = if call.variant.has("reach_text") {
                let span = &read.words(7)[2 * token as usize..][..2];
                (run.position + span[0], run.position + span[1])
            } else {
                (0, run.position + token + 1)
            };
            let (begin, end) = (first.max(end.saturating_sub(p.window)) as usize, end as usize);
            let keys = write.words(5);
            let scores: Vec<f64> =
                (begin..end).map(|i| dot(&query, &Cache::of_keys(call).load(keys, place(i), size))).collect();
            let values = write.words(6);
            let (_, total, sums) =
                attend(&scores, |i| Cache::of_values(call).load(values, place(begin + i), size), size);
            let to = (token * p.out_stride + p.out_offset + head * p.head_size) as usize;
            for (out, sum) in write.floats(8)[to..].iter_mut().zip(sums) {
                *out = (sum / total) as f32;
            }
        }
    }
}
