//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;
use crate::twin::{Cache, attend, constant, dot, head_stride, rotate, turns};

pub(super) fn run(call: &Call, run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    let split_size = constant(call, "SPLIT", 256) as usize;
    let (size, stride) = (p.head_size as usize, head_stride(p.head_size));
    let row = read.floats(4);
    let turns = turns(read, p.rotated, run.position);
    let place = |position: usize, kv_head: u32| (position * p.kv_heads as usize + kv_head as usize) * stride;
    let (keys, values) = (Cache::of_keys(call), Cache::of_values(call));

    // The token's own keys and values first, so that all is in the cache.
    for kv_head in 0..p.kv_heads {
        let (k, v) =
            (p.k_offset as usize + kv_head as usize * size, p.v_offset as usize + kv_head as usize * size);
        let key = rotate(call, &row[k..k + size], p.rotated, turns);
        let value: Vec<f64> = row[v..v + size].iter().map(|&v| v.into()).collect();
        keys.store_head(write.words(5), place(run.position as usize, kv_head), &key);
        values.store_head(write.words(6), place(run.position as usize, kv_head), &value);
    }

    let positions = run.position as usize + 1;
    for head in 0..p.heads {
        let kv_head = head / (p.heads / p.kv_heads);
        let q = (p.q_offset + head * p.head_size) as usize;
        let query: Vec<f64> = rotate(call, &row[q..q + size], p.rotated, turns)
            .into_iter()
            .map(|v| v * f64::from(p.scale))
            .collect();
        let first = positions.saturating_sub(p.window as usize);
        for (split, begin) in (0..positions).step_by(split_size).enumerate() {
            let end = positions.min(begin + split_size);
            let begin = begin.max(first);
            if begin >= end {
                continue;
            }
            let cached = write.words(5);
            let scores: Vec<f64> =
                (begin..end).map(|i| dot(&query, &keys.load(cached, place(i, kv_head), size))).collect();
            let cached = write.words(6);
            let (most, total, sums) =
                attend(&scores, |i| values.load(cached, place(begin + i, kv_head), size), size);
            let to = (head as usize * p.splits as usize + split) * (size + 2);
            let parts = sums.into_iter().chain([most, total]);
            for (out, part) in write.floats(8)[to..].iter_mut().zip(parts) {
                *out = part as f32;
            }
        }
    }
}
