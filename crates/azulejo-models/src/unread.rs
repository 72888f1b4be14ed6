//! Keys of a configuration that say how the model computes, and that nothing here reads: whoever sets them expects an
//! effect, so they are told that there is none.

use azulejo_formats::gguf::{Metadata, Value as GgufValue};
use azulejo_formats::{ModelFile, ModelKind};
use serde_json::Value;

/// Keys of GGUF files behind the architecture's name, as [`gguf`](crate::gguf) reads them, and those without an effect
/// on what is computed.
const GGUF: &[&str] = &[
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "vocab_size",
    "tensor_data_layout",
    "pooling_type",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "attention.layer_norm_rms_epsilon",
    "attention.layer_norm_epsilon",
    "attention.clamp_kqv",
    "attention.sliding_window",
    "attention.sliding_window_pattern",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.freq_base_swa",
    // Refused if they aren't zero.
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "rope.scale_linear",
    "rope.scaling.type",
    "rope.scaling.factor",
    "rope.scaling.original_context_length",
    "rope.scaling.finetuned",
    "rope.scaling.attn_factor",
    "rope.scaling.yarn_ext_factor",
    "rope.scaling.yarn_attn_factor",
    "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow",
    "rope.scaling.yarn_log_multiplier",
    "rope.scaling.yarn_truncate",
];

/// What a key of `config.json` that says how positions and attention work has in its name.
const HUGGING_FACE_WORDS: &[&str] =
    &["rope", "rotary", "attention", "attn", "window", "softcap", "scaling", "multiplier", "alibi"];

/// Those of them that are read, and those without an effect on what is computed.
const HUGGING_FACE: &[&str] = &[
    "num_attention_heads",
    "attention_bias",
    "attention_dropout",
    "attention_probs_dropout_prob",
    "attn_pdrop",
    "attn_implementation",
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_attn_implementation_internal",
    "use_flash_attn",
    "sliding_window",
    "use_sliding_window",
    "max_window_layers",
    "sliding_window_pattern",
    "_sliding_window_pattern",
    "query_pre_attn_scalar",
    "rope_local_base_freq",
    // Refused if they say anything.
    "use_bidirectional_attention",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "partial_rotary_factor",
    "rope_theta",
    "rope_scaling",
    "rope_parameters",
];

/// Keys of sentence-transformers' files, as embeddings are made by them, and those without an effect on that.
const SENTENCE: &[&str] =
    &["__version__", "prompts", "default_prompt_name", "similarity_fn_name", "model_type"];
const SENTENCE_TRANSFORMER: &[&str] =
    &["max_seq_length", "do_lower_case", "transformer_task", "modality_config", "module_output_name"];

/// What stands beside the base and the type in rope's parameters: by type.
const ROPE: &[(&str, &[&str])] = &[
    ("linear", &["factor"]),
    ("llama3", &["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"]),
    (
        "yarn",
        &[
            "factor",
            "original_max_position_embeddings",
            "attention_factor",
            "beta_fast",
            "beta_slow",
            "mscale",
            "mscale_all_dim",
            "truncate",
            "finetuned",
        ],
    ),
];

/// A warning for each key that has no effect here.
pub(crate) fn warnings(file: &ModelFile) -> Vec<String> {
    match &file.kind {
        ModelKind::Gguf(metadata) => gguf(metadata, file.tensors.contains_key(crate::gguf::FACTORS)),
        ModelKind::HuggingFace(folder) => {
            let mut warnings = hugging_face(crate::hugging_face::text_part(&folder.config));
            if let Some(sentence) = &folder.sentence {
                for (name, config, known) in [
                    ("config_sentence_transformers.json", &sentence.config, SENTENCE),
                    ("sentence_bert_config.json", &sentence.transformer, SENTENCE_TRANSFORMER),
                ] {
                    let keys = config.iter().filter_map(Value::as_object).flat_map(|config| config.keys());
                    let unread = keys.filter(|key| !known.contains(&key.as_str()));
                    let line = |key| format!("{name}: '{key}' isn't understood here: it has no effect");
                    warnings.extend(unread.map(line));
                }
            }
            warnings
        }
    }
}

fn gguf(metadata: &Metadata, has_factors: bool) -> Vec<String> {
    let Ok(architecture) = metadata.get_str("general.architecture") else { return Vec::new() };
    let key = |name: &str| format!("{architecture}.{name}");
    let mut warnings = Vec::new();
    for (whole, value) in metadata.iter() {
        let rest = whole.strip_prefix(architecture).and_then(|rest| rest.strip_prefix('.'));
        // Zero is what a key means that isn't there; a decoder's attention sees the past, an encoder's all.
        let is_neutral = match rest {
            Some("attention.causal") => *value == GgufValue::Bool(architecture != "bert"),
            _ => is_zero(value),
        };
        if rest.is_some_and(|rest| !GGUF.contains(&rest)) && !is_neutral {
            warnings.push(format!("'{whole}' is a key that isn't understood here: it has no effect"));
        }
    }
    if has_factors {
        for name in ["rope.scaling.factor", "rope.scale_linear"].map(key) {
            if metadata.get(&name).is_some_and(|value| !is_zero(value)) {
                let factors = crate::gguf::FACTORS;
                warnings.push(format!(
                    "'{name}' has no effect: the tensor '{factors}' says how rope is stretched"
                ));
            }
        }
    }
    warnings
}

fn is_zero(value: &GgufValue) -> bool {
    match value {
        GgufValue::F32(v) => *v == 0.0,
        GgufValue::F64(v) => *v == 0.0,
        GgufValue::U32(0) | GgufValue::I32(0) | GgufValue::U64(0) | GgufValue::I64(0) => true,
        GgufValue::Bool(v) => !v,
        _ => false,
    }
}

fn hugging_face(config: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    for (key, value) in config.as_object().into_iter().flatten() {
        let is_about = HUGGING_FACE_WORDS.iter().any(|word| key.contains(word));
        if is_about && !value.is_null() && !HUGGING_FACE.contains(&key.as_str()) {
            warnings.push(format!("config.json: '{key}' isn't understood here: it has no effect"));
        }
    }
    for key in ["rope_scaling", "rope_parameters"] {
        let Some(parameters) = config.get(key).filter(|v| v.is_object()) else { continue };
        let parts = ["full_attention", "sliding_attention"];
        let nested: Vec<_> = parts.iter().filter_map(|part| Some((part, parameters.get(part)?))).collect();
        if nested.is_empty() {
            rope(parameters, key, &mut warnings);
        }
        for (part, parameters) in nested {
            rope(parameters, &format!("{key}.{part}"), &mut warnings);
        }
    }
    warnings
}

fn rope(parameters: &Value, name: &str, warnings: &mut Vec<String>) {
    let kind = ["rope_type", "type"].into_iter().find_map(|key| parameters.get(key)?.as_str());
    let of_kind = ROPE.iter().find(|(name, _)| kind == Some(name)).map(|(_, keys)| *keys).unwrap_or_default();
    let of_all = ["rope_type", "type", "rope_theta", "partial_rotary_factor"];
    for (key, value) in parameters.as_object().into_iter().flatten() {
        if value.is_null() || of_all.contains(&key.as_str()) || of_kind.contains(&key.as_str()) {
            continue;
        }
        let why = match kind {
            Some(kind) => format!("of the type '{kind}'"),
            // As transformers has it; in GGUF files a factor alone means linear.
            None => "without a type (\"rope_type\": \"linear\", for one)".to_owned(),
        };
        warnings.push(format!("config.json: '{name}.{key}' has no effect in a rope {why}"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_of_gguf_that_nothing_reads_are_named() {
        let mut metadata = Metadata::default();
        metadata.insert("general.architecture", "llama");
        for key in GGUF {
            metadata.insert(format!("llama.{key}"), 1u32);
        }
        metadata.insert("llama.attn_logit_softcapping", 0.0f32);
        metadata.insert("llama.attention.causal", true);
        metadata.insert("tokenizer.ggml.model", "gpt2");
        assert_eq!(gguf(&metadata, false), Vec::<String>::new());
        assert_eq!(gguf(&metadata, true).len(), 2, "a factor beside a tensor of factors");
        for (key, value) in [
            ("llama.attention.causal", GgufValue::Bool(false)),
            ("llama.attention.scale", GgufValue::F32(0.5)),
            ("llama.rope.dimension_sections", GgufValue::U32(3)),
            ("llama.rope.scaling.factr", GgufValue::F32(2.0)),
        ] {
            metadata.insert(key, value);
            let warnings = gguf(&metadata, false);
            assert!(warnings.len() == 1 && warnings[0].contains(key), "{warnings:?}");
            metadata.remove(key);
        }
    }

    #[test]
    fn keys_of_config_json_that_nothing_reads_are_named() {
        let quiet = json!({
            "num_attention_heads": 4, "attention_dropout": 0.0, "sliding_window": null, "rope_theta": 1e4,
            "attention_multiplier": null, "hidden_size": 32,
            "rope_scaling": { "type": "yarn", "factor": 4.0, "beta_fast": 32, "truncate": false },
        });
        assert_eq!(hugging_face(&quiet), Vec::<String>::new());
        for (config, key) in [
            (json!({ "attention_multiplier": 0.5 }), "attention_multiplier"),
            (json!({ "rope_scaling": { "factor": 4.0 } }), "rope_scaling.factor"),
            (
                json!({ "rope_scaling": { "rope_type": "linear", "factor": 4.0, "alpha": 2 } }),
                "rope_scaling.alpha",
            ),
            (
                json!({ "rope_parameters": { "full_attention": { "rope_type": "default", "factor": 4.0 } } }),
                "rope_parameters.full_attention.factor",
            ),
        ] {
            let warnings = hugging_face(&config);
            assert!(warnings.len() == 1 && warnings[0].contains(key), "{config}: {warnings:?}");
        }
    }
}
