//! What can be known of the kernels without a device.
//!
//! `validation`: each variant of each kernel, linked for each tier, is valid WGSL for exactly that tier, translates to
//! the languages of the devices, and fits the tier's limits. `sources`: the WESL files keep to their subset and agree
//! with the Rust beside them. `plain_math`: the twins agree with formulas written out once more. `cases`: the cases are
//! sound, and the comparison sees mistakes. `linker`: what the linker makes of imports, conditions and constants.

#![allow(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

mod cases;
mod linker;
mod plain_math;
mod sources;
mod validation;

use azulejo_shaders::{Kernel, Linked, Target, Tier, Variant, kernels, link};

/// A linked variant.
struct Shader {
    kernel: &'static Kernel,
    variant: Variant,
    tier: Tier,
    linked: Linked,
}

impl Shader {
    /// `gemv[block_q4_k,input_norm] baseline`.
    fn name(&self) -> String {
        format!("{}[{}] {}", self.kernel.name, self.variant.name(), self.tier.name())
    }

    /// The file and line that a line (counted from 1) of the linked text came from.
    fn origin(&self, line: u32) -> String {
        match self.linked.lines.get((line as usize).saturating_sub(1)) {
            Some((file, number)) => format!("{file}.wesl:{number}"),
            None => format!("line {line}"),
        }
    }
}

/// Every variant of every kernel for every tier, as naga gets it, and as CUDA's back-end has it.
fn every_shader() -> Vec<Shader> {
    let mut shaders = Vec::new();
    for kernel in kernels::ALL {
        for variant in (kernel.variants)() {
            let of_cuda = variant.clone().with_bytes("bytes_fractions");
            let of_cuda = (of_cuda != variant).then_some((of_cuda, Tier::SubgroupsF16));
            for (variant, tier) in Tier::ALL.map(|tier| (variant.clone(), tier)).into_iter().chain(of_cuda) {
                let linked = link(kernel, &variant, tier, Target::Native)
                    .unwrap_or_else(|e| panic!("{}[{}] {}: {e}", kernel.name, variant.name(), tier.name()));
                shaders.push(Shader { kernel, variant: variant.clone(), tier, linked });
            }
        }
    }
    shaders
}

/// Fails with all failures in one message.
fn report(what: &str, checked: usize, failures: &[String]) {
    println!("{what}: {checked} checked");
    assert!(checked > 0, "{what}: nothing to check");
    if !failures.is_empty() {
        let shown: Vec<&str> = failures.iter().take(40).map(String::as_str).collect();
        panic!("{what}: {} of {checked} failed\n{}", failures.len(), shown.join("\n"));
    }
}
