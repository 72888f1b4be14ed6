//! Every kernel's cases, in every pass.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use azulejo::Device;

use super::Pass;
use crate::interrupt;
use crate::output::{Output, Unit};

/// What became of the cases.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Cases that were run in each pass; what a pass doesn't change isn't run again in it.
    pub(super) passes: Vec<(String, usize)>,
    /// Those that failed, in words.
    pub(super) failed: Vec<String>,
    /// The one that was nearest to its tolerance, as a part of it, of those that have one.
    pub(super) nearest: Option<(String, f64)>,
    pub(super) took: Duration,
}

impl Report {
    pub(super) fn cases(&self) -> usize {
        self.passes.iter().map(|(_, cases)| cases).sum()
    }
}

pub(super) fn run(passes: &[Pass], output: &Output) -> Result<Report> {
    let start = Instant::now();
    let mut report = Report::default();
    let mut done = HashSet::new();
    for pass in passes {
        let device = pollster::block_on(Device::open(&pass.options))?;
        if pass.has_own_kernels {
            done.clear();
        }
        let bar = output.bar("kernels", Device::kernel_cases() as u64, Unit::Runs);
        let mut cases = 0;
        device.run_kernels(&mut done, &mut |result| {
            cases += 1;
            bar.set(cases as u64, Device::kernel_cases() as u64);
            if !result.passed {
                report.failed.push(format!("kernel in {}: {result}", pass.name));
            } else if result.tolerance > 0.0 {
                let part = result.error / result.tolerance;
                if report.nearest.as_ref().is_none_or(|(_, nearest)| part > *nearest) {
                    report.nearest = Some((result.name, part));
                }
            }
            interrupt::flow()
        })?;
        interrupt::check()?;
        drop(bar);
        report.passes.push((pass.name.clone(), cases));
    }
    report.took = start.elapsed();
    Ok(report)
}
