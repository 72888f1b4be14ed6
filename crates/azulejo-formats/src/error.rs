//! What can go wrong with a model as a whole.

use std::io;

use crate::gguf::{GgufError, MetadataError};
use crate::safetensors::{IndexError, SafetensorsError};

/// A model that can't be opened or read: what is wrong, in which file, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// A GGUF file is wrong.
    #[error("{file}: {error}")]
    Gguf {
        /// The file's name.
        file: String,
        /// What is wrong.
        error: GgufError,
    },
    /// A safetensors file is wrong.
    #[error("{file}: {error}")]
    Safetensors {
        /// The file's name.
        file: String,
        /// What is wrong.
        error: SafetensorsError,
    },
    /// An index of shards is wrong, or the shards don't fit it.
    #[error("model.safetensors.index.json: {0}")]
    Index(IndexError),
    /// A metadata key is missing or wrong.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A JSON file is wrong.
    #[error("{file}: not the JSON that it should be: {problem}")]
    Json {
        /// The file's name.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file can't be read.
    #[error("{file}: {error}")]
    Io {
        /// The file's name.
        file: String,
        /// What the system says.
        error: io::Error,
    },
    /// A file isn't there.
    #[error("{file} is missing: {hint}")]
    MissingFile {
        /// The file's name.
        file: String,
        /// What to do.
        hint: String,
    },
    /// A file is larger than a file of its kind can be.
    #[error("{file} has {bytes} bytes, and {limit} is the most for such a file")]
    TooLarge {
        /// The file's name.
        file: String,
        /// Its length in bytes.
        bytes: u64,
        /// The largest length.
        limit: u64,
    },
    /// There is no such tensor.
    #[error(
        "tensor `{name}` isn't in the model: the file is incomplete, or of another architecture than it says"
    )]
    TensorNotFound {
        /// The tensor asked for.
        name: String,
    },
    /// A tensor of a type that isn't read.
    #[error(
        "tensor `{name}` is stored as {dtype}, which isn't supported: use a checkpoint in F32, F16 or BF16"
    )]
    UnsupportedDtype {
        /// The tensor.
        name: String,
        /// Its type, as the file names it.
        dtype: String,
    },
    /// A range of bytes that isn't in the tensor, or not as long as the buffer.
    #[error(
        "bytes {start}..{end} of tensor `{name}`, which has {bytes}, asked for with a buffer of {buffer}"
    )]
    TensorRange {
        /// The tensor.
        name: String,
        /// Where the range starts, in bytes.
        start: u64,
        /// Where it ends.
        end: u64,
        /// Bytes of the tensor.
        bytes: u64,
        /// Bytes of the buffer.
        buffer: u64,
    },
}

// Not by `#[from]`, which would make of it a source that is told a second time.
impl From<IndexError> for FormatError {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}

impl FormatError {
    /// Whether the model is well-formed, but of a kind that can't be used (so another download won't help).
    pub fn is_unsupported(&self) -> bool {
        match self {
            Self::Gguf { error, .. } => error.is_unsupported(),
            Self::UnsupportedDtype { .. } => true,
            _ => false,
        }
    }
}
