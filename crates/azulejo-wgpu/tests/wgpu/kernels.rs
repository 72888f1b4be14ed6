//! The kernels' cases against their twins, in every tier that the device can do.

use std::collections::HashSet;

use azulejo_shaders::check::{all_cases, run_case};
use azulejo_shaders::{Target, link};

use crate::tiers;

#[test]
fn cases_of_all_kernels_pass_in_every_tier() {
    let cases = all_cases();
    // A tier that changes nothing in a kernel's text would only run the same again.
    let mut done = HashSet::new();
    let mut failures = Vec::new();
    for backend in tiers() {
        for case in &cases {
            let call = case.setup().call;
            let text = link(call.kernel, &call.variant, backend.tier(), Target::Native).unwrap().source;
            let text = text.lines().filter(|line| !line.starts_with("enable ")).collect::<String>();
            if done.insert((case.name.clone(), text)) {
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
