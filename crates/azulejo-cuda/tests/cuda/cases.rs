//! The kernels' cases against their twins, on what is written of them.

use std::collections::HashSet;

use azulejo_cuda::HostDevice;
use azulejo_shaders::Tier;
use azulejo_shaders::check::{Case, all_cases, identity, run_case};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

#[test]
fn cases_of_all_kernels_pass_in_every_tier() {
    let cases = all_cases();
    let mut done = HashSet::new();
    let mut failures = Vec::new();
    for tier in Tier::ALL {
        let fresh: Vec<&Case> =
            cases.iter().filter(|case| done.insert(identity(case, tier).unwrap())).collect();
        let calls = fresh.iter().map(|case| case.setup().call);
        let device = HostDevice::new(tier, calls.map(|call| (call.kernel, call.variant))).unwrap();
        let results: Vec<_> = fresh.par_iter().map(|case| run_case(&mut &device, case)).collect();
        let failed = results.iter().filter(|result| !result.passed);
        failures.extend(failed.map(|result| format!("{}: {result}", tier.name())));
    }
    println!("{} cases of {} kernels", done.len(), azulejo_shaders::kernels::ALL.len());
    assert!(done.len() > cases.len(), "no tier has kernels of its own");
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}
