//! LoRA adapters (Hu et al., 2021): `W + scale * alpha / rank * B A`, merged into the weights while they are read.
//!
//! Source of the format: what llama.cpp's `convert_lora_to_gguf.py` writes. `general.type` is `adapter`, `adapter.type`
//! is `lora`, `adapter.lora.alpha` is alpha; for each matrix there are `NAME.lora_a`, `[rank, columns]`, and
//! `NAME.lora_b`, `[rows, rank]`.
//!
//! A matrix that is adapted becomes a tensor of a file that isn't there: its rows are made when somebody reads them. It
//! keeps its format if that is a float format; quantised ones become F16, since rounding to a few bits once more would
//! lose most of what an adapter adds. That costs memory: quantise the merged model (`quantize --lora`) to have it back.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use azulejo::BlockFormat;
use azulejo_formats::{ByteSource, ModelFile, ModelKind, TensorInfo};
use azulejo_quant::{EncodeError, decode, encode};
use rayon::prelude::*;

const A: &str = ".lora_a";
const B: &str = ".lora_b";
const EMBEDDINGS: &str = "token_embd.weight";
const HEAD: &str = "output.weight";
/// Bytes of rows that a thread makes at once.
const SHARE: usize = 64 << 10;

/// `FILE` or `FILE:SCALE`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LoraChoice {
    pub(crate) path: PathBuf,
    pub(crate) scale: f32,
}

impl FromStr for LoraChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A colon may be part of a name (C:\...): only a number behind the last one is a scale.
        let scaled = text.rsplit_once(':').and_then(|(path, scale)| Some((path, scale.parse::<f32>().ok()?)));
        let (path, scale) = scaled.unwrap_or((text, 1.0));
        if !scale.is_finite() {
            return Err(format!("'{text}': the scale is no number to multiply with"));
        }
        Ok(Self { path: PathBuf::from(path), scale })
    }
}

/// Puts adapters over a model: its tensors give merged weights from here on.
pub(crate) fn apply(file: &mut ModelFile, choices: &[LoraChoice]) -> Result<()> {
    for LoraChoice { path, scale } in choices {
        adapt(file, path, *scale).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn adapt(file: &mut ModelFile, path: &Path, scale: f32) -> Result<()> {
    let adapter = ModelFile::open(path)?;
    let (ModelKind::Gguf(base), ModelKind::Gguf(metadata)) = (&file.kind, &adapter.kind) else {
        return Err(anyhow!(
            "adapters and models are .gguf files here: use `azulejo convert-lora` and `azulejo convert`"
        ));
    };
    let kind = metadata.find_str("adapter.type")?;
    ensure!(kind == Some("lora"), "its `adapter.type` is {}, not lora", kind.unwrap_or("missing"));
    let architecture = |m: &azulejo_formats::gguf::Metadata| {
        m.find_str("general.architecture").ok().flatten().unwrap_or("(none)").to_owned()
    };
    let (of, base) = (architecture(metadata), architecture(base));
    ensure!(of == base, "the adapter is for models of the architecture {of}, and this one is {base}");
    let alpha = metadata.find_f32("adapter.lora.alpha")?.unwrap_or(0.0);
    let mut names: Vec<&str> = adapter.tensors.keys().filter_map(|name| name.strip_suffix(A)).collect();
    names.sort_unstable();
    ensure!(!names.is_empty(), "it holds no tensor whose name ends in {A}");
    if let Some(other) = adapter.tensors.keys().find(|name| !name.ends_with(A) && !name.ends_with(B)) {
        return Err(anyhow!("`{other}` is no part of a matrix' adapter, and nothing else can be merged"));
    }
    for name in names {
        let info = adapted(file, name).with_context(|| "the adapter is for another model".to_owned())?;
        let (a, b) = (adapter.tensor(&format!("{name}{A}"))?, adapter.tensor(&format!("{name}{B}"))?);
        let rank = b.cols();
        let fits = info.shape.len() == 2 && a.shape == [rank, info.cols()] && b.shape == [info.rows(), rank];
        if !fits {
            let (base, a, b) = (&info.shape, &a.shape, &b.shape);
            return Err(anyhow!(
                "`{name}` is {base:?}, and the adapter has {a:?} and {b:?}: it is for another model"
            ));
        }
        let strength = if alpha == 0.0 { scale } else { scale * alpha / rank as f32 };
        let source = file.sources.get(info.file).cloned().ok_or_else(|| anyhow!("`{name}` has no file"))?;
        let format = if info.format.is_float() { info.format } else { BlockFormat::F16 };
        let cols = usize::try_from(info.cols())?;
        let row_bytes = format.row_bytes(cols).ok_or_else(|| anyhow!("`{name}` has rows of no length"))?;
        let bytes = info.rows() * row_bytes as u64;
        let merged = Merged {
            a: floats(&adapter, a)?,
            b: floats(&adapter, b)?.iter().map(|b| b * strength).collect(),
            rank: usize::try_from(rank)?,
            info: info.clone(),
            source,
            format,
            cols,
            row_bytes,
            bytes,
        };
        file.sources.push(Arc::new(merged));
        let place = TensorInfo { format, file: file.sources.len() - 1, offset: 0, bytes, ..info };
        file.tensors.insert(name.to_owned(), place);
    }
    Ok(())
}

/// The matrix of that name. Where the embeddings are the head too, an adapter of the head leaves them as they are, as in
/// PEFT: it gets a copy.
fn adapted(file: &ModelFile, name: &str) -> Result<TensorInfo> {
    let is_shared = name == HEAD && !file.tensors.contains_key(HEAD);
    let info = file.tensor(if is_shared { EMBEDDINGS } else { name })?;
    Ok(TensorInfo { name: name.to_owned(), ..info.clone() })
}

fn floats(file: &ModelFile, info: &TensorInfo) -> Result<Vec<f32>> {
    let mut bytes = vec![0; usize::try_from(info.bytes)?];
    file.read(info, 0..info.bytes, &mut bytes)?;
    let mut values = vec![0.0; usize::try_from(info.weights())?];
    decode(info.format, &bytes, &mut values)?;
    Ok(values)
}

/// A matrix with an adapter over it, as a file that holds nothing else.
struct Merged {
    /// `[rank, cols]`.
    a: Vec<f32>,
    /// `[rows, rank]`, scaled.
    b: Vec<f32>,
    rank: usize,
    info: TensorInfo,
    source: Arc<dyn ByteSource>,
    format: BlockFormat,
    cols: usize,
    row_bytes: usize,
    bytes: u64,
}

impl Merged {
    /// Makes the rows from `first` on.
    fn rows(&self, first: usize, out: &mut [u8]) -> io::Result<()> {
        let from_bytes = self.info.bytes / self.info.rows();
        let mut raw = vec![0; from_bytes as usize];
        let mut weights = vec![0f32; self.cols];
        for (row, out) in (first..).zip(out.chunks_exact_mut(self.row_bytes)) {
            self.source.read_at(self.info.offset + row as u64 * from_bytes, &mut raw)?;
            let wrong = |error: EncodeError| io::Error::new(io::ErrorKind::InvalidData, error);
            decode(self.info.format, &raw, &mut weights).map_err(|error| wrong(error.into()))?;
            let factors = &self.b[row * self.rank..][..self.rank];
            for (factor, a) in factors.iter().zip(self.a.chunks_exact(self.cols)) {
                weights.iter_mut().zip(a).for_each(|(weight, a)| *weight += factor * a);
            }
            encode(self.format, &weights, out).map_err(wrong)?;
        }
        Ok(())
    }
}

impl ByteSource for Merged {
    fn len(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).filter(|end| *end <= self.bytes);
        let Some(end) = end else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        // Whole rows, of which the range is a part.
        let row_bytes = self.row_bytes as u64;
        let (first, last) = (offset / row_bytes, end.div_ceil(row_bytes));
        let mut rows = vec![0; ((last - first) * row_bytes) as usize];
        let share = (SHARE / self.row_bytes).max(1);
        rows.par_chunks_mut(share * self.row_bytes)
            .enumerate()
            .try_for_each(|(i, out)| self.rows(first as usize + i * share, out))?;
        let skip = (offset - first * row_bytes) as usize;
        buf.copy_from_slice(&rows[skip..][..buf.len()]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lora_scales_stand_behind_the_last_colon() {
        let of = |text: &str| text.parse::<LoraChoice>().map(|c| (c.path.display().to_string(), c.scale));
        assert_eq!(of("a.gguf"), Ok(("a.gguf".to_owned(), 1.0)));
        assert_eq!(of("a.gguf:0.5"), Ok(("a.gguf".to_owned(), 0.5)));
        assert_eq!(of("C:\\a.gguf:-1"), Ok(("C:\\a.gguf".to_owned(), -1.0)));
        assert_eq!(of("C:\\a.gguf"), Ok(("C:\\a.gguf".to_owned(), 1.0)));
        assert!(of("a.gguf:inf").is_err());
    }
}
