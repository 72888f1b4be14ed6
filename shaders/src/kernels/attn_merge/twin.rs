//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;
use crate::twin::constant;

pub(super) fn run(call: &Call, run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    let size = p.head_size as usize;
    let split = constant(call, "SPLIT", 256);
    let first = ((run.position + 1).saturating_sub(p.window) / split) as usize;
    let used = (run.position / split) as usize + 1;
    // The grid says how many heads there are.
    let heads = call.grid[0].count(run.tokens) as usize;
    for head in 0..heads {
        let parts: Vec<Vec<f64>> = read.floats(4)[head * p.splits as usize * (size + 2)..]
            .chunks_exact(size + 2)
            .take(used)
            .skip(first)
            .map(|part| part.iter().map(|&v| v.into()).collect())
            .collect();
        let most = parts.iter().map(|part| part[size]).fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = parts.iter().map(|part| (part[size] - most).exp()).collect();
        let total: f64 = parts.iter().zip(&weights).map(|(part, weight)| weight * part[size + 1]).sum();
        for i in 0..size {
            let sum: f64 = parts.iter().zip(&weights).map(|(part, weight)| weight * part[i]).sum();
            write.floats(8)[p.out_offset as usize + head * size + i] = (sum / total) as f32;
        }
    }
}
