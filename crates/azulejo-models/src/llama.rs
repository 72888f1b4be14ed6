//! The Llama family: Llama 2 and 3, TeenyTinyLlama, Tucano, Salamandra, ALIA, EuroLLM, AMALIA; and Mistral, which adds
//! a window (Minerva).

use azulejo_plan::RopeLayout;

use crate::Architecture;
use crate::decoder::{self, Family, NormKind, Place, QkNorm, Windowed};

static FAMILY: Family = Family {
    norm: NormKind::Rms { eps: 1e-6 },
    place: Place::Before,
    qk_norm: QkNorm::None,
    gguf_rope: RopeLayout::Interleaved,
    windowed: Windowed::All,
};

pub(crate) static ARCHITECTURE: Architecture = Architecture {
    gguf: &["llama"],
    hugging_face: &["llama", "mistral"],
    config: |file| decoder::config(file, &FAMILY),
    plan: |file, config, options| decoder::plan(file, config, options, &FAMILY),
};
