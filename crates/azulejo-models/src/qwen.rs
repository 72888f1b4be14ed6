//! Qwen 2 (biases on queries, keys and values) and the dense Qwen 3 (every head of queries and keys is normalised).

use azulejo_plan::RopeLayout;

use crate::decoder::{Family, NormKind, Place, QkNorm, Windowed};
use crate::{Architecture, Graph};

static QWEN2_FAMILY: Family = Family {
    norm: NormKind::Rms { eps: 1e-6 },
    place: Place::Before,
    qk_norm: QkNorm::None,
    gguf_rope: RopeLayout::HalfSplit,
    windowed: Windowed::Chosen,
    ..Family::LLAMA
};

static QWEN3_FAMILY: Family = Family { qk_norm: QkNorm::Heads, ..QWEN2_FAMILY };

pub(crate) static QWEN2: Architecture =
    Architecture { gguf: "qwen2", hugging_face: &["qwen2"], graph: Graph::Decoder(&QWEN2_FAMILY) };

pub(crate) static QWEN3: Architecture =
    Architecture { gguf: "qwen3", hugging_face: &["qwen3"], graph: Graph::Decoder(&QWEN3_FAMILY) };
