//! Models' greedy tokens, beside those of transformers (golden models) or of the CPU (the demonstration model, files).

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use azulejo::{DeviceChoice, KvType, Model, ModelOptions};
use azulejo_formats::ModelFile;
use azulejo_tokenizer::EncodeOptions;
use serde_json::Value;

use super::Pass;
use crate::exit::Usage;
use crate::interrupt;
use crate::output::{Output, Unit};

/// A model in a pass.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) pass: String,
    pub(super) tokens: usize,
    /// Whose tokens they were compared with.
    pub(super) beside: &'static str,
    pub(super) problem: Option<String>,
}

/// A golden model's file, and what transformers made of it.
struct Golden {
    name: &'static str,
    file: &'static [u8],
    expected: &'static [u8],
}

macro_rules! golden {
    ($($folder:literal / $file:literal),* $(,)?) => {
        &[$(Golden {
            name: concat!($folder, "/", $file),
            file: include_bytes!(concat!("../../../../../tests/fixtures/golden/", $folder, "/", $file)),
            expected: include_bytes!(concat!("../../../../../tests/fixtures/golden/", $folder, "/expected.safetensors")),
        }),*]
    };
}

/// A few of each architecture, in F32, F16 and Q8_0: 0.7 MB of the program.
const GOLDEN: &[Golden] = golden![
    "gemma3" / "model-q8_0.gguf",
    "llama-gqa" / "model-f32.gguf",
    "llama-head80" / "model-f16.gguf",
    "llama-yarn" / "model-q8_0.gguf",
    "llama3-rope" / "model-f32.gguf",
    "olmo1" / "model-q8_0.gguf",
    "olmo2" / "model-q8_0.gguf",
    "olmo3" / "model-q8_0.gguf",
    "qwen2" / "model-q8_0.gguf",
    "qwen3-tied" / "model-q8_0.gguf",
];

/// What the demonstration model goes on from.
#[cfg(feature = "embedded")]
const PROMPT: &str = "Onde posso renovar o cartão de cidadão?";
/// What other models go on from.
const TEXT: &str = "The city of Lisbon lies on the river Tagus, and";
/// Tokens that are generated from either, and the context that this fits in.
const TOKENS: usize = 48;
const CONTEXT: u32 = 512;
/// Two best logits closer than this are a tie, which rounding may decide.
const TIE: f32 = 1e-3;

/// A model, what it goes on from, and what comes then.
struct Expected {
    name: String,
    file: ModelFile,
    context: Option<u32>,
    beside: &'static str,
    prompt: Vec<u32>,
    greedy: Vec<u32>,
}

/// The files of the flag, with their names.
pub(super) fn opened(paths: &[PathBuf]) -> Result<Vec<(String, ModelFile)>> {
    let open = |path: &PathBuf| {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let file = azulejo::open_file(path).map_err(|e| Usage(format!("--model {}: {e}", path.display())))?;
        Ok((name, file))
    };
    paths.iter().map(open).collect()
}

pub(super) fn run(passes: &[Pass], files: Vec<(String, ModelFile)>, output: &Output) -> Result<Vec<Checked>> {
    let Some(first) = passes.first() else { return Ok(Vec::new()) };
    let mut models = Vec::new();
    for golden in GOLDEN {
        let ids = |name| integers(golden.expected, name).with_context(|| golden.name);
        models.push(Expected {
            name: golden.name.to_owned(),
            file: ModelFile::from_gguf_bytes(golden.file.to_vec())?,
            context: None,
            beside: "transformers",
            prompt: ids("tokens")?,
            greedy: ids("greedy")?,
        });
    }
    #[cfg(feature = "embedded")]
    {
        let prompt = |model: &Model| Ok(model.chat_prompt(&[azulejo::Message::new("user", PROMPT)])?);
        let file = Model::embedded_file()?;
        models.push(expected("demonstration model".to_owned(), file, None, &first.options, prompt)?);
    }
    for (name, file) in files {
        let context = Model::plan_of(&file, &first.options)?.0.context_length.min(CONTEXT);
        let prompt = |model: &Model| {
            let options = EncodeOptions { add_special: true, parse_special: false };
            Ok(model.tokenizer()?.encode(TEXT, options).map_err(azulejo::Error::from)?)
        };
        models.push(expected(name, file, Some(context), &first.options, prompt)?);
    }
    let mut checked = Vec::new();
    let total = (passes.len() * models.len()) as u64;
    let bar = output.bar("models", total, Unit::Runs);
    for pass in passes {
        for model in &models {
            interrupt::check()?;
            checked.push(Checked {
                name: model.name.clone(),
                pass: pass.name.clone(),
                tokens: model.greedy.len(),
                beside: model.beside,
                problem: compare(model, &pass.options).err().map(|e| format!("{e:#}")),
            });
            bar.set(checked.len() as u64, total);
        }
    }
    Ok(checked)
}

/// What the CPU makes of a model, by a plan whose ops aren't fused.
fn expected(
    name: String,
    file: ModelFile,
    context: Option<u32>,
    options: &ModelOptions,
    prompt: impl Fn(&Model) -> Result<Vec<u32>>,
) -> Result<Expected> {
    let mut reference = exact(options, context).device(DeviceChoice::Cpu);
    reference.checks.fuse = false;
    let reference = Model::from_file(&file, &reference, &mut |_, _| !interrupt::pressed())
        .with_context(|| name.clone())?;
    let prompt = prompt(&reference).with_context(|| name.clone())?;
    let greedy = reference.session()?.greedy_tokens(&prompt, TOKENS)?;
    Ok(Expected { name, file, context, beside: "the CPU, unfused", prompt, greedy })
}

/// The options with a cache whose rounding isn't in the way.
fn exact(options: &ModelOptions, context: Option<u32>) -> ModelOptions {
    let mut options = options.clone().kv_types(KvType::F32, KvType::F32);
    options.context = context.or(options.context);
    options
}

fn compare(model: &Expected, options: &ModelOptions) -> Result<()> {
    let Expected { file, prompt, greedy: expected, .. } = model;
    let options = exact(options, model.context);
    let loaded = Model::from_file(file, &options, &mut |_, _| true)?;
    let found = loaded.session()?.greedy_tokens(prompt, expected.len())?;
    let Some(place) = found.iter().zip(expected).position(|(found, expected)| found != expected) else {
        ensure!(found.len() == expected.len(), "{} tokens instead of {}", found.len(), expected.len());
        return Ok(());
    };
    // Rounding may decide between two that are as good.
    let cpu = options.device(DeviceChoice::Cpu);
    let cpu = Model::from_file(file, &cpu, &mut |_, _| true)?;
    let before = [&prompt[..], &expected[..place]].concat();
    let mut last = Vec::new();
    cpu.session()?.logits(&before, &mut |_, rows: &[f32]| {
        last = rows[rows.len() - cpu.config().vocabulary as usize..].to_vec();
        std::ops::ControlFlow::Continue(())
    })?;
    let gap = last[expected[place] as usize] - last[found[place] as usize];
    ensure!(
        gap.abs() < TIE,
        "token {place} is {} instead of {}, whose logit is {gap:.4} greater",
        found[place],
        expected[place]
    );
    Ok(())
}

/// The 32-bit integers of a tensor in a safetensors file: the header's length, the header, the data.
fn integers(file: &[u8], name: &str) -> Option<Vec<u32>> {
    let (length, rest) = file.split_first_chunk::<8>()?;
    let (header, data) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let header: Value = serde_json::from_slice(header).ok()?;
    let offset = |i: usize| usize::try_from(header[name]["data_offsets"][i].as_u64()?).ok();
    let words = data.get(offset(0)?..offset(1)?)?.as_chunks::<4>().0;
    Some(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
}
