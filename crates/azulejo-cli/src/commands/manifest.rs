//! `manifest`: what a web page checks a model's download by.
//!
//! The file is cut into chunks of equal size, the last one shorter, and each has a SHA-256 (FIPS 180-4). The root is the
//! SHA-256 of all of them, one behind the other as bytes, so that a page that pins it has pinned the whole file.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use azulejo::{Model, ModelOptions};
use azulejo_formats::ModelKind;
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
    if file.sources.len() > 1 {
        let parts = file.sources.len();
        return Err(
            Usage(format!("the model is in {parts} parts; web pages load one file: merge them")).into()
        );
    }
    let (config, plan) = Model::plan_of(&file, &ModelOptions::default())?;
    let memory = azulejo::estimated_memory(&plan)?;
    let text = |key: &str| metadata.find_str(key).ok().flatten();
    let languages = metadata.get_array_str("general.languages").ok();
    let (chunks, bytes) = hashes(path, args.chunk_bytes, output)?;
    let manifest = json!({
        "format": "azulejo-manifest-1",
        "file": path.file_name().map(|name| name.to_string_lossy()),
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

/// The hash of each chunk, and the bytes of all.
fn hashes(path: &Path, chunk_bytes: u64, output: &Output) -> Result<(Vec<[u8; 32]>, u64)> {
    let named = || path.display().to_string();
    let mut file = File::open(path).with_context(named)?;
    let bytes = file.metadata().with_context(named)?.len();
    let bar = output.bar("hashing", bytes, Unit::Bytes);
    let (mut chunks, mut done) = (Vec::new(), 0);
    let mut chunk = Vec::new();
    while done < bytes {
        interrupt::check()?;
        chunk.clear();
        (&mut file).take(chunk_bytes).read_to_end(&mut chunk).with_context(named)?;
        anyhow::ensure!(!chunk.is_empty(), "{}: it became shorter while it was read", path.display());
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
