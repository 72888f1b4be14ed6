//! How fast known models' shapes are, with random weights: prompts, generation, and each kernel by the device's clock.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use azulejo::shape::{Quant, Shape};
use azulejo::{CallTime, Device, Model, ModelOptions, Session};

use super::super::bench::{Test, measure};
use super::energy::{self, Energy, Meter};
use crate::exit::Usage;
use crate::output::Output;
use crate::{interrupt, load, memory, numbers};

/// Positions before the second test of generation.
const DEPTH: u32 = 4096;
const PROMPT: u32 = 512;
/// A prompt for models of so many parameters, whose weights are read once for so many tokens that arithmetic bounds it.
const LONG_PROMPT: u32 = 2048;
const LARGE: u64 = 5_000_000_000;
const GENERATED: u32 = 32;
/// Runs that count, behind one that warms up.
const REPETITIONS: u32 = 3;
/// How often a step's calls are timed; the fastest counts.
const PROFILES: usize = 3;

/// What shapes are measured on, and how long.
#[derive(Debug)]
pub(super) struct On<'a> {
    pub(super) options: &'a ModelOptions,
    pub(super) until: Instant,
    pub(super) meter: Option<&'a Meter>,
    pub(super) output: &'a Output,
}

/// A shape.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) shape: &'static str,
    pub(super) quant: &'static str,
    /// Bytes of weights that a decoded token reads.
    pub(super) bytes_per_token: u64,
    pub(super) loading: Duration,
    pub(super) tests: Vec<Rate>,
    pub(super) steps: Vec<StepTime>,
    /// What wasn't run, and why.
    pub(super) not_run: Vec<String>,
}

/// A test's tokens a second.
#[derive(Debug)]
pub(super) struct Rate {
    pub(super) test: Test,
    pub(super) mean: f64,
    pub(super) deviation: f64,
    /// Floating-point operations a token of a prompt's matrix products.
    pub(super) flops_per_token: Option<f64>,
    pub(super) energy: Option<Energy>,
}

/// A step whose calls were timed one by one.
#[derive(Debug)]
pub(super) struct StepTime {
    pub(super) step: String,
    /// The test that such steps make, for a step of one token.
    pub(super) test: Option<Test>,
    pub(super) kernels: Vec<KernelTime>,
}

impl StepTime {
    /// The time of all calls.
    pub(super) fn total(&self) -> Duration {
        self.kernels.iter().map(|kernel| kernel.time).sum()
    }
}

/// The calls of a kernel's variant in a step.
#[derive(Debug)]
pub(super) struct KernelTime {
    pub(super) kernel: &'static str,
    pub(super) variant: String,
    pub(super) calls: usize,
    pub(super) time: Duration,
    /// Bytes of weights that they read, where each is read once.
    pub(super) weights: Option<u64>,
}

/// Bytes a second that the device's memory gives, and how that was measured.
pub(super) fn bandwidth(
    device: &Device,
    on_cpu: bool,
    threads: Option<u32>,
) -> Result<Option<(f64, &'static str)>> {
    if on_cpu {
        let all = std::thread::available_parallelism().map_or(1, usize::from);
        return Ok(memory::bandwidth(threads.map_or(all, |n| n as usize)).map(|b| (b, memory::METHOD)));
    }
    let copied = "best of 4 times 16 copies of a buffer of at most 256 MiB, bytes read and written together";
    // A device without so much memory is no failure of what is validated.
    Ok(device.copy_bandwidth().ok().flatten().map(|bandwidth| (bandwidth, copied)))
}

/// Floating-point operations a second of matrix products from registers, where that is measured.
pub(super) fn matrix_peak(device: &Device) -> Option<f64> {
    // A device whose tensor cores have no bf16 is no failure of what is validated.
    device.matrix_peak().ok().flatten()
}

/// The shapes of the flags, and their weights' types.
pub(super) fn asked(shapes: &[String], quants: &[String]) -> Result<(Vec<&'static Shape>, Vec<Quant>)> {
    let quant = |name: &String| {
        let unknown = || Usage(format!("--quant: there is no '{name}'; these are: {}", Quant::names()));
        Quant::from_name(name).ok_or_else(unknown)
    };
    let shape = |name: &String| Shape::from_name(name).map_err(|e| Usage(format!("--shapes: {e}")));
    let shapes = shapes.iter().filter(|name| !name.is_empty()).map(shape);
    Ok((shapes.collect::<Result<_, _>>()?, quants.iter().map(quant).collect::<Result<_, _>>()?))
}

pub(super) fn run(shape: &Shape, quant: Quant, on: &On<'_>) -> Result<Measured> {
    let mut this = Measured {
        shape: shape.name,
        quant: quant.name(),
        bytes_per_token: 0,
        loading: Duration::ZERO,
        tests: Vec::new(),
        steps: Vec::new(),
        not_run: Vec::new(),
    };
    let is_over = || Instant::now() >= on.until;
    if is_over() {
        this.not_run.push("all of it: the time was over".to_owned());
    } else if let Err(error) = measure_shape(shape, quant, on, &mut this) {
        interrupt::check()?;
        let is_cancelled = error.downcast_ref::<azulejo::Error>().is_some_and(azulejo::Error::is_cancelled);
        this.not_run.push(if is_cancelled && is_over() {
            "all of it: the time was over before it was loaded".to_owned()
        } else {
            // Most likely it doesn't fit; whatever else it is, the next one may do.
            format!("the rest of it: {error:#}")
        });
    }
    Ok(this)
}

fn measure_shape(shape: &Shape, quant: Quant, on: &On<'_>, this: &mut Measured) -> Result<()> {
    let file = shape.file(quant)?;
    let (config, plan) = Model::plan_of(&file, on.options)?;
    let is_large = plan.parameters() >= LARGE && config.context_length > LONG_PROMPT;
    let depth = DEPTH.min(config.context_length / 2);
    let longest = if is_large { LONG_PROMPT } else { PROMPT };
    let context = config.context_length.min((depth + GENERATED).max(longest) + 1);
    let options = on.options.clone().context(context);
    let loaded = load::load_random(&file, &options, Some(on.until), on.output)?;
    let model = &loaded.model;
    (this.loading, this.bytes_per_token) = (loaded.took, model.bytes_per_token());
    let mut session = model.session()?;
    // A device may be a thousand times slower than another: a small prompt and a few tokens say what the rest takes.
    let per_prompt_token = seconds(&mut session, model, Test { prompt: 32, gen_tokens: 0, depth: 0 })? / 32.0;
    let per_token = seconds(&mut session, model, Test { prompt: 0, gen_tokens: 4, depth: 0 })? / 4.0;
    let generation = |depth| Test { prompt: 0, gen_tokens: GENERATED, depth };
    let prompt = |tokens| Test { prompt: tokens, gen_tokens: 0, depth: 0 };
    let mut tests = vec![generation(0), prompt(PROMPT)];
    if is_large {
        tests.push(prompt(LONG_PROMPT));
    }
    tests.push(generation(depth));
    for test in tests {
        // What is before the test is evaluated once and stays in the cache.
        let before = f64::from(test.depth) / f64::from(REPETITIONS + 1);
        let seconds_a_run =
            f64::from(test.gen_tokens) * per_token + (f64::from(test.prompt) + before) * per_prompt_token;
        let left = || on.until.saturating_duration_since(Instant::now()).as_secs_f64();
        if seconds_a_run * f64::from(REPETITIONS + 1) > left() {
            let takes = seconds_a_run * f64::from(REPETITIONS + 1);
            this.not_run.push(format!(
                "{}: it takes some {takes:.0} s, and {:.0} were left",
                test.name(),
                left()
            ));
            continue;
        }
        let mut rates = Vec::new();
        for repetition in 0..=REPETITIONS {
            let seconds = seconds(&mut session, model, test)?;
            if repetition > 0 {
                rates.push(numbers::rate(test.tokens() as usize, seconds));
            }
        }
        let (mean, deviation) = numbers::mean_and_deviation(&rates);
        let is_prompt = test.gen_tokens == 0;
        let flops = is_prompt.then(|| model.matrix_flops(test.prompt) as f64 / f64::from(test.prompt));
        this.tests.push(Rate { test, mean, deviation, flops_per_token: flops, energy: None });
        if !is_prompt {
            // Behind a test its positions are in the cache still.
            let step = format!("a token @ d{}", test.depth);
            this.time_step(&mut session, step, Some(test), &[1])?;
        } else if test.prompt == PROMPT {
            session.clear();
            let chunk: Vec<u32> = (0..model.plan().chunk).collect();
            this.time_step(&mut session, format!("{} tokens of a prompt", chunk.len()), None, &chunk)?;
        }
        let Some(meter) = on.meter.filter(|_| !is_prompt && test.depth == 0) else { continue };
        if energy::SECONDS + seconds_a_run > left() {
            this.not_run.push(format!("energy: some {:.0} s were left", left()));
            continue;
        }
        match meter.of_generation(&mut session, test, model.config().vocabulary)? {
            Ok(energy) => this.tests.iter_mut().for_each(|rate| {
                if rate.test == test {
                    rate.energy = Some(energy);
                }
            }),
            Err(why) => this.not_run.push(format!("energy: {why}")),
        }
    }
    Ok(())
}

fn seconds(session: &mut Session, model: &Model, test: Test) -> Result<f64> {
    measure(session, test, model.config().vocabulary)
}

impl Measured {
    /// Times the calls of a step one by one.
    fn time_step(
        &mut self,
        session: &mut Session,
        step: String,
        test: Option<Test>,
        tokens: &[u32],
    ) -> Result<()> {
        // Once to warm up.
        session.time_calls(tokens)?;
        let mut fastest: Option<(Duration, Vec<CallTime>)> = None;
        for _ in 0..PROFILES {
            let Some(times) = session.time_calls(tokens)? else {
                let why = "kernels' times: this device has no clock that can be read";
                if !self.not_run.iter().any(|line| line == why) {
                    self.not_run.push(why.to_owned());
                }
                return Ok(());
            };
            let total = times.iter().map(|call| call.time).sum();
            if fastest.as_ref().is_none_or(|(least, _)| total < *least) {
                fastest = Some((total, times));
            }
        }
        let mut kernels: BTreeMap<(&'static str, String), KernelTime> = BTreeMap::new();
        for CallTime { kernel, variant, time, weights, .. } in fastest.map_or(Vec::new(), |(_, times)| times)
        {
            // An embedding reads a row of its table, and a prompt's product its matrix once for each tile of tokens.
            let is_read_once = tokens.len() == 1 && kernel.starts_with("gemv");
            let entry = kernels.entry((kernel, variant.clone())).or_insert_with(|| KernelTime {
                kernel,
                variant,
                calls: 0,
                time: Duration::ZERO,
                weights: is_read_once.then_some(0),
            });
            entry.calls += 1;
            entry.time += time;
            entry.weights = entry.weights.map(|sum| sum + weights);
        }
        let mut kernels: Vec<KernelTime> = kernels.into_values().collect();
        kernels.sort_by_key(|kernel| std::cmp::Reverse(kernel.time));
        self.steps.push(StepTime { step, test, kernels });
        Ok(())
    }
}
