//! The Llama family: Llama 2 and 3, TeenyTinyLlama, Tucano, Salamandra, ALIA, EuroLLM, AMALIA, and Mistral's
//! configuration below its window (Minerva).
//!
//! Pre-RMSNorm, rope, grouped-query attention, SwiGLU; biases where the file has them; the output matrix tied to the
//! embeddings where the file has none.

use azulejo_formats::gguf::Metadata;
use azulejo_formats::hf::HfFiles;
use azulejo_formats::{ModelFile, ModelKind};
use azulejo_plan::{KvCache, Norm, Plan, PlanBuilder, RopeLayout};
use azulejo_quant::{BlockFormat, decode};
use serde_json::Value;

use crate::weights::Weights;
use crate::{Architecture, Config, ModelError, PlanOptions, RopeScaling, rope};

pub(crate) static ARCHITECTURE: Architecture =
    Architecture { gguf: &["llama"], hugging_face: &["llama", "mistral"], config, plan };

/// GGUF's names in Hugging Face's words.
fn hugging_face_name(gguf: &str) -> Option<String> {
    let whole = match gguf {
        "token_embd.weight" => "model.embed_tokens.weight",
        "output_norm.weight" => "model.norm.weight",
        "output.weight" => "lm_head.weight",
        _ => {
            let (layer, rest) = gguf.strip_prefix("blk.")?.split_once('.')?;
            let (name, kind) = rest.rsplit_once('.')?;
            let name = match name {
                "attn_norm" => "input_layernorm",
                "attn_q" => "self_attn.q_proj",
                "attn_k" => "self_attn.k_proj",
                "attn_v" => "self_attn.v_proj",
                "attn_output" => "self_attn.o_proj",
                "ffn_norm" => "post_attention_layernorm",
                "ffn_gate" => "mlp.gate_proj",
                "ffn_up" => "mlp.up_proj",
                "ffn_down" => "mlp.down_proj",
                _ => return None,
            };
            return Some(format!("model.layers.{layer}.{name}.{kind}"));
        }
    };
    Some(whole.to_owned())
}

fn config(file: &ModelFile) -> Result<Config, ModelError> {
    let vocabulary = Weights::new(file, hugging_face_name).rows("token_embd.weight")? as u32;
    match &file.kind {
        ModelKind::Gguf(metadata) => from_gguf(file, metadata, vocabulary),
        ModelKind::HuggingFace(folder) => from_hugging_face(folder, vocabulary),
    }?
    .checked()
}

fn from_gguf(file: &ModelFile, m: &Metadata, vocabulary: u32) -> Result<Config, ModelError> {
    let get = |key: &str| m.get_u32(&format!("llama.{key}"));
    let hidden = get("embedding_length")?;
    let heads = get("attention.head_count")?;
    let head_size = match m.find_u32("llama.attention.key_length")? {
        Some(size) => size,
        None => hidden.checked_div(heads).unwrap_or(0),
    };
    let optional = |key: &str, default: u32| -> Result<u32, ModelError> {
        Ok(m.find_u32(&format!("llama.{key}"))?.unwrap_or(default))
    };
    let theta = m.find_f32("llama.rope.freq_base")?.map_or(10_000.0, f64::from);
    Ok(Config {
        architecture: "llama".to_owned(),
        name: m.get_str("general.name").ok().map(str::to_owned),
        vocabulary,
        layers: get("block_count")?,
        hidden,
        ffn: get("feed_forward_length")?,
        heads,
        kv_heads: optional("attention.head_count_kv", heads)?,
        head_size,
        context_length: get("context_length")?,
        eps: m.get_f32("llama.attention.layer_norm_rms_epsilon")?,
        rope_theta: theta,
        rotated: optional("rope.dimension_count", head_size)?,
        rope_layout: RopeLayout::Interleaved,
        rope_scaling: gguf_scaling(file, m)?,
    })
}

fn gguf_scaling(file: &ModelFile, m: &Metadata) -> Result<RopeScaling, ModelError> {
    const FACTORS: &str = "rope_freqs.weight";
    if let Some(info) = file.tensors.get(FACTORS) {
        let mut bytes = vec![0; info.bytes as usize];
        file.read(info, 0..info.bytes, &mut bytes)?;
        let mut factors = vec![0.0; info.shape.iter().product::<u64>() as usize];
        if info.format != BlockFormat::F32 || decode(info.format, &bytes, &mut factors).is_err() {
            return Err(ModelError::config(FACTORS, format!("is {}, but must be F32", info.format)));
        }
        return Ok(RopeScaling::Factors(factors));
    }
    match m.find_str("llama.rope.scaling.type")?.unwrap_or("none") {
        "none" => Ok(RopeScaling::None),
        "linear" => Ok(RopeScaling::Linear { factor: f64::from(m.get_f32("llama.rope.scaling.factor")?) }),
        other => Err(ModelError::unsupported("llama.rope.scaling.type", other, "none and linear are")),
    }
}

fn from_hugging_face(folder: &HfFiles, vocabulary: u32) -> Result<Config, ModelError> {
    let c = &folder.config;
    let get = |key: &str| -> Result<u32, ModelError> {
        integer(c, key)?.ok_or_else(|| ModelError::config(key, "is missing from config.json"))
    };
    let hidden = get("hidden_size")?;
    let heads = get("num_attention_heads")?;
    let head_size = integer(c, "head_dim")?.unwrap_or(hidden.checked_div(heads).unwrap_or(0));
    if let Some(act) = c.get("hidden_act").and_then(Value::as_str)
        && !["silu", "swish"].contains(&act)
    {
        return Err(ModelError::unsupported("hidden_act", act, "silu is"));
    }
    // A window shorter than the context is not there yet: up to the window it changes nothing.
    let mut context_length = get("max_position_embeddings")?;
    if let Some(window) = integer(c, "sliding_window")? {
        context_length = context_length.min(window);
    }
    let (rope_theta, rope_scaling) = hugging_face_rope(c, context_length)?;
    Ok(Config {
        architecture: c.get("model_type").and_then(Value::as_str).unwrap_or("llama").to_owned(),
        name: c.get("_name_or_path").and_then(Value::as_str).filter(|n| !n.is_empty()).map(str::to_owned),
        vocabulary,
        layers: get("num_hidden_layers")?,
        hidden,
        ffn: get("intermediate_size")?,
        heads,
        kv_heads: integer(c, "num_key_value_heads")?.unwrap_or(heads),
        head_size,
        context_length,
        eps: number(c, "rms_norm_eps")?.unwrap_or(1e-6) as f32,
        rope_theta,
        rotated: head_size,
        rope_layout: RopeLayout::HalfSplit,
        rope_scaling,
    })
}

/// Rope's base and scaling: in `rope_scaling` and `rope_theta`, or, in newer files, both in `rope_parameters`.
fn hugging_face_rope(c: &Value, context: u32) -> Result<(f64, RopeScaling), ModelError> {
    let is_there = |key: &str| c.get(key).filter(|v| v.is_object());
    let (name, parameters) = match is_there("rope_parameters") {
        Some(v) => ("rope_parameters", Some(v)),
        None => ("rope_scaling", is_there("rope_scaling")),
    };
    let in_parameters = match parameters {
        Some(p) => number(p, "rope_theta")?,
        None => None,
    };
    let theta = in_parameters.or(number(c, "rope_theta")?).unwrap_or(10_000.0);
    let Some(p) = parameters else { return Ok((theta, RopeScaling::None)) };
    let need = |key: &str| -> Result<f64, ModelError> {
        number(p, key)?
            .ok_or_else(|| ModelError::config(format!("{name}.{key}"), "is missing from config.json"))
    };
    let kind = p.get("rope_type").or(p.get("type")).and_then(Value::as_str).unwrap_or("default");
    let scaling = match kind {
        "default" => RopeScaling::None,
        "linear" => RopeScaling::Linear { factor: need("factor")? },
        "llama3" => RopeScaling::Llama3 {
            factor: need("factor")?,
            low: need("low_freq_factor")?,
            high: need("high_freq_factor")?,
            original: number(p, "original_max_position_embeddings")?.unwrap_or(f64::from(context)),
        },
        other => {
            let key = format!("{name}.rope_type");
            return Err(ModelError::unsupported(key, other, "default, linear and llama3 are"));
        }
    };
    Ok((theta, scaling))
}

fn integer(c: &Value, key: &str) -> Result<Option<u32>, ModelError> {
    match c.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(v) => match v.as_u64().and_then(|n| u32::try_from(n).ok()) {
            Some(n) => Ok(Some(n)),
            None => Err(ModelError::config(key, format!("is {v} in config.json; it must be a whole number"))),
        },
    }
}

fn number(c: &Value, key: &str) -> Result<Option<f64>, ModelError> {
    match c.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(v) => match v.as_f64() {
            Some(n) => Ok(Some(n)),
            None => Err(ModelError::config(key, format!("is {v} in config.json; it must be a number"))),
        },
    }
}

fn plan(file: &ModelFile, config: &Config, options: &PlanOptions) -> Result<Plan, ModelError> {
    let c = config;
    let kv = KvCache {
        layers: c.layers,
        kv_heads: c.kv_heads,
        head_size: c.head_size,
        capacity: options.context,
        k: options.k,
        v: options.v,
    };
    let w = Weights::new(file, hugging_face_name);
    let tables = vec![rope::table(c)?];
    let mut b = PlanBuilder::new(
        &c.architecture,
        c.heads,
        kv,
        c.rope_layout,
        tables,
        options.chunk,
        options.output_rows,
    );
    let (q_width, kv_width) = (c.heads * c.head_size, c.kv_heads * c.head_size);

    let hidden = b.activation("hidden", c.hidden);
    let normed = b.activation("normed", c.hidden);
    let qkv = b.activation("qkv", q_width + 2 * kv_width);
    let (q, k, v) = (
        b.columns(qkv, 0, q_width),
        b.columns(qkv, q_width, kv_width),
        b.columns(qkv, q_width + kv_width, kv_width),
    );
    let attended = b.activation("attended", q_width);
    let halves = b.activation("gate_up", 2 * c.ffn);
    let (gate, up) = (b.columns(halves, 0, c.ffn), b.columns(halves, c.ffn, c.ffn));
    let gated = b.activation("gated", c.ffn);
    let projected = b.activation("projected", c.hidden);

    let table = w.matrix(&mut b, "token_embd.weight", c.vocabulary, c.hidden)?;
    b.embed(table, hidden);
    for layer in 0..c.layers {
        let name = |rest: &str| format!("blk.{layer}.{rest}");
        let linear = |b: &mut PlanBuilder, x, out: azulejo_plan::View, what: &str, rows, cols| {
            let weight = w.matrix(b, &name(&format!("{what}.weight")), rows, cols)?;
            let bias = w.optional(b, &name(&format!("{what}.bias")), rows)?;
            b.linear(x, weight, bias, out);
            Ok::<(), ModelError>(())
        };
        let norm = w.vector(&mut b, &name("attn_norm.weight"), c.hidden)?;
        b.rms_norm(hidden, norm, c.eps, normed);
        linear(&mut b, normed, q, "attn_q", q_width, c.hidden)?;
        linear(&mut b, normed, k, "attn_k", kv_width, c.hidden)?;
        linear(&mut b, normed, v, "attn_v", kv_width, c.hidden)?;
        b.rope_kv(q, k, v, layer, 0);
        b.attention(q, attended, layer);
        linear(&mut b, attended, projected, "attn_output", c.hidden, q_width)?;
        b.add(hidden, projected, hidden);

        let norm = w.vector(&mut b, &name("ffn_norm.weight"), c.hidden)?;
        b.rms_norm(hidden, norm, c.eps, normed);
        linear(&mut b, normed, gate, "ffn_gate", c.ffn, c.hidden)?;
        linear(&mut b, normed, up, "ffn_up", c.ffn, c.hidden)?;
        b.swiglu(gate, up, gated);
        linear(&mut b, gated, projected, "ffn_down", c.hidden, c.ffn)?;
        b.add(hidden, projected, hidden);
    }
    let norm = w.vector(&mut b, "output_norm.weight", c.hidden)?;
    let output = match w.has("output.weight") {
        true => w.matrix(&mut b, "output.weight", c.vocabulary, c.hidden)?,
        false => table,
    };
    let logits = b.logits(c.vocabulary);
    b.head(hidden, Norm { weight: norm, eps: c.eps, out: normed }, output, logits);
    Ok(b.finish())
}
