//! What can be wrong with a GGUF file.

use crate::tensor::ShapeError;

/// A GGUF file that can't be used: what is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The first bytes aren't GGUF's.
    #[error("not a GGUF file: it begins with {start:02x?}, and looks like {looks_like}")]
    WrongMagic {
        /// The first bytes, at most four.
        start: Vec<u8>,
        /// What it may be.
        looks_like: &'static str,
    },
    /// A version that isn't known.
    #[error("GGUF version {version} isn't supported, only 2 and 3: convert the model with a current tool")]
    Version {
        /// The file's version.
        version: u32,
    },
    /// A file for big-endian machines.
    #[error("a big-endian GGUF file (version {version}): convert it to little-endian")]
    BigEndian {
        /// The file's version.
        version: u32,
    },
    /// The file ends too early.
    #[error(
        "truncated: {what} at byte {offset} needs {needed} bytes and the file has {have} more: download it again"
    )]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Where, in bytes.
        offset: u64,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes there are from `offset` on.
        have: u64,
    },
    /// A header that is longer than that of any model.
    #[error(
        "{what} goes on to byte {end}, and a header of {limit} bytes is the longest: the file is corrupt"
    )]
    HeaderTooLarge {
        /// What was being read.
        what: &'static str,
        /// Where it ends, in bytes.
        end: u64,
        /// The longest header.
        limit: u64,
    },
    /// A count that the rest of the file can't hold.
    #[error(
        "{what} at byte {offset} claims {count} items, more than the {have} bytes after it can hold: the file is corrupt"
    )]
    CountTooLarge {
        /// What is counted.
        what: &'static str,
        /// Where the count is, in bytes.
        offset: u64,
        /// The count.
        count: u64,
        /// Bytes there are after the count.
        have: u64,
    },
    /// A string that isn't UTF-8.
    #[error("{what} at byte {offset} is not valid UTF-8: the file is corrupt")]
    InvalidUtf8 {
        /// What was being read.
        what: &'static str,
        /// Where the string begins, in bytes.
        offset: u64,
    },
    /// A type of value that isn't known.
    #[error("metadata key `{key}`: unknown value type {value_type} at byte {offset}")]
    ValueType {
        /// The entry's key.
        key: String,
        /// The file's number for the type.
        value_type: u32,
        /// Where, in bytes.
        offset: u64,
    },
    /// A boolean that is neither 0 nor 1.
    #[error("metadata key `{key}`: a boolean at byte {offset} is {byte}, not 0 or 1: the file is corrupt")]
    InvalidBool {
        /// The entry's key.
        key: String,
        /// The byte.
        byte: u8,
        /// Where, in bytes.
        offset: u64,
    },
    /// Arrays in arrays in arrays, and so on.
    #[error("metadata key `{key}`: arrays are nested deeper than {limit} levels at byte {offset}")]
    NestedTooDeep {
        /// The entry's key.
        key: String,
        /// The deepest that is read.
        limit: u32,
        /// Where, in bytes.
        offset: u64,
    },
    /// A metadata key that comes twice.
    #[error("metadata key `{key}` comes twice, the second time at byte {offset}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where the second one is, in bytes.
        offset: u64,
    },
    /// A tensor name that comes twice.
    #[error("tensor `{name}` comes twice")]
    DuplicateTensor {
        /// The name.
        name: String,
    },
    /// An alignment that isn't a power of two.
    #[error("`general.alignment` is {alignment}, which isn't a power of two of at most 2^20")]
    Alignment {
        /// The file's alignment.
        alignment: u64,
    },
    /// A metadata value of the wrong type, where the format itself needs it.
    #[error(transparent)]
    Metadata(#[from] super::MetadataError),
    /// A tensor type that can't be read.
    #[error(
        "tensor `{name}` is stored as {type_name} (type {id}), which isn't supported: use a model in F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 or Q2_K..Q6_K"
    )]
    UnsupportedType {
        /// The tensor.
        name: String,
        /// ggml's number of the type.
        id: u32,
        /// ggml's name of the type, or `an unknown type`.
        type_name: &'static str,
    },
    /// Too many dimensions.
    #[error("tensor `{name}` has {dims} dimensions, and {limit} is the most")]
    Dimensions {
        /// The tensor.
        name: String,
        /// Its number of dimensions.
        dims: u32,
        /// The largest number.
        limit: u32,
    },
    /// A shape that no tensor can have.
    #[error("tensor `{name}`: {error}")]
    Shape {
        /// The tensor.
        name: String,
        /// What is wrong with it.
        error: ShapeError,
    },
    /// A tensor whose data isn't aligned.
    #[error("tensor `{name}`: its offset {offset} isn't a multiple of the alignment {alignment}")]
    Misaligned {
        /// The tensor.
        name: String,
        /// Its offset in the data section, in bytes.
        offset: u64,
        /// The file's alignment.
        alignment: u64,
    },
    /// A tensor whose data isn't all in the file.
    #[error(
        "tensor `{name}` needs bytes {start}..{start}+{bytes}, and the file ends at {file_len}: download it again"
    )]
    OutOfFile {
        /// The tensor.
        name: String,
        /// Where its data starts, from the start of the file (2^64 - 1 if that overflows).
        start: u64,
        /// Bytes of its data.
        bytes: u64,
        /// Bytes of the file.
        file_len: u64,
    },
    /// Two tensors that share bytes.
    #[error("tensors `{first}` and `{second}` overlap: the file is corrupt")]
    Overlap {
        /// The tensor that begins first.
        first: String,
        /// The other one.
        second: String,
    },
    /// Parts of a split model that don't belong together, or not all of them.
    #[error("split model, part {part} of {parts}: {problem}")]
    Split {
        /// The part, from 1.
        part: usize,
        /// The number of parts given.
        parts: usize,
        /// What is wrong.
        problem: String,
    },
}

impl GgufError {
    /// Whether the file is well-formed, but of a kind that can't be used (so another download won't help).
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Version { .. } | Self::BigEndian { .. } | Self::UnsupportedType { .. })
    }
}
