//! Qwen 2 (biases on queries, keys and values) and the dense Qwen 3 (every head of queries and keys is normalised).

use azulejo_plan::RopeLayout;

use crate::Architecture;
use crate::decoder::{self, Family, NormKind, Place, QkNorm, Windowed};

static QWEN2_FAMILY: Family = Family {
    norm: NormKind::Rms { eps: 1e-6 },
    place: Place::Before,
    qk_norm: QkNorm::None,
    gguf_rope: RopeLayout::HalfSplit,
    windowed: Windowed::Chosen,
    ..Family::LLAMA
};

static QWEN3_FAMILY: Family = Family { qk_norm: QkNorm::Heads, ..QWEN2_FAMILY };

pub(crate) static QWEN2: Architecture = Architecture {
    gguf: &["qwen2"],
    hugging_face: &["qwen2"],
    config: |file| decoder::config(file, &QWEN2_FAMILY),
    plan: |file, config, options| decoder::plan(file, config, options, &QWEN2_FAMILY),
};

pub(crate) static QWEN3: Architecture = Architecture {
    gguf: &["qwen3"],
    hugging_face: &["qwen3"],
    config: |file| decoder::config(file, &QWEN3_FAMILY),
    plan: |file, config, options| decoder::plan(file, config, options, &QWEN3_FAMILY),
};
