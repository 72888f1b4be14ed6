//! The commands, a file each.

pub(crate) mod bench;
pub(crate) mod chat;
pub(crate) mod convert;
pub(crate) mod devices;
pub(crate) mod generate;
pub(crate) mod inspect;
pub(crate) mod logits;
pub(crate) mod manifest;
pub(crate) mod perplexity;
pub(crate) mod quantize;
pub(crate) mod tokenize;
