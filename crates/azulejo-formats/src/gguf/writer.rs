//! A writer of GGUF files (version 3): metadata and tensor infos first, then the data as a stream.

use std::collections::HashSet;
use std::io::{self, Write};

use azulejo_quant::BlockFormat;

use super::value::ids;
use super::{ALIGNMENT_KEY, Array, DEFAULT_ALIGNMENT, MAGIC, MAX_DIMS, Metadata, MetadataError, Value};
use crate::tensor::{ShapeError, tensor_bytes};

/// A tensor to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterTensor {
    /// Its name.
    pub name: String,
    /// How its weights are stored.
    pub format: BlockFormat,
    /// Row-major: columns last, as in [`crate::TensorInfo`].
    pub shape: Vec<u64>,
}

/// Why a file can't be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Writing failed.
    #[error("writing failed: {0}")]
    Io(#[from] io::Error),
    /// `general.alignment` isn't a number.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// `general.alignment` can't be used.
    #[error("`general.alignment` is {alignment}, which isn't a power of two of at most 2^20")]
    Alignment {
        /// The alignment.
        alignment: u64,
    },
    /// A shape that no tensor can have.
    #[error("tensor `{name}`: {error}")]
    Shape {
        /// The tensor.
        name: String,
        /// What is wrong with it.
        error: ShapeError,
    },
    /// Too many dimensions.
    #[error("tensor `{name}` has {dims} dimensions, and 4 is the most")]
    Dimensions {
        /// The tensor.
        name: String,
        /// Its number of dimensions.
        dims: usize,
    },
    /// Two tensors of one name.
    #[error("tensor `{name}` comes twice")]
    DuplicateTensor {
        /// The name.
        name: String,
    },
    /// More data than the tensors take.
    #[error("{extra} bytes of data too many, after the last tensor")]
    TooMuchData {
        /// Bytes too many.
        extra: u64,
    },
    /// Less data than the tensors take.
    #[error("tensor `{name}` lacks {missing} bytes of its data")]
    MissingData {
        /// The first tensor that isn't complete.
        name: String,
        /// Bytes that it lacks.
        missing: u64,
    },
}

/// Writes a file front to back. Nothing is sought, so `out` may be a pipe; writing to a temporary name and renaming
/// the file at the end is up to the caller.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    alignment: u64,
    /// Name and bytes of each tensor.
    tensors: Vec<(String, u64)>,
    /// The tensor whose data is being written, and how much of it was.
    current: usize,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the header. Offsets are multiples of the metadata's `general.alignment`, or of 32.
    ///
    /// # Errors
    /// [`WriteError`] for tensors that no reader would take, and for what `out` gives.
    pub fn new(mut out: W, metadata: &Metadata, tensors: &[WriterTensor]) -> Result<Self, WriteError> {
        let alignment = metadata.find_u64(ALIGNMENT_KEY)?.unwrap_or(DEFAULT_ALIGNMENT);
        if !alignment.is_power_of_two() || alignment > 1 << 20 {
            return Err(WriteError::Alignment { alignment });
        }
        let sizes = check(tensors)?;
        let mut head = Vec::new();
        head.extend_from_slice(&MAGIC);
        head.extend_from_slice(&3u32.to_le_bytes());
        head.extend_from_slice(&(tensors.len() as u64).to_le_bytes());
        head.extend_from_slice(&(metadata.len() as u64).to_le_bytes());
        // Readers like to see `general.architecture` first.
        let is_general = |key: &str| key.starts_with("general.");
        let general = metadata.iter().filter(|(key, _)| is_general(key));
        for (key, value) in general.chain(metadata.iter().filter(|(key, _)| !is_general(key))) {
            put_string(&mut head, key);
            put_value(&mut head, value);
        }
        let mut offset = 0u64;
        for (tensor, bytes) in tensors.iter().zip(&sizes) {
            put_string(&mut head, &tensor.name);
            head.extend_from_slice(&(tensor.shape.len() as u32).to_le_bytes());
            for dim in tensor.shape.iter().rev() {
                head.extend_from_slice(&dim.to_le_bytes());
            }
            head.extend_from_slice(&tensor.format.ggml_type().to_le_bytes());
            head.extend_from_slice(&offset.to_le_bytes());
            let end = offset.checked_add(*bytes).and_then(|end| end.checked_next_multiple_of(alignment));
            offset = end.ok_or_else(|| overflow(tensor))?;
        }
        if !tensors.is_empty() {
            head.resize(head.len().next_multiple_of(alignment as usize), 0);
        }
        out.write_all(&head)?;
        let tensors = tensors.iter().map(|tensor| tensor.name.clone()).zip(sizes).collect();
        Ok(Self { out, alignment, tensors, current: 0, written: 0 })
    }

    /// Writes the next bytes of the tensors' data: all tensors in order, in pieces of any size (a piece may go on
    /// into the next tensor). Padding is added here.
    ///
    /// # Errors
    /// [`WriteError::TooMuchData`], [`WriteError::Io`].
    pub fn write(&mut self, mut data: &[u8]) -> Result<(), WriteError> {
        while !data.is_empty() {
            let Some((_, bytes)) = self.tensors.get(self.current) else {
                return Err(WriteError::TooMuchData { extra: data.len() as u64 });
            };
            let room = usize::try_from(bytes - self.written).unwrap_or(usize::MAX);
            let (now, later) = data.split_at(room.min(data.len()));
            self.out.write_all(now)?;
            self.written += now.len() as u64;
            data = later;
            if self.written == *bytes {
                let padding = bytes.next_multiple_of(self.alignment) - bytes;
                io::copy(&mut io::Read::take(io::repeat(0), padding), &mut self.out)?;
                (self.current, self.written) = (self.current + 1, 0);
            }
        }
        Ok(())
    }

    /// Ends the file; gives `out` back, flushed.
    ///
    /// # Errors
    /// [`WriteError::MissingData`], [`WriteError::Io`].
    pub fn finish(mut self) -> Result<W, WriteError> {
        if let Some((name, bytes)) = self.tensors.get(self.current) {
            return Err(WriteError::MissingData { name: name.clone(), missing: bytes - self.written });
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

fn overflow(tensor: &WriterTensor) -> WriteError {
    WriteError::Shape {
        name: tensor.name.clone(),
        error: ShapeError::Overflow { shape: tensor.shape.clone() },
    }
}

/// The bytes of each tensor.
fn check(tensors: &[WriterTensor]) -> Result<Vec<u64>, WriteError> {
    let mut names = HashSet::new();
    let mut sizes = Vec::with_capacity(tensors.len());
    for WriterTensor { name, format, shape } in tensors {
        let named = || name.clone();
        if !names.insert(name) {
            return Err(WriteError::DuplicateTensor { name: named() });
        }
        if shape.len() > MAX_DIMS as usize {
            return Err(WriteError::Dimensions { name: named(), dims: shape.len() });
        }
        if shape.contains(&0) {
            let error = ShapeError::ZeroDimension { shape: shape.clone() };
            return Err(WriteError::Shape { name: named(), error });
        }
        let bytes = tensor_bytes(*format, shape);
        sizes.push(bytes.map_err(|error| WriteError::Shape { name: named(), error })?);
    }
    Ok(sizes)
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    let mut put = |id: u32, bytes: &[u8]| {
        out.extend_from_slice(&id.to_le_bytes());
        out.extend_from_slice(bytes);
    };
    match value {
        Value::U8(v) => put(ids::U8, &v.to_le_bytes()),
        Value::I8(v) => put(ids::I8, &v.to_le_bytes()),
        Value::U16(v) => put(ids::U16, &v.to_le_bytes()),
        Value::I16(v) => put(ids::I16, &v.to_le_bytes()),
        Value::U32(v) => put(ids::U32, &v.to_le_bytes()),
        Value::I32(v) => put(ids::I32, &v.to_le_bytes()),
        Value::F32(v) => put(ids::F32, &v.to_le_bytes()),
        Value::U64(v) => put(ids::U64, &v.to_le_bytes()),
        Value::I64(v) => put(ids::I64, &v.to_le_bytes()),
        Value::F64(v) => put(ids::F64, &v.to_le_bytes()),
        Value::Bool(v) => put(ids::BOOL, &[u8::from(*v)]),
        Value::String(text) => {
            put(ids::STRING, &[]);
            put_string(out, text);
        }
        Value::Array(array) => {
            put(ids::ARRAY, &[]);
            put_array(out, array);
        }
    }
}

fn put_array(out: &mut Vec<u8>, array: &Array) {
    fn put<T>(out: &mut Vec<u8>, id: u32, items: &[T], mut item: impl FnMut(&mut Vec<u8>, &T)) {
        out.extend_from_slice(&id.to_le_bytes());
        out.extend_from_slice(&(items.len() as u64).to_le_bytes());
        items.iter().for_each(|value| item(out, value));
    }
    match array {
        Array::U8(v) => put(out, ids::U8, v, |out, v| out.push(*v)),
        Array::I8(v) => put(out, ids::I8, v, |out, v| out.push(*v as u8)),
        Array::U16(v) => put(out, ids::U16, v, |out, v| out.extend_from_slice(&v.to_le_bytes())),
        Array::I16(v) => put(out, ids::I16, v, |out, v| out.extend_from_slice(&v.to_le_bytes())),
        Array::U32(v) => put(out, ids::U32, v, |out, v| out.extend_from_slice(&v.to_le_bytes())),
        Array::I32(v) => put(out, ids::I32, v, |out, v| out.extend_from_slice(&v.to_le_bytes())),
        Array::F32(v) => put(out, ids::F32, v, |out, v| out.extend_from_slice(&v.to_le_bytes())),
        Array::U64(v) => put(out, ids::U64, v, |out, v| out.extend_from_slice(&v.to_le_bytes())),
        Array::I64(v) => put(out, ids::I64, v, |out, v| out.extend_from_slice(&v.to_le_bytes())),
        Array::F64(v) => put(out, ids::F64, v, |out, v| out.extend_from_slice(&v.to_le_bytes())),
        Array::Bool(v) => put(out, ids::BOOL, v, |out, v| out.push(u8::from(*v))),
        Array::String(v) => put(out, ids::STRING, v, |out, v| put_string(out, v)),
        Array::Array(v) => put(out, ids::ARRAY, v, put_array),
    }
}
