//! The tokenizer of a model file.

#[cfg(not(target_arch = "wasm32"))]
use std::path::Path;

use azulejo_formats::gguf::{Array, Value};
use azulejo_formats::hf::HfFiles;
use azulejo_formats::{ModelFile, ModelKind};
use azulejo_tokenizer::{GgufVocabulary, Tokenizer, TokenizerConfig};

#[cfg(not(target_arch = "wasm32"))]
use crate::open_file;
use crate::{Code, Error};

/// The tokenizer that a model file carries. Its tensors aren't needed: a vocabulary-only GGUF will do.
///
/// # Errors
/// - [`Code::Unsupported`]: the file has none of a kind that can be read;
/// - [`Code::Corrupt`]: it is damaged.
pub fn tokenizer_from_file(file: &ModelFile) -> Result<Tokenizer, Error> {
    match &file.kind {
        ModelKind::Gguf(m) => {
            let read = || -> Result<GgufVocabulary, azulejo_formats::gguf::MetadataError> {
                let key = |name: &str| format!("tokenizer.ggml.{name}");
                let text = |k: &str| {
                    Ok::<_, azulejo_formats::gguf::MetadataError>(m.find_str(k)?.map(str::to_owned))
                };
                let id = |name: &str| m.find_i64(&key(name));
                let flag = |name: &str| m.find_bool(&key(name));
                let has = |name: &str| m.get(&key(name)).is_some();
                let mut v = GgufVocabulary {
                    model: m.get_str(&key("model"))?.to_owned(),
                    pre: text(&key("pre"))?,
                    tokens: m.get_array_str(&key("tokens"))?.to_vec(),
                    bos_id: id("bos_token_id")?,
                    eos_id: id("eos_token_id")?,
                    eot_id: id("eot_token_id")?,
                    eom_id: id("eom_token_id")?,
                    unk_id: id("unknown_token_id")?,
                    pad_id: id("padding_token_id")?,
                    sep_id: id("seperator_token_id")?,
                    add_bos: flag("add_bos_token")?,
                    add_eos: flag("add_eos_token")?,
                    add_space_prefix: flag("add_space_prefix")?,
                    remove_extra_whitespaces: flag("remove_extra_whitespaces")?,
                    lowercase: flag("normalizer.lowercase")?,
                    strip_accents: flag("normalizer.strip_accents")?,
                    model_name: text("general.basename")?.or(text("general.name")?),
                    ..GgufVocabulary::default()
                };
                if has("scores") {
                    v.scores = Some(m.get_array_f32(&key("scores"))?.into_owned());
                }
                if has("token_type") {
                    v.token_types = Some(m.get_array_i32(&key("token_type"))?);
                }
                v.precompiled_charsmap = match m.get(&key("precompiled_charsmap")) {
                    Some(Value::Array(Array::U8(bytes))) => Some(bytes.clone()),
                    Some(Value::Array(Array::I8(bytes))) => {
                        Some(bytes.iter().map(|byte| byte.cast_unsigned()).collect())
                    }
                    _ => None,
                };
                if has("merges") {
                    v.merges = Some(m.get_array_str(&key("merges"))?.to_vec());
                }
                if let Some(source) = text("tokenizer.chat_template")? {
                    v.chat_templates.insert("default", source);
                }
                for (k, value) in m.iter() {
                    if let (Some(name), Value::String(source)) =
                        (k.strip_prefix("tokenizer.chat_template."), value)
                    {
                        v.chat_templates.insert(name, source.as_str());
                    }
                }
                Ok(v)
            };
            let vocabulary = read().map_err(|e| Error::new(Code::Corrupt, e))?;
            Ok(Tokenizer::from_gguf(vocabulary)?)
        }
        ModelKind::HuggingFace(folder) => {
            let Some(json) = &folder.tokenizer_json else {
                return Err(Error::new(
                    Code::Unsupported,
                    "the folder has no tokenizer.json; a tokenizer.model alone is not supported: save the tokenizer with save_pretrained() of a fast tokenizer, or use a GGUF",
                ));
            };
            from_files(json, folder)
        }
    }
}

/// The tokenizer of a `tokenizer.json` and of what stands beside it.
fn from_files(json: &[u8], files: &HfFiles) -> Result<Tokenizer, Error> {
    let bytes = |value: &serde_json::Value| value.to_string().into_bytes();
    let mut config = match &files.tokenizer_config {
        Some(value) => TokenizerConfig::from_json(&bytes(value))?,
        None => TokenizerConfig::default(),
    };
    if let Some(model_type) = files.config["model_type"].as_str() {
        config = config.with_model_type(model_type);
    }
    if let Some(value) = &files.special_tokens_map {
        config = config.with_special_tokens_map(&bytes(value))?;
    }
    if let Some(value) = &files.added_tokens {
        config = config.with_added_tokens(&bytes(value))?;
    }
    if !files.chat_templates.is_empty() {
        config.chat_templates = files.chat_templates.clone().into_iter().collect();
    }
    // config.json says what ends a text where generation_config.json doesn't.
    let ends = files.generation_config.iter().chain([&files.config]);
    if let Some(value) = ends.into_iter().find(|json| says_end_of_text(json)) {
        config = config.with_generation_config(&bytes(value))?;
    }
    Ok(Tokenizer::from_json(json, &config)?)
}

/// Whether a `generation_config.json` or `config.json` names ids that end a text.
fn says_end_of_text(json: &serde_json::Value) -> bool {
    let ids = &json["eos_token_id"];
    !ids.is_null() && ids.as_array().is_none_or(|ids| !ids.is_empty())
}

/// The tokenizer of a path: a model file or folder, or a bare `tokenizer.json` with what stands beside it.
///
/// # Errors
/// Those of [`open_file`] and [`tokenizer_from_file`]; [`Code::Io`].
#[cfg(not(target_arch = "wasm32"))]
pub fn tokenizer_from_path(path: &Path) -> Result<Tokenizer, Error> {
    if path.extension().is_none_or(|e| e != "json") {
        return tokenizer_from_file(&open_file(path)?);
    }
    let files = HfFiles::beside(path)?;
    from_files(files.tokenizer_json.as_deref().unwrap_or_default(), &files)
}
