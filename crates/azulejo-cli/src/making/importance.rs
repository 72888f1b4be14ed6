//! Importance matrices: for each matrix, the mean square of the activations that meet each of its columns.
//!
//! Source of the formats: what llama.cpp's `imatrix` tool writes. The present one is a GGUF file: `general.type` is
//! `imatrix`; `imatrix.datasets`, `imatrix.chunk_count`, `imatrix.chunk_size`; and for each matrix two tensors of F32,
//! `NAME.in_sum2` (sums of squares, `[1, columns]`) and `NAME.counts` (tokens, `[1, 1]`). The older one (`.dat`) is a
//! list of names, counts and means times counts, in little-endian words.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use azulejo::BlockFormat;
use azulejo_formats::gguf::{Metadata, Writer, WriterTensor};
use azulejo_formats::{ModelFile, ModelKind};
use azulejo_quant::decode;

use crate::exit::Usage;
use crate::partial::Partial;

const SUMS: &str = ".in_sum2";
const COUNTS: &str = ".counts";
const DATASETS: &str = "imatrix.datasets";
const CHUNKS: &str = "imatrix.chunk_count";
const CHUNK_TOKENS: &str = "imatrix.chunk_size";

/// What is known of the columns of a model's matrices.
#[derive(Debug, Default)]
pub(crate) struct Importance {
    /// The texts that it was measured on.
    pub(crate) datasets: Vec<String>,
    /// Pieces of text.
    pub(crate) chunks: u32,
    /// Tokens of a piece.
    pub(crate) chunk_tokens: u32,
    /// By the names of the matrices.
    pub(crate) entries: BTreeMap<String, Entry>,
}

/// A matrix.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The sum of the squares of each column's activations.
    pub(crate) sums: Vec<f32>,
    /// Tokens that were summed over.
    pub(crate) count: f32,
}

impl Importance {
    /// Reads either format.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| name.clone())?;
        let read = if bytes.starts_with(b"GGUF") { from_gguf(bytes) } else { from_dat(&bytes) };
        let read = read.with_context(|| format!("{name}: not an importance matrix"))?;
        for (matrix, entry) in &read.entries {
            let fits = entry.sums.iter().all(|sum| sum.is_finite() && *sum >= 0.0);
            ensure!(fits, "{name}: `{matrix}` has sums of squares that are negative or not finite");
        }
        Ok(read)
    }

    /// Writes the GGUF format.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut metadata = Metadata::default();
        metadata.insert("general.type", "imatrix");
        metadata.insert(DATASETS, self.datasets.clone());
        metadata.insert(CHUNKS, self.chunks);
        metadata.insert(CHUNK_TOKENS, self.chunk_tokens);
        let tensor = |name: &str, suffix: &str, cols: usize| WriterTensor {
            name: format!("{name}{suffix}"),
            format: BlockFormat::F32,
            shape: vec![1, cols as u64],
        };
        let both = |(name, entry): (&String, &Entry)| {
            [tensor(name, SUMS, entry.sums.len()), tensor(name, COUNTS, 1)]
        };
        let tensors: Vec<WriterTensor> = self.entries.iter().flat_map(both).collect();
        let mut writer = Writer::new(Partial::create(path)?, &metadata, &tensors)?;
        for entry in self.entries.values() {
            let values = entry.sums.iter().chain([&entry.count]);
            let bytes: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
            writer.write(&bytes).with_context(|| format!("{} can't be written", path.display()))?;
        }
        writer.finish()?.finish()
    }

    /// What each column of a matrix counts; `None` if nothing is known of it.
    pub(crate) fn columns(&self, name: &str, cols: u64) -> Result<Option<Vec<f32>>> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        if entry.sums.len() as u64 != cols {
            let got = entry.sums.len();
            return Err(Usage(format!(
                "--imatrix: `{name}` has {cols} columns, and the importance matrix {got}: it is of another model"
            ))
            .into());
        }
        let count = entry.count.max(1.0);
        Ok(Some(entry.sums.iter().map(|sum| sum / count).collect()))
    }
}

fn from_gguf(bytes: Vec<u8>) -> Result<Importance> {
    let file = ModelFile::from_gguf_bytes(bytes)?;
    let ModelKind::Gguf(metadata) = &file.kind else { return Err(anyhow!("no GGUF file")) };
    let kind = metadata.find_str("general.type")?;
    ensure!(kind == Some("imatrix"), "its `general.type` is {}, not imatrix", kind.unwrap_or("missing"));
    let floats = |name: &str| -> Result<Vec<f32>> {
        let info = file.tensor(name)?;
        ensure!(info.format == BlockFormat::F32, "`{name}` is {}, not F32", info.format);
        let mut bytes = vec![0; usize::try_from(info.bytes)?];
        file.read(info, 0..info.bytes, &mut bytes)?;
        let mut values = vec![0.0; bytes.len() / 4];
        decode(info.format, &bytes, &mut values)?;
        Ok(values)
    };
    let mut entries = BTreeMap::new();
    for name in file.tensors.keys().filter_map(|name| name.strip_suffix(SUMS)) {
        let counts = floats(&format!("{name}{COUNTS}"))?;
        ensure!(counts.len() == 1, "`{name}` has {} experts: those of one only are read", counts.len());
        entries.insert(name.to_owned(), Entry { sums: floats(&format!("{name}{SUMS}"))?, count: counts[0] });
    }
    ensure!(!entries.is_empty(), "it has no tensor whose name ends in {SUMS}");
    Ok(Importance {
        datasets: metadata.get_array_str(DATASETS).map(<[String]>::to_vec).unwrap_or_default(),
        chunks: metadata.find_u32(CHUNKS)?.unwrap_or(0),
        chunk_tokens: metadata.find_u32(CHUNK_TOKENS)?.unwrap_or(0),
        entries,
    })
}

/// The words of the older format.
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count).context("it ends in the middle")?;
        self.0 = rest;
        Ok(bytes)
    }

    fn word(&mut self) -> Result<[u8; 4]> {
        Ok(self.bytes(4)?.try_into()?)
    }

    fn length(&mut self) -> Result<usize> {
        let length = i32::from_le_bytes(self.word()?);
        usize::try_from(length).map_err(|_| anyhow!("{length} is no length"))
    }
}

fn from_dat(bytes: &[u8]) -> Result<Importance> {
    let mut words = Words(bytes);
    let mut importance = Importance::default();
    for _ in 0..words.length()? {
        let length = words.length()?;
        let name = std::str::from_utf8(words.bytes(length)?)?.to_owned();
        let calls = words.length()? as f32;
        let count = words.length()?;
        let values = words.bytes(count.checked_mul(4).context("too many values")?)?;
        let sums = values.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
        importance.entries.insert(name, Entry { sums, count: calls });
    }
    ensure!(!importance.entries.is_empty(), "it holds no matrices");
    // Older files end here.
    if !words.0.is_empty() {
        importance.chunks = words.length()? as u32;
        let length = words.length()?;
        importance.datasets.push(String::from_utf8_lossy(words.bytes(length)?).into_owned());
    }
    Ok(importance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn importance_of_the_older_format_is_read() {
        let mut bytes = Vec::new();
        let mut word = |value: i32| bytes.extend_from_slice(&value.to_le_bytes());
        word(1);
        word(3);
        bytes.extend_from_slice(b"abc");
        for value in [2, 2] {
            bytes.extend_from_slice(&i32::to_le_bytes(value));
        }
        for value in [3.0f32, 8.0] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        let read = from_dat(&bytes).unwrap();
        assert_eq!(read.columns("abc", 2).unwrap(), Some(vec![1.5, 4.0]));
        assert_eq!(read.columns("abd", 2).unwrap(), None);
        assert!(read.columns("abc", 3).is_err());
        for cut in 0..bytes.len() {
            assert!(from_dat(&bytes[..cut]).is_err(), "{cut}");
        }
        assert!(from_dat(&[0xff; 40]).is_err());
    }
}
