//! `convert`: a Hugging Face folder as a GGUF file, which llama.cpp opens too.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use azulejo::shape::Quant;
use azulejo::{BlockFormat, Config, Model, ModelOptions, Tokenizer};
use azulejo_formats::gguf::{Metadata, Writer, WriterTensor};
use azulejo_formats::hf::HfFiles;
use azulejo_formats::{ModelFile, ModelKind, TensorInfo};
use azulejo_models::{Family, Graph, rope_factors};
use serde_json::json;

use super::quantize::threads;
use crate::args::ConvertArgs;
use crate::exit::Usage;
use crate::making::encoder;
use crate::making::vocabulary;
use crate::making::write::{self, From, Item};
use crate::numbers;
use crate::output::Output;

const ROPE_FACTORS: &str = "rope_freqs.weight";
/// What names of tables of rotations end in, which old folders have and readers compute anew.
const ROTATIONS: &str = "rotary_emb.inv_freq";

pub(crate) fn run(args: &ConvertArgs, output: &Output) -> Result<()> {
    let folder = args.folder.as_path();
    let named = || folder.display().to_string();
    let file = azulejo::open_file(folder)?;
    let ModelKind::HuggingFace(files) = &file.kind else {
        return Err(Usage(format!(
            "{}: it is a GGUF file already; `azulejo quantize` makes others of it",
            named()
        ))
        .into());
    };
    let folder = if folder.is_dir() { folder } else { folder.parent().unwrap_or(Path::new(".")) };
    let architecture =
        azulejo_models::architecture(&file).map_err(azulejo::Error::from).with_context(named)?;
    let family = match architecture.graph {
        Graph::Decoder(family) => Some(family),
        Graph::Encoder => None,
    };
    // Whatever shapes don't fit shows here, before anything is written.
    let (config, plan) = Model::plan_of(&file, &options(&file))?;
    if find(&file, EMBEDDINGS).is_some()
        && find(&file, HEAD).is_none()
        && files.config["tie_word_embeddings"] == false
    {
        output.warning(
            "the model has no head: the new file gives embeddings; text that is made with it makes no sense",
        );
    }
    for warning in azulejo_models::warnings(&file) {
        output.warning(&warning);
    }
    let is_left_out = |name: &&String| family.is_some_and(|family| family.is_of_other_part(name));
    let left_out = file.tensors.keys().filter(is_left_out).count();
    if left_out > 0 {
        output.notice(&format!(
            "{left_out} tensors that read images are left out: the new file is the part of the model that writes"
        ));
    }
    let format = args.outtype.map_or_else(|| natural(&file), |outtype| outtype.format());
    let mut items = match family {
        Some(family) => items(&file, files, &config, family, format),
        None => encoder::items(&file, files, |info| kept(info, format), output),
    }
    .with_context(named)?;
    let is_counted = |item: &Item| layer(&item.tensor.name).is_none_or(|layer| layer < config.layers);
    let uncounted = items.iter().filter(|item| !is_counted(item)).count();
    if uncounted > 0 {
        items.retain(is_counted);
        output.warning(&format!(
            "{uncounted} tensors are left out: they are of layers behind the {} that config.json counts",
            config.layers
        ));
    }
    let is_unread =
        |name: &str| family.is_some() && name.ends_with(".bias") && !architecture.reads_bias(name);
    if let Some(Item { tensor, .. }) = items.iter().find(|item| is_unread(&item.tensor.name)) {
        let (name, gguf) = (&tensor.name, architecture.gguf);
        return Err(anyhow!("`{name}` is a bias that readers of a GGUF of {gguf} don't know"))
            .with_context(named);
    }
    items.sort_by_key(|item| place(&item.tensor.name));
    if let Some(factors) = rope_factors(&config, &plan) {
        let shape = vec![factors.len() as u64];
        let tensor = WriterTensor { name: ROPE_FACTORS.to_owned(), format: BlockFormat::F32, shape };
        items.insert(0, Item { tensor, from: From::Values(factors), importance: None });
    }
    let mut metadata = Metadata::default();
    metadata.insert("general.type", "model");
    metadata.insert("general.architecture", architecture.gguf);
    metadata.insert("general.name", args.name.clone().unwrap_or_else(|| folder_name(folder)));
    metadata.insert("general.quantization_version", 2u32);
    if let Some(id) = Quant::Plain(format).file_type() {
        metadata.insert("general.file_type", id);
    }
    architecture.describe(&file, &config, &mut metadata).map_err(azulejo::Error::from).with_context(named)?;
    if files.sentence.is_some() {
        encoder::describe_embeddings(architecture.gguf, &file, config.context_length, &mut metadata, output)
            .with_context(named)?;
    }
    let own = azulejo::tokenizer_from_file(&file);
    let pre = args.pre.as_deref();
    vocabulary::describe(folder, files, config.vocabulary.into(), pre, own.as_ref().ok(), &mut metadata)
        .with_context(named)?;
    match &own {
        Ok(own) => {
            // An encoder's texts end where they end.
            let new = match family {
                Some(_) => keep_ends(own, &mut metadata)?,
                None => tokenizer_of(&metadata)?,
            };
            compare_tokenizers(own, &new, family.is_some(), output);
        }
        Err(error) => {
            output.warning(&format!("the new file's tokens can't be compared with the folder's: {error}"))
        }
    }
    let done = || write::write(&file, &metadata, &items, &args.output, "converting", output);
    threads(args.threads)?.install(done)?;
    let (path, bytes) = (args.output.display().to_string(), std::fs::metadata(&args.output)?.len());
    if output.is_json() {
        output.json(&json!({
            "output": path,
            "architecture": architecture.gguf,
            "type": format.name(),
            "bytes": bytes,
            "tensors": items.len(),
            "tokens": vocabulary::count(&metadata),
        }))?;
    } else {
        let tokens = vocabulary::count(&metadata);
        let bytes = numbers::bytes(bytes);
        output.line(&format!(
            "{path}: {bytes}, {}, {format}, {} tensors, {tokens} tokens",
            architecture.gguf,
            items.len()
        ))?;
    }
    Ok(())
}

/// The ends of the names of the matrices at both ends of a model, whatever stands before.
const EMBEDDINGS: &str = "embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

fn find<'f>(file: &'f ModelFile, end: &str) -> Option<&'f TensorInfo> {
    file.tensors.values().find(|tensor| tensor.name.ends_with(end))
}

/// A model without a head of its own is planned without one: either it is tied, or it gives embeddings.
fn options(file: &ModelFile) -> ModelOptions {
    let has_head = find(file, HEAD).is_some();
    let output = if has_head { azulejo::Output::Logits } else { azulejo::Output::Hidden };
    ModelOptions::new().output(output)
}

fn folder_name(folder: &Path) -> String {
    let whole = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    whole.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The type that loses the least of 16 bits: the folder's own, or F16 for F32.
fn natural(file: &ModelFile) -> BlockFormat {
    let largest = file.tensors.values().max_by_key(|tensor| tensor.bytes);
    match largest.map(|tensor| tensor.format) {
        Some(BlockFormat::BF16) => BlockFormat::BF16,
        _ => BlockFormat::F16,
    }
}

/// A decoder's tensors in the new file.
fn items(
    file: &ModelFile,
    files: &HfFiles,
    config: &Config,
    family: &Family,
    format: BlockFormat,
) -> Result<Vec<Item>> {
    let is_tied = files.config["tie_word_embeddings"] == true && ends_are_one(file)?;
    let mut items = Vec::new();
    let has_embeddings = find(file, EMBEDDINGS).is_some();
    for info in file.tensors.values() {
        if family.is_of_other_part(&info.name) || info.name.ends_with(ROTATIONS) {
            continue;
        }
        let mut name = family.gguf_name(&info.name).ok_or_else(|| {
            let kind = &files.config["model_type"];
            anyhow!("tensor `{}` is none that a model of type {kind} has", info.name)
        })?;
        if name == "output.weight" && !has_embeddings {
            // Tied, and kept under the other name: that of a GGUF's one matrix is the embeddings'.
            name = "token_embd.weight".to_owned();
        } else if name == "output.weight" && is_tied {
            continue;
        }
        let heads = match name.rsplit('.').nth(1) {
            Some("attn_q") => Some(config.heads),
            Some("attn_k") => Some(config.kv_heads),
            _ => None,
        };
        let from = match heads.filter(|_| family.pairs_rows()) {
            Some(heads) => paired(info, heads)?,
            None if family.plus(&name) != 0.0 => From::Plus(info.clone(), family.plus(&name)),
            None => From::Tensor(info.clone()),
        };
        let tensor = WriterTensor { format: kept(info, format), shape: info.shape.clone(), name };
        items.push(Item { tensor, from, importance: None });
    }
    Ok(items)
}

/// Whether the output matrix is the embeddings once more, where a file has both: then a GGUF needs it once.
fn ends_are_one(file: &ModelFile) -> Result<bool> {
    const AT_ONCE: u64 = 1 << 20;
    let (Some(a), Some(b)) = (find(file, EMBEDDINGS), find(file, HEAD)) else { return Ok(true) };
    if (&a.shape, a.format) != (&b.shape, b.format) {
        return Ok(false);
    }
    let mut bytes = [Vec::new(), Vec::new()];
    for start in (0..a.bytes).step_by(AT_ONCE as usize) {
        let range = start..a.bytes.min(start + AT_ONCE);
        for (bytes, tensor) in bytes.iter_mut().zip([a, b]) {
            bytes.resize(usize::try_from(range.end - range.start)?, 0);
            file.read(tensor, range.clone(), bytes)?;
        }
        if bytes[0] != bytes[1] {
            return Ok(false);
        }
    }
    Ok(true)
}

fn paired(info: &TensorInfo, heads: u32) -> Result<From> {
    let rows = info.shape.first().copied().unwrap_or(0);
    if heads == 0 || !rows.is_multiple_of(2 * u64::from(heads)) {
        return Err(anyhow!("`{}`: {rows} rows aren't {heads} heads of pairs", info.name));
    }
    Ok(From::Pairs(info.clone(), heads))
}

/// The format of a tensor: vectors and norms stay F32, and rows that aren't whole blocks become F16.
fn kept(info: &TensorInfo, format: BlockFormat) -> BlockFormat {
    if info.shape.len() < 2 || info.name.ends_with("norm.weight") {
        BlockFormat::F32
    } else if info.cols().is_multiple_of(format.block_len() as u64) {
        format
    } else {
        BlockFormat::F16
    }
}

/// What comes before the layers, the layers, what comes after.
fn place(name: &str) -> (u32, String) {
    let order = match layer(name) {
        Some(layer) => layer.saturating_add(1),
        None if ["token_embd", "token_types", "position_embd"]
            .iter()
            .any(|begin| name.starts_with(begin)) =>
        {
            0
        }
        None => u32::MAX,
    };
    (order, name.to_owned())
}

/// The layer of a tensor with that name.
fn layer(name: &str) -> Option<u32> {
    name.strip_prefix("blk.")?.split('.').next()?.parse().ok()
}

/// The tokenizer that readers make of the metadata.
fn tokenizer_of(metadata: &Metadata) -> Result<Tokenizer> {
    let header = Writer::new(Vec::new(), metadata, &[])?.finish()?;
    Ok(azulejo::tokenizer_from_file(&ModelFile::from_gguf_bytes(header)?)?)
}

/// Names the tokens that end a text besides EOS and those that readers know by their spelling: a GGUF has room for two. Gives
/// the tokenizer that readers make of the metadata then.
fn keep_ends(own: &Tokenizer, metadata: &mut Metadata) -> Result<Tokenizer> {
    let new = tokenizer_of(metadata)?;
    let mut missing = own.end_of_text().difference(new.end_of_text()).peekable();
    if missing.peek().is_none() {
        return Ok(new);
    }
    for (key, id) in ["eot_token_id", "eom_token_id"].into_iter().zip(missing) {
        metadata.insert(format!("tokenizer.ggml.{key}"), *id);
    }
    tokenizer_of(metadata)
}

/// Says where the new file's vocabulary gives other tokens than the folder's own, or, where that matters, ends a text at
/// others.
fn compare_tokenizers(own: &Tokenizer, new: &Tokenizer, has_ends: bool, output: &Output) {
    for id in own.end_of_text().difference(new.end_of_text()).filter(|_| has_ends) {
        output.warning(&format!("a GGUF can't say that token {id} ends a text too: it has room for three"));
    }
    if let Some(text) = vocabulary::first_difference(own, new) {
        output.warning(&format!(
            "a GGUF can't say all of this tokenizer: the tokens of {text:?} differ from those of the folder"
        ));
    }
}
