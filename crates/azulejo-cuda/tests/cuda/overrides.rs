//! Overrides: kernels that are written by hand pass the cases of those whose place they take, give what those give, and faults
//! in them are found.

use azulejo_cuda::{
    Bounds, HostBuffer, HostDevice, HostKernel, Options, Written, matrix_peak_kernel, translate,
};
use azulejo_shaders::Tier;
use azulejo_shaders::check::{ATTENTION, Case, Executor, F32, Setup, Words, all_cases, nmse, run_case};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::faults::{case, problem, verdicts};

const TIER: Tier = Tier::SubgroupsF16;
/// A Hopper GPU's compute capability.
const HOPPER: Option<(u32, u32)> = Some((9, 0));

fn written(case: &Case, options: Options) -> Written {
    let call = case.setup().call;
    translate(call.kernel, &call.variant, TIER, &options).unwrap()
}

/// By hand, with its indices checked.
fn by_hand(case: &Case) -> Written {
    written(case, Options { bounds: Bounds::Abort, poison: true, overrides: HOPPER })
}

/// The cases of the kernels that have an override.
fn cases() -> Vec<Case> {
    let of = |case: &Case, overrides| written(case, Options { overrides, ..Options::default() });
    all_cases().into_iter().filter(|case| of(case, HOPPER) != of(case, None)).collect()
}

/// What a call leaves in its outputs, where it differs from what was there.
fn outputs(device: &HostDevice, setup: &Setup) -> Vec<f64> {
    let mut after = setup.buffers.clone();
    (&mut &*device).execute(&setup.call, setup.run, &mut after).unwrap();
    let mut values = Vec::new();
    for output in &setup.outputs {
        let (before, after) = (&setup.buffers[output.buffer], &after[output.buffer]);
        // A cache that could be written, and is only read.
        if output.kind != Words::Floats {
            assert_eq!(before, after);
            continue;
        }
        let words = before.iter().zip(after);
        values.extend(words.filter(|(a, b)| a != b).map(|(_, word)| f64::from(f32::from_bits(*word))));
    }
    values
}

#[test]
fn overrides_pass_the_cases_and_give_what_the_translated_ones_give() {
    let cases = cases();
    let variants = || cases.iter().map(|case| case.setup().call).map(|call| (call.kernel, call.variant));
    let by_hand = HostDevice::with_overrides(TIER, HOPPER, variants()).unwrap();
    let translated = HostDevice::new(TIER, variants()).unwrap();
    let problems: Vec<String> = cases
        .par_iter()
        .filter_map(|case| {
            let result = run_case(&mut &by_hand, case);
            println!("{result}");
            if !result.passed {
                return Some(result.to_string());
            }
            let setup = case.setup();
            let (got, want) = (outputs(&by_hand, &setup), outputs(&translated, &setup));
            assert_eq!(got.len(), want.len(), "{}", case.name);
            let error = nmse(got.into_iter().zip(want));
            // Errors of scores go through `exp`.
            let most = if setup.call.kernel.name == "attn" { ATTENTION } else { F32 };
            (error > most).then(|| format!("{}: {error:.1e} from the translated one", case.name))
        })
        .collect();
    for kernel in ["gemm", "attn"] {
        let count = cases.iter().filter(|case| case.setup().call.kernel.name == kernel).count();
        assert!(count >= 20, "only {count} cases of {kernel}");
    }
    assert!(problems.is_empty(), "{} failures\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn an_override_is_taken_from_its_compute_capability_on() {
    let case = case("gemm_q4_0_ragged");
    let of = |overrides| written(&case, Options { overrides, ..Options::default() });
    let translated = of(None);
    assert_eq!(of(Some((7, 5))), translated);
    let by_hand = of(Some((8, 0)));
    assert_eq!((by_hand.threads, by_hand.share), (128, [4, 2]));
    assert_eq!((&by_hand.name, &by_hand.parameters), (&translated.name, &translated.parameters));
    // 37 rows and 33 tokens are one block's, 2 x 2 workgroups'.
    let setup = case.setup();
    assert_eq!(setup.call.blocks(setup.run, translated.share), [2, 1, 2]);
    assert_eq!(setup.call.blocks(setup.run, by_hand.share), [1, 1, 1]);
}

/// What is wrong, in a text's words, and what is said of it; nothing where numbers are wrong.
type Fault = (&'static str, &'static str, Option<&'static str>);

#[test]
fn faults_in_gemm_by_hand_are_found() {
    are_found(
        "gemm_f32_ragged",
        &[
            ("r * 16u + half * 8u + lane / 4u;", "r * 16u + half * 8u + lane % 8u;", None),
            ("lane % 4u * 2u + i;", "lane / 4u + i * 0u;", None),
            ("weight_half = lane / 16u;", "weight_half = lane / 8u % 2u;", None),
            ("lane / 16u * 8u + lane % 8u, value_half", "lane / 8u % 2u * 8u + lane % 8u, value_half", None),
            (
                "V2<u32>{pair.x, pair.y} : V2<u32>{pair.z, pair.w}",
                "V2<u32>{pair.x, pair.z} : V2<u32>{pair.y, pair.w}",
                None,
            ),
            ("vector ^ (row & 7u)", "vector ^ (row & 8u)", Some("index")),
            ("product = 0u; product < 3u", "product = 2u; product < 3u", None),
            ("stages[next % 2u]", "stages[0]", None),
            ("lane % 8u / 4u * 4u", "lane % 8u / 4u", None),
            ("__syncthreads();", "", None),
            ("shared.stages[1].values[i] = V4<u32>{};", ";", None),
            ("j, x_length, \"x\")", "j + 990u, x_length, \"x\")", Some("of 'x', which has 792 elements")),
            (
                "wgsl::min(first_token + tokens[i], all_tokens - 1u)",
                "(first_token + tokens[i])",
                Some("of 'x'"),
            ),
            ("if (token < all_tokens) {", "{", Some("of 'out'")),
        ],
    );
}

#[test]
fn faults_in_attn_by_hand_are_found() {
    are_found(
        "attn_f32_f32_2to1x144_at_33_seeing_40",
        &[
            // Fragments.
            (
                "const u32 token = first_token + warp_row + half * 8u + lane / 4u;",
                "const u32 token = first_token + warp_row + half * 8u + lane % 8u;",
                None,
            ),
            ("n) * 8u + lane % 4u * 2u;", "n) * 8u + lane / 4u;", None),
            ("query_half = lane / 16u;", "query_half = lane / 8u % 2u;", None),
            ("key_row = lane / 16u * 8u", "key_row = lane / 8u % 2u * 8u", None),
            ("value_row = lane % 16u", "value_row = lane / 16u * 8u + lane % 8u", None),
            ("ldmatrix_x4_trans(", "ldmatrix_x4(", None),
            ("V2<u32>{pair.x, pair.y} :", "V2<u32>{pair.x, pair.z} :", None),
            (
                "{left[0].x, left[1].x, right[0].x, right[1].x}",
                "{left[0].x, right[0].x, left[1].x, right[1].x}",
                None,
            ),
            ("vector ^ (row & 7u)", "vector ^ (row & 32u)", Some("of 'queries', which has 2048 elements")),
            // Products.
            ("first.\n            for (u32 product = 0u", "first.\n            for (u32 product = 2u", None),
            ("}};\n          for (u32 product = 0u", "}};\n          for (u32 product = 2u", None),
            // What is seen.
            ("tile + n * 8u + lane % 4u * 2u + i;", "tile + n * 8u + lane / 4u + i;", None),
            ("first_seen[half] >= seen[half]", "first_seen[half] > seen[half]", None),
            ("tile + POSITIONS > warp_begin", "tile > warp_begin", None),
            ("tile < warp_end", "tile + POSITIONS < warp_end", None),
            ("all.y - wgsl::min(all.y, p.window)", "0u", None),
            // The softmax.
            ("__shfl_xor_sync(0xffffffffu, greatest, step)", "greatest", None),
            ("total[half] += __shfl_xor_sync(0xffffffffu, total[half], step);", ";", None),
            ("total[half] *= shrink[half];", "", None),
            ("sums[first + n] * shrinks", "sums[first + n]", None),
            ("* 1.44269504f", "", None),
            // Parts of a head, and heads of a group.
            ("if (tile == begin || parts > 1u)", "if (tile == begin)", None),
            ("load(true, tile, part + 1u);", "load(true, tile, part);", None),
            ("load(false, tile, out_part);", "load(false, tile, 0u);", None),
            ("load(true, tile + POSITIONS, 0u);", "load(true, tile, 0u);", None),
            ("head / (p.heads / p.kv_heads) * columns", "head * columns", None),
            // Barriers.
            ("__syncthreads();\n        if (tile", "if (tile", None),
            ("store();\n        __syncthreads();", "store();", None),
            ("__syncthreads();\n      store();", "store();", None),
            ("store();\n      __syncthreads();", "store();", None),
            // Ends of buffers.
            ("wgsl::min(first_token + row, all_tokens - 1u)", "(first_token + row)", Some("of 'q'")),
            ("reach_of(wgsl::min(token, all_tokens - 1u))", "reach_of(token)", Some("of 'kcache'")),
            ("wgsl::min(tile + i * rows + row, end - 1u)", "(tile + i * rows + row)", Some("of 'kcache'")),
            ("if (token >= all_tokens) continue;", "", Some("of 'out'")),
        ],
    );
}

fn are_found(case_name: &str, faults: &[Fault]) {
    let case = case(case_name);
    let whole = by_hand(&case);
    let mut texts = vec![whole.clone()];
    for (from, to, _) in faults {
        assert_eq!(whole.source.matches(from).count(), 1, "{from}");
        texts.push(Written { source: whole.source.replacen(from, to, 1), ..whole.clone() });
    }
    let results = verdicts(&case, texts);
    assert!(results[0].passed, "{}", results[0]);
    let mut unnoticed = Vec::new();
    for ((from, to, said), result) in faults.iter().zip(&results[1..]) {
        println!("{to}: {result}");
        if result.passed {
            unnoticed.push(format!("nobody noticed '{to}' for '{from}': {result}"));
        } else if let Some(said) = said
            && !problem(result).contains(said)
        {
            unnoticed.push(format!("'{to}': {result}"));
        }
    }
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n"));
}

#[test]
fn what_measures_the_matrix_peak_counts_its_products() {
    let (kernel, operations) = matrix_peak_kernel();
    let threads = u64::from(kernel.threads);
    let kernel = HostKernel::compile(vec![("matrix_peak".to_owned(), kernel)]).unwrap().remove(0);
    let mut buffers = [HostBuffer::zeros(4 * threads)];
    kernel.launch(&mut buffers, &[(0, 0)], [1, 1, 1]).unwrap();
    let products: f64 = buffers[0].words().iter().map(|word| f64::from(f32::from_bits(*word))).sum();
    // Each with an addition.
    assert_eq!(2.0 * products, operations as f64);
}
