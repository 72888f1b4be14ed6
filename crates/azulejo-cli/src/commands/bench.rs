//! `bench`: tokens a second, as llama-bench measures and prints them.
//!
//! A prompt test evaluates so many random tokens from an empty cache (or behind so many others); a generation test
//! goes on from one token by so many. The greatest logit is looked for on the device; tokenisation and sampling are
//! not part of it. One warm-up run, then `-r` runs; mean and standard deviation of their rates.

use std::time::Instant;

use anyhow::Result;
use azulejo::{KvType, Model, Session};
use azulejo_formats::{ModelFile, ModelKind};
use serde_json::{Value, json};

use crate::args::{BenchArgs, BenchFormat};
use crate::exit::Usage;
use crate::load::{self, Loaded};
use crate::output::{Output, Unit};
use crate::{interrupt, memory, numbers};

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) prompt: u32,
    pub(super) gen_tokens: u32,
    pub(super) depth: u32,
}

impl Test {
    pub(super) fn name(self) -> String {
        let name = match self.prompt {
            0 => format!("tg{}", self.gen_tokens),
            n => format!("pp{n}"),
        };
        if self.depth == 0 { name } else { format!("{name} @ d{}", self.depth) }
    }

    pub(super) fn tokens(self) -> u32 {
        self.prompt + self.gen_tokens
    }

    /// Positions that it takes: the one token that a generation test begins with makes the first of its tokens.
    fn context(self) -> u64 {
        u64::from(self.depth) + u64::from(self.tokens())
    }
}

pub(crate) fn run(args: &BenchArgs, output: &Output) -> Result<()> {
    load::check(&args.load, output)?;
    let tests = tests(args)?;
    let format = if output.is_json() { BenchFormat::Json } else { args.output };
    let (file, name) = match load::shape(&args.shape)? {
        Some(named) => named,
        None => (load::open_adapted(&args.load, output)?, load::name(args.load.model.as_ref())),
    };
    let context = tests.iter().map(|t| t.context()).max().unwrap_or(1).max(2);
    let context = u32::try_from(context).map_err(|_| Usage(format!("{context} tokens fit in no context")))?;
    let options = load::options(&args.load, Some(context), KvType::F16);
    let Loaded { model, .. } = match &args.shape.shape {
        Some(_) => load::load_random(&file, &options, None, output)?,
        None => load::load_file(&file, &args.load, &options, output)?,
    };
    let threads =
        options.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let on_cpu = model.device().backend == "cpu";
    let bandwidth = if on_cpu && !args.no_bandwidth { memory::bandwidth(threads) } else { None };
    if let Some(bandwidth) = bandwidth {
        output.detail(&format!("memory bandwidth: {:.2} GB/s ({})", bandwidth / 1e9, memory::METHOD));
    }
    let no_bandwidth = match (bandwidth, on_cpu) {
        (Some(_), _) => None,
        (None, true) => Some("it was not measured"),
        (None, false) => Some("it is measured on the CPU only"),
    };
    let report = Report {
        model: &model,
        name,
        kind: kind(&file, args),
        size: file.tensors.values().map(|t| t.bytes).sum(),
        threads,
        bandwidth,
        no_bandwidth,
    };

    let mut session = model.session()?;
    let runs = tests.len() as u64 * u64::from(args.repetitions + 1);
    let bar = output.bar("bench", runs, Unit::Runs);
    let mut results = Vec::new();
    if format == BenchFormat::Md {
        bar.suspend(|| report.head(output))?;
    }
    for (i, test) in tests.iter().enumerate() {
        let mut samples = Vec::new();
        for repetition in 0..=args.repetitions {
            let secs = measure(&mut session, *test, model.config().vocabulary)?;
            if repetition > 0 {
                samples.push(secs);
            }
            bar.set(i as u64 * u64::from(args.repetitions + 1) + u64::from(repetition) + 1, runs);
        }
        let result = Measured { test: *test, samples };
        match format {
            BenchFormat::Md => bar.suspend(|| report.row(&result, output))?,
            BenchFormat::Jsonl => bar.suspend(|| output.json(&report.json(&result)))?,
            BenchFormat::Json | BenchFormat::Csv => {}
        }
        results.push(result);
    }
    drop(bar);
    match format {
        BenchFormat::Json => output.json(&results.iter().map(|r| report.json(r)).collect())?,
        BenchFormat::Csv => report.csv(&results, output)?,
        BenchFormat::Md | BenchFormat::Jsonl => {}
    }
    if format == BenchFormat::Md {
        let weights = numbers::bytes(model.bytes_per_token());
        output.notice(&format!("GB/s is the rate at which a decoded token's {weights} of weights are read"));
        match bandwidth {
            Some(bandwidth) => {
                output.notice(&format!("the memory gives {:.2} GB/s ({})", bandwidth / 1e9, memory::METHOD));
                if results.iter().any(|r| report.share(r).is_some_and(|share| share > 1.0)) {
                    output.notice("over 100 %: the weights are read from a cache");
                }
            }
            None => output
                .notice(&format!("no share of the memory's bandwidth: {}", no_bandwidth.unwrap_or_default())),
        }
    }
    Ok(())
}

fn tests(args: &BenchArgs) -> Result<Vec<Test>> {
    let mut tests = Vec::new();
    for &depth in &args.n_depth.0 {
        for &prompt in args.n_prompt.0.iter().filter(|n| **n > 0) {
            tests.push(Test { prompt, gen_tokens: 0, depth });
        }
        for &gen_tokens in args.n_gen.0.iter().filter(|n| **n > 0) {
            tests.push(Test { prompt: 0, gen_tokens, depth });
        }
    }
    if tests.is_empty() {
        return Err(Usage("there is nothing to measure: -p and -n are both 0".to_owned()).into());
    }
    Ok(tests)
}

/// The seconds of a run.
pub(super) fn measure(session: &mut Session, test: Test, vocabulary: u32) -> Result<f64> {
    interrupt::check()?;
    // Any tokens but those of the run before would do; these differ, so that no row of the table is read twice.
    let tokens: Vec<u32> = (0..test.depth + test.prompt.max(1))
        .map(|i| (u64::from(i) * 7919 % u64::from(vocabulary)) as u32)
        .collect();
    let depth = test.depth as usize;
    if depth == 0 {
        session.clear();
    } else {
        // What is in the cache already stays there; what the last run added is dropped.
        session.greedy_tokens(&tokens[..depth], 1)?;
    }
    let start = Instant::now();
    session.greedy_tokens(&tokens, test.gen_tokens.max(1) as usize)?;
    Ok(start.elapsed().as_secs_f64())
}

/// What a model is, in llama-bench's words: its architecture, size and type.
fn kind(file: &ModelFile, args: &BenchArgs) -> String {
    let weights: u64 = file.tensors.values().map(azulejo_formats::TensorInfo::weights).sum();
    let architecture = match &file.kind {
        ModelKind::Gguf(m) => m.find_str("general.architecture").ok().flatten().unwrap_or("?").to_owned(),
        ModelKind::HuggingFace(folder) => folder.config["model_type"].as_str().unwrap_or("?").to_owned(),
    };
    let quant = match (&args.shape.shape, &file.kind) {
        (Some(_), _) => args.shape.quant.to_uppercase(),
        (None, ModelKind::Gguf(m)) => {
            let known = m.find_u32("general.file_type").ok().flatten().and_then(file_type);
            known.map_or_else(|| most_common(file), str::to_owned)
        }
        (None, ModelKind::HuggingFace(_)) => most_common(file),
    };
    format!("{architecture} {} {quant}", numbers::parameters(weights).replace(' ', ""))
}

/// The names of GGUF's `general.file_type` (its specification's list).
fn file_type(number: u32) -> Option<&'static str> {
    Some(match number {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        32 => "BF16",
        _ => return None,
    })
}

/// The type that most bytes have.
fn most_common(file: &ModelFile) -> String {
    let mut bytes = std::collections::BTreeMap::new();
    for tensor in file.tensors.values() {
        *bytes.entry(tensor.format.name()).or_insert(0) += tensor.bytes;
    }
    bytes.into_iter().max_by_key(|(_, bytes)| *bytes).map_or("?", |(name, _)| name).to_owned()
}

struct Measured {
    test: Test,
    /// Seconds a run.
    samples: Vec<f64>,
}

impl Measured {
    fn rates(&self) -> Vec<f64> {
        self.samples.iter().map(|secs| numbers::rate(self.test.tokens() as usize, *secs)).collect()
    }
}

/// What all results have in common.
struct Report<'a> {
    model: &'a Model,
    name: String,
    kind: String,
    size: u64,
    threads: usize,
    /// Bytes a second.
    bandwidth: Option<f64>,
    no_bandwidth: Option<&'static str>,
}

impl Report<'_> {
    /// The rate at which weights are read while decoding, in bytes a second.
    fn weights_rate(&self, result: &Measured) -> Option<f64> {
        let (rate, _) = numbers::mean_and_deviation(&result.rates());
        (result.test.gen_tokens > 0).then(|| rate * self.model.bytes_per_token() as f64)
    }

    fn share(&self, result: &Measured) -> Option<f64> {
        Some(self.weights_rate(result)? / self.bandwidth?)
    }

    fn head(&self, output: &Output) -> std::io::Result<()> {
        output
            .line("| model | size | params | backend | tier | threads | test | t/s | GB/s | % of memory |")?;
        output.line("| :-- | --: | --: | :-- | :-- | --: | --: | --: | --: | --: |")
    }

    fn row(&self, result: &Measured, output: &Output) -> std::io::Result<()> {
        let device = self.model.device();
        let (rate, deviation) = numbers::mean_and_deviation(&result.rates());
        let weights = self.weights_rate(result).map_or_else(|| "-".to_owned(), |b| format!("{:.2}", b / 1e9));
        let share = self.share(result).map_or_else(|| "-".to_owned(), |s| format!("{:.0} %", s * 100.0));
        let cells = [
            self.kind.clone(),
            numbers::bytes(self.size),
            numbers::parameters(self.model.parameters()),
            device.backend.to_owned(),
            device.tier,
            self.threads.to_string(),
            result.test.name(),
            format!("{rate:.2} ± {deviation:.2}"),
            weights,
            share,
        ];
        output.line(&format!("| {} |", cells.join(" | ")))
    }

    /// A result under llama-bench's keys, and ours behind them.
    fn json(&self, result: &Measured) -> Value {
        let device = self.model.device();
        let (plan, memory) = (self.model.plan(), self.model.memory());
        let nanos: Vec<f64> = result.samples.iter().map(|secs| (secs * 1e9).round()).collect();
        let rates = result.rates();
        let (avg_ns, stddev_ns) = numbers::mean_and_deviation(&nanos);
        let (avg_ts, stddev_ts) = numbers::mean_and_deviation(&rates);
        let on_cpu = device.backend == "cpu";
        let own_name = |is_it: bool| if is_it { device.name.clone() } else { String::new() };
        json!({
            "build_commit": "azulejo",
            "build_number": env!("CARGO_PKG_VERSION"),
            "cpu_info": own_name(on_cpu),
            "gpu_info": own_name(!on_cpu),
            "backends": device.backend,
            "model_filename": self.name,
            "model_type": self.kind,
            "model_size": self.size,
            "model_n_params": self.model.parameters(),
            "n_batch": plan.chunk,
            "n_ubatch": plan.chunk,
            "n_threads": self.threads,
            "type_k": plan.kv.k.name(),
            "type_v": plan.kv.v.name(),
            "n_gpu_layers": if on_cpu { 0 } else { 99 },
            "flash_attn": true,
            "n_prompt": result.test.prompt,
            "n_gen": result.test.gen_tokens,
            "n_depth": result.test.depth,
            "avg_ns": avg_ns as u64,
            "stddev_ns": stddev_ns as u64,
            "avg_ts": avg_ts,
            "stddev_ts": stddev_ts,
            "samples_ns": nanos.iter().map(|n| *n as u64).collect::<Vec<_>>(),
            "samples_ts": rates,
            "test": result.test.name(),
            "device": device.name,
            "driver": device.driver,
            "tier": device.tier,
            "device_bytes": memory.weights + memory.kv + memory.activations,
            "weights_bytes_per_token": self.model.bytes_per_token(),
            "gb_per_s": self.weights_rate(result).map(|b| b / 1e9),
            "memory_gb_per_s": self.bandwidth.map(|b| b / 1e9),
            "memory_method": self.bandwidth.map(|_| memory::METHOD),
            "bandwidth_share": self.share(result),
            "bandwidth_share_reason": match (result.test.gen_tokens, self.no_bandwidth) {
                (0, _) => Some("a prompt is bound by arithmetic, not by reading"),
                (_, reason) => reason,
            },
        })
    }

    fn csv(&self, results: &[Measured], output: &Output) -> std::io::Result<()> {
        let quoted = |value: &Value| match value {
            Value::String(text) => format!("\"{}\"", text.replace('"', "\"\"")),
            Value::Null => String::new(),
            other => format!("\"{}\"", other.to_string().replace('"', "\"\"")),
        };
        for (i, result) in results.iter().enumerate() {
            let Value::Object(fields) = self.json(result) else { continue };
            // Lists have no place in a cell.
            let fields: Vec<_> = fields.iter().filter(|(_, value)| !value.is_array()).collect();
            if i == 0 {
                output.line(&fields.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(","))?;
            }
            output.line(&fields.iter().map(|(_, value)| quoted(value)).collect::<Vec<_>>().join(","))?;
        }
        Ok(())
    }
}
