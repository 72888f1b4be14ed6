//! Text to token ids and back: `tokenizer.json`, GGUF vocabularies, streaming decoding and chat templates.
//!
//! - [`Tokenizer::from_json`] reads a Hugging Face `tokenizer.json`; [`TokenizerConfig`] holds what the small files
//!   beside it add.
//! - [`Tokenizer::from_gguf`] builds one from the vocabulary in a GGUF ([`GgufVocabulary`]).
//! - [`StreamDecoder`] turns ids into text as they are generated.
//! - [`ChatTemplate`] renders messages by the model's own Jinja template.
//!
//! The crate does no I/O, owns no clock, and returns errors instead of panicking on any input.

mod chat;
mod config;
mod error;
mod gguf;
#[cfg_attr(target_arch = "wasm32", path = "no_json.rs")]
mod json;
mod pretokenize;
mod special;
mod spm;
mod stream;
mod table;
mod tokenizer;
mod unigram;
mod wordpiece;

pub use chat::{CHATML, ChatTemplate, ChatTemplates, Message, Now, RenderOptions, TEENY_TINY_LLAMA};
pub use config::TokenizerConfig;
pub use error::{Error, Result};
pub use gguf::GgufVocabulary;
pub use pretokenize::pre_tokenizer_name;
pub use special::looks_special;
pub use stream::StreamDecoder;
pub use tokenizer::{EncodeOptions, Tokenizer, WordOptions};
