//! How fast known models' shapes are, with random weights: prompts, generation, and each kernel by the device's clock.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use azulejo::shape::{Quant, Shape};
use azulejo::{CallTime, Device, Model, ModelOptions, Session};

use super::super::bench::{Test, measure};
use crate::exit::Usage;
use crate::output::Output;
use crate::{interrupt, load, memory, numbers};

/// Positions before the second test of generation.
const DEPTH: u32 = 4096;
const PROMPT: u32 = 512;
const GENERATED: u32 = 32;
/// Runs that count, behind one that warms up.
const REPETITIONS: u32 = 3;

/// A shape.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) shape: &'static str,
    pub(super) quant: &'static str,
    /// Bytes of weights that a decoded token reads.
    pub(super) bytes_per_token: u64,
    pub(super) loading: Duration,
    pub(super) tests: Vec<Rate>,
    pub(super) profiles: Vec<Profile>,
    /// What wasn't run, and why.
    pub(super) not_run: Vec<String>,
}

/// A test's tokens a second.
#[derive(Debug)]
pub(super) struct Rate {
    pub(super) test: Test,
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

/// A step's kernels.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) step: String,
    pub(super) kernels: Vec<KernelTime>,
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

/// The shapes of the flags, and their weights' type.
pub(super) fn asked(shapes: &[String], quant: &str) -> Result<(Vec<&'static Shape>, Quant)> {
    let unknown = || Usage(format!("--quant: there is no '{quant}'; these are: {}", Quant::names()));
    let quant = Quant::from_name(quant).ok_or_else(unknown)?;
    let shape = |name: &String| Shape::from_name(name).map_err(|e| Usage(format!("--shapes: {e}")));
    let shapes = shapes.iter().filter(|name| !name.is_empty()).map(shape);
    Ok((shapes.collect::<Result<_, _>>()?, quant))
}

pub(super) fn run(
    shape: &Shape,
    quant: Quant,
    options: &ModelOptions,
    until: Instant,
    output: &Output,
) -> Result<Measured> {
    let mut this = Measured {
        shape: shape.name,
        quant: quant.name(),
        bytes_per_token: 0,
        loading: Duration::ZERO,
        tests: Vec::new(),
        profiles: Vec::new(),
        not_run: Vec::new(),
    };
    if Instant::now() >= until {
        this.not_run.push("all of it: the time was over".to_owned());
    } else if let Err(error) = measure_shape(shape, quant, options, until, &mut this, output) {
        interrupt::check()?;
        // Most likely it doesn't fit; whatever else it is, the next one may do.
        this.not_run.push(format!("the rest of it: {error:#}"));
    }
    Ok(this)
}

fn measure_shape(
    shape: &Shape,
    quant: Quant,
    options: &ModelOptions,
    until: Instant,
    this: &mut Measured,
    output: &Output,
) -> Result<()> {
    let file = shape.file(quant)?;
    let (config, _) = Model::plan_of(&file, options)?;
    let depth = DEPTH.min(config.context_length / 2);
    let context = config.context_length.min(depth + PROMPT.max(GENERATED) + 1);
    let options = options.clone().context(context);
    let loaded = load::load_random(&file, &options, output)?;
    (this.loading, this.bytes_per_token) = (loaded.took, loaded.model.bytes_per_token());
    let mut session = loaded.model.session()?;
    // A device may be a thousand times slower than another: a small prompt and a few tokens say what the rest takes.
    let per_prompt_token =
        seconds(&mut session, &loaded.model, Test { prompt: 32, gen_tokens: 0, depth: 0 })? / 32.0;
    let per_token = seconds(&mut session, &loaded.model, Test { prompt: 0, gen_tokens: 4, depth: 0 })? / 4.0;
    let tests = [
        (Test { prompt: 0, gen_tokens: GENERATED, depth: 0 }, f64::from(GENERATED) * per_token),
        (Test { prompt: PROMPT, gen_tokens: 0, depth: 0 }, f64::from(PROMPT) * per_prompt_token),
        (
            Test { prompt: 0, gen_tokens: GENERATED, depth },
            f64::from(GENERATED) * per_token
                + f64::from(depth) * per_prompt_token / f64::from(REPETITIONS + 1),
        ),
    ];
    for (test, seconds_a_run) in tests {
        let left = until.saturating_duration_since(Instant::now()).as_secs_f64();
        if seconds_a_run * f64::from(REPETITIONS + 1) > left {
            this.not_run.push(format!("{}: some {:.0} s were left", test.name(), left));
            continue;
        }
        let mut rates = Vec::new();
        for repetition in 0..=REPETITIONS {
            let seconds = seconds(&mut session, &loaded.model, test)?;
            if repetition > 0 {
                rates.push(numbers::rate(test.tokens() as usize, seconds));
            }
        }
        let (mean, deviation) = numbers::mean_and_deviation(&rates);
        this.tests.push(Rate { test, mean, deviation });
        if test.gen_tokens > 0 {
            // Behind a test its positions are in the cache still.
            profile(&mut session, &format!("a token @ d{}", test.depth), &[1], this)?;
        } else {
            session.clear();
            let chunk: Vec<u32> = (0..loaded.model.plan().chunk).collect();
            profile(&mut session, &format!("{} tokens of a prompt", chunk.len()), &chunk, this)?;
        }
    }
    Ok(())
}

fn seconds(session: &mut Session, model: &Model, test: Test) -> Result<f64> {
    measure(session, test, model.config().vocabulary)
}

fn profile(session: &mut Session, step: &str, tokens: &[u32], this: &mut Measured) -> Result<()> {
    // Once to warm up.
    session.time_calls(tokens)?;
    let Some(times) = session.time_calls(tokens)? else {
        let why = "kernels' times: this device has no clock that can be read";
        if !this.not_run.iter().any(|line| line == why) {
            this.not_run.push(why.to_owned());
        }
        return Ok(());
    };
    let mut kernels: BTreeMap<(&'static str, String), KernelTime> = BTreeMap::new();
    for CallTime { kernel, variant, time, weights, .. } in times {
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
    this.profiles.push(Profile { step: step.to_owned(), kernels });
    Ok(())
}
