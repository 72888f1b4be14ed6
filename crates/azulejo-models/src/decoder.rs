//! Decoders: what Llama and those that differ from it in details have in common.
//!
//! Norm, rope, grouped-query attention, a gated MLP; biases where the file has them; the output matrix tied to the embeddings
//! where the file has none. What a family does otherwise is its [`Family`].

use azulejo_formats::{ModelFile, ModelKind};
use azulejo_plan::{
    Change, Gate, GroupNorm, KvCache, LayerNorm, Map, Op, Plan, PlanBuilder, Reach, RopeLayout, TensorId,
    View,
};

use crate::weights::Weights;
use crate::{Config, ModelError, Output, PlanOptions, gguf, hugging_face, rope};

/// What distinguishes a family's layers, and its files.
#[derive(Debug)]
pub struct Family {
    /// The norms of the hidden state.
    pub(crate) norm: NormKind,
    /// Where a layer's two norms stand.
    pub(crate) place: Place,
    /// The norm of queries and keys.
    pub(crate) qk_norm: QkNorm,
    /// Which elements rotate together in GGUF files.
    pub(crate) gguf_rope: RopeLayout,
    /// The layers that have a window, where the file gives one and doesn't say which have it.
    pub(crate) windowed: Windowed,
    /// The rope base of those layers where the file doesn't say it, if it is another one; then they aren't stretched.
    pub(crate) windowed_theta: Option<f64>,
    /// The function in the MLP's gate.
    pub(crate) gate: Gate,
    /// Whether embeddings are multiplied by the root of their width.
    pub(crate) scales_embeddings: bool,
    /// What is added to the norms' weights of a Hugging Face folder. In GGUF files it has been.
    pub(crate) hugging_face_norms_lack: f32,
    /// What the names of tensors in a Hugging Face folder begin with, behind `model.` or not, that are of other parts than
    /// the one that writes.
    pub(crate) other_parts: &'static [&'static str],
    /// Keys that a `config.json` needn't have, and what they are then.
    pub(crate) defaults: &'static [(&'static str, u32)],
    /// A model of so many layers divides attention scores by the root of width over heads, and its GGUF doesn't say it.
    pub(crate) scores_by_width_at: Option<u32>,
}

impl Family {
    /// What the others differ from.
    pub(crate) const LLAMA: Family = Family {
        norm: NormKind::Rms { eps: 1e-6 },
        place: Place::Before,
        qk_norm: QkNorm::None,
        gguf_rope: RopeLayout::Interleaved,
        windowed: Windowed::All,
        windowed_theta: None,
        gate: Gate::Silu,
        scales_embeddings: false,
        hugging_face_norms_lack: 0.0,
        other_parts: &[],
        defaults: &[],
        scores_by_width_at: None,
    };
}

/// A norm, and its epsilon where the file doesn't say it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NormKind {
    /// Root mean square, with a weight.
    Rms { eps: f32 },
    /// Mean and variance, without weights.
    Plain { eps: f32 },
}

/// Where the norms of attention and MLP stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// On the way in.
    Before,
    /// On the way out, before the result is added.
    Behind,
    /// On both.
    Both,
}

/// How queries and keys are normalised before they rotate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum QkNorm {
    /// Not at all.
    None,
    /// Each head by itself.
    Heads,
    /// All heads as one.
    Whole,
}

/// Which layers have a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Windowed {
    /// All.
    All,
    /// All but the last of every so many.
    AllButEvery(u32),
    /// In `config.json` those from `max_window_layers` on, if `use_sliding_window` is true; all in GGUF files.
    Chosen,
}

impl Windowed {
    pub(crate) fn has(self, layer: u32) -> bool {
        match self {
            Windowed::AllButEvery(count) => !(layer + 1).is_multiple_of(count),
            Windowed::All | Windowed::Chosen => true,
        }
    }
}

/// What is supported of soft caps, which keep scores or logits within a limit by a hyperbolic tangent.
pub(crate) const NO_SOFT_CAPS: &str = "none is: scores and logits aren't capped here";

/// Reads the hyper-parameters.
pub(crate) fn config(file: &ModelFile, family: &Family) -> Result<Config, ModelError> {
    let weights = Weights::of_decoder(file, family.place);
    let vocabulary = weights.rows(Ends::of(file, &weights).embeddings)? as u32;
    match &file.kind {
        ModelKind::Gguf(metadata) => gguf::decoder(file, metadata, vocabulary, family),
        ModelKind::HuggingFace(folder) => hugging_face::decoder(folder, vocabulary, family),
    }?
    .checked()
}

const EMBEDDINGS: &str = "token_embd.weight";
const OUTPUT: &str = "output.weight";

/// The matrices at a decoder's two ends. Where they are tied they are one, and a file may hold it under either name.
struct Ends {
    embeddings: &'static str,
    output: &'static str,
}

impl Ends {
    fn of(file: &ModelFile, weights: &Weights<'_>) -> Self {
        let is_tied = match &file.kind {
            ModelKind::Gguf(_) => None,
            ModelKind::HuggingFace(folder) => {
                let text = hugging_face::text_part(&folder.config);
                let said = folder.config.get("tie_word_embeddings").or(text.get("tie_word_embeddings"));
                said.and_then(serde_json::Value::as_bool)
            }
        };
        let (embeddings, output) = match (weights.has(EMBEDDINGS), weights.has(OUTPUT), is_tied) {
            // Where a file has both they count both, even if it says that they are tied: as in transformers.
            (true, false, None | Some(true)) => (EMBEDDINGS, EMBEDDINGS),
            (false, true, None | Some(true)) => (OUTPUT, OUTPUT),
            _ => (EMBEDDINGS, OUTPUT),
        };
        Self { embeddings, output }
    }
}

/// Writes the plan.
pub(crate) fn plan(
    file: &ModelFile,
    config: &Config,
    options: &PlanOptions,
    family: &'static Family,
) -> Result<Plan, ModelError> {
    let c = config;
    let kv = KvCache {
        layers: c.layers,
        kv_heads: c.kv_heads,
        head_size: c.head_size,
        capacity: options.context,
        k: options.k,
        v: options.v,
    };
    let mut tables = vec![rope::table(&c.rope, c.rotated)?];
    if let Some(windowed) = &c.windowed_rope {
        tables.push(rope::table(windowed, c.rotated)?);
    }
    let b = PlanBuilder::new(
        &c.architecture,
        c.heads,
        kv,
        c.rope_layout,
        tables,
        options.chunk,
        options.output_rows,
    );
    let w = Weights::of_decoder(file, family.place);
    let lack = if crate::is_gguf(file) { 0.0 } else { family.hugging_face_norms_lack };
    let mut writer = Writer { lack, b, ends: Ends::of(file, &w), w, c, family };
    writer.write(options.output)?;
    Ok(writer.b.finish())
}

struct Writer<'a> {
    b: PlanBuilder,
    w: Weights<'a>,
    ends: Ends,
    c: &'a Config,
    family: &'static Family,
    /// What the file's norms lack.
    lack: f32,
}

impl Writer<'_> {
    fn write(&mut self, output: Output) -> Result<(), ModelError> {
        let c = self.c;
        let (q_width, kv_width) = (c.heads * c.head_size, c.kv_heads * c.head_size);
        let hidden = self.b.activation("hidden", c.hidden);
        let normed = self.b.activation("normed", c.hidden);
        let qkv = self.b.activation("qkv", q_width + 2 * kv_width);
        let q = self.b.columns(qkv, 0, q_width);
        let k = self.b.columns(qkv, q_width, kv_width);
        let v = self.b.columns(qkv, q_width + kv_width, kv_width);
        let attended = self.b.activation("attended", q_width);
        let halves = self.b.activation("gate_up", 2 * c.ffn);
        let (gate, up) = (self.b.columns(halves, 0, c.ffn), self.b.columns(halves, c.ffn, c.ffn));
        let gated = self.b.activation("gated", c.ffn);
        let projected = self.b.activation("projected", c.hidden);
        let is_before = self.family.place != Place::Behind;
        let is_behind = self.family.place != Place::Before;
        // What attention and MLP take in, and what is added of what they give.
        let taken = if is_before { normed } else { hidden };
        let added = if is_behind { normed } else { projected };

        let table = self.w.matrix(&mut self.b, self.ends.embeddings, c.vocabulary, c.hidden)?;
        let scale = if self.family.scales_embeddings { (c.hidden as f32).sqrt() } else { 1.0 };
        self.b.embed(table, scale, hidden);
        for layer in 0..c.layers {
            let window = c.windows.get(layer as usize).copied().flatten();
            let name = |rest: &str| format!("blk.{layer}.{rest}");
            if is_before {
                self.norm(&name("attn_norm"), hidden, normed)?;
            }
            self.linear(&name("attn_q"), taken, q)?;
            self.linear(&name("attn_k"), taken, k)?;
            self.linear(&name("attn_v"), taken, v)?;
            if let Some(limit) = c.clip_qkv {
                self.b.push(Op::Map { x: qkv, map: Map::Clamp { limit } });
            }
            self.qk_norm(layer, q, k)?;
            let rope = u32::from(window.is_some() && c.windowed_rope.is_some());
            self.b.rope_kv(q, k, v, layer, rope);
            self.b.attention(q, attended, layer, window.map_or(Reach::Past, Reach::Window));
            self.linear(&name("attn_output"), attended, projected)?;
            if is_behind {
                self.norm(&name("post_attention_norm"), projected, normed)?;
            }
            self.b.add(hidden, added, hidden);

            if is_before {
                self.norm(&name("ffn_norm"), hidden, normed)?;
            }
            self.linear(&name("ffn_gate"), taken, gate)?;
            self.linear(&name("ffn_up"), taken, up)?;
            self.b.glu(self.family.gate, gate, up, gated);
            self.linear(&name("ffn_down"), gated, projected)?;
            if is_behind {
                self.norm(&name("post_ffw_norm"), projected, normed)?;
            }
            self.b.add(hidden, added, hidden);
        }
        if output == Output::Hidden {
            self.b.begin_head();
            self.norm("output_norm", hidden, normed)?;
            self.b.output(normed);
            return Ok(());
        }
        if self.ends.output == OUTPUT && !self.w.has(OUTPUT) {
            let problem = "is missing: this model has no head that goes on with a text, but gives embeddings";
            return Err(ModelError::config("lm_head.weight", problem));
        }
        let output = match self.ends.output == self.ends.embeddings {
            true => table,
            false => self.w.matrix(&mut self.b, self.ends.output, c.vocabulary, c.hidden)?,
        };
        let logits = self.b.logits(c.vocabulary);
        self.b.begin_head();
        self.norm("output_norm", hidden, normed)?;
        self.b.linear(normed, output, None, logits);
        Ok(())
    }

    fn norm(&mut self, name: &str, x: View, out: View) -> Result<(), ModelError> {
        let eps = self.c.eps;
        match self.family.norm {
            NormKind::Rms { .. } => {
                let weight = self.norm_weight(name, x.width, 1.0)?;
                self.b.rms_norm(x, weight, eps, out);
            }
            NormKind::Plain { .. } => self.b.push(Op::LayerNorm(LayerNorm { x, affine: None, eps, out })),
        }
        Ok(())
    }

    fn qk_norm(&mut self, layer: u32, q: View, k: View) -> Result<(), ModelError> {
        let (q_size, k_size) = match self.family.qk_norm {
            QkNorm::None if self.c.query_scalar() != f64::from(self.c.head_size) => {
                let value = self.c.query_scalar().to_string();
                let supported = "the head's size is, where queries aren't normalised";
                return Err(ModelError::unsupported("query_pre_attn_scalar", &value, supported));
            }
            QkNorm::None => return Ok(()),
            QkNorm::Heads => (self.c.head_size, self.c.head_size),
            QkNorm::Whole => (q.width, k.width),
        };
        // Attention divides scores by the root of the head's size: what they are to be divided by is made up here.
        let scale = (f64::from(self.c.head_size) / self.c.query_scalar()).sqrt() as f32;
        let q_weight = self.norm_weight(&format!("blk.{layer}.attn_q_norm"), q_size, scale)?;
        let k_weight = self.norm_weight(&format!("blk.{layer}.attn_k_norm"), k_size, 1.0)?;
        self.b.push(Op::GroupNorm(GroupNorm { q, q_weight, k, k_weight, eps: self.c.eps }));
        Ok(())
    }

    fn norm_weight(&mut self, name: &str, size: u32, times: f32) -> Result<TensorId, ModelError> {
        let change = Change { plus: self.lack, times };
        self.w.vector(&mut self.b, &format!("{name}.weight"), size, change)
    }

    fn linear(&mut self, name: &str, x: View, out: View) -> Result<(), ModelError> {
        let weight = self.w.matrix(&mut self.b, &format!("{name}.weight"), out.width, x.width)?;
        let bias = self.w.optional(&mut self.b, &format!("{name}.bias"), out.width)?;
        self.b.linear(x, weight, bias, out);
        Ok(())
    }
}
