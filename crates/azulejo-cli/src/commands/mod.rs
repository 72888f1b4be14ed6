//! The commands, a file each.

pub(crate) mod bench;
pub(crate) mod chat;
pub(crate) mod compare;
pub(crate) mod convert;
pub(crate) mod convert_lora;
pub(crate) mod devices;
pub(crate) mod embed;
pub(crate) mod fill_mask;
pub(crate) mod generate;
pub(crate) mod imatrix;
pub(crate) mod index;
pub(crate) mod inspect;
pub(crate) mod last_word;
pub(crate) mod logits;
pub(crate) mod manifest;
pub(crate) mod needle;
pub(crate) mod perplexity;
pub(crate) mod quantize;
pub(crate) mod split;
pub(crate) mod tokenize;
pub(crate) mod validate;
