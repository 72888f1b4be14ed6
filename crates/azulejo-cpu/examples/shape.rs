//! Times decode and prefill of a model's shape with made-up weights.
//!
//! `cargo run --release -p azulejo-cpu --example shape -- Q4_0 [head format] [threads] [instructions]`
//!
//! With one thread, on Linux, the time is what the thread spent running, so that a machine that others use too gives
//! figures that can be compared (those of llama-bench -t 1 by its user time).

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test, and its place says enough")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use azulejo_cpu::{CpuBackend, CpuError, CpuOptions, Instructions};
use azulejo_plan::{Backend, KvType, Outputs, RopeLayout, StepInput, Tokens, passes};
use azulejo_quant::BlockFormat;
use common::{Shape, load, plan};

/// Time spent: by the clock, or running where there is one thread.
struct Timer {
    start: Instant,
    ran: Option<Duration>,
}

impl Timer {
    fn start(threads: Option<usize>) -> Self {
        Self { start: Instant::now(), ran: ran().filter(|_| threads == Some(1)) }
    }

    fn secs(&self) -> f64 {
        match (self.ran, ran()) {
            (Some(before), Some(now)) => (now - before).as_secs_f64(),
            _ => self.start.elapsed().as_secs_f64(),
        }
    }
}

/// How long this thread has been running.
fn ran() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn main() -> Result<(), CpuError> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let format = |i: usize| words.get(i).and_then(|w| BlockFormat::from_name(w));
    let body = format(0).unwrap_or(BlockFormat::Q4_0);
    let shape = Shape {
        layers: 12,
        hidden: 768,
        ffn: 3072,
        heads: 12,
        kv_heads: 12,
        head_size: 64,
        vocabulary: 32_000,
        capacity: 1024,
        chunk: 512,
        output_rows: 1,
        format: body,
        head_format: format(1).unwrap_or(body),
        kv: KvType::F16,
        rope: RopeLayout::Interleaved,
        has_bias: false,
    };
    let threads = words.get(2).and_then(|w| w.parse().ok());
    let instructions =
        words.get(3).and_then(|w| Instructions::available().into_iter().find(|i| i.name() == w));
    let backend = CpuBackend::new(CpuOptions { threads, instructions })?;
    let plan = passes::fuse(&plan(shape));
    let model = load(&backend, &plan)?;
    let info = backend.info();
    println!("{} ({}, {}), {body}, head {}", info.name, info.tier, info.driver, shape.head_format);

    let prompt: Vec<u32> = (0..512).map(|i| (i * 7919 + 13) % shape.vocabulary).collect();
    let mut state = backend.new_state(&model)?;
    let prefill = StepInput { tokens: Tokens::These(&prompt), position: 0, outputs: Outputs::Token };
    let mut best = f64::MAX;
    for _ in 0..4 {
        let start = Timer::start(threads);
        backend.step(&model, &mut state, prefill)?;
        best = best.min(start.secs());
    }
    println!("prefill of 512: {:.1} tokens/s (best of 4)", 512.0 / best);

    // As llama-bench's tg128: from an empty cache.
    let mut rates = Vec::new();
    for _ in 0..6 {
        let start = Timer::start(threads);
        for position in 0..128 {
            let tokens = if position == 0 { Tokens::These(&prompt[..1]) } else { Tokens::Chosen };
            backend.step(&model, &mut state, StepInput { tokens, position, outputs: Outputs::Token })?;
        }
        rates.push(128.0 / start.secs());
    }
    rates.sort_by(f64::total_cmp);
    println!("decode of 128: {:.1} tokens/s (median {:.1})", rates[rates.len() - 1], rates[rates.len() / 2]);
    Ok(())
}
