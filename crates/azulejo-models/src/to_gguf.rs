//! What an architecture knows of files, to write them: a Hugging Face model's hyper-parameters as the keys that
//! llama.cpp's converter writes and [`crate::gguf`] reads, and its tensors in GGUF's names and form.

use azulejo_formats::gguf::{Metadata, Value};
use azulejo_formats::{ModelFile, TensorInfo};
use azulejo_plan::{Plan, RopeLayout};

use crate::decoder::{Family, NormKind, Windowed};
use crate::{Architecture, Config, EncoderNames, Graph, ModelError, RopeScaling, encoder, gguf, names};

impl Architecture {
    /// Writes the hyper-parameters into the metadata of a GGUF file of the folder `file`.
    ///
    /// # Errors
    /// [`ModelError::Config`]: what GGUF has no key for.
    pub fn describe(&self, file: &ModelFile, c: &Config, metadata: &mut Metadata) -> Result<(), ModelError> {
        let mut keys = Keys { architecture: self.gguf, metadata };
        for (key, value) in [
            ("block_count", c.layers),
            ("context_length", c.context_length),
            ("embedding_length", c.hidden),
            ("feed_forward_length", c.ffn),
            ("attention.head_count", c.heads),
        ] {
            keys.put(key, value);
        }
        match self.graph {
            Graph::Decoder(family) => keys.decoder(family, c),
            Graph::Encoder => {
                keys.encoder(file, c);
                Ok(())
            }
        }
    }

    /// Whether llama.cpp's readers of a decoder of this architecture know a bias, by GGUF's name.
    pub fn reads_bias(&self, gguf: &str) -> bool {
        is_llama(self.gguf)
            || ["attn_q.bias", "attn_k.bias", "attn_v.bias"].iter().any(|known| gguf.ends_with(known))
    }
}

/// Whether llama.cpp reads an architecture as Llama: those have the tensors that it knows of no other one, and it opens no file
/// with a tensor that it doesn't know.
fn is_llama(architecture: &str) -> bool {
    architecture == "llama"
}

impl Family {
    /// GGUF's name of a tensor of a Hugging Face folder, or of a part of it, under whatever prefix; `None` for one that
    /// this family hasn't.
    pub fn gguf_name(&self, name: &str) -> Option<String> {
        names::gguf(self.place, name)
    }

    /// Whether a tensor of a Hugging Face folder is of a part that reads images: a GGUF is of the part that writes.
    pub fn is_of_other_part(&self, name: &str) -> bool {
        let name = name.strip_prefix("model.").unwrap_or(name);
        self.other_parts.iter().any(|part| name.starts_with(part))
    }

    /// Whether rope turns neighbours in GGUF files, so that the rows of queries and keys are in another order than in
    /// Hugging Face folders.
    pub fn pairs_rows(&self) -> bool {
        self.gguf_rope == RopeLayout::Interleaved
    }

    /// What is added to each weight of a Hugging Face folder's tensor, whose GGUF name that is.
    pub fn plus(&self, gguf: &str) -> f32 {
        if gguf.ends_with("norm.weight") { self.hugging_face_norms_lack } else { 0.0 }
    }
}

struct Keys<'a> {
    architecture: &'static str,
    metadata: &'a mut Metadata,
}

impl Keys<'_> {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.metadata.insert(format!("{}.{key}", self.architecture), value);
    }

    fn encoder(&mut self, file: &ModelFile, c: &Config) {
        self.put("attention.layer_norm_epsilon", c.eps);
        self.put("attention.causal", false);
        let names = EncoderNames::of(|name| file.tensors.contains_key(name));
        let types = names.hugging_face(encoder::TYPES).and_then(|name| file.tensors.get(&name));
        self.metadata.insert("tokenizer.ggml.token_type_count", types.map_or(1, TensorInfo::rows) as u32);
    }

    fn decoder(&mut self, family: &Family, c: &Config) -> Result<(), ModelError> {
        self.put("attention.head_count_kv", c.kv_heads);
        self.put("vocab_size", c.vocabulary);
        self.put("attention.key_length", c.head_size);
        self.put("attention.value_length", c.head_size);
        let eps = match family.norm {
            NormKind::Rms { .. } => "layer_norm_rms_epsilon",
            NormKind::Plain { .. } => "layer_norm_epsilon",
        };
        self.put(&format!("attention.{eps}"), c.eps);
        if is_llama(self.architecture) {
            self.put("rope.dimension_count", c.rotated);
        }
        if let Some(limit) = c.clip_qkv {
            self.put("attention.clamp_kqv", limit);
        }
        self.windows(c, matches!(family.windowed, Windowed::AllButEvery(_)))?;
        let read = gguf::scores_by_width(family, c.layers, c.hidden, c.heads);
        let read = read.unwrap_or(f64::from(c.head_size));
        if c.query_scalar() != read {
            let found = c.query_scalar();
            let problem = format!("is {found}, which a GGUF can't say: its readers take {read} here");
            return Err(ModelError::config("query_pre_attn_scalar", problem));
        }
        self.rope(family, c)
    }

    /// The sliding window, and which layers have it where not all do, or where readers assume a pattern. llama.cpp's
    /// converter leaves the window out for Mistral, and its programs attend to everything then.
    fn windows(&mut self, c: &Config, has_pattern: bool) -> Result<(), ModelError> {
        let Some(window) = c.windows.iter().flatten().next() else { return Ok(()) };
        if c.windows.iter().flatten().any(|other| other != window) {
            let problem = "is of several lengths, and a GGUF can't say that";
            return Err(ModelError::config("sliding_window", problem));
        }
        self.put("attention.sliding_window", *window);
        let pattern: Vec<bool> = c.windows.iter().map(Option::is_some).collect();
        if has_pattern || pattern.contains(&false) {
            self.put("attention.sliding_window_pattern", pattern);
        }
        Ok(())
    }

    fn rope(&mut self, family: &Family, c: &Config) -> Result<(), ModelError> {
        // Not all families' readers look for a base of those layers' own.
        let own = c.windowed_rope.as_ref().unwrap_or(&c.rope).theta;
        let own = family.windowed_theta.filter(|_| c.windows.iter().any(Option::is_some)).map(|_| own);
        if let Some(own) = own {
            self.put("rope.freq_base_swa", own as f32);
        }
        if c.windowed_rope != gguf::windowed_rope(&c.rope, own, &c.windows) {
            let problem = "differ in layers with a window in a way that a GGUF can't say";
            return Err(ModelError::config("rope_parameters", problem));
        }
        self.put("rope.freq_base", c.rope.theta as f32);
        match &c.rope.scaling {
            RopeScaling::None => {}
            // A tensor.
            RopeScaling::Llama3 { .. } | RopeScaling::Factors(_) if is_llama(self.architecture) => {}
            RopeScaling::Llama3 { .. } | RopeScaling::Factors(_) => {
                let problem =
                    format!("is Llama 3's, which readers of a GGUF of {} don't know", self.architecture);
                return Err(ModelError::config("rope_scaling", problem));
            }
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

/// The divisors of rope's frequencies that Llama 3's scaling is (GGUF's tensor `rope_freqs.weight`), if the model has it.
pub fn rope_factors(c: &Config, plan: &Plan) -> Option<Vec<f32>> {
    let table = plan.rope_tables.first().filter(|_| matches!(c.rope.scaling, RopeScaling::Llama3 { .. }))?;
    let plain = |pair: usize| c.rope.theta.powf(-2.0 * pair as f64 / f64::from(c.rotated));
    let scaled = table.inverse_frequencies.iter().enumerate();
    Some(scaled.map(|(pair, frequency)| (plain(pair) / f64::from(*frequency)) as f32).collect())
}
