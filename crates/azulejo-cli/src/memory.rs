//! The memory's bandwidth, measured: the bound of what a decoded token can cost.
//!
//! Each thread sums 64-bit words of its part of 256 MiB (far more than any cache); the
//! best of three passes counts. Reading is what decoding does, so writes aren't measured.

use std::time::Instant;

const BYTES: usize = 256 << 20;
const PASSES: usize = 3;

/// How [`bandwidth`] measures, for reports.
pub(crate) const METHOD: &str = "best of 3 passes of a parallel sum over 256 MiB";

/// Bytes a second that so many threads read; none if the threads or the memory can't be had.
pub(crate) fn bandwidth(threads: usize) -> Option<f64> {
    let threads = threads.max(1);
    let words = BYTES / 8 / threads;
    let mut all = Vec::new();
    all.try_reserve_exact(words * threads).ok()?;
    // Written first, so that the pages are there.
    all.resize(words * threads, 1u64);
    let mut best = f64::INFINITY;
    for _ in 0..PASSES {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for part in all.chunks_exact(words) {
                let work = move || std::hint::black_box(sum(std::hint::black_box(part)));
                std::thread::Builder::new().name("bandwidth".to_owned()).spawn_scoped(scope, work).ok()?;
            }
            Some(())
        })?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Some((words * 8 * threads) as f64 / best)
}

/// Sums in eight lanes, so that the loop isn't bound by the additions.
fn sum(words: &[u64]) -> u64 {
    let mut lanes = [0u64; 8];
    for chunk in words.chunks_exact(8) {
        for (lane, word) in lanes.iter_mut().zip(chunk) {
            *lane = lane.wrapping_add(*word);
        }
    }
    lanes.into_iter().fold(0, u64::wrapping_add)
}
