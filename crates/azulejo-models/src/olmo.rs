//! OLMo 1 (norms without weights), OLMo 2 (norms behind attention and MLP, queries and keys normalised as a whole) and
//! OLMo 3 (the same with a window on three of four layers), which GGUF calls OLMo 2.

use azulejo_plan::RopeLayout;

use crate::decoder::{Family, NormKind, Place, QkNorm, Windowed};
use crate::{Architecture, Graph};

static OLMO1_FAMILY: Family = Family {
    norm: NormKind::Plain { eps: 1e-5 },
    place: Place::Before,
    qk_norm: QkNorm::None,
    gguf_rope: RopeLayout::Interleaved,
    windowed: Windowed::All,
    ..Family::LLAMA
};

static OLMO2_FAMILY: Family = Family {
    norm: NormKind::Rms { eps: 1e-5 },
    place: Place::Behind,
    qk_norm: QkNorm::Whole,
    gguf_rope: RopeLayout::HalfSplit,
    windowed: Windowed::AllButEvery(4),
    ..Family::LLAMA
};

pub(crate) static OLMO1: Architecture =
    Architecture { gguf: "olmo", hugging_face: &["olmo"], graph: Graph::Decoder(&OLMO1_FAMILY) };

pub(crate) static OLMO2: Architecture =
    Architecture { gguf: "olmo2", hugging_face: &["olmo2", "olmo3"], graph: Graph::Decoder(&OLMO2_FAMILY) };
