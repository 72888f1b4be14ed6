//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;
use crate::twin::{Cache, head_stride, rotate, turns};

pub(super) fn run(call: &Call, run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    let (size, stride) = (p.head_size as usize, head_stride(p.head_size));
    for token in 0..run.tokens {
        let position = run.position + token;
        let turns = turns(read, p.rotated, position);
        let row = write.floats(4)[(token * p.stride) as usize..].to_vec();
        for head in 0..p.heads as usize {
            let at = p.q_offset as usize + head * size;
            let query = rotate(call, &row[at..at + size], p.rotated, turns);
            let out = &mut write.floats(4)[(token * p.stride) as usize + at..];
            for (out, value) in out.iter_mut().zip(query) {
                *out = value as f32;
            }
        }
        for head in 0..p.kv_heads as usize {
            let (k, v) = (p.k_offset as usize + head * size, p.v_offset as usize + head * size);
            let to = (position * p.kv_heads) as usize * stride + head * stride;
            let key = rotate(call, &row[k..k + size], p.rotated, turns);
            let value: Vec<f64> = row[v..v + size].iter().map(|&v| v.into()).collect();
            Cache::of_keys(call).store_head(write.words(5), to, &key);
            Cache::of_values(call).store_head(write.words(6), to, &value);
        }
    }
}
