//! The linker.

use azulejo_shaders::{Kernel, LinkError, Target, Tier, Variant, kernels, link};

/// A kernel of that source, which is only linked.
fn kernel(source: &'static str) -> Kernel {
    let (params, twin, variants, cases) = (&[][..], kernels::add::KERNEL.twin, Vec::new as _, Vec::new as _);
    Kernel { name: "made_up", source, params, twin, variants, cases }
}

fn linked(source: &'static str, tier: Tier, target: Target) -> Result<String, LinkError> {
    link(&kernel(source), &Variant::default(), tier, target).map(|linked| linked.source)
}

#[test]
fn link_writes_the_targets_header() {
    let header = |tier, target| {
        let text = linked("fn f() {}\n", tier, target).unwrap();
        text.strip_suffix("fn f() {}\n").unwrap().to_owned()
    };
    for target in [Target::Native, Target::Browser] {
        assert_eq!(header(Tier::Baseline, target), "");
        assert_eq!(header(Tier::F16, target), "enable f16;\n");
    }
    assert_eq!(header(Tier::Subgroups, Target::Native), "");
    assert_eq!(header(Tier::SubgroupsF16, Target::Native), "enable f16;\n");
    assert_eq!(header(Tier::Subgroups, Target::Browser), "enable subgroups;\n");
    assert_eq!(header(Tier::SubgroupsF16, Target::Browser), "enable f16;\nenable subgroups;\n");
}

#[test]
fn link_follows_conditions() {
    let source = "@if(subgroups) import package::lib::reduce_sg::{wg_sum};\n\
                  @if(!subgroups) import package::lib::reduce_wg::{wg_sum};\n";
    for tier in Tier::ALL {
        let text = linked(source, tier, Target::Native).unwrap();
        assert_eq!(text.contains("subgroupAdd"), tier.subgroups(), "{}", tier.name());
        assert_eq!(text.matches("fn wg_sum(").count(), 1, "{}", tier.name());
        assert_eq!(text.matches("const WG").count(), 1, "both pieces import group; it is included once");
    }
}

#[test]
fn link_replaces_parameters() {
    let with = |consts: &[(&'static str, u32)]| {
        let variant = Variant { pieces: Vec::new(), consts: consts.to_vec() };
        link(&kernels::attn_merge::KERNEL, &variant, Tier::Baseline, Target::Native)
    };
    assert!(with(&[]).unwrap().source.contains("const SPLIT: u32 = 256u; // param\n"));
    let text = with(&[("SPLIT", 64), ("WG", 128)]).unwrap().source;
    assert!(
        text.contains("const SPLIT: u32 = 64u; // param\n")
            && text.contains("const WG: u32 = 128u; // param\n")
    );
    let error = with(&[("SPLITS", 64)]).unwrap_err();
    assert_eq!(error.to_string(), "kernel 'attn_merge' has no constant 'SPLITS' marked `// param`");
}

#[test]
fn link_says_what_is_wrong_where() {
    let error = |source| linked(source, Tier::Baseline, Target::Native).unwrap_err().to_string();
    assert_eq!(
        error("// A kernel.\nimport package::lib::blocks::{f};\n"),
        "made_up:2: there is no piece 'blocks' under src/lib"
    );
    for source in ["import super::run::{run};\n", "import package::lib::run;\n"] {
        assert!(
            error(source).starts_with("made_up:1: expected `import package::lib::<piece>::{...};`"),
            "{source}"
        );
    }
}

#[test]
fn link_lines_are_those_of_the_files() {
    let kernel = &kernels::gemv::KERNEL;
    let variant = Variant::of(&["block_q4_k", "input_norm", "bias_add", "out_add"]);
    let linked = link(kernel, &variant, Tier::SubgroupsF16, Target::Browser).unwrap();
    let mut seen = 0;
    for (line, (file, number)) in linked.source.lines().zip(&linked.lines) {
        if *file == kernel.name {
            assert_eq!(Some(line), kernel.source.lines().nth(*number as usize - 1));
            seen += 1;
        }
    }
    assert!(seen > 40);
    assert_eq!(linked.source.lines().count(), linked.lines.len());
}
