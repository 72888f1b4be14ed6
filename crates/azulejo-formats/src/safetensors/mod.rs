//! Safetensors: the header of a file, and the index of a model in several files.
//!
//! Source of the format: the safetensors README. A file is: the header's length (u64), the header (a JSON object:
//! name -> dtype, shape, data_offsets from the end of the header; `__metadata__` holds texts), the data, which the
//! tensors cover without holes.

mod index;
mod parse;

use std::collections::BTreeMap;

use crate::TensorInfo;
use crate::tensor::ShapeError;

pub use index::{IndexError, ShardIndex};

/// The header of a safetensors file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Safetensors {
    /// The tensors whose type can be read (F32, F16, BF16), in the order of their data.
    pub tensors: Vec<TensorInfo>,
    /// The other tensors, by name, with their dtype (e.g. the `I64` positions that some checkpoints hold).
    pub unsupported: BTreeMap<String, String>,
    /// The texts of `__metadata__`.
    pub metadata: BTreeMap<String, String>,
}

/// A safetensors file that can't be used: what is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SafetensorsError {
    /// Not safetensors at all.
    #[error("not a safetensors file: it looks like {looks_like}")]
    WrongStart {
        /// What it may be.
        looks_like: &'static str,
    },
    /// A header that is longer than the file, or than any header may be.
    #[error(
        "the header claims {header_len} bytes; the file has {file_len}, and {limit} is the most: download it again"
    )]
    HeaderLength {
        /// The header's length in bytes, as the file says.
        header_len: u64,
        /// The file's length in bytes.
        file_len: u64,
        /// The longest header that is read.
        limit: u64,
    },
    /// A header that isn't the JSON that it should be.
    #[error("the header isn't valid: {problem}")]
    Header {
        /// What the JSON parser says.
        problem: String,
    },
    /// A shape that no tensor can have.
    #[error("tensor `{name}`: {error}")]
    Shape {
        /// The tensor.
        name: String,
        /// What is wrong with it.
        error: ShapeError,
    },
    /// A tensor whose range isn't as long as its shape says.
    #[error(
        "tensor `{name}`: {dtype} of shape {shape:?} takes {expected} bytes, and its offsets are {start}..{end}"
    )]
    WrongLength {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: String,
        /// Its shape.
        shape: Vec<u64>,
        /// Bytes that it takes.
        expected: u64,
        /// Where its data starts, from the end of the header.
        start: u64,
        /// Where its data ends.
        end: u64,
    },
    /// A tensor whose data isn't all in the file.
    #[error(
        "tensor `{name}` is at bytes {start}..{end} of the data, which has {have} bytes: download the file again"
    )]
    OutOfFile {
        /// The tensor.
        name: String,
        /// Where its data starts, from the end of the header.
        start: u64,
        /// Where its data ends.
        end: u64,
        /// Bytes after the header.
        have: u64,
    },
    /// Two tensors that share bytes.
    #[error("tensors `{first}` and `{second}` overlap: the file is corrupt")]
    Overlap {
        /// The tensor that begins first.
        first: String,
        /// The other one.
        second: String,
    },
    /// Bytes that belong to no tensor, which the format forbids.
    #[error("bytes {start}..{end} of the data belong to no tensor: the file is corrupt")]
    Hole {
        /// Where they start, from the end of the header.
        start: u64,
        /// Where they end.
        end: u64,
    },
}
