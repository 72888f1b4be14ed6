//! The crate against what Hugging Face's tokenizers, SentencePiece and transformers make of the same inputs
//! (`../fixtures`, made by the scripts there), and its own promises.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chat;
mod forged;
mod gguf;
mod jinja;
mod json;
mod stream;

use std::path::PathBuf;

use azulejo_tokenizer::EncodeOptions;
use serde_json::Value;

const PLAIN: EncodeOptions = EncodeOptions { add_special: false, parse_special: true };
const LITERAL: EncodeOptions = EncodeOptions { add_special: false, parse_special: false };
const ADDED: EncodeOptions = EncodeOptions { add_special: true, parse_special: true };

fn fixture_bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

fn fixture(name: &str) -> Value {
    serde_json::from_slice(&fixture_bytes(name)).unwrap()
}

fn texts() -> Vec<String> {
    serde_json::from_value(fixture("texts.json")).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}
