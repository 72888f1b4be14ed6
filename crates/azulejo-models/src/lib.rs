//! The architectures: from a model file's configuration to a [`Plan`](azulejo_plan::Plan).
//!
//! An architecture is a file here and a line in [`ARCHITECTURES`]. It reads its hyper-parameters from GGUF metadata or
//! from a Hugging Face `config.json` ([`Config`]) and writes the plan in elementary ops; it has no kernel in it and
//! knows no weight type. What it knows of files serves to write them, too ([`Architecture::describe`], [`Family`]).

mod config;
mod decoder;
mod encoder;
mod encoder_names;
mod error;
mod gemma;
mod gguf;
mod hugging_face;
mod llama;
mod names;
mod olmo;
mod qwen;
mod rope;
mod to_gguf;
mod unread;
mod weights;

use azulejo_formats::hf::HfFiles;
use azulejo_formats::{ModelFile, ModelKind, TensorInfo};
use azulejo_plan::{KvType, Plan, passes};

pub use config::{Config, Rope, RopeScaling};
pub use decoder::Family;
pub use encoder::skipped_positions;
pub use encoder_names::EncoderNames;
pub use error::ModelError;
pub use to_gguf::rope_factors;

/// A family of models that share a graph.
#[derive(Debug)]
pub struct Architecture {
    /// The value of GGUF's `general.architecture`.
    pub gguf: &'static str,
    /// The values of `model_type` in Hugging Face's `config.json`.
    pub hugging_face: &'static [&'static str],
    /// Who reads its hyper-parameters and writes its plan.
    pub graph: Graph,
}

/// What models compute.
#[derive(Clone, Copy, Debug)]
pub enum Graph {
    /// A token's hidden state of those before it, and so the next token.
    Decoder(&'static Family),
    /// A token's hidden state of all of a text.
    Encoder,
}

/// All architectures.
pub static ARCHITECTURES: &[&Architecture] = &[
    &llama::ARCHITECTURE,
    &qwen::QWEN2,
    &qwen::QWEN3,
    &olmo::OLMO1,
    &olmo::OLMO2,
    &gemma::ARCHITECTURE,
    &encoder::ARCHITECTURE,
];

/// What a plan is to be made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanOptions {
    /// Positions of the KV cache, in tokens.
    pub context: u32,
    /// The most tokens of one step.
    pub chunk: u32,
    /// The most rows of logits of one step: 1, or `chunk` where all are wanted.
    pub output_rows: u32,
    /// The type of cached keys.
    pub k: KvType,
    /// The type of cached values.
    pub v: KvType,
    /// Whether elementary ops are fused.
    pub fuse: bool,
    /// What the plan gives.
    pub output: Output,
}

/// What a plan gives for a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// How probable each token of the vocabulary is next, or, in an encoder, in its place.
    #[default]
    Logits,
    /// The hidden state behind the last layer and its norm: what embeddings are made of.
    Hidden,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            context: 4096,
            chunk: 128,
            output_rows: 1,
            k: KvType::F16,
            v: KvType::F16,
            fuse: true,
            output: Output::Logits,
        }
    }
}

/// The architecture of a file.
pub fn architecture(file: &ModelFile) -> Result<&'static Architecture, ModelError> {
    let name = weights::architecture_name(file)?;
    match &file.kind {
        ModelKind::Gguf(_) => find(&name, |a| std::slice::from_ref(&a.gguf)),
        ModelKind::HuggingFace(_) => find(&name, |a| a.hugging_face),
    }
}

/// The architecture of a folder, of which there may be no more than its `config.json`.
///
/// # Errors
/// [`ModelError::Config`]: `model_type` is missing. [`ModelError::Architecture`].
pub fn architecture_of_folder(folder: &HfFiles) -> Result<&'static Architecture, ModelError> {
    find(&weights::model_type(folder)?, |a| a.hugging_face)
}

fn find(
    name: &str,
    names: fn(&'static Architecture) -> &'static [&'static str],
) -> Result<&'static Architecture, ModelError> {
    let of_name = |a: &'static Architecture| names(a).contains(&name).then_some(a);
    ARCHITECTURES.iter().copied().find_map(of_name).ok_or_else(|| {
        let mut known: Vec<&str> = ARCHITECTURES.iter().flat_map(|a| names(a).iter().copied()).collect();
        known.sort_unstable();
        ModelError::Architecture { name: name.to_owned(), known: known.join(", ") }
    })
}

fn is_gguf(file: &ModelFile) -> bool {
    matches!(file.kind, ModelKind::Gguf(_))
}

/// The tensors that [`config`] reads, all of them small: whoever has only a file's header needs their bytes, too.
pub fn config_tensors(file: &ModelFile) -> impl Iterator<Item = &TensorInfo> {
    let factors = file.tensors.get(gguf::FACTORS).filter(|_| is_gguf(file));
    factors.into_iter().filter(|tensor| tensor.bytes <= gguf::FACTORS_BYTES)
}

/// The hyper-parameters of a file.
pub fn config(file: &ModelFile) -> Result<Config, ModelError> {
    match architecture(file)?.graph {
        Graph::Decoder(family) => decoder::config(file, family),
        Graph::Encoder => encoder::config(file),
    }
}

/// What whoever opens the file should know: keys of its configuration that have no effect here.
pub fn warnings(file: &ModelFile) -> Vec<String> {
    unread::warnings(file)
}

/// The plan of a file.
pub fn plan(file: &ModelFile, config: &Config, options: &PlanOptions) -> Result<Plan, ModelError> {
    for kind in [options.k, options.v] {
        let (block, head_size) = (kind.block_len(), config.head_size);
        if !head_size.is_multiple_of(block) {
            return Err(ModelError::KvType { kind: kind.name(), block, head_size });
        }
    }
    let plan = match architecture(file)?.graph {
        Graph::Decoder(family) => decoder::plan(file, config, options, family),
        Graph::Encoder => encoder::plan(file, config, options),
    }?;
    Ok(if options.fuse { passes::fuse(&plan) } else { plan })
}
