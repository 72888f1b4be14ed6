//! Tokens a second of a made-up model at the shape of a Llama with 160 million weights, in Q4_0.
//!
//! `cargo run --release -p azulejo-wgpu --example shape [decoded tokens] [prompt tokens]`

#[path = "../tests/wgpu/plans.rs"]
mod plans;

use std::time::Instant;

use azulejo_plan::{Backend, KvType, Outputs, StepInput, Tokens};
use azulejo_quant::BlockFormat;
use azulejo_shaders::Tier;
use azulejo_wgpu::{Options, WgpuError, open};

fn main() -> Result<(), WgpuError> {
    let argument = |n: usize, or: u32| std::env::args().nth(n).and_then(|a| a.parse().ok()).unwrap_or(or);
    let (decoded, prompt) = (argument(1, 16), argument(2, 64));
    let shape = plans::Shape {
        layers: 12,
        hidden: 768,
        ffn: 3072,
        heads: 12,
        kv_heads: 12,
        vocabulary: 32_000,
        format: BlockFormat::Q4_0,
        kv: KvType::F16,
        bias: false,
        context: 1024,
        chunk: prompt.max(2),
        output_rows: 1,
    };
    let plan = plans::fused(shape);
    let tier = std::env::args().nth(3).and_then(|name| Tier::ALL.into_iter().find(|t| t.name() == name));
    let backend = pollster::block_on(open(Options { max_tier: tier, ..Options::default() }))?;
    println!("{:?}", backend.info());
    let start = Instant::now();
    let mut model = backend.prepare(&plan)?;
    println!("prepare {:.2} s", start.elapsed().as_secs_f64());
    plans::fill(&backend, &mut model, &plan);
    let mut state = backend.new_state(&model)?;
    println!("{:?}, {} dispatches a token", backend.memory(&model), model.program().dispatches_per_token());
    let tokens: Vec<u32> = (0..prompt).map(|i| i * 7919 % 32_000).collect();
    for repeat in 0..2 {
        let start = Instant::now();
        let input = StepInput { tokens: Tokens::These(&tokens), position: 0, outputs: Outputs::Token };
        backend.step(&model, &mut state, input)?;
        pollster::block_on(backend.read_token(&model, &mut state))?;
        let secs = start.elapsed().as_secs_f64();
        println!("prefill {repeat}: {prompt} tokens, {secs:.2} s, {:.2} tokens/s", f64::from(prompt) / secs);
    }
    let start = Instant::now();
    for i in 0..decoded {
        let input = StepInput { tokens: Tokens::Chosen, position: prompt + i, outputs: Outputs::Token };
        backend.step(&model, &mut state, input)?;
        pollster::block_on(backend.read_token(&model, &mut state))?;
    }
    let secs = start.elapsed().as_secs_f64();
    println!("decode: {decoded} tokens, {secs:.2} s, {:.2} tokens/s", f64::from(decoded) / secs);
    Ok(())
}
