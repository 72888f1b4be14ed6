//! The Llama family: Llama 2 and 3, TeenyTinyLlama, Tucano, Salamandra, ALIA, EuroLLM, AMALIA; and Mistral, which adds
//! a window (Minerva).

use crate::decoder::Family;
use crate::{Architecture, Graph};

static FAMILY: Family = Family::LLAMA;

pub(crate) static ARCHITECTURE: Architecture =
    Architecture { gguf: "llama", hugging_face: &["llama", "mistral"], graph: Graph::Decoder(&FAMILY) };
