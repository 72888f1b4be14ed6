//! Hyper-parameters.

use azulejo_plan::RopeLayout;

use crate::ModelError;

/// The hyper-parameters of a decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The architecture's name, as in the file.
    pub architecture: String,
    /// The model's own name, where the file says it.
    pub name: Option<String>,
    /// Rows of the embedding table.
    pub vocabulary: u32,
    /// Layers.
    pub layers: u32,
    /// Width of the hidden state.
    pub hidden: u32,
    /// Width inside a layer's second half.
    pub ffn: u32,
    /// Query heads.
    pub heads: u32,
    /// Heads of keys and values.
    pub kv_heads: u32,
    /// Elements of a head.
    pub head_size: u32,
    /// Positions that the model was made for.
    pub context_length: u32,
    /// Added to mean squares in norms.
    pub eps: f32,
    /// Elements of a head that rotate; none where positions are learned.
    pub rotated: u32,
    /// Which elements rotate together.
    pub rope_layout: RopeLayout,
    /// How far they rotate.
    pub rope: Rope,
    /// The same in layers with a window, where that differs.
    pub windowed_rope: Option<Rope>,
    /// How many positions a token of each layer sees, its own included; none is all up to its own.
    pub windows: Vec<Option<u32>>,
    /// What attention scores are divided by the root of, if it isn't the head's size (Gemma's word for it).
    pub query_pre_attn_scalar: Option<f64>,
    /// What queries, keys and values are kept within, plus or minus.
    pub clip_qkv: Option<f32>,
    /// False for an encoder, whose tokens see those behind them too.
    pub is_causal: bool,
}

/// Rotation by position.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// The base.
    pub theta: f64,
    /// How it is stretched.
    pub scaling: RopeScaling,
}

/// How rope is stretched to a longer context.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// All frequencies divided by the factor.
    Linear {
        /// The factor.
        factor: f64,
    },
    /// Llama 3's: long wavelengths divided by the factor, short ones kept, blended between.
    Llama3 {
        /// The factor.
        factor: f64,
        /// Wavelengths over `original / low` are divided.
        low: f64,
        /// Wavelengths under `original / high` are kept.
        high: f64,
        /// The context before stretching.
        original: f64,
    },
    /// YaRN (Peng et al., 2023): slow rotations divided by the factor, fast ones kept, a ramp between.
    Yarn {
        /// The factor.
        factor: f64,
        /// The context before stretching.
        original: f64,
        /// Pairs that rotate more often than this within the original context are kept.
        beta_fast: f64,
        /// Pairs that rotate less often than this within it are divided.
        beta_slow: f64,
        /// Whether the ends of the ramp are whole pairs.
        truncate: bool,
        /// What cosines and sines are multiplied by.
        magnitude: f64,
    },
    /// Each frequency divided by its own factor (GGUF's `rope_freqs.weight`).
    Factors(Vec<f32>),
}

impl RopeScaling {
    /// YaRN's recommendation for what cosines and sines are multiplied by.
    pub fn yarn_magnitude(factor: f64) -> f64 {
        crate::rope::yarn_magnitude(factor, 1.0)
    }
}

impl Config {
    /// What attention scores are divided by the root of.
    pub fn query_scalar(&self) -> f64 {
        self.query_pre_attn_scalar.unwrap_or(f64::from(self.head_size))
    }

    /// Gives the layers that have a window another one, or all of them where none has; 0 takes the windows away.
    pub fn set_window(&mut self, window: u32) {
        let has_any = self.windows.iter().any(Option::is_some);
        for own in self.windows.iter_mut().filter(|own| own.is_some() || !has_any) {
            *own = Some(window).filter(|window| *window > 0);
        }
    }

    /// Checks what no shape of a tensor would.
    pub(crate) fn checked(self) -> Result<Self, ModelError> {
        let positive = [
            ("layers", self.layers),
            ("hidden size", self.hidden),
            ("feed-forward size", self.ffn),
            ("attention heads", self.heads),
            ("key-value heads", self.kv_heads),
            ("head size", self.head_size),
            ("context length", self.context_length),
            ("vocabulary", self.vocabulary),
        ];
        for (key, value) in positive {
            if value == 0 || value > 1 << 24 {
                return Err(ModelError::config(key, format!("is {value}, which no model has")));
            }
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            let problem =
                format!("is {}, and {} query heads can't share them evenly", self.kv_heads, self.heads);
            return Err(ModelError::config("key-value heads", problem));
        }
        if !self.head_size.is_multiple_of(2) || self.head_size > 512 {
            let problem = format!("is {}; it must be even and at most 512", self.head_size);
            return Err(ModelError::config("head size", problem));
        }
        if !self.rotated.is_multiple_of(2) || self.rotated > self.head_size {
            let problem =
                format!("is {}; it must be even and at most the head size {}", self.rotated, self.head_size);
            return Err(ModelError::config("rope dimensions", problem));
        }
        if !(self.eps.is_finite() && self.eps >= 0.0) {
            return Err(ModelError::config(
                "norm epsilon",
                format!("is {}, which is no small number", self.eps),
            ));
        }
        for theta in [Some(&self.rope), self.windowed_rope.as_ref()].into_iter().flatten().map(|r| r.theta) {
            if !(theta.is_finite() && theta > 0.0) {
                return Err(ModelError::config("rope base", format!("is {theta}, which is no base")));
            }
        }
        if self.windows.contains(&Some(0)) {
            return Err(ModelError::config(
                "sliding window",
                "is 0, in which a token doesn't even see itself",
            ));
        }
        if !(self.query_scalar().is_finite() && self.query_scalar() > 0.0) {
            let problem = format!("is {}; it must be a positive number", self.query_scalar());
            return Err(ModelError::config("query_pre_attn_scalar", problem));
        }
        if self.clip_qkv.is_some_and(|limit| !(limit.is_finite() && limit > 0.0)) {
            return Err(ModelError::config("clip_qkv", "is no positive number"));
        }
        Ok(self)
    }
}
