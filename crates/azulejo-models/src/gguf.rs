//! Hyper-parameters from GGUF metadata: the keys that llama.cpp's converter writes, behind the architecture's name.

use azulejo_formats::ModelFile;
use azulejo_formats::gguf::{Array, Metadata, Value};
use azulejo_quant::{BlockFormat, decode};

use crate::decoder::{Family, NO_SOFT_CAPS, NormKind};
use crate::{Config, ModelError, Rope, RopeScaling, rope, weights};

/// Metadata below an architecture's name.
struct Keys<'m> {
    metadata: &'m Metadata,
    architecture: String,
}

impl Keys<'_> {
    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    fn u32(&self, key: &str) -> Result<u32, ModelError> {
        Ok(self.metadata.get_u32(&self.key(key))?)
    }

    fn find_u32(&self, key: &str) -> Result<Option<u32>, ModelError> {
        Ok(self.metadata.find_u32(&self.key(key))?)
    }

    fn find_number(&self, key: &str) -> Result<Option<f64>, ModelError> {
        Ok(self.metadata.find_f32(&self.key(key))?.map(f64::from))
    }
}

/// The hyper-parameters of a decoder.
pub(crate) fn decoder(
    file: &ModelFile,
    metadata: &Metadata,
    vocabulary: u32,
    family: &Family,
) -> Result<Config, ModelError> {
    let m = Keys { metadata, architecture: weights::architecture_name(file)? };
    let hidden = m.u32("embedding_length")?;
    let heads = m.u32("attention.head_count")?;
    let head_size = match m.find_u32("attention.key_length")? {
        Some(size) => size,
        None => hidden.checked_div(heads).unwrap_or(0),
    };
    if let Some(size) = m.find_u32("attention.value_length")?.filter(|size| *size != head_size) {
        let supported = "values as long as keys are";
        return Err(ModelError::unsupported(m.key("attention.value_length"), &size.to_string(), supported));
    }
    let layers = m.u32("block_count")?;
    let eps = match family.norm {
        NormKind::Rms { .. } => m.key("attention.layer_norm_rms_epsilon"),
        NormKind::Plain { .. } => m.key("attention.layer_norm_epsilon"),
    };
    let theta = m.find_number("rope.freq_base")?.unwrap_or(10_000.0);
    let scaling = scaling(file, &m)?;
    let windows = windows(&m, layers, family)?;
    let own_theta = m.find_number("rope.freq_base_swa")?.or(family.windowed_theta);
    let rope = Rope { theta, scaling };
    for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
        if let Some(limit) = m.find_number(key)?.filter(|limit| *limit != 0.0) {
            return Err(ModelError::unsupported(m.key(key), &limit.to_string(), NO_SOFT_CAPS));
        }
    }
    Ok(Config {
        name: metadata.get_str("general.name").ok().map(str::to_owned),
        vocabulary,
        layers,
        hidden,
        ffn: m.u32("feed_forward_length")?,
        heads,
        kv_heads: m.find_u32("attention.head_count_kv")?.unwrap_or(heads),
        head_size,
        context_length: m.u32("context_length")?,
        eps: metadata.get_f32(&eps)?,
        rotated: m.find_u32("rope.dimension_count")?.unwrap_or(head_size),
        rope_layout: family.gguf_rope,
        windowed_rope: windowed_rope(&rope, own_theta, &windows),
        rope,
        windows,
        query_pre_attn_scalar: scores_by_width(family, layers, hidden, heads),
        clip_qkv: m.find_number("attention.clamp_kqv")?.map(|limit| limit as f32),
        is_causal: true,
        architecture: m.architecture,
    })
}

/// Rope in layers with a window, where it's another: the base there, if they have their own. Where only some layers have a
/// window, only the others are stretched, as in llama.cpp's OLMo 2.
pub(crate) fn windowed_rope(rope: &Rope, own_theta: Option<f64>, windows: &[Option<u32>]) -> Option<Rope> {
    let has_window = windows.iter().any(Option::is_some);
    let is_own = has_window && (own_theta.is_some() || windows.contains(&None));
    let windowed = Rope { theta: own_theta.unwrap_or(rope.theta), scaling: RopeScaling::None };
    Some(windowed).filter(|windowed| is_own && windowed != rope)
}

/// What scores are divided by the root of, where that isn't the head's size: no key says it.
pub(crate) fn scores_by_width(family: &Family, layers: u32, hidden: u32, heads: u32) -> Option<f64> {
    let is_it = family.scores_by_width_at == Some(layers);
    is_it.then(|| f64::from(hidden.checked_div(heads).unwrap_or(0)))
}

/// The window, and which layers have it: an array says for each, a number n that the last of every n hasn't.
fn windows(m: &Keys<'_>, layers: u32, family: &Family) -> Result<Vec<Option<u32>>, ModelError> {
    let window = m.find_u32("attention.sliding_window")?.filter(|window| *window > 0);
    let key = m.key("attention.sliding_window_pattern");
    let has: Box<dyn Fn(u32) -> bool> = match m.metadata.get(&key) {
        None => Box::new(|layer| family.windowed.has(layer)),
        Some(Value::Array(Array::Bool(pattern))) if pattern.len() >= layers as usize => {
            Box::new(|layer| pattern[layer as usize])
        }
        Some(Value::Array(_)) => {
            return Err(ModelError::config(key, "must have a boolean for each layer"));
        }
        Some(_) => {
            let every = m.find_u32("attention.sliding_window_pattern")?.unwrap_or(0);
            Box::new(move |layer| every == 0 || layer % every < every - 1)
        }
    };
    Ok((0..layers).map(|layer| window.filter(|_| has(layer))).collect())
}

/// What llama.cpp's converter divides rope's frequencies by, where they are stretched as Llama 3's are.
pub(crate) const FACTORS: &str = "rope_freqs.weight";
/// More bytes of them than any head has use for.
pub(crate) const FACTORS_BYTES: u64 = 64 << 10;

fn scaling(file: &ModelFile, m: &Keys<'_>) -> Result<RopeScaling, ModelError> {
    if let Some(info) = file.tensors.get(FACTORS) {
        if info.bytes > FACTORS_BYTES {
            let problem = format!("has {} bytes; it is one number for two elements of a head", info.bytes);
            return Err(ModelError::config(FACTORS, problem));
        }
        let mut bytes = vec![0; info.bytes as usize];
        file.read(info, 0..info.bytes, &mut bytes)?;
        let mut factors = vec![0.0; info.shape.iter().product::<u64>() as usize];
        if info.format != BlockFormat::F32 || decode(info.format, &bytes, &mut factors).is_err() {
            return Err(ModelError::config(FACTORS, format!("is {}, but must be F32", info.format)));
        }
        return Ok(RopeScaling::Factors(factors));
    }
    let kind = m.key("rope.scaling.type");
    // Old converters wrote rope.scale_linear. Without a type a factor means linear; 0 means none, as in llama.cpp.
    let given = match m.find_number("rope.scaling.factor")? {
        Some(factor) => Some(factor),
        None => m.find_number("rope.scale_linear")?,
    };
    let factor = given.filter(|factor| *factor != 0.0);
    let needed = || {
        let missing = || ModelError::config(m.key("rope.scaling.factor"), "is missing");
        factor.ok_or_else(missing)
    };
    match m.metadata.find_str(&kind)? {
        Some("none") => Ok(RopeScaling::None),
        None => Ok(factor.map_or(RopeScaling::None, |factor| RopeScaling::Linear { factor })),
        Some("linear") => Ok(RopeScaling::Linear { factor: needed()? }),
        Some("yarn") => yarn(m, needed()?),
        Some(other) => Err(ModelError::unsupported(kind, other, "none, linear and yarn are")),
    }
}

/// YaRN as llama.cpp reads it: the magnitude follows from the factor and from `yarn_log_multiplier`; what stands in
/// `yarn_attn_factor` has no part in it, while `attn_factor` multiplies it.
fn yarn(m: &Keys<'_>, factor: f64) -> Result<RopeScaling, ModelError> {
    let number = |key: &str, default: f64| -> Result<f64, ModelError> {
        Ok(m.find_number(&format!("rope.scaling.{key}"))?.unwrap_or(default))
    };
    let original = match m.find_u32("rope.scaling.original_context_length")? {
        Some(original) => original,
        None => m.u32("context_length")?,
    };
    if number("yarn_ext_factor", 1.0)? != 1.0 {
        let key = m.key("rope.scaling.yarn_ext_factor");
        return Err(ModelError::config(key, "is given; only 1 is supported"));
    }
    let mut magnitude = RopeScaling::yarn_magnitude(factor);
    let log_multiplier = number("yarn_log_multiplier", 0.0)?;
    if log_multiplier != 0.0 {
        magnitude /= rope::yarn_magnitude(factor, log_multiplier);
    }
    Ok(RopeScaling::Yarn {
        factor,
        original: f64::from(original),
        beta_fast: number("yarn_beta_fast", 32.0)?,
        beta_slow: number("yarn_beta_slow", 1.0)?,
        // A key of our own: llama.cpp's programs know no other way.
        truncate: m.metadata.get(&m.key("rope.scaling.yarn_truncate")) != Some(&Value::Bool(false)),
        magnitude: magnitude * number("attn_factor", 1.0)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use azulejo_formats::ModelKind;

    use super::*;

    #[test]
    fn rope_scaling_without_a_type_or_by_the_old_key_is_linear() {
        let golden =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/golden/llama-gqa/model-f32.gguf");
        let with = |keys: &[(&str, Value)]| {
            let mut file = ModelFile::open(golden).unwrap();
            let ModelKind::Gguf(metadata) = &mut file.kind else { panic!("no GGUF") };
            for (key, value) in keys {
                metadata.insert(format!("llama.rope.{key}"), value.clone());
            }
            crate::config(&file).map(|config| config.rope.scaling)
        };
        let linear = RopeScaling::Linear { factor: 4.0 };
        let (four, zero) = (Value::F32(4.0), Value::F32(0.0));
        let kind = |name: &str| ("scaling.type", Value::String(name.to_owned()));
        assert_eq!(with(&[]).unwrap(), RopeScaling::None);
        assert_eq!(with(&[("scale_linear", four.clone())]).unwrap(), linear);
        assert_eq!(with(&[("scaling.factor", four.clone())]).unwrap(), linear);
        assert_eq!(with(&[kind("linear"), ("scale_linear", four.clone())]).unwrap(), linear);
        assert_eq!(with(&[kind("none"), ("scaling.factor", four)]).unwrap(), RopeScaling::None);
        assert_eq!(with(&[("scaling.factor", zero)]).unwrap(), RopeScaling::None);
        for name in ["linear", "yarn", "longrope"] {
            assert!(with(&[kind(name)]).unwrap_err().to_string().contains("rope.scaling"), "{name}");
        }
    }
}
