//! The Llama family: Llama 2 and 3, TeenyTinyLlama, Tucano, Salamandra, ALIA, EuroLLM, AMALIA; and Mistral, which adds
//! a window (Minerva).

use crate::Architecture;
use crate::decoder::{self, Family};

static FAMILY: Family = Family::LLAMA;

pub(crate) static ARCHITECTURE: Architecture = Architecture {
    gguf: &["llama"],
    hugging_face: &["llama", "mistral"],
    config: |file| decoder::config(file, &FAMILY),
    plan: |file, config, options| decoder::plan(file, config, options, &FAMILY),
};
