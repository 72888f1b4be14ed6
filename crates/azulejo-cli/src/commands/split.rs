//! `split` and `merge`: a model in several files, and back; named and keyed as llama.cpp's `gguf-split` does it.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use azulejo_formats::gguf::{Metadata, SplitName, WriterTensor};
use azulejo_formats::{ModelFile, ModelKind};
use serde_json::json;

use super::quantize::differ;
use crate::args::{MergeArgs, SplitArgs};
use crate::exit::Usage;
use crate::making::write::{self, From, Item};
use crate::numbers;
use crate::output::Output;

const NO: &str = "split.no";
const COUNT: &str = "split.count";
const TENSORS: &str = "split.tensors.count";

pub(crate) fn split(args: &SplitArgs, output: &Output) -> Result<()> {
    let file = azulejo::open_file(&args.model)?;
    let metadata = metadata_of(&file, &args.model)?;
    let items = copies(&file);
    let total = items.len();
    let parts = parts(items, args.max_size, args.max_tensors);
    let count = u16::try_from(parts.len())
        .map_err(|_| anyhow!("{} parts are more than there can be: give a larger --max-size", parts.len()))?;
    let prefix = args.output.clone().unwrap_or_else(|| args.model.with_extension(""));
    let base = prefix.file_name().map(|name| name.to_string_lossy().into_owned());
    let base = base.ok_or_else(|| Usage(format!("-o: '{}' is no beginning of names", prefix.display())))?;
    let names = SplitName { prefix: base, index: 0, count: count.into() }.all();
    let paths: Vec<PathBuf> = names.iter().map(|name| prefix.with_file_name(name)).collect();
    for path in &paths {
        differ(&args.model, path)?;
    }
    for (number, (items, path)) in (0u16..).zip(parts.iter().zip(&paths)) {
        let mut metadata = if number == 0 { metadata.clone() } else { Metadata::default() };
        metadata.insert(NO, number);
        metadata.insert(COUNT, count);
        metadata.insert(TENSORS, i32::try_from(total)?);
        if let Err(error) = write::write(&file, &metadata, items, path, "splitting", output) {
            // Parts without the others are of no use.
            paths[..usize::from(number)].iter().for_each(|path| drop(std::fs::remove_file(path)));
            return Err(error);
        }
    }
    report(&paths, output)
}

pub(crate) fn merge(args: &MergeArgs, output: &Output) -> Result<()> {
    let file = azulejo::open_file(&args.model)?;
    differ(&args.model, &args.output)?;
    let mut metadata = metadata_of(&file, &args.model)?.clone();
    for key in [NO, COUNT, TENSORS] {
        metadata.remove(key);
    }
    write::write(&file, &metadata, &copies(&file), &args.output, "merging", output)?;
    report(std::slice::from_ref(&args.output), output)
}

fn metadata_of<'f>(file: &'f ModelFile, path: &Path) -> Result<&'f Metadata> {
    match &file.kind {
        ModelKind::Gguf(metadata) => Ok(metadata),
        ModelKind::HuggingFace(_) => {
            let text = "a Hugging Face folder: make a .gguf of it by `azulejo convert` first";
            Err(Usage(format!("{}: {text}", path.display())).into())
        }
    }
}

/// All tensors as they are, in the order of the files.
fn copies(file: &ModelFile) -> Vec<Item> {
    let mut tensors: Vec<_> = file.tensors.values().collect();
    tensors.sort_by_key(|info| (info.file, info.offset));
    let copy = |info: &azulejo_formats::TensorInfo| Item {
        tensor: WriterTensor { name: info.name.clone(), format: info.format, shape: info.shape.clone() },
        from: From::Tensor(info.clone()),
        importance: None,
    };
    tensors.into_iter().map(copy).collect()
}

/// Items in order, in as few parts as hold at most so many bytes of data and so many tensors; one that is larger has
/// a part of its own.
fn parts(items: Vec<Item>, max_bytes: u64, max_tensors: Option<u32>) -> Vec<Vec<Item>> {
    let max_tensors = max_tensors.map_or(usize::MAX, |most| most as usize);
    let mut parts: Vec<Vec<Item>> = vec![Vec::new()];
    let mut bytes = 0;
    for item in items {
        let is_full = |part: &Vec<Item>| {
            !part.is_empty() && (bytes + item.bytes() > max_bytes || part.len() >= max_tensors)
        };
        if parts.last().is_none_or(is_full) {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += item.bytes();
        if let Some(part) = parts.last_mut() {
            part.push(item);
        }
    }
    parts
}

fn report(paths: &[PathBuf], output: &Output) -> Result<()> {
    let mut files = Vec::new();
    for path in paths {
        let bytes = std::fs::metadata(path)?.len();
        if output.is_json() {
            files.push(json!({ "file": path.display().to_string(), "bytes": bytes }));
        } else {
            output.line(&format!("{}: {}", path.display(), numbers::bytes(bytes)))?;
        }
    }
    if output.is_json() {
        output.json(&json!({ "files": files }))?;
    }
    Ok(())
}
