//! In place of `json.rs` in browsers, where models are GGUF files: what reads a `tokenizer.json` would be a part of
//! what each visitor downloads.

use crate::config::TokenizerConfig;
use crate::error::{Error, Result};
use crate::special::Marks;
use crate::tokenizer::{Tokenizer, WordOptions};

/// The tokenizer that a `tokenizer.json` describes: there is none.
pub(crate) enum JsonCore {}

impl JsonCore {
    pub(crate) fn encode(&self, _: &str, _: bool, _: &mut Vec<u32>) -> Result<()> {
        match *self {}
    }

    pub(crate) fn encode_marked(&self, _: &str, _: &Marks, _: &mut Vec<u32>) -> Result<()> {
        match *self {}
    }

    pub(crate) fn decode(&self, _: &[u32], _: bool) -> String {
        match *self {}
    }

    pub(crate) fn word_options(&self) -> Option<WordOptions> {
        match *self {}
    }

    pub(crate) fn added(&self) -> std::iter::Empty<(&str, u32)> {
        match *self {}
    }
}

impl Tokenizer {
    /// No browser reads one.
    ///
    /// # Errors
    /// [`Error::Json`], always.
    pub fn from_json(_: &[u8], _: &TokenizerConfig) -> Result<Self> {
        let reason = "browsers read GGUF files: convert the model to one".to_owned();
        Err(Error::Json { file: "tokenizer.json", reason })
    }
}
