//! `validate`: whether a device computes right, and how fast. It needs nothing but this program, so that it can be
//! carried to a machine with a GPU and no network.
//!
//! First every kernel against its twin, in each tier that the device has; then models, whose greedy tokens are those of
//! transformers or of the CPU; then, for as long as there is time, known models' shapes with random weights. What wasn't
//! run is in the report, with the reason.

mod beside;
mod energy;
mod json;
mod kernels;
mod markdown;
mod models;
mod speed;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use azulejo::{Device, DeviceChoice, DeviceInfo, ModelOptions};
use azulejo_shaders::Tier;

use self::beside::Beside;
use self::energy::Meter;
use crate::args::{ValidateArgs, ValidatePart};
use crate::exit::Usage;
use crate::output::Output;
use crate::partial::Partial;

/// All that was found.
#[derive(Debug)]
struct Report {
    device: DeviceInfo,
    /// The parts that were asked for.
    parts: Vec<ValidatePart>,
    /// Bytes a second, and how they were measured.
    bandwidth: Option<(f64, &'static str)>,
    /// Floating-point operations a second of matrix products from registers, where that is measured.
    matrix_peak: Option<f64>,
    /// Why there is no energy, if so.
    no_energy: Option<String>,
    kernels: kernels::Report,
    models: Vec<models::Checked>,
    speed: Vec<speed::Measured>,
    beside: Option<Beside>,
    /// What was being done when it was written; none when all is done. A driver that hangs leaves that behind.
    unfinished: Option<String>,
    took: Duration,
}

/// A way in which everything is checked once.
struct Pass {
    /// For reports: the tier of kernels.
    name: String,
    options: ModelOptions,
    /// Whether its kernels are others than those of the same case in the passes before.
    has_own_kernels: bool,
}

impl Report {
    /// What is wrong; empty if all is right.
    fn problems(&self) -> Vec<String> {
        let kernels = self.kernels.failed.iter().cloned();
        let models = self
            .models
            .iter()
            .filter_map(|m| Some(format!("{} in {}: {}", m.name, m.pass, m.problem.as_ref()?)));
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
    // Whatever is wrong with the flags is told before anything takes its time.
    let (shapes, quants) = speed::asked(&args.shapes, &args.quant)?;
    let files = models::opened(&args.models)?;
    let beside = args.beside.as_deref().map(Beside::read).transpose()?;
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
    let passes = match info.backend {
        "wgpu" => passes_of_tiers(options)?,
        "cuda" if !args.no_overrides => {
            let mut translated = how.clone();
            translated.checks.overrides = false;
            let pass = |name: &str, options| Pass { name: name.to_owned(), options, has_own_kernels: true };
            vec![pass(&info.tier, how.clone()), pass("no overrides", translated)]
        }
        _ => vec![Pass { name: info.tier.clone(), options: how.clone(), has_own_kernels: false }],
    };
    let is_asked = |part| args.only.contains(&part);
    let (mut bandwidth, mut matrix_peak, mut meter) = (None, None, Err("it wasn't asked for".to_owned()));
    if is_asked(ValidatePart::Speed) {
        bandwidth = speed::bandwidth(&device, on_cpu, args.threads)?;
        matrix_peak = speed::matrix_peak(&device);
        meter = Meter::of(&device, &info);
    }
    let mut report = Report {
        device: info,
        parts: args.only.clone(),
        bandwidth,
        matrix_peak,
        no_energy: meter.as_ref().err().cloned(),
        kernels: kernels::Report::default(),
        models: Vec::new(),
        speed: Vec::new(),
        beside,
        unfinished: None,
        took: Duration::ZERO,
    };
    if is_asked(ValidatePart::Kernels) {
        report.save(args, start, Some("kernels"))?;
        report.kernels = kernels::run(&passes, output)?;
    }
    if is_asked(ValidatePart::Models) {
        report.save(args, start, Some("models"))?;
        report.models = models::run(&passes, files, output)?;
    }
    if is_asked(ValidatePart::Speed) {
        let on = speed::On { options: &how, until, meter: meter.as_ref().ok(), output };
        for quant in quants {
            for shape in &shapes {
                report.save(args, start, Some(&format!("{} {}", shape.name, quant.name())))?;
                report.speed.push(speed::run(shape, quant, &on)?);
            }
        }
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

/// Each tier that the device has.
fn passes_of_tiers(options: impl Fn(Option<Tier>) -> ModelOptions) -> Result<Vec<Pass>> {
    let mut passes = Vec::new();
    for tier in Tier::ALL {
        let options = options(Some(tier));
        if pollster::block_on(Device::open(&options))?.info().tier == tier.name() {
            passes.push(Pass { name: tier.name().to_owned(), options, has_own_kernels: false });
        }
    }
    Ok(passes)
}
