//! Gemma 3, of text: norms on both sides of attention and MLP, GELU in its gate, embeddings that are scaled, five layers
//! with a window for one that sees everything, each kind with its own rope. Of a model that reads images too, this is the
//! part that writes.

use azulejo_plan::{Gate, RopeLayout};

use crate::decoder::{Family, NormKind, Place, QkNorm, Windowed};
use crate::{Architecture, Graph};

static FAMILY: Family = Family {
    norm: NormKind::Rms { eps: 1e-6 },
    place: Place::Both,
    qk_norm: QkNorm::Heads,
    gguf_rope: RopeLayout::HalfSplit,
    windowed: Windowed::AllButEvery(6),
    windowed_theta: Some(10_000.0),
    gate: Gate::Gelu,
    scales_embeddings: true,
    hugging_face_norms_lack: 1.0,
    other_parts: &["vision_tower.", "multi_modal_projector."],
    defaults: DEFAULTS,
    // The 27B: no key of its GGUF says it, so that llama.cpp goes by its layers, too.
    scores_by_width_at: Some(62),
};

/// What a `config.json` needn't say: the defaults of transformers' `Gemma3TextConfig`.
const DEFAULTS: &[(&str, u32)] = &[
    ("num_attention_heads", 8),
    ("num_key_value_heads", 4),
    ("head_dim", 256),
    ("max_position_embeddings", 131_072),
    ("query_pre_attn_scalar", 256),
    ("sliding_window", 4096),
    ("rope_theta", 1_000_000),
    ("rope_local_base_freq", 10_000),
];

pub(crate) static ARCHITECTURE: Architecture =
    Architecture { gguf: "gemma3", hugging_face: &["gemma3", "gemma3_text"], graph: Graph::Decoder(&FAMILY) };
