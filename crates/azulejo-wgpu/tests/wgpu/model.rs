//! A small model end to end, by ways that must agree.

use azulejo_plan::{Backend, KvType, Outputs, Plan, StepInput, Tokens};
use azulejo_quant::BlockFormat;
use azulejo_shaders::StepError;
use azulejo_shaders::Tier;
use azulejo_wgpu::{Options, WgpuBackend, WgpuError, WgpuModel, WgpuState};

use crate::plans::{Shape, fill, fused, plan};
use crate::{nmse, open, tiers};

const SHAPE: Shape = Shape {
    layers: 2,
    hidden: 96,
    ffn: 160,
    heads: 6,
    kv_heads: 2,
    vocabulary: 1543,
    format: BlockFormat::Q4_0,
    kv: KvType::F32,
    bias: true,
    context: 600,
    chunk: 40,
    output_rows: 40,
};

/// Ids without a pattern.
fn prompt(n: u32) -> Vec<u32> {
    (0..n).map(|i| (i * 7919 + 13) % SHAPE.vocabulary).collect()
}

fn loaded(backend: &WgpuBackend, plan: &Plan) -> (WgpuModel, WgpuState) {
    let mut model = backend.prepare(plan).unwrap();
    fill(backend, &mut model, plan);
    let state = backend.new_state(&model).unwrap();
    (model, state)
}

fn step(
    backend: &WgpuBackend,
    (model, state): &mut (WgpuModel, WgpuState),
    tokens: &[u32],
    position: u32,
    outputs: Outputs,
) -> Vec<f32> {
    backend
        .step(model, state, StepInput { tokens: Tokens::These(tokens), position, texts: &[], outputs })
        .unwrap();
    match outputs {
        Outputs::Logits | Outputs::AllLogits => {
            pollster::block_on(backend.read_logits(model, state)).unwrap()
        }
        _ => Vec::new(),
    }
}

/// The logits of each token, one step a token.
fn one_by_one(backend: &WgpuBackend, plan: &Plan, tokens: &[u32]) -> Vec<f32> {
    let mut loaded = loaded(backend, plan);
    let one = |(i, &t): (usize, &u32)| step(backend, &mut loaded, &[t], i as u32, Outputs::Logits);
    tokens.iter().enumerate().flat_map(one).collect()
}

/// The logits of each token, in chunks of `chunk`.
fn in_chunks(backend: &WgpuBackend, plan: &Plan, tokens: &[u32], chunk: usize) -> Vec<f32> {
    let mut loaded = loaded(backend, plan);
    let one = |(i, t): (usize, &[u32])| step(backend, &mut loaded, t, (i * chunk) as u32, Outputs::AllLogits);
    tokens.chunks(chunk).enumerate().flat_map(one).collect()
}

fn assert_close(what: &str, got: &[f32], want: &[f32], tolerance: f64) {
    let error = nmse(got, want);
    assert!(error < tolerance, "{what}: {error:e}");
}

#[test]
fn prefill_in_chunks_gives_the_logits_of_decoding_one_by_one() {
    let tokens = prompt(45);
    // The reference is by the kernels for GPUs of many lanes, which a device made of software does not choose.
    let wide = |tier| open(Options { max_tier: Some(tier), is_narrow: Some(false), ..Options::default() });
    let baseline = wide(Tier::Baseline);
    assert!(!baseline.limits().is_narrow);
    let reference = one_by_one(&baseline, &plan(SHAPE), &tokens);
    assert_eq!(reference.len(), 45 * 1543);
    for backend in tiers().into_iter().chain(Tier::ALL.map(wide)) {
        for (name, plan) in [("unfused", plan(SHAPE)), ("fused", fused(SHAPE))] {
            let what = format!("{} {name} {:?}", backend.tier().name(), backend.limits());
            assert_close(&what, &one_by_one(&backend, &plan, &tokens), &reference, 1e-9);
            assert_close(&what, &in_chunks(&backend, &plan, &tokens, 33), &reference, 1e-9);
        }
    }
}

#[test]
fn kv_in_f16_is_close_to_f32() {
    let backend = open(Options::default());
    let tokens = prompt(20);
    let reference = one_by_one(&backend, &fused(SHAPE), &tokens);
    let halves = fused(Shape { kv: KvType::F16, ..SHAPE });
    assert_close("one by one", &one_by_one(&backend, &halves, &tokens), &reference, 1e-5);
    assert_close("chunks", &in_chunks(&backend, &halves, &tokens, 7), &reference, 1e-5);
}

#[test]
fn sharded_weights_give_the_same_logits() {
    let tokens = prompt(35);
    let whole = open(Options::default());
    let shape = Shape { context: 64, chunk: 3, output_rows: 3, ..SHAPE };
    for (plan, is_narrow) in [(plan(shape), true), (fused(shape), false), (fused(shape), true)] {
        let options = Options { is_narrow: Some(is_narrow), ..Options::default() };
        let pieces = open(Options { binding_bytes: Some(24 << 10), ..options });
        let reference = one_by_one(&whole, &plan, &tokens);
        let (model, _) = loaded(&pieces, &plan);
        let (one, _) = loaded(&whole, &plan);
        assert!(model.program().constants.len() > one.program().constants.len(), "nothing was cut");
        assert_close("one by one", &one_by_one(&pieces, &plan, &tokens), &reference, 1e-9);
        assert_close("chunks", &in_chunks(&pieces, &plan, &tokens, 3), &reference, 1e-9);
    }
}

#[test]
fn decode_crosses_attention_splits() {
    let backend = open(Options::default());
    let tokens = prompt(560);
    let plan = fused(SHAPE);
    let reference = in_chunks(&backend, &plan, &tokens, 40);
    let mut loaded = loaded(&backend, &plan);
    for (i, chunk) in tokens[..519].chunks(40).enumerate() {
        step(&backend, &mut loaded, chunk, i as u32 * 40, Outputs::Nothing);
    }
    for i in 519..530 {
        let logits = step(&backend, &mut loaded, &tokens[i..=i], i as u32, Outputs::Logits);
        assert_close("a token behind two splits", &logits, &reference[i * 1543..][..1543], 1e-9);
    }
}

#[test]
fn run_ahead_chooses_the_tokens_of_one_by_one() {
    for backend in tiers() {
        let plan = fused(SHAPE);
        let (model, mut state) = loaded(&backend, &plan);
        let mut run = |ahead: u32| {
            let tokens = prompt(9);
            let first = StepInput {
                tokens: Tokens::These(&tokens),
                position: 0,
                texts: &[],
                outputs: Outputs::Token,
            };
            backend.step(&model, &mut state, first).unwrap();
            let mut got = Vec::new();
            for i in 0..12 {
                let input = StepInput {
                    tokens: Tokens::Chosen,
                    position: 9 + i,
                    texts: &[],
                    outputs: Outputs::Token,
                };
                backend.step(&model, &mut state, input).unwrap();
                if i + 1 >= ahead {
                    got.push(pollster::block_on(backend.read_token(&model, &mut state)).unwrap());
                }
            }
            while got.len() < 13 {
                got.push(pollster::block_on(backend.read_token(&model, &mut state)).unwrap());
            }
            got
        };
        let one = run(1);
        assert_eq!(run(4), one);
        // The same by logits and a choice on the host.
        let mut loaded = loaded(&backend, &plan);
        let mut tokens = prompt(9);
        let mut position = 0;
        for want in one {
            let logits = step(&backend, &mut loaded, &tokens, position, Outputs::Logits);
            let best =
                (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]).then(b.cmp(&a))).unwrap();
            assert_eq!(best as u32, want);
            position += tokens.len() as u32;
            tokens = vec![want];
        }
    }
}

#[test]
fn counts_of_a_token_are_one_submit_and_four_bytes() {
    let backend = open(Options::default());
    let (model, mut state) = loaded(&backend, &fused(SHAPE));
    let mut token = |position| {
        let tokens = if position == 0 { Tokens::These(&[5]) } else { Tokens::Chosen };
        backend
            .step(&model, &mut state, StepInput { tokens, position, texts: &[], outputs: Outputs::Token })
            .unwrap();
        pollster::block_on(backend.read_token(&model, &mut state)).unwrap()
    };
    token(0);
    let before = backend.counts();
    token(1);
    let after = backend.counts();
    assert_eq!(after.submits - before.submits, 1);
    assert_eq!(after.bytes_read - before.bytes_read, 4);
    assert_eq!(after.buffers, before.buffers, "a token makes no buffers");
    assert_eq!(after.dispatches - before.dispatches, model.program().dispatches_per_token() as u64);
    // Six a layer, the embedding, the head, two for the choice.
    assert_eq!(model.program().dispatches_per_token(), 2 * 6 + 4);
}

#[test]
fn steps_out_of_bounds_are_errors() {
    let backend = open(Options::default());
    let (model, mut state) = loaded(&backend, &fused(SHAPE));
    let mut ask = |tokens: &[u32], position, outputs| {
        let input = StepInput { tokens: Tokens::These(tokens), position, texts: &[], outputs };
        backend.step(&model, &mut state, input).unwrap_err()
    };
    assert!(matches!(ask(&[], 0, Outputs::Nothing), WgpuError::Step(StepError::TooManyTokens { .. })));
    assert!(matches!(ask(&[1; 41], 0, Outputs::Nothing), WgpuError::Step(StepError::TooManyTokens { .. })));
    assert!(matches!(ask(&[1, u32::MAX], 0, Outputs::Nothing), WgpuError::Step(StepError::Token { .. })));
    assert!(ask(&[1; 3], 598, Outputs::Nothing).is_context_full());
    assert!(ask(&[1; 3], u32::MAX, Outputs::Nothing).is_context_full());
    let none = pollster::block_on(backend.read_token(&model, &mut state)).unwrap_err();
    assert!(matches!(none, WgpuError::NothingToRead(_)));
    let none = pollster::block_on(backend.read_logits(&model, &mut state)).unwrap_err();
    assert!(matches!(none, WgpuError::NothingToRead(_)));
}

#[test]
fn logits_that_are_no_numbers_choose_no_token() {
    let backend = open(Options::default());
    let plan = fused(SHAPE);
    let (mut model, mut state) = loaded(&backend, &plan);
    let nan: Vec<u8> = f32::NAN.to_le_bytes().repeat(96);
    let constants = backend.constants(&model).to_vec();
    let norm = constants.iter().position(|c| c.label(&plan) == "norm").unwrap();
    backend.write(&mut model, norm, azulejo_quant::Plane::Quants, 0, &nan).unwrap();
    backend
        .step(
            &model,
            &mut state,
            StepInput { tokens: Tokens::These(&[1]), position: 0, texts: &[], outputs: Outputs::Token },
        )
        .unwrap();
    assert_eq!(pollster::block_on(backend.read_token(&model, &mut state)).unwrap(), u32::MAX);
}

#[test]
fn writes_outside_of_a_constant_are_errors() {
    let backend = open(Options::default());
    let (mut model, _) = loaded(&backend, &fused(SHAPE));
    for (constant, offset, length) in
        [(9999, 0, 4), (0, 2, 4), (0, 0, 3), (0, u64::MAX - 3, 4), (0, 1 << 40, 4)]
    {
        let error = backend
            .write(&mut model, constant, azulejo_quant::Plane::Quants, offset, &vec![0; length])
            .unwrap_err();
        assert!(matches!(error, WgpuError::WriteRange { .. }));
    }
}

#[test]
fn a_device_that_is_not_there_is_an_error() {
    let options = Options { selection: azulejo_wgpu::Selection::Index(99), ..Options::default() };
    let error = pollster::block_on(azulejo_wgpu::open(options)).unwrap_err();
    assert!(matches!(error, WgpuError::NoSuchDevice { index: 99, .. }), "{error}");
    assert!(!pollster::block_on(azulejo_wgpu::devices()).is_empty());
}
