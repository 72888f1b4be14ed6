//! Faults that are planted on purpose are found, and said with their place.

use azulejo_cuda::{
    Bounds, HostBuffer, HostDevice, HostError, HostKernel, Options, Written, translate, translate_linked,
};
use azulejo_shaders::check::{Case, CaseResult, all_cases, run_case};
use azulejo_shaders::{Target, Tier, link};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::text;

pub(crate) const BARRIER: &str = "__syncthreads();";
pub(crate) const CHECKED: Options = Options { bounds: Bounds::Abort, poison: true, overrides: None };

pub(crate) fn case(name: &str) -> Case {
    all_cases().into_iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"))
}

pub(crate) fn written(case: &Case, tier: Tier) -> Written {
    let call = case.setup().call;
    translate(call.kernel, &call.variant, tier, &CHECKED).unwrap()
}

/// The verdicts on a case of written texts.
pub(crate) fn verdicts(case: &Case, texts: Vec<Written>) -> Vec<CaseResult> {
    let labelled = texts.into_iter().map(|written| ("planted".to_owned(), written)).collect();
    let kernels = HostKernel::compile(labelled).unwrap();
    kernels.into_par_iter().map(|mut kernel| run_case(&mut kernel, case)).collect()
}

#[test]
fn every_removed_barrier_is_found() {
    // The last: which of a text's barriers, counted from 0, have nothing to wait for, as the first reduction of a
    // kernel comes after nothing that reads what it writes.
    let table: [(&str, Tier, &[usize]); 9] = [
        ("rms_norm_3x1757", Tier::Baseline, &[0]),
        ("layer_norm_affine_full_3x1757", Tier::Baseline, &[]),
        ("layer_norm_affine_full_3x1757", Tier::Subgroups, &[]),
        ("gemv_q4_0_norm_bias_wide", Tier::Baseline, &[0, 3]),
        ("gemv_q4_0_norm_bias_wide", Tier::Subgroups, &[0, 2]),
        ("gemm_q4_0_ragged", Tier::Baseline, &[]),
        ("argmax_ragged", Tier::Baseline, &[]),
        ("attn_f16_f16_2to1x128_at_300_seeing_200", Tier::Subgroups, &[]),
        ("attn_decode_split_f16_f16_6to2x64_at_700", Tier::Subgroups, &[]),
    ];
    for (name, tier, idle) in table {
        let case = case(name);
        let whole = written(&case, tier);
        let mut texts = vec![whole.clone()];
        for (at, barrier) in whole.source.match_indices(BARRIER) {
            let mut changed = whole.clone();
            changed.source.replace_range(at..at + barrier.len(), "");
            texts.push(changed);
        }
        let results = verdicts(&case, texts);
        assert!(results[0].passed, "{}", results[0]);
        let kept: Vec<usize> = (0..).zip(&results[1..]).filter(|(_, r)| r.passed).map(|(i, _)| i).collect();
        assert!(results.len() > 2, "{name}: no barriers");
        assert_eq!(
            kept,
            idle,
            "{name} {}: whose removal nobody noticed, of {}",
            tier.name(),
            results.len() - 1
        );
    }
}

#[test]
fn a_divergent_barrier_is_found() {
    let case = case("rms_norm_3x1757");
    let at_barrier = |skip: &str| {
        let mut changed = written(&case, Tier::Baseline);
        changed.source = changed.source.replacen(BARRIER, &format!("{skip}\n{BARRIER}"), 1);
        problem(&verdicts(&case, vec![changed])[0])
    };
    let skipped = at_barrier("if (threadIdx.x != 3u)");
    let start = "kernel planted, block (0, 0, 0): divergent barrier: thread 0 waits in line ";
    assert!(skipped.starts_with(start) && skipped.contains(", thread 3 waits in line "), "{skipped}");
    let returned = at_barrier("if (threadIdx.x == 40u) return 0.0f;");
    assert!(returned.starts_with(start) && returned.ends_with(", thread 40 has returned"), "{returned}");
}

#[test]
fn a_divergent_subgroup_is_found() {
    let case = case("rms_norm_3x1757");
    let mut changed = written(&case, Tier::Subgroups);
    changed.source = changed.source.replacen(
        "const f32 sum = wgsl::subgroup_add",
        "if (threadIdx.x == 7u) return 0.0f;\n  const f32 sum = wgsl::subgroup_add",
        1,
    );
    assert_ne!(changed, written(&case, Tier::Subgroups), "nothing was planted");
    let problem = problem(&verdicts(&case, vec![changed])[0]);
    assert!(problem.ends_with("thread 0 waits for its warp, thread 7 has returned"), "{problem}");
}

#[test]
fn an_index_past_the_end_is_found() {
    // In the WGSL of a real kernel.
    let case = case("rms_norm_3x1757");
    let call = case.setup().call;
    let mut linked = link(call.kernel, &call.variant, Tier::Subgroups, Target::Native).unwrap();
    linked.source = linked.source.replacen("let v = x[x_base + i];", "let v = x[x_base + i + 900u];", 1);
    let planted = translate_linked("planted", &linked, Tier::Subgroups, &CHECKED).unwrap();
    let problem = problem(&verdicts(&case, vec![planted])[0]);
    // Three rows of 1760 columns; lanes take the last 56 vectors of row 0 at once.
    let right = "kernel planted, block (0, 0, 0): thread 55: index 1339 of 'x', which has 1320 elements";
    assert_eq!(problem, right);

    // In each kind of memory. Where workgroup memory is filled first, the last thread is the first behind that barrier.
    for (body, what) in [
        ("out[lane + 1u] = lane;", "thread 63: index 64 of 'out', which has 64 elements"),
        ("out[lane] = input[63u + lane / 63u];", "thread 63: index 64 of 'input', which has 64 elements"),
        ("kept[lane / 4u] = lane;", "thread 63: index 15 of 'kept', which has 8 elements"),
        (
            "var v = vec4<u32>(); v[lane / 2u] = lane; out[lane] = v.x;",
            "thread 8: index 4 of 'v', which has 4 elements",
        ),
        (
            "let v = vec2<u32>(lane); out[lane] = v[lane];",
            "thread 2: index 2 of 'a vector', which has 2 elements",
        ),
        (
            "var m = mat2x2<f32>(); out[lane] = u32(m[lane].x);",
            "thread 2: index 2 of 'm', which has 2 elements",
        ),
    ] {
        let kernel = compiled(body, CHECKED);
        let error = kernel.launch(&mut buffers(), &BINDS, [2, 1, 1]).unwrap_err().to_string();
        assert_eq!(error, format!("kernel test, block (0, 0, 0): {what}"));
        // What it left behind harms no later launch.
        assert_eq!(kernel.launch(&mut buffers(), &BINDS, [1, 1, 1]).unwrap_err().to_string(), error);
    }

    // Clamped, it is the last one.
    let kernel = compiled("out[lane + 1u] = lane;", Options { bounds: Bounds::Clamp, ..Options::default() });
    let mut after = buffers();
    kernel.launch(&mut after, &BINDS, [1, 1, 1]).unwrap();
    assert_eq!(after[1].words()[60..], [59, 60, 61, 63]);
}

#[test]
fn reliance_on_zeroed_workgroup_memory_is_found() {
    let body = "shared_sum[lane] += 1.0; out[lane] = bitcast<u32>(shared_sum[lane]);";
    let sums = |poison| {
        let mut after = buffers();
        let options = Options { bounds: Bounds::Abort, poison, ..Options::default() };
        compiled(body, options).launch(&mut after, &BINDS, [1, 1, 1]).unwrap();
        after[1].words().iter().map(|&word| f32::from_bits(word)).collect::<Vec<f32>>()
    };
    assert!(sums(true).iter().all(|sum| sum.is_nan()), "{:?}", sums(true));
    assert_eq!(sums(false), [1.0; 64]);
    // A block finds nothing of the one before, either.
    let body = "out[lane] = bitcast<u32>(shared_sum[lane]); shared_sum[lane] = 1.0;";
    let mut after = buffers();
    compiled(body, CHECKED).launch(&mut after, &BINDS, [2, 1, 1]).unwrap();
    assert!(after[1].words().iter().all(|&word| f32::from_bits(word).is_nan()));
    // And a kernel whose values are no numbers fails its case.
    let case = case("rms_norm_3x1757");
    let mut changed = written(&case, Tier::Subgroups);
    changed.source =
        changed.source.replacen("f32 squares = 0.0f;", "f32 squares = shared.reduce_one.e[0];", 1);
    assert_ne!(changed, written(&case, Tier::Subgroups), "nothing was planted");
    let result = &verdicts(&case, vec![changed])[0];
    assert!(!result.passed && problem(result).contains("0x7f"), "{result}");
}

#[test]
fn bindings_that_make_no_sense_are_refused() {
    let kernel = compiled("out[lane] = input[lane] + values.x;", CHECKED);
    let error = |buffers: &mut [HostBuffer], binds: &[(u32, usize)]| {
        kernel.launch(buffers, binds, [1, 1, 1]).unwrap_err().to_string()
    };
    let all = &mut buffers();
    let binds = [(0, 2), BINDS[0], BINDS[1]];
    assert_eq!(error(all, &BINDS), "kernel 'test': nothing is bound at 0");
    assert_eq!(error(all, &[binds[0], binds[1], (8, 7)]), "kernel 'test': nothing is bound at 8");
    let twice = "kernel 'test': the buffer at 8 is written and bound elsewhere too";
    assert_eq!(error(all, &[binds[0], binds[1], (8, 0)]), twice);
    // What is only read may be bound twice.
    kernel.launch(all, &[(0, 0), binds[1], binds[2]], [1, 1, 1]).unwrap();
    all[2] = HostBuffer::zeros(0);
    assert_eq!(error(all, &binds), "kernel 'test': 0 bytes are bound at 0, which needs 8");

    let unchecked = written(&case("argmax_one"), Tier::Baseline);
    let unchecked = Written { bounds: Bounds::Unchecked, ..unchecked };
    let error = HostKernel::compile(vec![("argmax".to_owned(), unchecked)]).unwrap_err();
    assert!(matches!(error, HostError::Unchecked { ref kernel } if kernel == "argmax"), "{error}");

    let mut broken = written(&case("argmax_one"), Tier::Baseline);
    broken.source = broken.source.replacen(BARRIER, "__syncwarp();", 1);
    let error = HostKernel::compile(vec![("argmax".to_owned(), broken)]).unwrap_err().to_string();
    assert!(error.contains("refuses the written kernels") && error.contains("argmax:"), "{error}");

    let device = HostDevice::new(Tier::Baseline, []).unwrap();
    let result = run_case(&mut &device, &case("argmax_one"));
    assert_eq!(problem(&result), "kernel 'argmax' is not among those that this device was made with");
}

pub(crate) fn problem(result: &CaseResult) -> String {
    assert!(!result.passed, "{result}");
    result.problem.clone().unwrap_or_default()
}

/// Of a compiled kernel of [`compiled`] that doesn't use `values`.
const BINDS: [(u32, usize); 2] = [(4, 0), (8, 1)];

/// 64 words to read, 64 to write, and 4 for `values`.
fn buffers() -> Vec<HostBuffer> {
    vec![HostBuffer::zeros(256), HostBuffer::zeros(256), HostBuffer::zeros(16)]
}

/// A kernel of 64 lanes with this body.
fn compiled(body: &str, options: Options) -> HostKernel {
    let source = format!(
        "@group(0) @binding(0) var<uniform> values: vec2<u32>;
@group(0) @binding(4) var<storage, read> input: array<u32>;
@group(0) @binding(8) var<storage, read_write> out: array<u32>;
var<workgroup> shared_sum: array<f32, 64>;
var<workgroup> kept: array<u32, 8>;
@compute @workgroup_size(64) fn test(@builtin(local_invocation_index) lane: u32) {{
  {body}
}}
"
    );
    let written = translate_linked("test", &text(&source), Tier::Baseline, &options).unwrap();
    HostKernel::compile(vec![("test".to_owned(), written)]).unwrap().remove(0)
}
