//! The kernels' cases against their twins, in every tier that the device can do.

use std::collections::HashSet;

use azulejo_shaders::check::{all_cases, identity, run_case};

use crate::tiers;

#[test]
fn cases_of_all_kernels_pass_in_every_tier() {
    let cases = all_cases();
    let mut done = HashSet::new();
    let mut failures = Vec::new();
    for backend in tiers() {
        for case in &cases {
            if done.insert(identity(case, backend.tier()).unwrap()) {
                let result = run_case(&mut &backend, case);
                if !result.passed {
                    failures.push(format!("{}: {result}", backend.tier().name()));
                }
            }
        }
    }
    println!("{} cases of {} kernels", done.len(), azulejo_shaders::kernels::ALL.len());
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}
