//! RoBERTa, XLM-RoBERTa and mRoBERTa: encoders with learned positions.
//!
//! Embeddings of token, type and position; layers of attention in both directions and a GELU MLP, each with a norm
//! behind the addition; a head that predicts masked tokens. From Hugging Face folders.

use azulejo_formats::{ModelFile, ModelKind};
use azulejo_plan::{
    Change, KvCache, LayerNorm, Map, Op, Plan, PlanBuilder, Reach, RopeLayout, RopeTable, Row, TensorId, View,
};
use serde_json::Value;

use crate::hugging_face as hf;
use crate::weights::Weights;
use crate::{Architecture, Config, ModelError, Output, PlanOptions, Rope, RopeScaling};

pub(crate) static ARCHITECTURE: Architecture =
    Architecture { gguf: &[], hugging_face: &["roberta", "xlm-roberta"], config, plan };

fn config(file: &ModelFile) -> Result<Config, ModelError> {
    let c = json(file)?;
    let names = Names::of(file);
    let get = |key: &str| hf::required(c, key);
    let known = [("hidden_act", "gelu", "gelu is"), ("position_embedding_type", "absolute", "absolute is")];
    for (key, wanted, supported) in known {
        match c.get(key).and_then(Value::as_str) {
            Some(value) if value != wanted => return Err(ModelError::unsupported(key, value, supported)),
            _ => {}
        }
    }
    let (hidden, heads) = (get("hidden_size")?, get("num_attention_heads")?);
    let layers = get("num_hidden_layers")?;
    let positions = get("max_position_embeddings")?;
    Config {
        architecture: hf::architecture(c),
        name: hf::name(c),
        vocabulary: names.weights.rows(&names.body("embeddings.word_embeddings.weight"))? as u32,
        layers,
        hidden,
        ffn: get("intermediate_size")?,
        heads,
        kv_heads: heads,
        head_size: hidden.checked_div(heads).unwrap_or(0),
        // The first rows of the table stand for padding and for what is before it.
        context_length: positions.saturating_sub(first_position(c)?),
        eps: hf::number(c, "layer_norm_eps")?.unwrap_or(1e-12) as f32,
        rotated: 0,
        rope_layout: RopeLayout::HalfSplit,
        rope: Rope { theta: 10_000.0, scaling: RopeScaling::None },
        windowed_rope: None,
        windows: vec![None; layers as usize],
        query_pre_attn_scalar: None,
        clip_qkv: None,
        is_causal: false,
    }
    .checked()
}

/// The folder's `config.json`: no GGUF is of this architecture.
fn json(file: &ModelFile) -> Result<&Value, ModelError> {
    match &file.kind {
        ModelKind::HuggingFace(folder) => Ok(&folder.config),
        ModelKind::Gguf(_) => {
            Err(ModelError::unsupported("general.architecture", "roberta", "its Hugging Face folder is"))
        }
    }
}

/// The row of the table of positions that a text's first token has: the one behind the padding token's.
fn first_position(c: &Value) -> Result<u32, ModelError> {
    Ok(hf::integer(c, "pad_token_id")?.unwrap_or(1).saturating_add(1))
}

/// Where the weights are: below `roberta.` in a model with a head, else at the top.
struct Names<'f> {
    weights: Weights<'f>,
    prefix: &'static str,
}

impl<'f> Names<'f> {
    fn of(file: &'f ModelFile) -> Self {
        let weights = Weights::new(file, |name| Some(name.to_owned()));
        let has_prefix = weights.has("roberta.embeddings.word_embeddings.weight");
        Self { weights, prefix: if has_prefix { "roberta." } else { "" } }
    }

    fn body(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

fn plan(file: &ModelFile, config: &Config, options: &PlanOptions) -> Result<Plan, ModelError> {
    let json = json(file)?;
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
    let mut writer = Writer { b, names: Names::of(file), c };
    writer.write(json, options.output)?;
    Ok(writer.b.finish())
}

struct Writer<'a> {
    b: PlanBuilder,
    names: Names<'a>,
    c: &'a Config,
}

impl Writer<'_> {
    fn write(&mut self, json: &Value, output: Output) -> Result<(), ModelError> {
        let c = self.c;
        let hidden = self.b.activation("hidden", c.hidden);
        let projected = self.b.activation("projected", c.hidden);
        let summed = self.b.activation("summed", c.hidden);
        let qkv = self.b.activation("qkv", 3 * c.hidden);
        let [q, k, v] = [0, 1, 2].map(|i| self.b.columns(qkv, i * c.hidden, c.hidden));
        let attended = self.b.activation("attended", c.hidden);
        let inner = self.b.activation("inner", c.ffn);

        let table = self.embed("word_embeddings", c.vocabulary, Row::Token, hidden)?;
        let types = hf::integer(json, "type_vocab_size")?.unwrap_or(1);
        self.embed("token_type_embeddings", types, Row::Fixed(0), projected)?;
        self.b.add(hidden, projected, hidden);
        let positions = hf::required(json, "max_position_embeddings")?;
        let first = Row::Position(first_position(json)?);
        self.embed("position_embeddings", positions, first, projected)?;
        self.b.add(hidden, projected, summed);
        self.norm(&self.names.body("embeddings.LayerNorm"), summed, hidden)?;
        for layer in 0..c.layers {
            let name = |names: &Names<'_>, rest: &str| names.body(&format!("encoder.layer.{layer}.{rest}"));
            for (what, out) in [("query", q), ("key", k), ("value", v)] {
                let name = name(&self.names, &format!("attention.self.{what}"));
                self.linear(&name, hidden, out)?;
            }
            self.b.rope_kv(q, k, v, 0, 0);
            self.b.attention(q, attended, 0, Reach::All);
            self.linear(&name(&self.names, "attention.output.dense"), attended, projected)?;
            self.b.add(hidden, projected, summed);
            self.norm(&name(&self.names, "attention.output.LayerNorm"), summed, hidden)?;
            self.linear(&name(&self.names, "intermediate.dense"), hidden, inner)?;
            self.b.push(Op::Map { x: inner, map: Map::Gelu });
            self.linear(&name(&self.names, "output.dense"), inner, projected)?;
            self.b.add(hidden, projected, summed);
            self.norm(&name(&self.names, "output.LayerNorm"), summed, hidden)?;
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
        if !w.has("lm_head.dense.weight") {
            let problem = "is missing: this model has no head that fills masks, but gives embeddings";
            return Err(ModelError::config("lm_head.dense.weight", problem));
        }
        let dense = self.b.activation("dense", c.hidden);
        let normed = self.b.activation("normed", c.hidden);
        let logits = self.b.logits(c.vocabulary);
        self.b.begin_head();
        self.linear("lm_head.dense", hidden, dense)?;
        self.b.push(Op::Map { x: dense, map: Map::Gelu });
        self.norm("lm_head.layer_norm", dense, normed)?;
        let w = &self.names.weights;
        let output = match w.has("lm_head.decoder.weight") {
            true => w.matrix(&mut self.b, "lm_head.decoder.weight", c.vocabulary, c.hidden)?,
            false => table,
        };
        let bias = if w.has("lm_head.bias") { "lm_head.bias" } else { "lm_head.decoder.bias" };
        let bias = w.optional(&mut self.b, bias, c.vocabulary)?;
        self.b.linear(normed, output, bias, logits);
        Ok(())
    }

    fn embed(&mut self, name: &str, rows: u32, row: Row, out: View) -> Result<TensorId, ModelError> {
        let name = self.names.body(&format!("embeddings.{name}.weight"));
        let table = self.names.weights.matrix(&mut self.b, &name, rows, self.c.hidden)?;
        self.b.push(Op::Embed { table, row, scale: 1.0, out });
        Ok(table)
    }

    fn norm(&mut self, name: &str, x: View, out: View) -> Result<(), ModelError> {
        let w = &self.names.weights;
        let weight = w.vector(&mut self.b, &format!("{name}.weight"), x.width, Change::NONE)?;
        let bias = w.vector(&mut self.b, &format!("{name}.bias"), x.width, Change::NONE)?;
        self.b.push(Op::LayerNorm(LayerNorm { x, affine: Some((weight, bias)), eps: self.c.eps, out }));
        Ok(())
    }

    fn linear(&mut self, name: &str, x: View, out: View) -> Result<(), ModelError> {
        let w = &self.names.weights;
        let weight = w.matrix(&mut self.b, &format!("{name}.weight"), out.width, x.width)?;
        let bias = w.optional(&mut self.b, &format!("{name}.bias"), out.width)?;
        self.b.linear(x, weight, bias, out);
        Ok(())
    }
}
