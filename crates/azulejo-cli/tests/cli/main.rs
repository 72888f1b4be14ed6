//! Runs the program as people do: what goes to stdout, what to stderr, and how it exits.

mod encoders;
mod errors;
mod folders;
mod generate;
mod index;
mod judging;
mod lora;
mod making;
mod manifest;
mod measure;
mod quality;
mod support;
mod tokens;
mod validate;
