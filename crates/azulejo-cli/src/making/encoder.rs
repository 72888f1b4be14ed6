//! An encoder's tensors in GGUF's words, and what a folder says of embeddings: as llama.cpp's converter writes BERT, RoBERTa
//! and XLM-RoBERTa.

use anyhow::{Context, Result, anyhow};
use azulejo::{BlockFormat, EmbedOptions, Pooling};
use azulejo_formats::gguf::{Metadata, WriterTensor};
use azulejo_formats::hf::HfFiles;
use azulejo_formats::{ModelFile, TensorInfo};
use azulejo_models::{EncoderNames, skipped_positions};

use super::write::{From, Item};
use crate::output::Output;

/// The tables that stay as exact as they are, since they are small; of the first, RoBERTa's begins further on.
const POSITIONS: &str = "position_embd.weight";
const TOKEN_TYPES: &str = "token_types.weight";

/// Writes into the metadata what the folder says of embeddings, and warns of what a GGUF can't say of it.
///
/// # Errors
/// Those of [`EmbedOptions::of`].
pub(crate) fn describe_embeddings(
    architecture: &str,
    file: &ModelFile,
    context: u32,
    metadata: &mut Metadata,
    output: &Output,
) -> Result<()> {
    let how = EmbedOptions::of(file)?;
    let number = match how.pooling {
        Pooling::None => 0u32,
        Pooling::Mean => 1,
        Pooling::Cls => 2,
        Pooling::Last => 3,
    };
    metadata.insert(format!("{architecture}.pooling_type"), number);
    let names: Vec<&str> =
        how.prompts.iter().filter(|(_, prompt)| !prompt.is_empty()).map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        output.warning(&format!(
            "a GGUF has no place for the model's prompts ({}): whoever uses it must put them in front of texts",
            names.join(", ")
        ));
    }
    if let Some(most) = how.most_tokens.filter(|most| *most < context) {
        output.warning(&format!("a GGUF can't say that texts are cut to {most} tokens"));
    }
    if !how.normalise {
        output.warning("a GGUF can't say that vectors aren't normalised: programs give them a length of 1");
    }
    if how.lowercase {
        output.warning("a GGUF can't say that texts are put in lower case first");
    }
    Ok(())
}

/// The tensors of the new file; heads and the pooler have no place there. `kept` gives a tensor's format.
///
/// # Errors
/// A tensor that these models haven't.
pub(crate) fn items(
    file: &ModelFile,
    files: &HfFiles,
    kept: impl Fn(&TensorInfo) -> BlockFormat,
    output: &Output,
) -> Result<Vec<Item>> {
    let names = EncoderNames::of(|name| file.tensors.contains_key(name));
    let mut items = Vec::new();
    let mut has_head = false;
    for info in file.tensors.values() {
        if names.is_left_out(&info.name) {
            has_head |= info.name.starts_with("lm_head.") || info.name.starts_with("cls.predictions.");
            continue;
        }
        let name = names.gguf(&info.name).ok_or_else(|| {
            anyhow!("tensor `{}` is none that an encoder that gives embeddings has", info.name)
        })?;
        let is_exact = [POSITIONS, TOKEN_TYPES].contains(&name.as_str());
        let format = if is_exact { BlockFormat::F32 } else { kept(info) };
        let skipped = if name == POSITIONS { skipped_positions(&files.config)? } else { 0 };
        let info = without_rows(info, skipped.into()).with_context(|| format!("`{}`", info.name))?;
        let tensor = WriterTensor { name, format, shape: info.shape.clone() };
        items.push(Item { tensor, from: From::Tensor(info), importance: None });
    }
    if has_head {
        output.warning("the head that fills masks has no place in a GGUF: the new file gives embeddings");
    }
    Ok(items)
}

/// A matrix without its first rows.
fn without_rows(info: &TensorInfo, count: u64) -> Result<TensorInfo> {
    let mut rest = info.clone();
    if count > 0 {
        let rows = info.rows();
        let left = rows.checked_sub(count).filter(|left| *left > 0);
        let left = left.ok_or_else(|| anyhow!("{rows} rows, of which {count} are left out"))?;
        // Rows are whole blocks, so that bytes divide by them.
        let skipped = info.bytes / rows * count;
        rest.offset += skipped;
        rest.bytes -= skipped;
        rest.shape[0] = left;
    }
    Ok(rest)
}
