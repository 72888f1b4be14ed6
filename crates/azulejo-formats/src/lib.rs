//! Model files: GGUF, safetensors and Hugging Face folders, from a map of the file or from bytes.
//!
//! - [`ModelFile`]: one opened model, whatever it is stored as; tensors by name, read by ranges.
//! - [`gguf`]: parser (also for a prefix that grows, as in a browser), metadata, split files, writer.
//! - [`safetensors`]: parser, and the index of a model in several shards.
//! - [`hf`]: what a Hugging Face folder holds beside its tensors.
//! - [`source`]: where bytes come from.
//!
//! Any bytes give a value or an error that says what is wrong, where, and what to do; never a panic, and never
//! an allocation that the size of the file doesn't justify.

mod error;
pub mod gguf;
pub mod hf;
mod looks_like;
mod model;
pub mod safetensors;
pub mod source;
mod tensor;

pub use error::FormatError;
pub use looks_like::looks_like;
pub use model::{ModelFile, ModelKind};
#[cfg(not(target_arch = "wasm32"))]
pub use source::MmapSource;
pub use source::{ByteSource, BytesSource};
pub use tensor::TensorInfo;

/// The result of parsing the start of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum ParseStep<T> {
    /// The header is longer than the bytes so far: parse again with this many bytes from the start of the file. It
    /// is more than were given, at most the file's length, and grows geometrically.
    NeedBytes(u64),
    /// The header is complete.
    Done(T),
}
