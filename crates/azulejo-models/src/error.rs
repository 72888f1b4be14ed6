//! What can be wrong with a model.

use azulejo_formats::FormatError;

/// Why a file can't be made into a plan.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// No such architecture.
    #[error("architecture '{name}' is not supported; these are: {known}")]
    Architecture {
        /// The file's.
        name: String,
        /// Those that are there.
        known: String,
    },
    /// The file can't be read, or lacks something.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A hyper-parameter that is missing or makes no sense.
    #[error("'{key}' {problem}")]
    Config {
        /// The key in the metadata or in config.json.
        key: String,
        /// What is wrong, as the rest of the sentence.
        problem: String,
    },
    /// A hyper-parameter that makes sense, but that isn't there yet.
    #[error("'{key}' is '{value}', which is not supported; {supported}")]
    Unsupported {
        /// The key in the metadata or in config.json.
        key: String,
        /// Its value.
        value: String,
        /// What is supported, as a sentence.
        supported: &'static str,
    },
    /// A tensor whose shape isn't what the configuration asks for.
    #[error(
        "tensor '{tensor}' has shape {found:?}, but the configuration asks for {wanted:?}; the file is damaged, or its metadata belongs to another model"
    )]
    Shape {
        /// The tensor.
        tensor: String,
        /// Its shape, rows first.
        found: Vec<u64>,
        /// What it should be.
        wanted: Vec<u64>,
    },
    /// A type of the KV cache that the model's heads don't fill with whole blocks.
    #[error(
        "a KV cache in {kind} takes heads of a multiple of {block} elements, and this model's have {head_size}; choose f16 or f32"
    )]
    KvType {
        /// The type.
        kind: &'static str,
        /// Elements of a block.
        block: u32,
        /// Elements of a head.
        head_size: u32,
    },
    /// A context that the model can't have.
    #[error("a context of {context} tokens was asked for; it must be between 1 and {most}")]
    Context {
        /// What was asked for.
        context: u32,
        /// The most.
        most: u32,
    },
}

impl From<azulejo_formats::gguf::MetadataError> for ModelError {
    fn from(error: azulejo_formats::gguf::MetadataError) -> Self {
        FormatError::from(error).into()
    }
}

impl ModelError {
    /// A hyper-parameter's problem.
    pub(crate) fn config(key: impl Into<String>, problem: impl Into<String>) -> Self {
        ModelError::Config { key: key.into(), problem: problem.into() }
    }

    /// A hyper-parameter's value that isn't there yet.
    pub(crate) fn unsupported(key: impl Into<String>, value: &str, supported: &'static str) -> Self {
        ModelError::Unsupported { key: key.into(), value: value.to_owned(), supported }
    }
}
