//! A text in pieces of equal length, as llama-perplexity cuts it: each from an empty cache, its first token replaced by
//! BOS where the model wants one.

use std::path::Path;

use anyhow::Result;
use azulejo::{EncodeOptions, Tokenizer};

use crate::text;

/// How a text is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Tokens of a piece.
    pub(crate) context: usize,
    /// The least number of pieces.
    pub(crate) least: usize,
    /// The most; a negative number is all.
    pub(crate) chunks: i64,
    /// Whether control tokens' spelling is read as these tokens.
    pub(crate) parse_special: bool,
}

/// The pieces of a text.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// Tokens of the whole text.
    pub(crate) tokens: usize,
    /// The pieces.
    pub(crate) pieces: Vec<Vec<u32>>,
}

/// Cuts a text; an error says how long it should be.
pub(crate) fn cut(tokenizer: &Tokenizer, bytes: &[u8], file: Option<&Path>, cut: Cut) -> Result<Pieces> {
    let options = EncodeOptions { add_special: true, parse_special: cut.parse_special };
    let tokens = text::tokens(tokenizer, bytes, options, file)?;
    let Cut { context, least, .. } = cut;
    if context < 4 {
        let text = format!("a piece of {context} tokens has nothing to score; -c 4 is the least");
        return Err(azulejo::Error::invalid(text).into());
    }
    if tokens.len() < least * context {
        let (n, least) = (tokens.len(), least * context);
        return Err(azulejo::Error::invalid(format!(
            "the text has {n} tokens, and pieces of {context} need at least {least}; give a longer text or a smaller -c"
        ))
        .into());
    }
    let chunks = usize::try_from(cut.chunks).unwrap_or(usize::MAX);
    let added = tokenizer.encode("", EncodeOptions { add_special: true, parse_special: false })?;
    let bos = tokenizer.bos().filter(|bos| added.first() == Some(bos));
    let piece = |piece: &[u32]| {
        let mut piece = piece.to_vec();
        if let Some(bos) = bos {
            piece[0] = bos;
        }
        piece
    };
    let pieces = tokens.chunks_exact(context).take(chunks).map(piece).collect();
    Ok(Pieces { tokens: tokens.len(), pieces })
}
