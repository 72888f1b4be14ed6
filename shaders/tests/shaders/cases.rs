//! The cases are sound, and the comparison sees what it should.

use std::collections::BTreeSet;

use azulejo_quant::BlockFormat;
use azulejo_shaders::check::{
    Case, Executor, TwinExecutor, Words, all_cases, nmse, probe_cases, run_case, run_cases,
};
use azulejo_shaders::kernel::BINDINGS;
use azulejo_shaders::{Access, Call, Extent, Run, Target, Tier, kernels, link};

use crate::report;

#[test]
fn cases_pass_on_their_twins() {
    let cases = all_cases();
    let started = std::time::Instant::now();
    let results = run_cases(&mut TwinExecutor, &cases);
    println!("{} cases in {:?}, twins run twice", cases.len(), started.elapsed());
    let failures: Vec<String> = results.iter().filter(|r| !r.passed).map(ToString::to_string).collect();
    report("cases_pass_on_their_twins", cases.len(), &failures);
}

#[test]
fn case_names_are_unique() {
    let mut seen = BTreeSet::new();
    for case in all_cases() {
        assert!(seen.insert(case.name.clone()), "two cases are called {}", case.name);
    }
}

#[test]
fn cases_are_the_same_each_time() {
    for case in all_cases() {
        let (a, b) = (case.setup(), case.setup());
        assert!(a.buffers == b.buffers && a.call.params == b.call.params && a.run == b.run, "{}", case.name);
    }
}

#[test]
fn cases_bind_what_their_shader_declares() {
    let mut failures = Vec::new();
    for case in all_cases() {
        let setup = case.setup();
        let call = &setup.call;
        let mut fail = |text: String| failures.push(format!("{}: {text}", case.name));
        if !(call.kernel.variants)().contains(&call.variant) {
            fail(format!("{} has no variant {}", call.kernel.name, call.variant.name()));
        }
        if call.params.len() != call.kernel.params.len() {
            fail("as many parameters as the kernel has".to_owned());
        }
        let linked = link(call.kernel, &call.variant, Tier::Baseline, Target::Native).unwrap();
        for binding in linked.bindings.iter().filter(|b| b.access != Access::Uniform) {
            assert!((binding.number as usize) < BINDINGS);
            let Some(bind) = call.binds.iter().find(|b| b.binding == binding.number) else {
                fail(format!("nothing is bound at {}", binding.number));
                continue;
            };
            let is_output = setup.outputs.iter().any(|o| o.buffer == bind.buffer);
            if is_output != (binding.access == Access::ReadWrite) {
                fail(format!("binding {} is an output in one place only", binding.number));
            }
        }
        for bind in &call.binds {
            if !linked.bindings.iter().any(|b| b.number == bind.binding) {
                fail(format!("the shader has no binding {}", bind.binding));
            }
        }
        if setup.buffers.iter().any(|b| b.is_empty() || b.len() % 4 != 0) {
            fail("a buffer of other than whole vec4".to_owned());
        }
    }
    report("cases_bind_what_their_shader_declares", all_cases().len(), &failures);
}

#[test]
fn cases_have_every_block_format_and_cache() {
    for kernel in kernels::ALL {
        let variants = (kernel.variants)();
        let had: BTreeSet<_> = (kernel.cases)().iter().map(|c| c.setup().call.variant).collect();
        let blocks =
            |variants: &mut dyn Iterator<Item = &azulejo_shaders::Variant>| -> BTreeSet<BlockFormat> {
                variants.map(|v| v.block()).collect()
            };
        assert_eq!(blocks(&mut had.iter()), blocks(&mut variants.iter()), "block formats of {}", kernel.name);
        // Every piece of every variant is in some case.
        let all: BTreeSet<&str> = variants.iter().flat_map(|v| v.pieces.clone()).collect();
        let some: BTreeSet<&str> = had.iter().flat_map(|v| v.pieces.clone()).collect();
        assert_eq!(some, all, "pieces of {}", kernel.name);
    }
}

#[test]
fn probes_are_few_small_and_of_every_kernel() {
    let probes = probe_cases();
    assert!(probes.len() <= 24, "{} probes", probes.len());
    let mut words = 0;
    for kernel in kernels::ALL {
        let of: Vec<&Case> = probes.iter().filter(|p| p.setup().call.kernel.name == kernel.name).collect();
        assert!(!of.is_empty(), "{} is not probed", kernel.name);
        words += of.iter().flat_map(|p| p.setup().buffers).map(|b| b.len()).sum::<usize>();
    }
    println!("{} probes of {} KiB", probes.len(), words * 4 / 1024);
    assert!(words * 4 < 4 << 20, "{words} words of probes");
    assert!(run_cases(&mut TwinExecutor, &probes).iter().all(|r| r.passed));
}

/// The twin, and then a mistake.
struct Mistaken(Mistake);

/// Spoils the words of a buffer, given what they were before the call.
type Mistake = fn(Words, &mut [u32], &[u32]);

impl Executor for Mistaken {
    fn execute(&mut self, call: &Call, run: Run, buffers: &mut [Vec<u32>]) -> Result<(), String> {
        let before = buffers.to_vec();
        TwinExecutor.execute(call, run, buffers)?;
        for bind in &call.binds {
            let (now, before) = (&mut buffers[bind.buffer], &before[bind.buffer]);
            if now != before {
                let kind = match call.kernel.name {
                    "argmax" | "argmax_merge" => Words::Integers,
                    _ => Words::Floats,
                };
                (self.0)(kind, now, before);
            }
        }
        Ok(())
    }
}

/// The place of a word that the twin changed.
fn changed(now: &[u32], before: &[u32]) -> usize {
    now.iter().zip(before).position(|(now, before)| now != before).unwrap()
}

#[test]
fn comparison_sees_each_mistake() {
    let mistakes: [(&str, Mistake); 4] = [
        ("a value left out", |_, now, before| {
            let at = changed(now, before);
            now[at] = before[at];
        }),
        ("no number", |_, now, before| now[changed(now, before)] = f32::NAN.to_bits()),
        ("a word written that is another's", |_, now, before| {
            if let Some(at) = (0..now.len()).rev().find(|&at| now[at] == before[at]) {
                now[at] ^= 0x0040_0040;
            } else {
                now[0] ^= 0x0040_0040;
            }
        }),
        ("half a percent too much", |kind, now, before| {
            let at = changed(now, before);
            match kind {
                Words::Integers => now[at] += 1,
                _ => {
                    for (now, before) in now.iter_mut().zip(before) {
                        if now != before {
                            *now = (f32::from_bits(*now) * 1.005).to_bits();
                        }
                    }
                }
            }
        }),
    ];
    // One mistake a case: they are so many that every kernel meets every mistake, or nearly.
    for (i, case) in all_cases().iter().enumerate() {
        let (mistake, make) = mistakes[i % mistakes.len()];
        let result = run_case(&mut Mistaken(make), case);
        assert!(!result.passed, "{mistake}: {result}");
    }
}

#[test]
fn nmse_is_relative_and_strict() {
    assert_eq!(nmse([(1.0, 1.0), (-2.0, -2.0)]), 0.0);
    assert!((nmse([(1.0, 1.0), (2.0, 3.0)]) - 0.1).abs() < 1e-12);
    assert!((nmse([(1e-20, 1e-20), (2e-20, 3e-20)]) - 0.1).abs() < 1e-12);
    assert_eq!(nmse([(0.0, 0.0)]), 0.0);
    assert_eq!(nmse([]), 0.0);
    for bad in [(1.0, 0.0), (f64::NAN, 1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0), (1.0, f64::INFINITY)] {
        assert_eq!(nmse([bad]), f64::INFINITY, "{bad:?}");
    }
}

#[test]
fn grids_over_a_dimension_are_folded() {
    let mut call = all_cases()[0].setup().call;
    let mut of = |grid, tokens| {
        call.grid = grid;
        call.workgroups(Run { tokens, ..Run::default() })
    };
    assert_eq!(of([Extent::Fixed(37), Extent::Tokens(32)], 33), [37, 1, 2]);
    assert_eq!(of([Extent::Fixed(65_535), Extent::Fixed(1)], 1), [65_535, 1, 1]);
    for count in [65_536, 128_256, 151_936, 1_000_003] {
        let [x, y, z] = of([Extent::Fixed(count), Extent::Tokens(1)], 3);
        assert!(x <= 65_535 && y <= 65_535 && z == 3, "{count} became {x} x {y} x {z}");
        assert!(x * y >= count && x * y - count < y, "{count} became {x} x {y}");
    }
}
