//! Tests of the model file formats.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod files;
mod gguf_headers;
mod gguf_metadata;
mod gguf_split;
mod models;
mod mutations;
mod safetensors_headers;
