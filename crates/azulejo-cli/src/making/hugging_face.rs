//! A Hugging Face model's configuration and tensors in GGUF's words: the keys and names that llama.cpp's converter
//! writes, so that its programs find them.

use anyhow::{Result, anyhow};
use azulejo::{Config, Plan};
use azulejo_formats::gguf::Metadata;
use azulejo_formats::hf::HfFiles;
use azulejo_models::{Rope, RopeScaling};

use super::encoder;

/// An architecture: how its files differ.
#[derive(Debug)]
pub(crate) struct Family {
    /// `model_type` in config.json.
    hugging_face: &'static str,
    /// `general.architecture`.
    pub(crate) gguf: &'static str,
    /// Whether rope turns neighbours there, so that the rows of queries and keys are in another order.
    pub(crate) pairs: bool,
    /// Where the norms of attention and feed-forward stand.
    norms: Norms,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Norms {
    Before,
    Behind,
    /// On both sides; the weights in folders are less 1.
    Both,
}

const fn family(hugging_face: &'static str, gguf: &'static str, pairs: bool, norms: Norms) -> Family {
    Family { hugging_face, gguf, pairs, norms }
}

const FAMILIES: [Family; 9] = [
    family("llama", "llama", true, Norms::Before),
    family("mistral", "llama", true, Norms::Before),
    family("qwen2", "qwen2", false, Norms::Before),
    family("qwen3", "qwen3", false, Norms::Before),
    family("olmo", "olmo", true, Norms::Before),
    family("olmo2", "olmo2", false, Norms::Behind),
    family("olmo3", "olmo2", false, Norms::Behind),
    family("gemma3", "gemma3", false, Norms::Both),
    family("gemma3_text", "gemma3", false, Norms::Both),
];

/// What the names of tensors begin with: those of a whole model, of the part that writes in one that reads images too
/// (by transformers 4 and 5), and of what was saved from a base model, without a head.
const PREFIXES: [&str; 5] =
    ["language_model.model.", "model.language_model.", "language_model.", "model.", ""];

/// What the names of the parts that read images begin with, behind `model.` or not.
const VISION: [&str; 2] = ["vision_tower.", "multi_modal_projector."];

impl Family {
    /// That of a folder.
    pub(crate) fn of(files: &HfFiles) -> Result<&'static Self> {
        let name = files.config["model_type"].as_str().unwrap_or("(none)");
        FAMILIES.iter().find(|family| family.hugging_face == name).ok_or_else(|| {
            let known = FAMILIES.iter().map(|family| family.hugging_face).chain(encoder::TYPES);
            let known = known.collect::<Vec<_>>().join(", ");
            anyhow!("config.json: models of type '{name}' can't be converted; these can: {known}")
        })
    }

    /// That of a GGUF file.
    pub(crate) fn of_gguf(architecture: &str) -> Result<&'static Self> {
        FAMILIES.iter().find(|family| family.gguf == architecture).ok_or_else(|| {
            anyhow!("the names of an adapter's matrices aren't known for the architecture '{architecture}'")
        })
    }

    /// Whether a tensor is of a part that reads images, which a file of the part that writes leaves out.
    pub(crate) fn leaves_out(&self, name: &str) -> bool {
        let name = name.strip_prefix("model.").unwrap_or(name);
        self.hugging_face == "gemma3" && VISION.iter().any(|part| name.starts_with(part))
    }

    /// What is added to the weights of the tensor of that name in the new file.
    pub(crate) fn plus(&self, gguf: &str) -> f32 {
        if self.norms == Norms::Both && gguf.ends_with("norm.weight") { 1.0 } else { 0.0 }
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
        let body = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
        let whole = match body {
            "embed_tokens.weight" => Some("token_embd.weight"),
            "norm.weight" => Some("output_norm.weight"),
            "lm_head.weight" => Some("output.weight"),
            _ => None,
        };
        if let Some(whole) = whole {
            return Ok(Some(whole.to_owned()));
        }
        let rest = body.strip_prefix("layers.").ok_or_else(unknown)?;
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
            "post_attention_layernorm" if self.norms == Norms::Before => "ffn_norm",
            "post_attention_layernorm" => "post_attention_norm",
            "pre_feedforward_layernorm" if self.norms == Norms::Both => "ffn_norm",
            "post_feedforward_layernorm" => "post_ffw_norm",
            "mlp.gate_proj" => "ffn_gate",
            "mlp.up_proj" => "ffn_up",
            "mlp.down_proj" => "ffn_down",
            _ => return Err(unknown()),
        };
        Ok(Some(format!("blk.{layer}.{what}.{kind}")))
    }

    /// Writes the hyper-parameters into the metadata.
    ///
    /// # Errors
    /// What GGUF has no key for.
    pub(crate) fn describe(&self, c: &Config, metadata: &mut Metadata) -> Result<()> {
        let mut keys = Keys { architecture: self.gguf, metadata };
        keys.put("block_count", c.layers);
        keys.put("context_length", c.context_length);
        keys.put("embedding_length", c.hidden);
        keys.put("feed_forward_length", c.ffn);
        keys.put("attention.head_count", c.heads);
        keys.put("attention.head_count_kv", c.kv_heads);
        keys.put("vocab_size", c.vocabulary);
        keys.put("attention.key_length", c.head_size);
        keys.put("attention.value_length", c.head_size);
        let eps = if self.gguf == "olmo" { "layer_norm_epsilon" } else { "layer_norm_rms_epsilon" };
        keys.put(&format!("attention.{eps}"), c.eps);
        if self.gguf == "llama" {
            keys.put("rope.dimension_count", c.rotated);
        }
        if let Some(limit) = c.clip_qkv {
            keys.put("attention.clamp_kqv", limit);
        }
        keys.windows(c, self.norms != Norms::Before)?;
        keys.scores(c)?;
        keys.rope(c)
    }
}

/// By which llama.cpp knows Gemma's 27B.
const LAYERS_OF_27B: u32 = 62;

struct Keys<'a> {
    architecture: &'a str,
    metadata: &'a mut Metadata,
}

impl Keys<'_> {
    fn put(&mut self, key: &str, value: impl Into<azulejo_formats::gguf::Value>) {
        self.metadata.insert(format!("{}.{key}", self.architecture), value);
    }

    /// The sliding window, and which layers have it where not all do, or where readers assume a pattern. llama.cpp's
    /// converter leaves the window out for Mistral, and its programs attend to everything then.
    fn windows(&mut self, c: &Config, has_pattern: bool) -> Result<()> {
        let Some(window) = c.windows.iter().flatten().next() else { return Ok(()) };
        if c.windows.iter().flatten().any(|other| other != window) {
            return Err(anyhow!("config.json: a GGUF can't say that layers have windows of several lengths"));
        }
        self.put("attention.sliding_window", *window);
        let pattern: Vec<bool> = c.windows.iter().map(Option::is_some).collect();
        if has_pattern || pattern.contains(&false) {
            self.put("attention.sliding_window_pattern", pattern);
        }
        Ok(())
    }

    /// What attention scores are divided by: no key says it, and readers go by the layers.
    fn scores(&mut self, c: &Config) -> Result<()> {
        let is_27b = self.architecture == "gemma3" && c.layers == LAYERS_OF_27B;
        let read = f64::from(if is_27b { c.hidden / c.heads } else { c.head_size });
        if c.query_scalar() != read {
            let found = c.query_scalar();
            return Err(anyhow!(
                "config.json: a GGUF can't say that `query_pre_attn_scalar` is {found}: its readers take {read} here"
            ));
        }
        Ok(())
    }

    fn rope(&mut self, c: &Config) -> Result<()> {
        // What readers make of a file where some layers have a window: those aren't stretched, and Gemma's have a base of
        // their own.
        let has_window = c.windows.iter().any(Option::is_some);
        let own = c.windowed_rope.as_ref().filter(|_| self.architecture == "gemma3");
        if let Some(own) = own {
            self.put("rope.freq_base_swa", own.theta as f32);
        }
        let theta = own.map_or(c.rope.theta, |own| own.theta);
        let unstretched = Rope { theta, scaling: RopeScaling::None };
        let is_own = has_window && (self.architecture == "gemma3" || c.windows.contains(&None));
        let windowed = Some(unstretched).filter(|rope| is_own && *rope != c.rope);
        if c.windowed_rope != windowed {
            return Err(anyhow!(
                "config.json: a GGUF can't say how rope differs in layers with a window here"
            ));
        }
        self.put("rope.freq_base", c.rope.theta as f32);
        match &c.rope.scaling {
            // Llama 3's is a tensor.
            RopeScaling::None | RopeScaling::Llama3 { .. } | RopeScaling::Factors(_) => {}
            RopeScaling::Linear { factor } => {
                self.put("rope.scaling.type", "linear");
                self.put("rope.scaling.factor", *factor as f32);
            }
            RopeScaling::Yarn { factor, original, beta_fast, beta_slow, truncate, magnitude } => {
                self.put("rope.scaling.type", "yarn");
                self.put("rope.scaling.factor", *factor as f32);
                self.put("rope.scaling.original_context_length", *original as u32);
                self.put("rope.scaling.yarn_beta_fast", *beta_fast as f32);
                self.put("rope.scaling.yarn_beta_slow", *beta_slow as f32);
                // Readers multiply it with what follows from the factor.
                let given = magnitude / RopeScaling::yarn_magnitude(*factor);
                if (given - 1.0).abs() > 1e-6 {
                    self.put("rope.scaling.attn_factor", given as f32);
                }
                if !truncate {
                    // A key of our own: llama.cpp rounds the ramp's ends always.
                    self.put("rope.scaling.yarn_truncate", false);
                }
            }
        }
        Ok(())
    }
}

/// The divisors of rope's frequencies that Llama 3's scaling is (`rope_freqs.weight`), if the model has it.
pub(crate) fn rope_factors(c: &Config, plan: &Plan) -> Option<Vec<f32>> {
    let table = plan.rope_tables.first().filter(|_| matches!(c.rope.scaling, RopeScaling::Llama3 { .. }))?;
    let plain = |pair: usize| c.rope.theta.powf(-2.0 * pair as f64 / f64::from(c.rotated));
    let scaled = table.inverse_frequencies.iter().enumerate();
    Some(scaled.map(|(pair, frequency)| (plain(pair) / f64::from(*frequency)) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hugging_face_names_are_those_of_gguf() {
        let name = |family: &Family, name: &str| family.tensor(name).unwrap().unwrap();
        let of = |name: &str| FAMILIES.iter().find(|family| family.hugging_face == name).unwrap();
        let (llama, olmo2, gemma) = (of("llama"), of("olmo2"), of("gemma3"));
        assert_eq!(name(llama, "lm_head.weight"), "output.weight");
        assert_eq!(name(llama, "model.layers.3.self_attn.q_proj.bias"), "blk.3.attn_q.bias");
        assert_eq!(name(llama, "layers.3.self_attn.q_proj.bias"), "blk.3.attn_q.bias");
        assert_eq!(name(llama, "embed_tokens.weight"), "token_embd.weight");
        let norm = "model.layers.1.post_attention_layernorm.weight";
        assert_eq!(name(llama, norm), "blk.1.ffn_norm.weight");
        assert_eq!(name(olmo2, norm), "blk.1.post_attention_norm.weight");
        assert_eq!(name(gemma, norm), "blk.1.post_attention_norm.weight");
        let part = "model.layers.1.pre_feedforward_layernorm.weight";
        for prefix in ["", "language_model.", "model.language_model."] {
            let part = part.strip_prefix(if prefix.starts_with('m') { "model." } else { "" }).unwrap();
            assert_eq!(name(gemma, &format!("{prefix}{part}")), "blk.1.ffn_norm.weight");
        }
        assert!(llama.tensor(part).is_err());
        assert!(gemma.leaves_out("vision_tower.vision_model.post_layernorm.weight"));
        assert!(gemma.leaves_out("model.multi_modal_projector.mm_soft_emb_norm.weight"));
        assert!(!gemma.leaves_out(part) && !llama.leaves_out("vision_tower.x.weight"));
        assert!(llama.tensor("model.vision.weight").is_err());
        assert_eq!(llama.tensor("model.layers.0.self_attn.rotary_emb.inv_freq").unwrap(), None);
    }
}
