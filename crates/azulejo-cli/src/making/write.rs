//! A GGUF file out of another model's tensors: read, decoded, encoded and written in pieces of rows, so that neither
//! the model nor a whole tensor is ever in memory.

use std::io;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use azulejo::BlockFormat;
use azulejo_formats::gguf::{Metadata, WriteError, Writer, WriterTensor};
use azulejo_formats::{ModelFile, TensorInfo};
use azulejo_quant::{decode, encode, encode_with_importance};
use rayon::prelude::*;

use crate::interrupt;
use crate::output::{Output, Unit};
use crate::partial::Partial;

/// Weights of a piece that is read, encoded and written as one: 16 MiB as f32, over all threads.
const PIECE: usize = 4 << 20;
/// Weights that a thread takes at once.
const SHARE: usize = 64 << 10;

/// A tensor of the new file.
#[derive(Debug)]
pub(crate) struct Item {
    /// Its name, format and shape there.
    pub(crate) tensor: WriterTensor,
    /// Where its weights come from.
    pub(crate) from: From,
    /// What errors in its columns count.
    pub(crate) importance: Option<Vec<f32>>,
}

/// Where weights come from.
#[derive(Debug)]
pub(crate) enum From {
    /// A tensor of the model that is read.
    Tensor(TensorInfo),
    /// The same, with the rows of each of so many heads changed from halves to pairs: row `2 i + h` of a head is row
    /// `i + h * half` in the file. It is the order in which llama.cpp's rope finds them.
    Pairs(TensorInfo, u32),
    /// The same as [`From::Tensor`], with so much added to each weight.
    Plus(TensorInfo, f32),
    /// These.
    Values(Vec<f32>),
}

impl Item {
    /// Bytes in the new file.
    pub(crate) fn bytes(&self) -> u64 {
        let cols = self.tensor.shape.last().copied().unwrap_or(1);
        let rows = self.tensor.shape.iter().rev().skip(1).product::<u64>();
        let row = self.tensor.format.row_bytes(usize::try_from(cols).unwrap_or(usize::MAX));
        row.map_or(0, |row| row as u64 * rows)
    }
}

/// Writes the file, with a bar; it appears under its name when it is complete.
pub(crate) fn write(
    file: &ModelFile,
    metadata: &Metadata,
    items: &[Item],
    to: &Path,
    what: &'static str,
    output: &Output,
) -> Result<()> {
    let cannot = |error: WriteError| match error {
        WriteError::Io(error) => {
            anyhow::Error::new(error).context(format!("{} can't be written", to.display()))
        }
        error => anyhow!("{}: {error}", to.display()),
    };
    let tensors: Vec<WriterTensor> = items.iter().map(|item| item.tensor.clone()).collect();
    let mut writer = Writer::new(Partial::create(to)?, metadata, &tensors).map_err(cannot)?;
    let total = items.iter().map(Item::bytes).sum();
    let bar = output.bar(what, total, Unit::Bytes);
    let mut done = 0;
    for item in items {
        pieces(file, item, |bytes| {
            interrupt::check()?;
            writer.write(bytes).map_err(cannot)?;
            done += bytes.len() as u64;
            bar.set(done, total);
            Ok(())
        })
        .with_context(|| format!("tensor `{}`", item.tensor.name))?;
    }
    drop(bar);
    writer.finish().map_err(cannot)?.finish()
}

/// The bytes of a tensor in the new file, in pieces of whole rows.
fn pieces(file: &ModelFile, item: &Item, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let is_vector_of_pairs = item.tensor.shape.len() < 2 && matches!(item.from, From::Pairs(..));
    // A bias is a column.
    let cols = if is_vector_of_pairs { 1 } else { item.tensor.shape.last().copied().unwrap_or(1) };
    let cols = usize::try_from(cols)?;
    let format = item.tensor.format;
    let info = match &item.from {
        From::Values(values) => {
            let mut out = vec![0; format.row_bytes(values.len()).unwrap_or(0)];
            encode(format, values, &mut out)?;
            return each(&out);
        }
        From::Tensor(info) | From::Pairs(info, _) | From::Plus(info, _) => info,
    };
    let (Some(row_from), Some(row_to)) = (info.format.row_bytes(cols), format.row_bytes(cols)) else {
        return Err(anyhow!("rows of {cols} weights are no whole blocks of {format}"));
    };
    let rows = info.weights() / cols.max(1) as u64;
    let most = (PIECE / cols.max(1)).max(1) as u64;
    let (mut raw, mut out) = (Vec::new(), Vec::new());
    let mut first = 0;
    while first < rows {
        let count = most.min(rows - first);
        raw.resize(count as usize * row_from, 0);
        read_rows(file, info, &item.from, rows, first, &mut raw)?;
        let plus = if let From::Plus(_, plus) = item.from { plus } else { 0.0 };
        if info.format == format && plus == 0.0 {
            each(&raw)?;
        } else {
            out.resize(count as usize * row_to, 0);
            convert(info.format, format, cols, plus, item.importance.as_deref(), &raw, &mut out)
                .map_err(|error| anyhow!("rows from {first} on: {error}"))?;
            each(&out)?;
        }
        // What was read goes back to the system: a file larger than the memory passes through.
        file.release(info, first * row_from as u64..(first + count) * row_from as u64);
        first += count;
    }
    Ok(())
}

/// Reads the rows that are `first..` in the new file.
fn read_rows(
    file: &ModelFile,
    info: &TensorInfo,
    from: &From,
    rows: u64,
    first: u64,
    raw: &mut [u8],
) -> Result<()> {
    let row_bytes = info.bytes / rows;
    let From::Pairs(_, heads) = from else {
        let start = first * row_bytes;
        return Ok(file.read(info, start..start + raw.len() as u64, raw)?);
    };
    let head = rows / u64::from(*heads);
    for (row, bytes) in (first..).zip(raw.chunks_exact_mut(row_bytes as usize)) {
        let within = row % head;
        let row = row - within + within / 2 + (within % 2) * (head / 2);
        file.read(info, row * row_bytes..(row + 1) * row_bytes, bytes)?;
    }
    Ok(())
}

/// Rows from one format to another, on all threads.
fn convert(
    from: BlockFormat,
    to: BlockFormat,
    cols: usize,
    plus: f32,
    importance: Option<&[f32]>,
    raw: &[u8],
    out: &mut [u8],
) -> Result<(), azulejo_quant::EncodeError> {
    let rows = (SHARE / cols).max(1);
    let (Some(row_from), Some(row_to)) = (from.row_bytes(cols), to.row_bytes(cols)) else { return Ok(()) };
    raw.par_chunks(rows * row_from).zip(out.par_chunks_mut(rows * row_to)).try_for_each_init(
        Vec::new,
        |weights: &mut Vec<f32>, (raw, out)| {
            weights.resize(raw.len() / row_from * cols, 0.0);
            decode(from, raw, weights)?;
            weights.iter_mut().for_each(|weight| *weight += plus);
            match importance {
                Some(importance) => encode_with_importance(to, weights, importance, out),
                None => encode(to, weights, out),
            }
        },
    )
}

impl io::Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file()?.flush()
    }
}
