//! What the commands that make files share.

pub(crate) mod encoder;
pub(crate) mod heat_map;
pub(crate) mod importance;
pub(crate) mod lora;
pub(crate) mod sentencepiece;
pub(crate) mod unigram;
pub(crate) mod vocabulary;
pub(crate) mod word_piece;
pub(crate) mod write;
