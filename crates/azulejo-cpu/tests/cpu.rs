//! The CPU against the kernels' twins, and a small model end to end.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test, and its place says enough")]

mod common;

use azulejo_cpu::{CpuBackend, CpuError, CpuExecutor, CpuModel, CpuOptions, CpuState, Instructions};
use azulejo_plan::{Backend, KvType, Outputs, RopeLayout, StepInput, Tokens, passes};
use azulejo_quant::{BlockFormat, Plane, PlaneLayout, SectionKind};
use azulejo_shaders::check::{self, Executor};
use azulejo_shaders::kernel::block_piece;
use azulejo_shaders::{Bind, Call, Extent, Run, StepError, Variant, kernels};
use common::{Shape, load, plan};

const SMALL: Shape = Shape {
    layers: 2,
    hidden: 256,
    ffn: 512,
    heads: 6,
    kv_heads: 3,
    head_size: 40,
    vocabulary: 1100,
    capacity: 600,
    chunk: 40,
    output_rows: 40,
    format: BlockFormat::F32,
    head_format: BlockFormat::F32,
    kv: KvType::F16,
    rope: RopeLayout::HalfSplit,
    has_bias: true,
};

fn tokens(count: u32) -> Vec<u32> {
    (0..count).map(|i| (i * 7919 + 13) % SMALL.vocabulary).collect()
}

fn logits(backend: &CpuBackend, model: &CpuModel, state: &mut CpuState) -> Vec<f32> {
    pollster::block_on(backend.read_logits(model, state)).unwrap()
}

/// The logits of the last of `tokens`, in steps of `step` tokens.
fn run(backend: &CpuBackend, model: &CpuModel, tokens: &[u32], step: usize) -> Vec<f32> {
    let mut state = backend.new_state(model).unwrap();
    for (i, tokens) in tokens.chunks(step).enumerate() {
        let position = (i * step) as u32;
        let input =
            StepInput { tokens: Tokens::These(tokens), position, texts: &[], outputs: Outputs::Logits };
        backend.step(model, &mut state, input).unwrap();
    }
    logits(backend, model, &mut state)
}

fn backend(instructions: Instructions, threads: usize) -> CpuBackend {
    CpuBackend::new(CpuOptions { threads: Some(threads), instructions: Some(instructions) }).unwrap()
}

fn error(got: &[f32], want: &[f32]) -> f64 {
    let squares = |f: &dyn Fn(usize) -> f64| (0..want.len()).map(|i| f(i) * f(i)).sum::<f64>();
    assert_eq!(got.len(), want.len());
    squares(&|i| f64::from(got[i]) - f64::from(want[i])) / squares(&|i| f64::from(want[i]))
}

#[test]
fn cases_agree_with_the_twins() {
    for instructions in Instructions::available() {
        let options = CpuOptions { threads: Some(2), instructions: Some(instructions) };
        let mut executor = CpuExecutor::new(options).unwrap();
        let mut results = check::run_cases(&mut executor, &check::all_cases());
        // There Q8_0 meets activations of 16 bits (`simd/input.rs`), too, and not f32.
        if instructions == Instructions::Simd128 {
            for result in results.iter_mut().filter(|r| r.name.contains("q8_0") && r.tolerance == check::F32)
            {
                (result.tolerance, result.passed) =
                    (check::QUANTISED, result.passed || result.nmse <= check::QUANTISED);
            }
        }
        let failed: Vec<String> = results.iter().filter(|r| !r.passed).map(|r| r.to_string()).collect();
        let (name, count) = (instructions.name(), results.len());
        assert!(failed.is_empty(), "{name}: {} of {count} failed:\n{}", failed.len(), failed.join("\n"));
        assert!(count > 0);
    }
}

/// A call of `gemm` over a matrix whose quants are all ones (or zeros), whose scales are as
/// great as they get, and inputs that are all alike: the greatest sums of integers that there are.
fn greatest_sums(format: BlockFormat, ones: bool, x: f32) -> (Call, Run, Vec<Vec<u32>>) {
    let (rows, cols, tokens) = (5, 512, 3);
    let layout = PlaneLayout::new(format, rows, cols).unwrap();
    let mut planes =
        [vec![0u32; layout.quants_bytes as usize / 4], vec![0u32; layout.aux_bytes as usize / 4]];
    for section in layout.sections() {
        let pattern: &[u32] = match section.kind {
            SectionKind::D16 => &[0x3c00_3c00],
            SectionKind::Dm => &[0x3c00],
            SectionKind::DmSc6 => &[0x3c00, u32::MAX, u32::MAX, u32::MAX],
            SectionKind::Sc8 if format == BlockFormat::Q6_K => &[0x8080_8080],
            SectionKind::Bytes => &[0x8080_8080],
            _ if ones => &[u32::MAX],
            _ => &[0],
        };
        let plane = &mut planes[usize::from(section.kind.plane() == Plane::Aux)];
        let words = &mut plane[section.offset as usize / 4..][..section.bytes as usize / 4];
        words.iter_mut().zip(pattern.iter().cycle()).for_each(|(word, pattern)| *word = *pattern);
    }
    let params = kernels::gemm::Params {
        rows: rows as u32,
        units_per_row: cols as u32 / 32,
        units: layout.units as u32,
        first_row: 0,
        x_stride: cols as u32,
        out_stride: 32,
        out_offset: 0,
        residual_stride: 32,
        residual_offset: 0,
        bias_offset: 0,
    };
    let call = Call {
        kernel: &kernels::gemm::KERNEL,
        variant: Variant::of(&[block_piece(format), "out_store"]),
        params: params.words(),
        binds: [2, 3, 4, 8]
            .into_iter()
            .enumerate()
            .map(|(buffer, binding)| Bind { binding, buffer })
            .collect(),
        grid: [Extent::Fixed(1), Extent::Tokens(32)],
        label: format.name().to_owned(),
    };
    let [quants, aux] = planes;
    let buffers = vec![quants, aux, vec![x.to_bits(); cols * tokens], vec![0; 32 * tokens]];
    (call, Run { tokens: tokens as u32, ..Run::default() }, buffers)
}

#[test]
fn sums_of_integers_never_overflow() {
    for format in BlockFormat::ALL.into_iter().filter(|f| !f.is_float()) {
        for (ones, x) in [(true, 1.0), (true, -1.0), (false, 1.0), (false, -1.0)] {
            let (call, run, before) = greatest_sums(format, ones, x);
            let results = Instructions::available().into_iter().map(|instructions| {
                let options = CpuOptions { threads: Some(1), instructions: Some(instructions) };
                let mut buffers = before.clone();
                CpuExecutor::new(options).unwrap().execute(&call, run, &mut buffers).unwrap();
                buffers[3].iter().map(|word| f32::from_bits(*word)).collect::<Vec<f32>>()
            });
            let results: Vec<_> = results.collect();
            for result in &results[1..] {
                let squares: f32 = results[0].iter().map(|x| x * x).sum();
                let same =
                    if squares == 0.0 { result == &results[0] } else { error(result, &results[0]) < 1e-9 };
                assert!(same, "{format}, ones {ones}, inputs {x}: {:?} {:?}", &result[..5], &results[0][..5]);
            }
        }
    }
}

#[test]
fn inputs_that_are_no_numbers_show() {
    for format in BlockFormat::ALL {
        for x in [f32::NAN, f32::INFINITY] {
            let (call, run, mut buffers) = greatest_sums(format, true, 1.0);
            buffers[2][512 + 77] = x.to_bits();
            for instructions in Instructions::available() {
                let mut buffers = buffers.clone();
                let options = CpuOptions { threads: Some(1), instructions: Some(instructions) };
                CpuExecutor::new(options).unwrap().execute(&call, run, &mut buffers).unwrap();
                let finite = |token: usize| f32::from_bits(buffers[3][token * 32 + 4]).is_finite();
                // An infinite weight of a float format makes all tokens' products infinite.
                let alone = format.is_float() || (finite(0) && finite(2));
                assert!(!finite(1) && alone, "{format} by {}, {x}", instructions.name());
            }
        }
    }
}

#[test]
fn formats_agree_with_the_twins_end_to_end() {
    for format in BlockFormat::ALL {
        let head_size = 64; // K formats take multiples of 256 columns.
        let shape = Shape { format, head_format: format, heads: 4, kv_heads: 2, head_size, ..SMALL };
        let plan = passes::fuse(&plan(shape));
        let twin = backend(Instructions::Twin, 1);
        let want = run(&twin, &load(&twin, &plan).unwrap(), &tokens(9), 4);
        for instructions in Instructions::available() {
            let backend = backend(instructions, 2);
            let got = run(&backend, &load(&backend, &plan).unwrap(), &tokens(9), 4);
            let error = error(&got, &want);
            assert!(error < 1e-7, "{format} by {}: {error:e}", instructions.name());
        }
    }
}

#[test]
fn prefill_is_token_by_token() {
    for rope in [RopeLayout::HalfSplit, RopeLayout::Interleaved] {
        for (kv, head_size) in [(KvType::F16, 40), (KvType::F32, 40), (KvType::Q8_0, 32), (KvType::Q4_0, 64)]
        {
            let plan = passes::fuse(&plan(Shape { rope, kv, head_size, ..SMALL }));
            for instructions in Instructions::available() {
                let backend = backend(instructions, 2);
                let model = load(&backend, &plan).unwrap();
                let count = if instructions == Instructions::Twin { 11 } else { 290 };
                let one = run(&backend, &model, &tokens(count), 1);
                let error = error(&run(&backend, &model, &tokens(count), 37), &one);
                assert!(error < 1e-6, "{rope:?} {kv:?} by {}: {error:e}", instructions.name());
            }
        }
    }
}

#[test]
fn fused_is_unfused() {
    for format in [BlockFormat::F16, BlockFormat::Q4_0, BlockFormat::Q8_0] {
        let plan = plan(Shape { format, heads: 8, head_size: 32, kv_heads: 8, ..SMALL });
        for instructions in Instructions::available() {
            let backend = backend(instructions, 2);
            let logits = |plan| {
                let model = load(&backend, plan).unwrap();
                [1, 5].map(|step| run(&backend, &model, &tokens(10), step))
            };
            let (plain, fused) = (logits(&plan), logits(&passes::fuse(&plan)));
            for (plain, fused) in plain.iter().zip(&fused) {
                let error = error(fused, plain);
                assert!(error < 1e-7, "{format} by {}: {error:e}", instructions.name());
            }
        }
    }
}

#[test]
fn threads_change_nothing() {
    for format in BlockFormat::ALL {
        let plan = passes::fuse(&plan(Shape { format, heads: 4, head_size: 64, kv_heads: 1, ..SMALL }));
        for instructions in Instructions::available().into_iter().filter(|i| *i != Instructions::Twin) {
            let logits = |threads| {
                let backend = backend(instructions, threads);
                let model = load(&backend, &plan).unwrap();
                [1, 39].map(|step| run(&backend, &model, &tokens(39), step))
            };
            let one = logits(1);
            assert_eq!(one, logits(2), "{format} by {}", instructions.name());
            assert_eq!(one, logits(3), "{format} by {}", instructions.name());
        }
    }
}

#[test]
fn chosen_tokens_are_the_greatest_logits() {
    let plan = passes::fuse(&plan(SMALL));
    let backend = CpuBackend::new(CpuOptions::default()).unwrap();
    let model = load(&backend, &plan).unwrap();
    let mut state = backend.new_state(&model).unwrap();
    let prompt = tokens(5);
    let step = |state: &mut CpuState, tokens, position, outputs| {
        backend.step(&model, state, StepInput { tokens, position, texts: &[], outputs }).unwrap();
    };
    step(&mut state, Tokens::These(&prompt), 0, Outputs::Token);
    for position in 5..9 {
        step(&mut state, Tokens::Chosen, position, Outputs::Token);
    }
    let mut all = prompt.clone();
    for _ in 0..5 {
        let logits = run(&backend, &model, &all, all.len());
        let greatest = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap();
        let read = pollster::block_on(backend.read_token(&model, &mut state)).unwrap();
        assert_eq!(read as usize, greatest);
        all.push(read);
    }
    assert!(matches!(
        pollster::block_on(backend.read_token(&model, &mut state)),
        Err(CpuError::NothingToRead(_))
    ));
}

#[test]
fn all_logits_are_those_of_each_token() {
    let plan = passes::fuse(&plan(SMALL));
    let backend = CpuBackend::new(CpuOptions::default()).unwrap();
    let model = load(&backend, &plan).unwrap();
    let prompt = tokens(7);
    let mut state = backend.new_state(&model).unwrap();
    let input =
        StepInput { tokens: Tokens::These(&prompt), position: 0, texts: &[], outputs: Outputs::AllLogits };
    backend.step(&model, &mut state, input).unwrap();
    let all = logits(&backend, &model, &mut state);
    let width = SMALL.vocabulary as usize;
    assert_eq!(all.len(), 7 * width);
    for count in 1..=7 {
        let one = run(&backend, &model, &prompt[..count], count);
        assert!(error(&all[(count - 1) * width..][..width], &one) < 1e-9);
    }
}

#[test]
fn steps_out_of_range_are_errors() {
    let plan = passes::fuse(&plan(SMALL));
    let backend = CpuBackend::new(CpuOptions::default()).unwrap();
    let mut model = load(&backend, &plan).unwrap();
    let mut state = backend.new_state(&model).unwrap();
    let mut step = |tokens, position| {
        let input = StepInput { tokens, position, texts: &[], outputs: Outputs::Nothing };
        backend.step(&model, &mut state, input)
    };
    assert!(matches!(step(Tokens::These(&[]), 0), Err(CpuError::Step(StepError::TooManyTokens { .. }))));
    assert!(matches!(step(Tokens::These(&[0; 41]), 0), Err(CpuError::Step(StepError::TooManyTokens { .. }))));
    assert!(matches!(step(Tokens::These(&[0; 2]), 599), Err(CpuError::Step(StepError::ContextFull { .. }))));
    assert!(matches!(
        step(Tokens::These(&[0]), u32::MAX),
        Err(CpuError::Step(StepError::ContextFull { .. }))
    ));
    assert!(matches!(step(Tokens::These(&[1100]), 0), Err(CpuError::Step(StepError::Token { .. }))));
    assert!(matches!(step(Tokens::Chosen, 0), Err(CpuError::NothingToRead(_))));
    assert!(step(Tokens::These(&[1099]), 599).is_ok());
    let quants = azulejo_quant::Plane::Quants;
    assert!(matches!(backend.write(&mut model, 0, quants, 2, &[0; 4]), Err(CpuError::Write { .. })));
    assert!(matches!(backend.write(&mut model, 999, quants, 0, &[0; 4]), Err(CpuError::Write { .. })));
    assert!(matches!(
        backend.write(&mut model, 0, quants, u64::MAX - 3, &[0; 8]),
        Err(CpuError::Write { .. })
    ));
}

#[test]
fn a_cache_too_large_is_an_error() {
    let backend = CpuBackend::new(CpuOptions::default()).unwrap();
    let plan = plan(Shape { capacity: u32::MAX, kv_heads: 6, ..SMALL });
    // Lowering, preparing or the state may be the first to refuse it; nothing may abort.
    let state = backend.prepare(&plan).and_then(|model| backend.new_state(&model));
    assert!(state.is_err_and(|e| e.is_out_of_memory()));
}
