//! `manifest`: what a web page checks a model's download by.
//!
//! The file (of a split model the parts, one behind the other) is cut into chunks of equal size, the last one shorter,
//! and each has a SHA-256 (FIPS 180-4). The root is the SHA-256 of all of them, one behind the other as bytes, so that a
//! page that pins it has pinned the whole file.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use azulejo::{Model, ModelOptions, Output as ModelOutput};
use azulejo_formats::ModelKind;
use azulejo_formats::gguf::SplitName;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::args::ManifestArgs;
use crate::exit::Usage;
use crate::interrupt;
use crate::load;
use crate::output::{Output, Unit};
use crate::partial::Partial;

pub(crate) fn run(args: &ManifestArgs, output: &Output) -> Result<()> {
    let path = &args.model;
    let to = args.output.clone().unwrap_or_else(|| {
        let mut name = path.clone().into_os_string();
        name.push(".azulejo.json");
        PathBuf::from(name)
    });
    let file = load::open(Some(path), output)?;
    let ModelKind::Gguf(metadata) = &file.kind else {
        return Err(Usage("a manifest is of a .gguf file, which is what web pages load".to_owned()).into());
    };
    let plan_of = |output| Model::plan_of(&file, &ModelOptions::default().output(output));
    // An encoder in a GGUF has no head, and gives embeddings.
    let planned = plan_of(ModelOutput::Logits);
    let (config, plan) = planned.or_else(|error| plan_of(ModelOutput::Hidden).map_err(|_| error))?;
    let memory = azulejo::estimated_memory(&plan)?;
    let text = |key: &str| metadata.find_str(key).ok().flatten();
    let languages = metadata.get_array_str("general.languages").ok();
    let parts = part_paths(path, file.sources.len())?;
    let part_bytes: Vec<u64> = file.sources.iter().map(|source| source.len()).collect();
    let (chunks, bytes) = hashes(&parts, args.chunk_bytes, output)?;
    anyhow::ensure!(
        bytes == part_bytes.iter().sum::<u64>(),
        "{}: it changed while it was read",
        path.display()
    );
    let mut manifest = json!({
        "format": "azulejo-manifest-1",
        "file": parts[0].file_name().map(|name| name.to_string_lossy()),
        "bytes": bytes,
        "chunk_bytes": args.chunk_bytes,
        "root": hex(&Sha256::digest(chunks.concat())),
        "name": text("general.name"),
        "architecture": plan.architecture,
        "license": text("general.license"),
        "languages": languages,
        "parameters": plan.parameters(),
        "context": config.context_length,
        "memory": {
            "weights": memory.weights,
            "kv_per_position": plan.kv.bytes_per_token(),
            "activations": memory.activations,
        },
        "chunks": chunks.iter().map(|hash| hex(hash)).collect::<Vec<String>>(),
    });
    if parts.len() > 1 {
        manifest["parts"] = json!(part_bytes);
    }
    let mut out = Partial::create(&to)?;
    out.write((serde_json::to_string_pretty(&manifest)? + "\n").as_bytes())?;
    out.finish()?;
    if output.is_json() {
        output.json(&json!({ "manifest": to.display().to_string(), "root": manifest["root"] }))?;
    } else {
        output.line(&format!("{}: {} chunks, root {}", to.display(), chunks.len(), hex_of(&manifest)))?;
    }
    Ok(())
}

/// The files that the model is in: the given one, or all parts of a split one, which are beside it.
fn part_paths(path: &Path, count: usize) -> Result<Vec<PathBuf>> {
    if count == 1 {
        return Ok(vec![path.to_owned()]);
    }
    let name = path.file_name().and_then(|name| name.to_str()).and_then(SplitName::parse);
    let name = name.with_context(|| format!("{}: its name is no part's", path.display()))?;
    Ok(name.all().into_iter().map(|part| path.with_file_name(part)).collect())
}

/// The hash of each chunk, and the bytes of all.
fn hashes(parts: &[PathBuf], chunk_bytes: u64, output: &Output) -> Result<(Vec<[u8; 32]>, u64)> {
    let mut whole: Box<dyn Read> = Box::new(std::io::empty());
    let mut bytes = 0;
    for path in parts {
        let named = || path.display().to_string();
        let file = File::open(path).with_context(named)?;
        bytes += file.metadata().with_context(named)?.len();
        whole = Box::new(whole.chain(file));
    }
    let named = || parts[0].display().to_string();
    let bar = output.bar("hashing", bytes, Unit::Bytes);
    let (mut chunks, mut done) = (Vec::new(), 0);
    let mut chunk = Vec::new();
    while done < bytes {
        interrupt::check()?;
        chunk.clear();
        whole.by_ref().take(chunk_bytes.min(bytes - done)).read_to_end(&mut chunk).with_context(named)?;
        anyhow::ensure!(!chunk.is_empty(), "{}: it became shorter while it was read", named());
        chunks.push(Sha256::digest(&chunk).into());
        done += chunk.len() as u64;
        bar.set(done, bytes);
    }
    Ok((chunks, done))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hex_of(manifest: &Value) -> &str {
    manifest["root"].as_str().unwrap_or_default()
}
