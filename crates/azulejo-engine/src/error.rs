//! What can go wrong between a file and a token.

use azulejo_formats::FormatError;
use azulejo_quant::QuantError;
use azulejo_tokenizer::Error as TokenizerError;

/// Why a model can't be loaded or a token can't be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The file can't be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A tensor can't be repacked.
    #[error("tensor '{tensor}': {source}")]
    Quant {
        /// The tensor.
        tensor: String,
        /// Why.
        source: QuantError,
    },
    /// The device.
    #[error(transparent)]
    Backend(Box<dyn std::error::Error + Send + Sync>),
    /// The tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// More tokens than the context has room for.
    #[error(
        "the context is full: {tokens} tokens need more than its {capacity} positions; ask for a larger context (-c) or shorten the prompt"
    )]
    ContextFull {
        /// Tokens that are there.
        tokens: usize,
        /// Positions.
        capacity: u32,
    },
    /// An answer asked of an encoder.
    #[error(
        "this model is an encoder: its tokens see those behind them, so it can't go on from a text; it fills masks (fill-mask) and gives embeddings (embed)"
    )]
    Encoder,
    /// No token to go on from.
    #[error("the prompt has no token, so there is nothing to go on from")]
    EmptyPrompt,
    /// A token that the model doesn't have.
    #[error("token {token} is not in the vocabulary, which has {vocabulary}")]
    UnknownToken {
        /// The token.
        token: u32,
        /// Its size.
        vocabulary: u32,
    },
    /// A parameter of the sampler that makes no sense.
    #[error("the sampler's {name} is {value}; it has to be {needed}")]
    Sampler {
        /// The parameter, as [`SamplerOptions`](crate::SamplerOptions) calls it.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it has to be.
        needed: &'static str,
    },
    /// Logits that aren't numbers.
    #[error(
        "the model's output is not a number; the file is damaged, or the device computes wrongly (try --device cpu)"
    )]
    NotANumber,
    /// Weights that nobody gave.
    #[error("{missing} of {pieces} pieces of the model's weights were not filled")]
    NotFilled {
        /// Pieces without bytes.
        missing: usize,
        /// Pieces in all.
        pieces: usize,
    },
    /// Rows of a matrix for what isn't one.
    #[error("piece {index} of the model's weights is of no matrix, so it has no rows to repeat")]
    NoMatrix {
        /// The piece.
        index: usize,
    },
    /// The caller stopped it.
    #[error("cancelled")]
    Cancelled,
}

impl EngineError {
    /// Wraps a back-end's error.
    pub(crate) fn backend(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        EngineError::Backend(Box::new(error))
    }
}
