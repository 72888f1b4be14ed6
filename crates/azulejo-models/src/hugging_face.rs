//! Hyper-parameters from Hugging Face's `config.json`.

use azulejo_formats::hf::HfFiles;
use azulejo_plan::{Gate, RopeLayout};
use serde_json::Value;

use crate::decoder::{Family, NO_SOFT_CAPS, NormKind, Windowed};
use crate::{Config, ModelError, Rope, RopeScaling, rope};

/// The hyper-parameters of a decoder.
pub(crate) fn decoder(folder: &HfFiles, vocabulary: u32, family: &Family) -> Result<Config, ModelError> {
    let c = &with_defaults(text_part(&folder.config), family);
    let get = |key: &str| required(c, key);
    let hidden = get("hidden_size")?;
    let heads = get("num_attention_heads")?;
    let layers = get("num_hidden_layers")?;
    let head_size = integer(c, "head_dim")?.unwrap_or(hidden.checked_div(heads).unwrap_or(0));
    let (acts, is): (&[&str], _) = match family.gate {
        Gate::Silu => (&["silu", "swish"], "silu is"),
        Gate::Gelu => (&["gelu_pytorch_tanh"], "gelu_pytorch_tanh is"),
    };
    for key in ["hidden_act", "hidden_activation"] {
        if let Some(act) = string(c, key)?.filter(|act| !acts.contains(act)) {
            return Err(ModelError::unsupported(key, act, is));
        }
    }
    for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
        if let Some(limit) = number(c, key)? {
            return Err(ModelError::unsupported(key, &limit.to_string(), NO_SOFT_CAPS));
        }
    }
    if let Some(value) = c.get("use_bidirectional_attention").filter(|v| !v.is_null() && **v != false) {
        let supported = "false is: a token sees those before it";
        return Err(ModelError::unsupported("use_bidirectional_attention", &value.to_string(), supported));
    }
    let eps = match family.norm {
        NormKind::Rms { eps } => number(c, "rms_norm_eps")?.unwrap_or(f64::from(eps)) as f32,
        NormKind::Plain { eps } => eps,
    };
    let context_length = get("max_position_embeddings")?;
    let windows = windows(c, layers, family)?;
    let (rope, windowed_rope) = ropes(c, context_length)?;
    Ok(Config {
        architecture: architecture(&folder.config),
        name: name(&folder.config),
        vocabulary,
        layers,
        hidden,
        ffn: get("intermediate_size")?,
        heads,
        kv_heads: integer(c, "num_key_value_heads")?.unwrap_or(heads),
        head_size,
        context_length,
        eps,
        rotated: head_size,
        rope_layout: RopeLayout::HalfSplit,
        windowed_rope: windowed_rope.filter(|w| *w != rope && windows.iter().any(Option::is_some)),
        rope,
        windows,
        query_pre_attn_scalar: number(c, "query_pre_attn_scalar")?
            .filter(|scalar| *scalar != f64::from(head_size)),
        clip_qkv: number(c, "clip_qkv")?.map(|limit| limit as f32),
        is_causal: true,
    })
}

/// The window and the layers that have it: `layer_types` says for each, else those of the family.
fn windows(c: &Value, layers: u32, family: &Family) -> Result<Vec<Option<u32>>, ModelError> {
    let is_chosen = family.windowed == Windowed::Chosen;
    let is_used = boolean(c, "use_sliding_window")?.unwrap_or(!is_chosen);
    let window = integer(c, "sliding_window")?.filter(|_| is_used);
    let types = match c.get("layer_types") {
        None | Some(Value::Null) => None,
        Some(Value::Array(types)) => Some(types),
        Some(v) => {
            return Err(ModelError::config("layer_types", format!("is {v} in config.json, not a list")));
        }
    };
    if let Some(types) = types.filter(|types| types.len() < layers as usize) {
        let problem = format!("says the types of {} layers, and there are {layers}", types.len());
        return Err(ModelError::config("layer_types", problem));
    }
    let every = match integer(c, "sliding_window_pattern")? {
        Some(every) => Some(every),
        None => integer(c, "_sliding_window_pattern")?,
    };
    if every == Some(0) {
        return Err(ModelError::config(
            "sliding_window_pattern",
            "is 0; the last of so many layers has no window",
        ));
    }
    let windowed = every.map_or(family.windowed, Windowed::AllButEvery);
    let first = if is_chosen { integer(c, "max_window_layers")?.unwrap_or(28) } else { 0 };
    let mut windows = Vec::new();
    for layer in 0..layers {
        let has = match types {
            Some(types) => match types[layer as usize].as_str() {
                Some("sliding_attention") => true,
                Some("full_attention") => false,
                other => {
                    let is = "sliding_attention and full_attention are";
                    return Err(ModelError::unsupported("layer_types", other.unwrap_or("no text"), is));
                }
            },
            None => layer >= first && windowed.has(layer),
        };
        windows.push(window.filter(|_| has));
    }
    Ok(windows)
}

/// Rope's base and stretching, and those of layers with a window where they have their own.
///
/// In older files they stand in `rope_theta` and `rope_scaling`, in newer ones both in `rope_parameters`, which may
/// have a part for each type of layer. Older files of OLMo 3 mean layers without a window.
fn ropes(c: &Value, context: u32) -> Result<(Rope, Option<Rope>), ModelError> {
    let older = object(c, "rope_scaling")?.filter(|v| v.as_object().is_some_and(|v| !v.is_empty()));
    let is_olmo3 = architecture(c) == "olmo3";
    let theta = number(c, "rope_theta")?.unwrap_or(if is_olmo3 { 500_000.0 } else { 10_000.0 });
    let local = number(c, "rope_local_base_freq")?;
    let unstretched = |theta| Rope { theta, scaling: RopeScaling::None };
    let newer = object(c, "rope_parameters")?;
    let of = |kind| newer.map_or(Ok(None), |parameters| object(parameters, kind));
    // Where a file has both, the older key counts in transformers: instead of the newer, or, where that has parts, over
    // what the one for layers without a window says.
    match (of("full_attention")?, of("sliding_attention")?, newer.filter(|_| older.is_none())) {
        (None, None, Some(parameters)) => {
            let rope = one_rope(c, Some(parameters), "rope_parameters", context, theta)?;
            Ok((rope, local.map(unstretched)))
        }
        (None, None, None) => {
            let rope = one_rope(c, older, "rope_scaling", context, theta)?;
            let windowed = local.or(is_olmo3.then_some(rope.theta));
            Ok((rope, windowed.map(unstretched)))
        }
        (full, windowed, _) => {
            let entries = [full, older].into_iter().flatten().filter_map(Value::as_object).flatten();
            let full: Value = entries.map(|(key, value)| (key.clone(), value.clone())).collect();
            let full = one_rope(c, Some(&full), "rope_parameters.full_attention", context, theta)?;
            let local = local.unwrap_or(theta);
            let windowed = one_rope(c, windowed, "rope_parameters.sliding_attention", context, local)?;
            Ok((full, Some(windowed)))
        }
    }
}

/// `theta` is the base where the parameters don't say it.
fn one_rope(
    c: &Value,
    parameters: Option<&Value>,
    name: &str,
    context: u32,
    theta: f64,
) -> Result<Rope, ModelError> {
    let in_parameters = match parameters {
        Some(p) => number(p, "rope_theta")?,
        None => None,
    };
    let theta = in_parameters.unwrap_or(theta);
    for of in [Some(c), parameters].into_iter().flatten() {
        if let Some(part) = number(of, "partial_rotary_factor")?.filter(|part| *part != 1.0) {
            let part = part.to_string();
            return Err(ModelError::unsupported("partial_rotary_factor", &part, "1 is: whole heads rotate"));
        }
    }
    let Some(p) = parameters else { return Ok(Rope { theta, scaling: RopeScaling::None }) };
    let need = |key: &str| -> Result<f64, ModelError> {
        number(p, key)?
            .ok_or_else(|| ModelError::config(format!("{name}.{key}"), "is missing from config.json"))
    };
    let original = || -> Result<f64, ModelError> {
        Ok(number(p, "original_max_position_embeddings")?.unwrap_or(f64::from(context)))
    };
    let kind = match string(p, "rope_type")? {
        Some(kind) => kind,
        None => string(p, "type")?.unwrap_or("default"),
    };
    let scaling = match kind {
        // Other parameters have no effect then, as in transformers; `unread` names them.
        "default" => RopeScaling::None,
        "linear" => RopeScaling::Linear { factor: need("factor")? },
        "llama3" => RopeScaling::Llama3 {
            factor: need("factor")?,
            low: need("low_freq_factor")?,
            high: need("high_freq_factor")?,
            original: original()?,
        },
        "yarn" => yarn(p, original()?, context)?,
        other => {
            let key = format!("{name}.rope_type");
            return Err(ModelError::unsupported(key, other, "default, linear, llama3 and yarn are"));
        }
    };
    Ok(Rope { theta, scaling })
}

fn yarn(p: &Value, original: f64, context: u32) -> Result<RopeScaling, ModelError> {
    // Hugging Face takes a zero for nothing here.
    let find = |key: &str| Ok::<_, ModelError>(number(p, key)?.filter(|n| *n != 0.0));
    let factor = number(p, "factor")?.unwrap_or(f64::from(context) / original);
    let magnitude = match (number(p, "attention_factor")?, find("mscale")?, find("mscale_all_dim")?) {
        (Some(given), ..) => given,
        (None, Some(m), Some(all)) => rope::yarn_magnitude(factor, m) / rope::yarn_magnitude(factor, all),
        _ => rope::yarn_magnitude(factor, 1.0),
    };
    Ok(RopeScaling::Yarn {
        factor,
        original,
        beta_fast: find("beta_fast")?.unwrap_or(32.0),
        beta_slow: find("beta_slow")?.unwrap_or(1.0),
        truncate: boolean(p, "truncate")?.unwrap_or(true),
        magnitude,
    })
}

/// The part of a configuration that is about text, in a model that reads images too.
pub(crate) fn text_part(c: &Value) -> &Value {
    c.get("text_config").filter(|v| v.is_object()).unwrap_or(c)
}

/// The same with what the family has where the file says nothing.
fn with_defaults(c: &Value, family: &Family) -> Value {
    let mut c = c.clone();
    for (key, value) in family.defaults {
        if c.get(key).is_none() {
            c[*key] = (*value).into();
        }
    }
    c
}

/// The value of `model_type`, by which the architecture was found.
pub(crate) fn architecture(c: &Value) -> String {
    c.get("model_type").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The model's own name.
pub(crate) fn name(c: &Value) -> Option<String> {
    c.get("_name_or_path").and_then(Value::as_str).filter(|n| !n.is_empty()).map(str::to_owned)
}

/// A whole number that must be there.
pub(crate) fn required(c: &Value, key: &str) -> Result<u32, ModelError> {
    integer(c, key)?.ok_or_else(|| ModelError::config(key, "is missing from config.json"))
}

/// A value of a type, `null` being none.
fn typed<'a, T>(
    c: &'a Value,
    key: &str,
    what: &str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<Option<T>, ModelError> {
    let Some(v) = c.get(key).filter(|v| !v.is_null()) else { return Ok(None) };
    let wrong = || ModelError::config(key, format!("is {v} in config.json; it must be {what}"));
    read(v).map(Some).ok_or_else(wrong)
}

/// A whole number.
pub(crate) fn integer(c: &Value, key: &str) -> Result<Option<u32>, ModelError> {
    typed(c, key, "a whole number", |v| v.as_u64().and_then(|n| u32::try_from(n).ok()))
}

/// An object.
fn object<'a>(c: &'a Value, key: &str) -> Result<Option<&'a Value>, ModelError> {
    typed(c, key, "an object", |v| Some(v).filter(|v| v.is_object()))
}

/// True or false.
fn boolean(c: &Value, key: &str) -> Result<Option<bool>, ModelError> {
    typed(c, key, "true or false", Value::as_bool)
}

/// A text.
fn string<'a>(c: &'a Value, key: &str) -> Result<Option<&'a str>, ModelError> {
    typed(c, key, "a text", Value::as_str)
}

/// A number.
pub(crate) fn number(c: &Value, key: &str) -> Result<Option<f64>, ModelError> {
    typed(c, key, "a number", Value::as_f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    #[test]
    fn rope_is_where_transformers_looks_for_it() {
        let linear = json!({ "rope_type": "linear", "factor": 4.0 });
        let plain = json!({ "rope_type": "default", "rope_theta": 500.0 });
        let of = |config: Value| ropes(&config, 128).map(|(rope, _)| (rope.theta, rope.scaling));
        let four = RopeScaling::Linear { factor: 4.0 };
        assert_eq!(of(json!({ "rope_theta": 7.0, "rope_scaling": linear })).unwrap(), (7.0, four.clone()));
        assert_eq!(of(json!({ "rope_parameters": plain })).unwrap(), (500.0, RopeScaling::None));
        let both = json!({ "rope_theta": 7.0, "rope_parameters": plain, "rope_scaling": linear });
        assert_eq!(of(both).unwrap(), (7.0, four.clone()));
        for empty in [json!({}), Value::Null] {
            let both = json!({ "rope_parameters": plain, "rope_scaling": empty });
            assert_eq!(of(both).unwrap(), (500.0, RopeScaling::None));
        }
        // Where the newer key has parts, the older is about the layers without a window.
        let parts = json!({ "full_attention": plain, "sliding_attention": { "rope_theta": 9.0 } });
        let (rope, windowed) =
            ropes(&json!({ "rope_parameters": parts, "rope_scaling": linear }), 128).unwrap();
        assert_eq!((rope.theta, rope.scaling), (500.0, four.clone()));
        assert_eq!(windowed, Some(Rope { theta: 9.0, scaling: RopeScaling::None }));
        // The newer name of the type goes before the older, unless it says nothing.
        let named = json!({ "rope_scaling": { "rope_type": null, "type": "linear", "factor": 4.0 } });
        assert_eq!(of(named).unwrap(), (10_000.0, four));
        let alone = json!({ "rope_scaling": { "factor": 4.0 } });
        assert_eq!(of(alone).unwrap(), (10_000.0, RopeScaling::None), "with a warning, as in transformers");
    }
}
