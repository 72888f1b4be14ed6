//! A Hugging Face model's configuration and tensors in GGUF's words: the keys and names that llama.cpp's converter
//! writes, so that its programs find them.

use anyhow::{Result, anyhow};
use azulejo::formats::gguf::Metadata;
use azulejo::formats::hf::HfFiles;
use serde_json::Value;

/// An architecture: how its files differ.
#[derive(Debug)]
pub(crate) struct Family {
    /// `model_type` in config.json.
    hugging_face: &'static str,
    /// `general.architecture`.
    pub(crate) gguf: &'static str,
    /// Whether rope turns neighbours there, so that the rows of queries and keys are in another order.
    pub(crate) pairs: bool,
    /// Whether norms come behind attention and feed-forward.
    post_norms: bool,
}

const FAMILIES: [Family; 7] = [
    Family { hugging_face: "llama", gguf: "llama", pairs: true, post_norms: false },
    Family { hugging_face: "mistral", gguf: "llama", pairs: true, post_norms: false },
    Family { hugging_face: "qwen2", gguf: "qwen2", pairs: false, post_norms: false },
    Family { hugging_face: "qwen3", gguf: "qwen3", pairs: false, post_norms: false },
    Family { hugging_face: "olmo", gguf: "olmo", pairs: true, post_norms: false },
    Family { hugging_face: "olmo2", gguf: "olmo2", pairs: false, post_norms: true },
    Family { hugging_face: "olmo3", gguf: "olmo2", pairs: false, post_norms: true },
];

impl Family {
    /// That of a folder.
    pub(crate) fn of(files: &HfFiles) -> Result<&'static Self> {
        let name = files.config["model_type"].as_str().unwrap_or("(none)");
        FAMILIES.iter().find(|family| family.hugging_face == name).ok_or_else(|| {
            let known = FAMILIES.each_ref().map(|family| family.hugging_face).join(", ");
            anyhow!("config.json: models of type '{name}' can't be converted; these can: {known}")
        })
    }

    /// That of a GGUF file.
    pub(crate) fn of_gguf(architecture: &str) -> Result<&'static Self> {
        FAMILIES.iter().find(|family| family.gguf == architecture).ok_or_else(|| {
            anyhow!("the names of an adapter's matrices aren't known for the architecture '{architecture}'")
        })
    }

    /// A tensor's name in the new file; `None` for what is computed anew (tables of rotations).
    ///
    /// # Errors
    /// A tensor that this architecture hasn't.
    pub(crate) fn tensor(&self, name: &str) -> Result<Option<String>> {
        if name.ends_with("rotary_emb.inv_freq") {
            return Ok(None);
        }
        let unknown = || anyhow!("tensor `{name}` is none that a model of type '{}' has", self.hugging_face);
        let whole = match name {
            "model.embed_tokens.weight" => Some("token_embd.weight"),
            "model.norm.weight" => Some("output_norm.weight"),
            "lm_head.weight" => Some("output.weight"),
            _ => None,
        };
        if let Some(whole) = whole {
            return Ok(Some(whole.to_owned()));
        }
        let rest = name.strip_prefix("model.layers.").ok_or_else(unknown)?;
        let (layer, rest) = rest.split_once('.').ok_or_else(unknown)?;
        let (what, kind) = rest.rsplit_once('.').ok_or_else(unknown)?;
        let what = match what {
            "input_layernorm" => "attn_norm",
            "self_attn.q_proj" => "attn_q",
            "self_attn.k_proj" => "attn_k",
            "self_attn.v_proj" => "attn_v",
            "self_attn.o_proj" => "attn_output",
            "self_attn.q_norm" => "attn_q_norm",
            "self_attn.k_norm" => "attn_k_norm",
            "post_attention_layernorm" if self.post_norms => "post_attention_norm",
            "post_attention_layernorm" => "ffn_norm",
            "post_feedforward_layernorm" => "post_ffw_norm",
            "mlp.gate_proj" => "ffn_gate",
            "mlp.up_proj" => "ffn_up",
            "mlp.down_proj" => "ffn_down",
            _ => return Err(unknown()),
        };
        Ok(Some(format!("blk.{layer}.{what}.{kind}")))
    }

    /// Writes the hyper-parameters into the metadata.
    pub(crate) fn describe(&self, files: &HfFiles, rows: u64, metadata: &mut Metadata) -> Result<()> {
        let c = &files.config;
        let mut keys = Keys { architecture: self.gguf, config: c, metadata };
        keys.integer("num_hidden_layers", "block_count")?;
        keys.integer("max_position_embeddings", "context_length")?;
        keys.integer("hidden_size", "embedding_length")?;
        keys.integer("intermediate_size", "feed_forward_length")?;
        keys.integer("num_attention_heads", "attention.head_count")?;
        keys.integer("num_key_value_heads", "attention.head_count_kv")?;
        keys.float("rms_norm_eps", "attention.layer_norm_rms_epsilon")?;
        keys.put("vocab_size", u32::try_from(rows)?);
        let head_size = u32::try_from(head_size(c)?)?;
        keys.put("attention.key_length", head_size);
        keys.put("attention.value_length", head_size);
        if self.gguf == "llama" {
            keys.put("rope.dimension_count", head_size);
        }
        if self.gguf == "olmo" {
            keys.put("attention.layer_norm_epsilon", 1e-5f32);
            keys.float("clip_qkv", "attention.clamp_kqv")?;
        }
        keys.window(self)?;
        keys.rope()
    }
}

fn head_size(c: &Value) -> Result<u64> {
    let size = c["head_dim"]
        .as_u64()
        .or_else(|| c["hidden_size"].as_u64()?.checked_div(c["num_attention_heads"].as_u64()?));
    size.ok_or_else(|| {
        anyhow!("config.json: there is no head_dim, and no hidden_size and num_attention_heads")
    })
}

struct Keys<'a> {
    architecture: &'a str,
    config: &'a Value,
    metadata: &'a mut Metadata,
}

impl Keys<'_> {
    fn put(&mut self, key: &str, value: impl Into<azulejo::formats::gguf::Value>) {
        self.metadata.insert(format!("{}.{key}", self.architecture), value);
    }

    fn integer(&mut self, from: &str, key: &str) -> Result<()> {
        let value = &self.config[from];
        if value.is_null() {
            return Ok(());
        }
        let number = value.as_u64().and_then(|value| u32::try_from(value).ok());
        let number =
            number.ok_or_else(|| anyhow!("config.json: {from} is {value}, which is no whole number"))?;
        self.put(key, number);
        Ok(())
    }

    fn float(&mut self, from: &str, key: &str) -> Result<()> {
        let value = &self.config[from];
        if value.is_null() {
            return Ok(());
        }
        let number =
            value.as_f64().ok_or_else(|| anyhow!("config.json: {from} is {value}, which is no number"))?;
        self.put(key, number as f32);
        Ok(())
    }

    /// The sliding window. llama.cpp's converter leaves it out for Mistral, and its programs attend to everything then.
    fn window(&mut self, family: &Family) -> Result<()> {
        let c = self.config;
        let is_used = match family.hugging_face {
            "mistral" | "olmo3" => true,
            _ => c["use_sliding_window"] == true,
        };
        if !is_used || c["sliding_window"].is_null() {
            return Ok(());
        }
        self.integer("sliding_window", "attention.sliding_window")?;
        if family.post_norms {
            let layers = c["num_hidden_layers"].as_u64().unwrap_or(0);
            let pattern: Vec<bool> = match c["layer_types"].as_array() {
                Some(types) => types.iter().map(|kind| kind == "sliding_attention").collect(),
                None => (1..=layers).map(|layer| layer % 4 != 0).collect(),
            };
            self.put("attention.sliding_window_pattern", pattern);
        }
        Ok(())
    }

    fn rope(&mut self) -> Result<()> {
        let parameters = rope_parameters(self.config);
        let get = |key: &str| parameters.and_then(|p| p[key].as_f64());
        let base = get("rope_theta").or(self.config["rope_theta"].as_f64()).unwrap_or(10_000.0);
        self.put("rope.freq_base", base as f32);
        let need = |key: &str| get(key).ok_or_else(|| anyhow!("config.json: rope scaling has no {key}"));
        match rope_kind(parameters) {
            "linear" => {
                self.put("rope.scaling.type", "linear");
                self.put("rope.scaling.factor", need("factor")? as f32);
            }
            "yarn" => {
                self.put("rope.scaling.type", "yarn");
                self.put("rope.scaling.factor", need("factor")? as f32);
                let context = need("original_max_position_embeddings")? as u32;
                self.put("rope.scaling.original_context_length", context);
                for (from, key) in [
                    ("attention_factor", "rope.scaling.yarn_attn_factor"),
                    ("beta_fast", "rope.scaling.yarn_beta_fast"),
                    ("beta_slow", "rope.scaling.yarn_beta_slow"),
                ] {
                    if let Some(value) = get(from) {
                        self.put(key, value as f32);
                    }
                }
            }
            // Llama 3's is a tensor.
            "default" | "llama3" => {}
            other => return Err(anyhow!("config.json: rope scaling of type '{other}' is not known here")),
        }
        Ok(())
    }
}

/// Newer files have `rope_parameters`, older ones `rope_scaling`.
fn rope_parameters(c: &Value) -> Option<&Value> {
    ["rope_parameters", "rope_scaling"].into_iter().map(|key| &c[key]).find(|value| value.is_object())
}

fn rope_kind(parameters: Option<&Value>) -> &str {
    let kind = parameters.and_then(|p| p["rope_type"].as_str().or_else(|| p["type"].as_str()));
    kind.unwrap_or("default")
}

/// The divisors of rope's frequencies that Llama 3's scaling is (`rope_freqs.weight`), if the model has it.
///
/// Source: the model card of Llama 3.1, and Hugging Face's `rope_type: llama3`.
pub(crate) fn rope_factors(files: &HfFiles) -> Result<Option<Vec<f32>>> {
    let c = &files.config;
    let Some(parameters) = rope_parameters(c).filter(|p| rope_kind(Some(p)) == "llama3") else {
        return Ok(None);
    };
    let get = |key: &str, default: f64| parameters[key].as_f64().unwrap_or(default);
    let base = parameters["rope_theta"].as_f64().or(c["rope_theta"].as_f64()).unwrap_or(10_000.0);
    let (factor, context) = (get("factor", 8.0), get("original_max_position_embeddings", 8192.0));
    let (low, high) = (get("low_freq_factor", 1.0), get("high_freq_factor", 4.0));
    let size = head_size(c)?;
    let divisor = |pair: u64| {
        let frequency = base.powf(-(2.0 * pair as f64) / size as f64);
        let wavelength = 2.0 * std::f64::consts::PI / frequency;
        if wavelength < context / high {
            1.0
        } else if wavelength > context / low {
            factor
        } else {
            let smooth = (context / wavelength - low) / (high - low);
            1.0 / ((1.0 - smooth) / factor + smooth)
        }
    };
    Ok(Some((0..size / 2).map(|pair| divisor(pair) as f32).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hugging_face_names_are_those_of_gguf() {
        let name = |family: &Family, name: &str| family.tensor(name).unwrap().unwrap();
        let [llama, .., olmo2, _] = &FAMILIES;
        assert_eq!(name(llama, "lm_head.weight"), "output.weight");
        assert_eq!(name(llama, "model.layers.3.self_attn.q_proj.bias"), "blk.3.attn_q.bias");
        let norm = "model.layers.1.post_attention_layernorm.weight";
        assert_eq!(name(llama, norm), "blk.1.ffn_norm.weight");
        assert_eq!(name(olmo2, norm), "blk.1.post_attention_norm.weight");
        assert!(llama.tensor("model.vision.weight").is_err());
        assert_eq!(llama.tensor("model.layers.0.self_attn.rotary_emb.inv_freq").unwrap(), None);
    }

    #[test]
    fn hugging_face_windows_are_written() {
        let config = serde_json::json!({
            "model_type": "mistral", "sliding_window": 2048, "hidden_size": 64, "num_attention_heads": 2,
            "num_hidden_layers": 2,
        });
        let files = HfFiles { config, ..HfFiles::default() };
        let mut metadata = Metadata::default();
        Family::of(&files).unwrap().describe(&files, 7, &mut metadata).unwrap();
        assert_eq!(metadata.get_u32("llama.attention.sliding_window").unwrap(), 2048);
        assert_eq!(metadata.get_u32("llama.rope.dimension_count").unwrap(), 32);
        assert_eq!(metadata.get_u32("llama.vocab_size").unwrap(), 7);
    }
}
