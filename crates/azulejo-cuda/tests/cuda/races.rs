//! Data races: what no barrier orders, whatever the order in which the fibres happen to run.

use azulejo_cuda::{Bounds, HostBuffer, Options, ThreadedKernel, Written, translate, translate_linked};
use azulejo_shaders::check::{Case, CaseResult, run_case};
use azulejo_shaders::{Call, Target, Tier, link};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::faults::{BARRIER, case, problem, verdicts, written};
use crate::text;

/// As on a GPU but for the checks: what fills workgroup memory first would end in a barrier.
const PLAIN: Options = Options { bounds: Bounds::Abort, poison: false, overrides: None };

fn plain(case: &Case, tier: Tier) -> Written {
    let call = case.setup().call;
    translate(call.kernel, &call.variant, tier, &PLAIN).unwrap()
}

fn compiled(label: &str, written: Written) -> ThreadedKernel {
    // What is missing is said as it is meant to be read.
    ThreadedKernel::compile(label.to_owned(), written).unwrap_or_else(|e| panic!("{e}"))
}

fn watched(case: &Case, written: Written) -> CaseResult {
    run_case(&mut compiled("watched", written), case)
}

#[test]
fn kernels_have_no_races() {
    // Whatever has workgroup memory, or a buffer that one block writes and another might read; few blocks each.
    const BOTH: &[Tier] = &[Tier::Baseline, Tier::Subgroups];
    let table: [(&str, &[Tier]); 13] = [
        ("argmax_ragged", &[Tier::Baseline]),
        ("argmax_merge_more_than_lanes", &[Tier::Baseline]),
        ("attn_f16_f16_4to2x64_at_62", BOTH),
        ("attn_decode_interleaved_f16_f16_4to2x64_at_256", BOTH),
        ("attn_decode_split_q8_0_q8_0_4to2x64_at_700", &[Tier::Subgroups]),
        ("attn_merge_4x128_at_700", &[Tier::Baseline]),
        ("gemm_q4_0_ragged", &[Tier::Baseline]),
        ("gemv_q4_0_norm_bias_wide", BOTH),
        ("gemv_glu_f32_input_norm_bias_add", &[Tier::Subgroups]),
        ("group_norm_3_4x20_2x20", &[Tier::Subgroups]),
        ("layer_norm_affine_full_3x1757", BOTH),
        ("rms_norm_3x1757", BOTH),
        ("rope_kv_split_f16_f16_4to2x64_at_1", &[Tier::Baseline]),
    ];
    let pairs: Vec<(&str, Tier)> =
        table.iter().flat_map(|(name, tiers)| tiers.iter().map(|&tier| (*name, tier))).collect();
    let mut results: Vec<_> = pairs
        .into_par_iter()
        .map(|(name, tier)| {
            let case = case(name);
            (tier, watched(&case, plain(&case, tier)))
        })
        .collect();
    // Those that are written by hand.
    let by_hand = Options { overrides: Some((8, 0)), ..PLAIN };
    for name in ["gemm_q4_0_ragged", "attn_f16_f16_3to1x80_at_100_seeing_7"] {
        let case = case(name);
        let Call { kernel, variant, .. } = case.setup().call;
        let written = translate(kernel, &variant, Tier::SubgroupsF16, &by_hand).unwrap();
        assert_ne!(written.share, [1, 1], "it isn't the translated one");
        results.push((Tier::SubgroupsF16, watched(&case, written)));
    }
    let failed = results.iter().filter(|(_, result)| !result.passed);
    let failures: Vec<String> = failed.map(|(tier, result)| format!("{}: {result}", tier.name())).collect();
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn races_that_the_order_of_fibres_hides_are_found() {
    let case = case("rms_norm_3x1757");
    // The first barrier of a reduction that is the first has nothing to wait for.
    let mut changed = plain(&case, Tier::Baseline);
    changed.source = changed.source.replacen(BARRIER, "", 1);
    let result = watched(&case, changed.clone());
    assert!(result.passed, "{result}");
    // The second is what the sum of others' values waits for. Fibres run backwards there, so that they are there already.
    let mut on_fibres = written(&case, Tier::Baseline);
    on_fibres.source = on_fibres.source.replacen(BARRIER, "", 2);
    let result = &verdicts(&case, vec![on_fibres])[0];
    assert!(result.passed, "it isn't hidden: {result}");
    changed.source = changed.source.replacen(BARRIER, "", 1);
    let found = problem(&watched(&case, changed));
    assert!(found.starts_with("kernel 'watched' has a data race:"), "{found}");
    assert!(found.matches("shared.reduce_one.e[").count() >= 2, "{found}");
}

#[test]
fn races_between_blocks_are_found() {
    // All heads of a group write its key and value, and the same ones: no order of blocks shows.
    let case = case("attn_decode_interleaved_f16_f16_4to2x64_at_256");
    let call = case.setup().call;
    let mut linked = link(call.kernel, &call.variant, Tier::Subgroups, Target::Native).unwrap();
    let right = linked.source.clone();
    linked.source = linked.source.replace("let is_first = head % per_kv == 0u;", "let is_first = true;");
    assert_ne!(linked.source, right, "nothing was planted");
    let planted = |options| translate_linked("planted", &linked, Tier::Subgroups, options).unwrap();
    let result = &verdicts(&case, vec![planted(&crate::faults::CHECKED)])[0];
    assert!(result.passed, "it isn't hidden: {result}");
    let found = problem(&watched(&case, planted(&PLAIN)));
    assert!(
        found.contains("kcache[") && found.contains("'block 1:") && found.contains("'block 0:"),
        "{found}"
    );
}

#[test]
fn a_subgroup_orders_no_memory() {
    let body = |between: &str| {
        format!(
            "
@group(0) @binding(8) var<storage, read_write> out: array<f32>;
var<workgroup> kept: array<f32, 64>;
@compute @workgroup_size(64) fn test(@builtin(local_invocation_index) lane: u32) {{
  kept[lane] = f32(lane);
  {between}
  let sum = subgroupAdd(1.0);
  out[lane] = kept[lane ^ 1u] + sum;
}}
"
        )
    };
    let launched = |between: &str| {
        let written = translate_linked("test", &text(&body(between)), Tier::Subgroups, &PLAIN).unwrap();
        let mut buffers = [HostBuffer::zeros(256)];
        let kernel = compiled("test", written);
        kernel.launch(&mut buffers, &[(8, 0)], [1, 1, 1]).map(|()| f32::from_bits(buffers[0].words()[8]))
    };
    let found = launched("").unwrap_err().to_string();
    assert!(found.contains("shared.kept.e["), "{found}");
    assert_eq!(launched("workgroupBarrier();").unwrap(), 9.0 + 32.0);
}

#[test]
fn what_else_goes_wrong_is_told() {
    let case = case("rms_norm_3x1757");
    let mut changed = plain(&case, Tier::Baseline);
    let skipped = format!("if (threadIdx.x != 3u)\n{BARRIER}");
    changed.source = changed.source.replacen(BARRIER, &skipped, 1);
    let found = problem(&watched(&case, changed));
    assert!(found.contains("divergent barrier"), "{found}");
    let mut changed = plain(&case, Tier::Baseline);
    changed.source = changed.source.replacen("x[wgsl::checked(", "x[wgsl::checked(100000u + ", 1);
    let found = problem(&watched(&case, changed));
    assert!(found.contains("of 'x', which has 1320 elements"), "{found}");
}
