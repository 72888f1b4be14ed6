//! `convert-lora`: a PEFT folder (a LoRA adapter) as a GGUF file, which llama.cpp opens too.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use azulejo::BlockFormat;
use azulejo_formats::gguf::{Metadata, WriterTensor};
use azulejo_formats::hf::HfFiles;
use azulejo_formats::{MmapSource, ModelFile, ModelKind, TensorInfo};
use azulejo_models::{Architecture, Family, Graph};
use serde_json::{Value, json};

use crate::args::ConvertLoraArgs;
use crate::making::write::{self, From, Item};
use crate::output::Output;
use crate::text::bytes_of;

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
const EMBEDDINGS: &str = "adapters of embedding tables can't be merged";

pub(crate) fn run(args: &ConvertLoraArgs, output: &Output) -> Result<()> {
    let folder = args.folder.as_path();
    let named = || folder.display().to_string();
    let config: Value = serde_json::from_slice(&bytes_of(&folder.join(CONFIG))?)
        .with_context(|| format!("{}: {CONFIG} isn't valid JSON", named()))?;
    let base = Base::open(&args.base)?;
    let path = folder.join(WEIGHTS);
    let source = MmapSource::open(&path).with_context(|| path.display().to_string())?;
    let file =
        ModelFile::from_hugging_face(HfFiles::default(), None, vec![(WEIGHTS.to_owned(), Arc::new(source))])?;
    let is_left_out = |name: &&String| base.family.is_of_other_part(of_model(name));
    let left_out = file.tensors.keys().filter(is_left_out).count();
    if left_out > 0 {
        output.notice(&format!(
            "{left_out} tensors are left out: they adapt the part of the model that reads images"
        ));
    }
    let items = items(&file, &base).with_context(named)?;
    let mut metadata = Metadata::default();
    metadata.insert("general.type", "adapter");
    metadata.insert("general.architecture", base.architecture);
    metadata.insert("adapter.type", "lora");
    metadata.insert("adapter.lora.alpha", alpha(&config).with_context(named)?);
    metadata.insert("general.quantization_version", 2u32);
    metadata.insert("general.file_type", 0u32);
    write::write(&file, &metadata, &items, &args.output, "converting", output)?;
    let (path, matrices) = (args.output.display().to_string(), items.len() / 2);
    if output.is_json() {
        output.json(&json!({ "output": path, "architecture": base.architecture, "matrices": matrices }))?;
    } else {
        output.line(&format!("{path}: an adapter of {matrices} matrices, {}", base.architecture))?;
    }
    Ok(())
}

/// What an adapter's tensors depend on.
struct Base {
    /// `general.architecture` of its GGUF files.
    architecture: &'static str,
    family: &'static Family,
    heads: u32,
    kv_heads: u32,
}

impl Base {
    /// Reads it from a Hugging Face folder (config.json will do) or a .gguf file.
    fn open(path: &Path) -> Result<Self> {
        let named = || path.display().to_string();
        let number = |value: Option<u32>, what: &str| {
            value.filter(|n| *n > 0).ok_or_else(|| anyhow!("{}: it doesn't say its {what}", named()))
        };
        if path.is_dir() {
            let config = serde_json::from_slice(&bytes_of(&path.join("config.json"))?).with_context(named)?;
            let files = HfFiles { config, ..HfFiles::default() };
            let found = azulejo_models::architecture_of_folder(&files).map_err(azulejo::Error::from);
            let (architecture, family) = decoder(found.with_context(named)?).with_context(named)?;
            if !family.pairs_rows() {
                // Rows stay where they are, so that heads don't matter, which some folders don't say.
                return Ok(Self { architecture, family, heads: 1, kv_heads: 1 });
            }
            let get = |key: &str| files.config[key].as_u64().and_then(|n| u32::try_from(n).ok());
            let heads = number(get("num_attention_heads"), "num_attention_heads")?;
            let kv_heads = get("num_key_value_heads").filter(|n| *n > 0).unwrap_or(heads);
            return Ok(Self { architecture, family, heads, kv_heads });
        }
        let file = azulejo::open_file(path)?;
        let ModelKind::Gguf(metadata) = &file.kind else { return Err(anyhow!("{}: no GGUF file", named())) };
        let found = azulejo_models::architecture(&file).map_err(azulejo::Error::from);
        let (architecture, family) = decoder(found.with_context(named)?).with_context(named)?;
        let get = |key: &str| metadata.find_u32(&format!("{architecture}.attention.{key}"));
        let heads = number(get("head_count")?, "head count")?;
        let kv_heads = get("head_count_kv")?.filter(|n| *n > 0).unwrap_or(heads);
        Ok(Self { architecture, family, heads, kv_heads })
    }
}

/// A decoder's name in GGUF files, and its family.
fn decoder(architecture: &Architecture) -> Result<(&'static str, &'static Family)> {
    match architecture.graph {
        Graph::Decoder(family) => Ok((architecture.gguf, family)),
        Graph::Encoder => {
            Err(anyhow!("adapters of encoders ({}) can't be merged", architecture.hugging_face.join(", ")))
        }
    }
}

/// Alpha, as a multiple of 1 / rank.
fn alpha(config: &Value) -> Result<f32> {
    let kind = config["peft_type"].as_str().unwrap_or("LORA");
    ensure!(kind == "LORA", "{CONFIG}: the adapter is of the type {kind}; only LORA can be merged");
    ensure!(
        config["use_dora"] != true,
        "{CONFIG}: DoRA changes the weights' lengths too, which isn't known here"
    );
    for key in ["rank_pattern", "alpha_pattern"] {
        let is_empty = config[key].as_object().is_none_or(serde_json::Map::is_empty);
        ensure!(is_empty, "{CONFIG}: {key} gives matrices different strengths, which a GGUF can't say");
    }
    let number = |key: &str| config[key].as_f64().ok_or_else(|| anyhow!("{CONFIG}: there is no {key}"));
    let (alpha, rank) = (number("lora_alpha")?, number("r")?);
    // Rank-stabilised LoRA divides by the root of the rank.
    Ok(if config["use_rslora"] == true { alpha * rank.sqrt() } else { alpha } as f32)
}

fn items(file: &ModelFile, base: &Base) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for info in file.tensors.values().filter(|info| !base.family.is_of_other_part(of_model(&info.name))) {
        let (name, suffix) = place(info, base)?;
        let heads = match name.rsplit('.').nth(1) {
            Some("attn_q") => Some(base.heads),
            Some("attn_k") => Some(base.kv_heads),
            _ => None,
        };
        let from = match heads.filter(|_| base.family.pairs_rows() && suffix == "lora_b") {
            Some(heads) => {
                let rows = info.rows();
                ensure!(
                    rows.is_multiple_of(2 * u64::from(heads)),
                    "`{}`: {rows} rows aren't {heads} heads",
                    info.name
                );
                From::Pairs(info.clone(), heads)
            }
            None => From::Tensor(info.clone()),
        };
        ensure!(info.shape.len() == 2, "`{}` is no matrix", info.name);
        let tensor = WriterTensor {
            name: format!("{name}.{suffix}"),
            format: BlockFormat::F32,
            shape: info.shape.clone(),
        };
        items.push(Item { tensor, from, importance: None });
    }
    ensure!(!items.is_empty(), "{WEIGHTS} holds no tensors of a model's matrices");
    for item in &items {
        let name = &item.tensor.name;
        let other = match name.strip_suffix("lora_a") {
            Some(stem) => format!("{stem}lora_b"),
            None => format!("{}a", &name[..name.len() - 1]),
        };
        ensure!(items.iter().any(|item| item.tensor.name == other), "`{name}` has no `{other}` beside it");
    }
    Ok(items)
}

/// A tensor's name without what PEFT puts in front of the model's own.
fn of_model(name: &str) -> &str {
    name.strip_prefix("base_model.model.").unwrap_or(name)
}

/// The matrix that a tensor belongs to, by its GGUF name, and which half of the adapter it is.
fn place(info: &TensorInfo, base: &Base) -> Result<(String, &'static str)> {
    let unknown = || anyhow!("tensor `{}` is no part of a LoRA adapter of a matrix", info.name);
    let name = of_model(&info.name);
    ensure!(!name.contains(".lora_embedding_"), EMBEDDINGS);
    let halves = [(".lora_A.weight", "lora_a"), (".lora_B.weight", "lora_b")];
    let (stem, suffix) = halves
        .into_iter()
        .find_map(|(ending, suffix)| Some((name.strip_suffix(ending)?, suffix)))
        .ok_or_else(unknown)?;
    let name = base.family.gguf_name(&format!("{stem}.weight")).ok_or_else(unknown)?;
    ensure!(name != "token_embd.weight", EMBEDDINGS);
    Ok((name, suffix))
}
