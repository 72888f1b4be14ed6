//! `quantize`: a GGUF file with its matrices in fewer bits, each in the format that llama-quantize would choose.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, anyhow};
use azulejo::BlockFormat;
use azulejo::shape::{Matrix, Quant};
use azulejo_formats::gguf::{Metadata, WriterTensor};
use azulejo_formats::{ModelFile, ModelKind, TensorInfo};
use serde_json::json;

use crate::args::QuantizeArgs;
use crate::exit::Usage;
use crate::making::importance::Importance;
use crate::making::lora;
use crate::making::write::{self, From, Item};
use crate::numbers;
use crate::output::Output;

/// The version of the block formats, which hasn't changed since 2023.
const QUANTIZATION_VERSION: u32 = 2;
/// What llama.cpp takes for a model whose heads share their values: 80 layers.
const LAYERS_OF_70B: u32 = 80;

pub(crate) fn run(args: &QuantizeArgs, output: &Output) -> Result<()> {
    let quant = quant(&args.quant)?;
    let mut file = azulejo::open_file(&args.input)?;
    lora::apply(&mut file, &args.lora)?;
    let ModelKind::Gguf(metadata) = &file.kind else {
        let text = "it is a Hugging Face folder: make a .gguf of it by `azulejo convert` first";
        return Err(Usage(format!("{}: {text}", args.input.display())).into());
    };
    differ(&args.input, &args.output)?;
    let importance = args.imatrix.as_deref().map(Importance::read).transpose()?;
    let metadata = described(metadata, quant, importance.as_ref().zip(args.imatrix.as_deref()));
    let mut items = items(&file, &metadata, quant, importance.as_ref())?;
    if !args.allow_requantize
        && let Some(item) = items.iter().find(|item| requantizes(item))
        && let From::Tensor(info) = &item.from
    {
        let (name, from, to) = (&info.name, info.format, item.tensor.format);
        return Err(anyhow!(
            "{}: `{name}` is {from} already, and {to} of that would be worse than {to} of the original: quantise the F16, BF16 or F32 file, or give --allow-requantize",
            args.input.display()
        ));
    }
    items.sort_by_key(|item| match &item.from {
        From::Tensor(info) | From::Pairs(info, _) | From::Plus(info, _) => (info.file, info.offset),
        From::Values(_) => (0, 0),
    });
    let done = || write::write(&file, &metadata, &items, &args.output, "quantising", output);
    threads(args.threads)?.install(done)?;
    report(args, quant, &items, output)
}

/// The type that the command line names.
fn quant(name: &str) -> Result<Quant, Usage> {
    let quant = Quant::from_name(name).filter(|quant| quant.file_type().is_some());
    quant.ok_or_else(|| {
        let known = "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K_S, Q4_K_M, Q5_K_M, Q6_K";
        Usage(format!("there is no type '{name}'; these are: {known}"))
    })
}

/// An error if the file would be written over the one that is read.
pub(crate) fn differ(from: &Path, to: &Path) -> Result<(), Usage> {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    if whole(from).is_some_and(|from| Some(from) == whole(to)) {
        return Err(Usage(format!("{}: it is read; give another name for the new file", to.display())));
    }
    Ok(())
}

/// So many threads, or as many as the machine runs at once.
pub(crate) fn threads(count: Option<u32>) -> Result<rayon::ThreadPool> {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(count.unwrap_or(0) as usize);
    builder.build().map_err(|error| anyhow!("threads can't be started: {error}"))
}

/// The metadata of the new file.
fn described(metadata: &Metadata, quant: Quant, importance: Option<(&Importance, &Path)>) -> Metadata {
    let mut metadata = metadata.clone();
    metadata.insert("general.quantization_version", QUANTIZATION_VERSION);
    if let Some(id) = quant.file_type() {
        metadata.insert("general.file_type", id);
    }
    for key in ["split.no", "split.count", "split.tensors.count"] {
        metadata.remove(key);
    }
    if let Some((importance, path)) = importance {
        metadata.insert("quantize.imatrix.file", path.display().to_string());
        if let Some(dataset) = importance.datasets.first() {
            metadata.insert("quantize.imatrix.dataset", dataset.as_str());
        }
        metadata.insert("quantize.imatrix.entries_count", importance.entries.len() as u32);
        if importance.chunks > 0 {
            metadata.insert("quantize.imatrix.chunks_count", importance.chunks);
        }
    }
    metadata
}

/// Each tensor with its new format.
fn items(
    file: &ModelFile,
    metadata: &Metadata,
    quant: Quant,
    importance: Option<&Importance>,
) -> Result<Vec<Item>> {
    let architecture = metadata.find_str("general.architecture")?.unwrap_or_default();
    let count = |key: &str| metadata.find_u32(&format!("{architecture}.{key}")).ok().flatten();
    let layers = count("block_count").unwrap_or_else(|| highest_layer(file));
    let heads = count("attention.head_count");
    let kv_heads = count("attention.head_count_kv").or(heads);
    let is_tied = !file.tensors.contains_key("output.weight");
    let mut items = Vec::with_capacity(file.tensors.len());
    for info in file.tensors.values() {
        let (layer, what) = place(&info.name);
        let matrix = Matrix {
            what,
            layer,
            layers,
            cols: info.cols(),
            is_output: what == "output" || (is_tied && what == "token_embd"),
            has_importance: importance.is_some(),
            shares_values: layers == LAYERS_OF_70B && heads != kv_heads,
        };
        let format = if is_quantised(info) { quant.format(&matrix) } else { info.format };
        let columns = match importance {
            Some(importance) if is_quantised(info) => importance.columns(&info.name, info.cols())?,
            _ => None,
        };
        items.push(Item {
            tensor: WriterTensor { name: info.name.clone(), format, shape: info.shape.clone() },
            from: From::Tensor(info.clone()),
            importance: columns,
        });
    }
    Ok(items)
}

/// The layer of a tensor (0 outside of layers), and its name without that and without `.weight`.
fn place(name: &str) -> (u32, &str) {
    let rest = name.strip_prefix("blk.").and_then(|rest| rest.split_once('.'));
    let (layer, what) = rest.and_then(|(layer, what)| Some((layer.parse().ok()?, what))).unwrap_or((0, name));
    (layer, what.strip_suffix(".weight").unwrap_or(what))
}

fn highest_layer(file: &ModelFile) -> u32 {
    file.tensors.keys().map(|name| place(name).0 + 1).max().unwrap_or(1)
}

/// Whether a tensor takes part: matrices do, but for those that are small and delicate.
fn is_quantised(info: &TensorInfo) -> bool {
    let name = info.name.as_str();
    let is_kept = ["_norm.weight", "ffn_gate_inp.weight", "ssm_conv1d", "attn_rel_b.weight"]
        .iter()
        .any(|part| name.contains(part))
        || ["position_embd.weight", "token_types.weight"].contains(&name);
    let is_matrix = info.shape.iter().skip_while(|dim| **dim == 1).count() > 1;
    is_matrix && name.ends_with("weight") && !is_kept
}

fn requantizes(item: &Item) -> bool {
    matches!(&item.from, From::Tensor(info) if !info.format.is_float() && info.format != item.tensor.format)
}

fn report(args: &QuantizeArgs, quant: Quant, items: &[Item], output: &Output) -> Result<()> {
    let mut formats: BTreeMap<BlockFormat, usize> = BTreeMap::new();
    for item in items {
        *formats.entry(item.tensor.format).or_default() += 1;
    }
    let bytes = std::fs::metadata(&args.output)?.len();
    let with_importance = items.iter().filter(|item| item.importance.is_some()).count();
    let path = args.output.display().to_string();
    if output.is_json() {
        let formats: BTreeMap<&str, usize> = formats.iter().map(|(f, n)| (f.name(), *n)).collect();
        output.json(&json!({
            "output": path,
            "type": quant.name(),
            "bytes": bytes,
            "tensors": items.len(),
            "with_importance": with_importance,
            "formats": formats,
        }))?;
    } else {
        let formats: Vec<String> = formats.iter().map(|(format, n)| format!("{n} {format}")).collect();
        let line = format!("{path}: {}, {}", numbers::bytes(bytes), formats.join(", "));
        output.line(&line)?;
        if args.imatrix.is_some() {
            output.notice(&format!("{with_importance} tensors were weighted by the importance matrix"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantize_names_are_taken_apart() {
        assert_eq!(place("blk.11.attn_v.weight"), (11, "attn_v"));
        assert_eq!(place("output.weight"), (0, "output"));
        assert_eq!(place("blk.x.weight"), (0, "blk.x"));
    }

    #[test]
    fn quantize_types_are_those_that_files_have() {
        assert_eq!(quant("q4_k_m").unwrap(), Quant::Q4KM);
        assert!(quant("Q4_K").is_err() && quant("IQ2_XXS").is_err() && quant("").is_err());
    }
}
