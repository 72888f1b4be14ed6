//! GGUF, versions 2 and 3, little-endian: the header, split files, and a writer.
//!
//! Source of the format: the GGUF specification in ggml's docs. A file is: magic `GGUF`, version (u32), number of
//! tensors and of metadata entries (u64 each), the entries (key, type, value), the tensor infos (name, number of
//! dimensions, dimensions with columns first, type, offset), padding to the alignment, and the tensors' data.

mod cursor;
mod error;
mod metadata;
mod parse;
mod split;
mod value;
mod writer;

pub use error::GgufError;
pub use metadata::{Metadata, MetadataError};
pub use split::{SplitName, merge};
pub use value::{Array, Value};
pub use writer::{WriteError, Writer, WriterTensor};

use crate::TensorInfo;

/// The first four bytes of a file.
const MAGIC: [u8; 4] = *b"GGUF";

/// The key of the alignment of tensors.
const ALIGNMENT_KEY: &str = "general.alignment";

/// The alignment of tensors in bytes if the file doesn't say.
const DEFAULT_ALIGNMENT: u64 = 32;

/// The most dimensions of a tensor.
const MAX_DIMS: u32 = 4;

/// The header of a GGUF file, or of the files of a split one together.
#[derive(Debug, Clone, PartialEq)]
pub struct Gguf {
    /// The version of the format: 2 or 3.
    pub version: u32,
    /// What the tensors' offsets are multiples of, in bytes; a power of two.
    pub alignment: u64,
    /// The metadata; of a split file, that of its first part.
    pub metadata: Metadata,
    /// The tensors, in the order of the file. Empty for a file that holds a vocabulary only.
    pub tensors: Vec<TensorInfo>,
    /// Where the tensors' data begins (in the first part).
    pub data_offset: u64,
}
