//! `validate`: whether a device computes right, and how fast. It needs nothing but this program, so that it can be
//! carried to a machine with a GPU and no network.
//!
//! First every kernel against its twin, in each tier that the device has; then models, whose greedy tokens are those of
//! transformers or of the CPU; then, for as long as there is time, known models' shapes with random weights. What wasn't
//! run is in the report, with the reason.

mod kernels;
mod models;
mod report;
mod speed;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use azulejo::{Device, DeviceChoice, DeviceInfo, ModelOptions};
use azulejo_shaders::Tier;

use crate::args::ValidateArgs;
use crate::exit::Usage;
use crate::output::Output;
use crate::partial::Partial;

/// All that was found.
#[derive(Debug)]
struct Report {
    device: DeviceInfo,
    /// Bytes a second, and how they were measured.
    bandwidth: Option<(f64, &'static str)>,
    kernels: kernels::Report,
    models: Vec<models::Checked>,
    speed: Vec<speed::Measured>,
    /// What was being done when it was written; none when all is done. A driver that hangs leaves that behind.
    unfinished: Option<String>,
    took: Duration,
}

impl Report {
    /// What is wrong; empty if all is right.
    fn problems(&self) -> Vec<String> {
        let kernels = self.kernels.failed.iter().cloned();
        let models = self
            .models
            .iter()
            .filter_map(|m| Some(format!("{} in {}: {}", m.name, m.tier, m.problem.as_ref()?)));
        kernels.chain(models).collect()
    }

    /// Writes what there is by now into the folder, and what is done next.
    fn save(&mut self, args: &ValidateArgs, start: Instant, next: Option<&str>) -> Result<()> {
        (self.took, self.unfinished) = (start.elapsed(), next.map(str::to_owned));
        let Some(folder) = &args.output else { return Ok(()) };
        std::fs::create_dir_all(folder).map_err(|e| Usage(format!("{}: {e}", folder.display())))?;
        for (name, text) in [("report.json", format!("{:#}\n", self.json())), ("report.md", self.markdown())]
        {
            let mut file = Partial::create(&folder.join(name))?;
            file.write(text.as_bytes())?;
            file.finish()?;
        }
        Ok(())
    }
}

pub(crate) fn run(args: &ValidateArgs, output: &Output) -> Result<()> {
    let start = Instant::now();
    let until = start + Duration::from_secs(args.seconds);
    let shapes = speed::asked(&args.shapes, &args.quant)?;
    let options = |max_tier| {
        let mut options = ModelOptions::new().device(args.device);
        options.threads = args.threads.map(|n| n as usize);
        options.checks.max_tier = max_tier;
        options.checks.overrides = !args.no_overrides;
        options
    };
    let device = pollster::block_on(Device::open(&options(None))).map_err(|error| match error.code() {
        // What is asked for can't be said anything about: no check has failed.
        azulejo::Code::NoDevice => anyhow::Error::from(Usage(error.to_string())),
        _ => error.into(),
    })?;
    for warning in device.warnings() {
        output.warning(warning);
    }
    let info = device.info();
    output.notice(&format!("{} ({}), tier {}: {}", info.name, info.driver, info.tier, info.reason));
    // Whatever `auto` chose is meant from here on.
    let on_cpu = info.backend == "cpu";
    if on_cpu && args.device != DeviceChoice::Cpu {
        output.notice("no GPU can be opened: this is about the CPU");
    }
    let how = if on_cpu { options(None).device(DeviceChoice::Cpu) } else { options(None) };
    let mut tiers = Vec::new();
    if on_cpu {
        tiers.push(how.clone());
    } else {
        for tier in Tier::ALL {
            let own = options(Some(tier));
            if pollster::block_on(Device::open(&own))?.info().tier == tier.name() {
                tiers.push(own);
            }
        }
    }
    let mut report = Report {
        device: info,
        bandwidth: speed::bandwidth(&device, on_cpu, args.threads)?,
        kernels: kernels::Report::default(),
        models: Vec::new(),
        speed: Vec::new(),
        unfinished: None,
        took: Duration::ZERO,
    };
    report.save(args, start, Some("kernels"))?;
    report.kernels = kernels::run(&tiers, output)?;
    report.save(args, start, Some("models"))?;
    report.models = models::run(&tiers, output)?;
    let (shapes, quant) = shapes;
    for shape in shapes {
        report.save(args, start, Some(shape.name))?;
        report.speed.push(speed::run(shape, quant, &how, until, output)?);
    }
    report.save(args, start, None)?;
    if output.is_json() {
        output.json(&report.json())?;
    } else {
        output.text(&report.markdown())?;
    }
    match report.problems().len() {
        0 => Ok(()),
        count => bail!("{count} checks failed on {}: the report names them", report.device.name),
    }
}
