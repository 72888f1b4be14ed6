//! BERT, RoBERTa and XLM-RoBERTa: encoders with learned positions (MiniLM, E5, BGE, GTE, mRoBERTa).
//!
//! Embeddings of token, type and position; layers of attention in both directions and a GELU MLP, each with a norm
//! behind the addition; a head that predicts masked tokens, which GGUF files haven't. In GGUF they are all `bert`.

use azulejo_formats::gguf::{Metadata, Value as GgufValue};
use azulejo_formats::{ModelFile, ModelKind};
use azulejo_plan::{
    Change, KvCache, LayerNorm, Map, Op, Plan, PlanBuilder, Reach, RopeLayout, RopeTable, Row, TensorId, View,
};
use serde_json::Value;

use crate::encoder_names::{EncoderNames, Head};
use crate::hugging_face as hf;
use crate::weights::Weights;
use crate::{Architecture, Config, Graph, ModelError, Output, PlanOptions, Rope, RopeScaling};

pub(crate) static ARCHITECTURE: Architecture =
    Architecture { gguf: "bert", hugging_face: &["bert", "roberta", "xlm-roberta"], graph: Graph::Encoder };

/// The embedding tables, by GGUF's names.
const TOKENS: &str = "token_embd.weight";
pub(crate) const TYPES: &str = "token_types.weight";
const POSITIONS: &str = "position_embd.weight";

/// Reads the hyper-parameters.
pub(crate) fn config(file: &ModelFile) -> Result<Config, ModelError> {
    let w = Names::of(file);
    let vocabulary = w.weights.rows(&w.name(TOKENS))? as u32;
    match &file.kind {
        ModelKind::Gguf(metadata) => from_gguf(metadata, vocabulary)?,
        ModelKind::HuggingFace(folder) => from_hugging_face(&folder.config, vocabulary)?,
    }
    .checked()
}

/// What both kinds of files say.
struct Sizes {
    architecture: String,
    name: Option<String>,
    vocabulary: u32,
    layers: u32,
    hidden: u32,
    ffn: u32,
    heads: u32,
    context_length: u32,
    eps: f32,
}

impl Sizes {
    fn config(self) -> Config {
        Config {
            architecture: self.architecture,
            name: self.name,
            vocabulary: self.vocabulary,
            layers: self.layers,
            hidden: self.hidden,
            ffn: self.ffn,
            heads: self.heads,
            kv_heads: self.heads,
            head_size: self.hidden.checked_div(self.heads).unwrap_or(0),
            context_length: self.context_length,
            eps: self.eps,
            rotated: 0,
            rope_layout: RopeLayout::HalfSplit,
            rope: Rope { theta: 10_000.0, scaling: RopeScaling::None },
            windowed_rope: None,
            windows: vec![None; self.layers as usize],
            query_pre_attn_scalar: None,
            clip_qkv: None,
            is_causal: false,
        }
    }
}

fn from_gguf(m: &Metadata, vocabulary: u32) -> Result<Config, ModelError> {
    // Where the key is missing, llama.cpp takes the model for one that goes on from a text.
    if m.get("bert.attention.causal") != Some(&GgufValue::Bool(false)) {
        let problem = "must be false: only encoders, whose tokens see the whole text, are supported";
        return Err(ModelError::config("bert.attention.causal", problem));
    }
    let get = |key: &str| m.get_u32(&format!("bert.{key}"));
    Ok(Sizes {
        architecture: "bert".to_owned(),
        name: m.find_str("general.name")?.map(str::to_owned),
        vocabulary,
        layers: get("block_count")?,
        hidden: get("embedding_length")?,
        ffn: get("feed_forward_length")?,
        heads: get("attention.head_count")?,
        context_length: get("context_length")?,
        eps: m.get_f32("bert.attention.layer_norm_epsilon")?,
    }
    .config())
}

fn from_hugging_face(c: &Value, vocabulary: u32) -> Result<Config, ModelError> {
    let get = |key: &str| hf::required(c, key);
    let known = [("hidden_act", "gelu", "gelu is"), ("position_embedding_type", "absolute", "absolute is")];
    for (key, wanted, supported) in known {
        match c.get(key).and_then(Value::as_str) {
            Some(value) if value != wanted => return Err(ModelError::unsupported(key, value, supported)),
            _ => {}
        }
    }
    if c.get("is_decoder") == Some(&Value::Bool(true)) {
        return Err(ModelError::unsupported("is_decoder", "true", "false is: an encoder"));
    }
    Ok(Sizes {
        architecture: hf::architecture(c),
        name: hf::name(c),
        vocabulary,
        layers: get("num_hidden_layers")?,
        hidden: get("hidden_size")?,
        ffn: get("intermediate_size")?,
        heads: get("num_attention_heads")?,
        context_length: positions_of_text(c)?,
        eps: hf::number(c, "layer_norm_eps")?.unwrap_or(1e-12) as f32,
    }
    .config())
}

/// Rows of the table of positions that are a text's: the first stand for padding and for what is before it.
fn positions_of_text(c: &Value) -> Result<u32, ModelError> {
    let (rows, skipped) = (hf::required(c, "max_position_embeddings")?, skipped_positions(c)?);
    rows.checked_sub(skipped).filter(|rows| *rows > 0).ok_or_else(|| {
        let problem =
            format!("is {rows}: no position is left behind those up to pad_token_id, which are {skipped}");
        ModelError::config("max_position_embeddings", problem)
    })
}

/// Rows of the table of positions in front of that of a text's first token: none in BERT, those up to the padding
/// token's in RoBERTa, as `c`, its `config.json`, says. GGUF files have the table without them.
///
/// # Errors
/// [`ModelError::Config`]: `pad_token_id` is no whole number.
pub fn skipped_positions(c: &Value) -> Result<u32, ModelError> {
    match hf::architecture(c).as_str() {
        "bert" => Ok(0),
        _ => Ok(hf::integer(c, "pad_token_id")?.unwrap_or(1).saturating_add(1)),
    }
}

/// Where the weights are: in a Hugging Face file below `bert.` or `roberta.` in a model with a head, else at the top.
struct Names<'f> {
    weights: Weights<'f>,
    hugging_face: Option<EncoderNames>,
}

impl<'f> Names<'f> {
    fn of(file: &'f ModelFile) -> Self {
        let hugging_face = match &file.kind {
            ModelKind::Gguf(_) => None,
            ModelKind::HuggingFace(_) => Some(EncoderNames::of(|name| file.tensors.contains_key(name))),
        };
        Self { weights: Weights::new(file), hugging_face }
    }

    /// The name in this file; a head's are those of Hugging Face already.
    fn name(&self, name: &str) -> String {
        let mapped = self.hugging_face.and_then(|names| names.hugging_face(name));
        mapped.unwrap_or_else(|| name.to_owned())
    }

    /// The same of a part of a norm.
    fn norm(&self, name: &str, kind: &str) -> String {
        let whole = format!("{name}.{kind}");
        let Some(names) = self.hugging_face else { return whole };
        names.hugging_face(&whole).unwrap_or_else(|| names.norm(name, kind))
    }
}

/// Writes the plan.
pub(crate) fn plan(file: &ModelFile, config: &Config, options: &PlanOptions) -> Result<Plan, ModelError> {
    let c = config;
    // A step holds a whole text, so that each layer can write over what the one before kept.
    let kv = KvCache {
        layers: 1,
        kv_heads: c.kv_heads,
        head_size: c.head_size,
        capacity: options.context,
        k: options.k,
        v: options.v,
    };
    let still = RopeTable { inverse_frequencies: Vec::new(), magnitude: 1.0 };
    let b = PlanBuilder::new(
        &c.architecture,
        c.heads,
        kv,
        c.rope_layout,
        vec![still],
        options.chunk,
        options.output_rows,
    );
    let skipped = match &file.kind {
        ModelKind::Gguf(_) => 0,
        ModelKind::HuggingFace(folder) => skipped_positions(&folder.config)?,
    };
    let mut writer = Writer { b, names: Names::of(file), c };
    writer.write(skipped, options.output)?;
    Ok(writer.b.finish())
}

struct Writer<'a> {
    b: PlanBuilder,
    names: Names<'a>,
    c: &'a Config,
}

impl Writer<'_> {
    /// `skipped`: rows of the table of positions in front of the first token's.
    fn write(&mut self, skipped: u32, output: Output) -> Result<(), ModelError> {
        let c = self.c;
        let hidden = self.b.activation("hidden", c.hidden);
        let projected = self.b.activation("projected", c.hidden);
        let summed = self.b.activation("summed", c.hidden);
        let qkv = self.b.activation("qkv", 3 * c.hidden);
        let [q, k, v] = [0, 1, 2].map(|i| self.b.columns(qkv, i * c.hidden, c.hidden));
        let attended = self.b.activation("attended", c.hidden);
        let inner = self.b.activation("inner", c.ffn);

        let table = self.embed(TOKENS, c.vocabulary, Row::Token, hidden)?;
        let types = self.names.name(TYPES);
        // A GGUF needn't have the table.
        if self.names.hugging_face.is_some() || self.names.weights.has(&types) {
            let rows = self.names.weights.rows(&types)? as u32;
            self.embed(TYPES, rows, Row::Fixed(0), projected)?;
            self.b.add(hidden, projected, hidden);
        }
        let positions = c.context_length + skipped;
        self.embed(POSITIONS, positions, Row::Position(skipped), projected)?;
        self.b.add(hidden, projected, summed);
        self.norm("token_embd_norm", summed, hidden)?;
        for layer in 0..c.layers {
            let name = |rest: &str| format!("blk.{layer}.{rest}");
            for (what, out) in [("attn_q", q), ("attn_k", k), ("attn_v", v)] {
                self.linear(&name(what), hidden, out)?;
            }
            self.b.rope_kv(q, k, v, 0, 0);
            self.b.attention(q, attended, 0, Reach::All);
            self.linear(&name("attn_output"), attended, projected)?;
            self.b.add(hidden, projected, summed);
            self.norm(&name("attn_output_norm"), summed, hidden)?;
            self.linear(&name("ffn_up"), hidden, inner)?;
            self.b.push(Op::Map { x: inner, map: Map::Gelu });
            self.linear(&name("ffn_down"), inner, projected)?;
            self.b.add(hidden, projected, summed);
            self.norm(&name("layer_output_norm"), summed, hidden)?;
        }
        match output {
            Output::Hidden => self.b.output(hidden),
            Output::Logits => self.head(hidden, table)?,
        }
        Ok(())
    }

    /// Predicts tokens: dense, GELU, norm, and the embedding table once more.
    fn head(&mut self, hidden: View, table: TensorId) -> Result<(), ModelError> {
        let c = self.c;
        let w = &self.names.weights;
        let head = Head::of(&c.architecture);
        let first = format!("{}.weight", head.dense);
        if !w.has(&first) {
            let problem = "is missing: this model has no head that fills masks, but gives embeddings";
            return Err(ModelError::config(first, problem));
        }
        let dense = self.b.activation("dense", c.hidden);
        let normed = self.b.activation("normed", c.hidden);
        let logits = self.b.logits(c.vocabulary);
        self.b.begin_head();
        self.linear(head.dense, hidden, dense)?;
        self.b.push(Op::Map { x: dense, map: Map::Gelu });
        self.norm(head.norm, dense, normed)?;
        let w = &self.names.weights;
        let [output, of_output] = ["weight", "bias"].map(|kind| format!("{}.{kind}", head.decoder));
        let output = match w.has(&output) {
            true => w.matrix(&mut self.b, &output, c.vocabulary, c.hidden)?,
            false => table,
        };
        // Where a file has both, that of the matrix counts, as in transformers: of a head that isn't tied, the other is
        // never added.
        let bias = if w.has(&of_output) { &of_output } else { head.bias };
        let bias = w.vector(&mut self.b, bias, c.vocabulary, Change::NONE)?;
        self.b.linear(normed, output, Some(bias), logits);
        Ok(())
    }

    fn embed(&mut self, name: &str, rows: u32, row: Row, out: View) -> Result<TensorId, ModelError> {
        let name = self.names.name(name);
        let table = self.names.weights.matrix(&mut self.b, &name, rows, self.c.hidden)?;
        self.b.push(Op::Embed { table, row, scale: 1.0, out });
        Ok(table)
    }

    fn norm(&mut self, name: &str, x: View, out: View) -> Result<(), ModelError> {
        let w = &self.names.weights;
        let [weight, bias] = ["weight", "bias"].map(|kind| self.names.norm(name, kind));
        let weight = w.vector(&mut self.b, &weight, x.width, Change::NONE)?;
        let bias = w.vector(&mut self.b, &bias, x.width, Change::NONE)?;
        self.b.push(Op::LayerNorm(LayerNorm { x, affine: Some((weight, bias)), eps: self.c.eps, out }));
        Ok(())
    }

    fn linear(&mut self, name: &str, x: View, out: View) -> Result<(), ModelError> {
        let w = &self.names.weights;
        let [weight, bias] = ["weight", "bias"].map(|kind| self.names.name(&format!("{name}.{kind}")));
        let weight = w.matrix(&mut self.b, &weight, out.width, x.width)?;
        let bias = w.vector(&mut self.b, &bias, out.width, Change::NONE)?;
        self.b.linear(x, weight, Some(bias), out);
        Ok(())
    }
}
