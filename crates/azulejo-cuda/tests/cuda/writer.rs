//! The writer: every kernel goes through it, and what it doesn't know is refused by name.

use std::collections::HashSet;

use azulejo_cuda::{Bounds, Options, TranslateError, translate, translate_linked};
use azulejo_shaders::{Access, Kernel, Linked, Target, Tier, Variant, kernels, link};

use crate::text;

/// Every linked text that is unlike the others, as native devices get it.
fn every_text() -> Vec<(&'static Kernel, Variant, Tier, Linked)> {
    let mut seen = HashSet::new();
    let mut texts = Vec::new();
    for &kernel in kernels::ALL {
        for variant in (kernel.variants)() {
            for tier in Tier::ALL {
                let linked = link(kernel, &variant, tier, Target::Native).unwrap();
                // A tier that changes nothing but the header changes nothing here either.
                let text = linked.source.lines().filter(|line| !line.starts_with("enable "));
                if seen.insert(text.collect::<Vec<_>>().join("\n")) {
                    texts.push((kernel, variant.clone(), tier, linked));
                }
            }
        }
    }
    texts
}

#[test]
fn every_variant_is_written() {
    let texts = every_text();
    let mut failures = Vec::new();
    let mut written = HashSet::new();
    for (kernel, variant, tier, linked) in &texts {
        for bounds in [Bounds::Unchecked, Bounds::Abort] {
            let options = Options { bounds, ..Options::default() };
            match translate_linked(&format!("{}[{}]", kernel.name, variant.name()), linked, *tier, &options) {
                Ok(text) => _ = written.insert(text.source),
                Err(e) => failures.push(e.to_string()),
            }
        }
    }
    println!("{} of {} texts are unlike the others", written.len(), 2 * texts.len());
    assert!(texts.len() > 1000, "only {} texts", texts.len());
    let shown = &failures[..failures.len().min(40)];
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), shown.join("\n"));
}

/// What the writer made of these when somebody last read it: `AZULEJO_BLESS=1 cargo test -p azulejo-cuda` writes it anew.
const SNAPSHOTS: [(&str, &[&str], Tier); 3] = [
    ("argmax", &[], Tier::Baseline),
    ("gemv", &["block_q4_0", "input_norm", "out_add"], Tier::Subgroups),
    ("rms_norm", &[], Tier::Subgroups),
];

#[test]
fn written_text_is_as_it_was_read() {
    for (name, pieces, tier) in SNAPSHOTS {
        let kernel = kernels::ALL.iter().find(|k| k.name == name).unwrap();
        let written = translate(kernel, &Variant::of(pieces), tier, &Options::default()).unwrap();
        let path = format!("{}/tests/snapshots/{name}.cu", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("AZULEJO_BLESS").is_some() {
            std::fs::write(&path, &written.source).unwrap();
        }
        let before = std::fs::read_to_string(&path).unwrap();
        let differs = (1..).zip(before.lines().zip(written.source.lines())).find(|(_, (a, b))| a != b);
        assert!(differs.is_none(), "{path}: {differs:?}");
        assert_eq!(before, written.source, "{path}: one is longer");
    }
}

#[test]
fn parameters_say_how_buffers_are_used() {
    let kernel = kernels::ALL.iter().find(|k| k.name == "attn").unwrap();
    let written = translate(kernel, &(kernel.variants)()[0], Tier::Subgroups, &Options::default()).unwrap();
    let found: Vec<_> =
        written.parameters.iter().map(|p| (p.binding, p.access, p.bytes, p.is_array)).collect();
    // The cache is declared as writable and only read, so that it may be loaded as what nobody writes.
    let want = [
        (0, Access::Uniform, 36, false),
        (1, Access::Uniform, 16, false),
        (4, Access::Read, 4, true),
        (5, Access::Read, 16, true),
        (6, Access::Read, 16, true),
        (8, Access::ReadWrite, 4, true),
    ];
    assert!(
        written.source.contains("const V4<u32>* __restrict__ kcache, u32 kcache_length"),
        "{}",
        written.source
    );
    assert_eq!(found, want);
    assert_eq!((written.threads, written.shared_bytes), (64, 256 * 8 + 64 * 4 + 64 * 4));
}

#[test]
fn bounds_are_checked_only_if_asked() {
    let kernel = kernels::ALL.iter().find(|k| k.name == "gemm").unwrap();
    let variant = &(kernel.variants)()[0];
    let write = |bounds| {
        translate(kernel, variant, Tier::Baseline, &Options { bounds, ..Options::default() }).unwrap().source
    };
    let plain = write(Bounds::Unchecked);
    assert!(!plain.contains("wgsl::checked") && !plain.contains("wgsl::clamped"));
    assert!(write(Bounds::Clamp).contains("x[wgsl::clamped("));
    assert!(write(Bounds::Abort).contains("shared.weight_tile.e[wgsl::checked("));
    assert!(write(Bounds::Abort).contains(", x_length, \"x\")]"));
}

/// A kernel over two buffers, with declarations before it.
fn kernel(declarations: &str, body: &str) -> Linked {
    text(&format!(
        "@group(0) @binding(4) var<storage, read> a: array<i32>;
@group(0) @binding(8) var<storage, read_write> out: array<u32>;
{declarations}
@compute @workgroup_size(64) fn test(@builtin(local_invocation_index) lane: u32) {{
{body}
}}
"
    ))
}

#[test]
fn unknown_constructs_are_refused_by_name_and_place() {
    let cases = [
        (kernel("", "out[lane] = u32(a[0] + a[1]);"), "the operator Add of i32", "test.wesl:5"),
        (
            kernel("", "out[lane] = firstLeadingBit(lane);"),
            "the function FirstLeadingBit of u32",
            "test.wesl:5",
        ),
        (
            kernel("", "switch lane { case 1u: { out[0] = 1u; } default: {} }"),
            "the statement Switch",
            "test.wesl:5",
        ),
        (
            kernel("", "for (var i = 0u; i < 4u; i++) {\nif i == lane { continue; }\nout[i] = 1u;\n}"),
            "the statement Continue",
            "test.wesl:6",
        ),
        (kernel("", "\nout[lane] = arrayLength(&a);"), "the expression ArrayLength", "test.wesl:6"),
        (
            kernel("var<private> kept: u32;", "kept = lane;\nout[lane] = kept;"),
            "a variable in the address space Private",
            "test.wesl:3",
        ),
        (
            kernel("var<workgroup> count: atomic<u32>;", "out[lane] = atomicAdd(&count, 1u);"),
            "the type Atomic",
            "somewhere",
        ),
        (
            kernel("fn put(to: ptr<function, u32>) { *to = 1u; }", "var x = 0u; put(&x); out[lane] = x;"),
            "the type Pointer",
            "test.wesl:3",
        ),
        (kernel("override count: u32;", "out[lane] = count;"), "an override", "test.wesl:3"),
        (
            kernel("", "out[lane] = subgroupBallot(lane > 3u).x;"),
            "the statement SubgroupBallot",
            "test.wesl:5",
        ),
        (
            kernel("", "out[lane] = u32(subgroupMin(f32(lane)));"),
            "the subgroup operation Min (Reduce) of f32",
            "test.wesl:5",
        ),
        (
            text(
                "@group(0) @binding(8) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(48) fn test(@builtin(local_invocation_index) lane: u32) {
  out[lane] = subgroupAdd(1.0);
}",
            ),
            "subgroups in a workgroup of 48 invocations",
            "test.wesl:3",
        ),
    ];
    for (linked, what, place) in cases {
        match translate_linked("test", &linked, Tier::Subgroups, &Options::default()) {
            Err(TranslateError::Unsupported { kernel, at, kind }) => {
                assert!(kind.starts_with(what), "'{kind}', not '{what}'");
                assert_eq!((kernel.as_str(), at.as_str()), ("test", place), "{kind}");
            }
            Err(other) => panic!("{what}: {other}"),
            Ok(written) => panic!("{what} is written:\n{}", written.source),
        }
    }
}

#[test]
fn invalid_texts_are_told_with_their_place() {
    let linked = kernel("", "out[lane] = 1.0;");
    let error = translate_linked("test", &linked, Tier::Baseline, &Options::default()).unwrap_err();
    assert!(error.to_string().starts_with("kernel 'test', test.wesl:5: "), "{error}");
    // What a tier doesn't have is no valid text of it.
    let linked = kernel("", "out[lane] = subgroupAdd(lane);");
    let error = translate_linked("test", &linked, Tier::Baseline, &Options::default()).unwrap_err();
    assert!(matches!(error, TranslateError::Invalid { .. }), "{error}");
}
