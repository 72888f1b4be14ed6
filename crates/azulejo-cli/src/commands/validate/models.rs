//! Small models' greedy tokens, beside those of transformers (golden models) or of the CPU (the demonstration model).

use anyhow::{Context, Result, ensure};
use azulejo::{DeviceChoice, KvType, Model, ModelOptions};
use azulejo_formats::ModelFile;
use serde_json::Value;

use crate::interrupt;
use crate::output::{Output, Unit};

/// A model in a tier.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) tier: String,
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

/// What the demonstration model goes on from, and by how many tokens.
#[cfg(feature = "embedded")]
const PROMPT: &str = "Onde posso renovar o cartão de cidadão?";
#[cfg(feature = "embedded")]
const TOKENS: usize = 48;
/// Two best logits closer than this are a tie, which rounding may decide.
const TIE: f32 = 1e-3;

pub(super) fn run(tiers: &[ModelOptions], output: &Output) -> Result<Vec<Checked>> {
    let mut checked = Vec::new();
    let total = (tiers.len() * (GOLDEN.len() + usize::from(cfg!(feature = "embedded")))) as u64;
    let bar = output.bar("models", total, Unit::Runs);
    for options in tiers {
        // The cache's rounding would only be in the way.
        let options = options.clone().kv_types(KvType::F32, KvType::F32);
        for golden in GOLDEN {
            interrupt::check()?;
            let file = ModelFile::from_gguf_bytes(golden.file.to_vec())?;
            let ids = |name| integers(golden.expected, name).with_context(|| golden.name);
            checked.push(check(
                golden.name,
                &file,
                &options,
                "transformers",
                &ids("tokens")?,
                &ids("greedy")?,
            ));
            bar.set(checked.len() as u64, total);
        }
        #[cfg(feature = "embedded")]
        {
            checked.push(demo(&options)?);
            bar.set(checked.len() as u64, total);
        }
    }
    Ok(checked)
}

/// The demonstration model; on the CPU beside a plan whose ops aren't fused.
#[cfg(feature = "embedded")]
fn demo(options: &ModelOptions) -> Result<Checked> {
    let file = Model::embedded_file()?;
    let mut reference = options.clone().device(DeviceChoice::Cpu);
    reference.checks.fuse = false;
    let reference = Model::from_file(&file, &reference, &mut |_, _| true)?;
    let prompt = reference.chat_prompt(&[azulejo::Message::new("user", PROMPT)])?;
    let expected = reference.session()?.greedy_tokens(&prompt, TOKENS)?;
    Ok(check("demonstration model", &file, options, "the CPU, unfused", &prompt, &expected))
}

fn check(
    name: &str,
    file: &ModelFile,
    options: &ModelOptions,
    beside: &'static str,
    prompt: &[u32],
    expected: &[u32],
) -> Checked {
    let mut checked =
        Checked { name: name.to_owned(), tier: String::new(), tokens: expected.len(), beside, problem: None };
    checked.problem =
        compare(file, options, prompt, expected, &mut checked.tier).err().map(|e| format!("{e:#}"));
    checked
}

fn compare(
    file: &ModelFile,
    options: &ModelOptions,
    prompt: &[u32],
    expected: &[u32],
    tier: &mut String,
) -> Result<()> {
    let model = Model::from_file(file, options, &mut |_, _| true)?;
    *tier = model.device().tier;
    let found = model.session()?.greedy_tokens(prompt, expected.len())?;
    let Some(place) = found.iter().zip(expected).position(|(found, expected)| found != expected) else {
        ensure!(found.len() == expected.len(), "{} tokens instead of {}", found.len(), expected.len());
        return Ok(());
    };
    // Rounding may decide between two that are as good.
    let cpu = options.clone().device(DeviceChoice::Cpu);
    let cpu = Model::from_file(file, &cpu, &mut |_, _| true)?;
    let before = [prompt, &expected[..place]].concat();
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
