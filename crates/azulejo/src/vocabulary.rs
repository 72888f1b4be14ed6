//! The tokenizer of a model file.

#[cfg(not(target_arch = "wasm32"))]
use std::path::Path;

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
                    add_bos: flag("add_bos_token")?,
                    add_eos: flag("add_eos_token")?,
                    add_space_prefix: flag("add_space_prefix")?,
                    remove_extra_whitespaces: flag("remove_extra_whitespaces")?,
                    chat_template: text("tokenizer.chat_template")?,
                    model_name: text("general.basename")?.or(text("general.name")?),
                    ..GgufVocabulary::default()
                };
                if has("scores") {
                    v.scores = Some(m.get_array_f32(&key("scores"))?.into_owned());
                }
                if has("token_type") {
                    v.token_types = Some(m.get_array_i32(&key("token_type"))?);
                }
                if has("merges") {
                    v.merges = Some(m.get_array_str(&key("merges"))?.to_vec());
                }
                for (k, value) in m.iter() {
                    if let (Some(name), azulejo_formats::gguf::Value::String(source)) =
                        (k.strip_prefix("tokenizer.chat_template."), value)
                    {
                        v.named_chat_templates.insert(name.to_owned(), source.clone());
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
            let mut config = match &folder.tokenizer_config {
                Some(value) => TokenizerConfig::from_json(value.to_string().as_bytes())?,
                None => TokenizerConfig::default(),
            };
            if let Some(value) = &folder.special_tokens_map {
                config = config.with_special_tokens_map(value.to_string().as_bytes())?;
            }
            if let Some(value) = &folder.added_tokens {
                config = config.with_added_tokens(value.to_string().as_bytes())?;
            }
            if let Some(template) = &folder.chat_template {
                config = config.with_chat_template(template.clone());
            }
            // config.json says what ends a text where generation_config.json doesn't.
            let ends = folder.generation_config.iter().chain([&folder.config]);
            if let Some(value) = ends.into_iter().find(|json| says_end_of_text(json)) {
                config = config.with_generation_config(value.to_string().as_bytes())?;
            }
            Ok(Tokenizer::from_json(json, &config)?)
        }
    }
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
    let read = |path: &Path| {
        std::fs::read(path).map_err(|e| Error::new(Code::Io, e).context(path.display().to_string()))
    };
    let beside = |name: &str| path.with_file_name(name);
    let json = read(path)?;
    let mut config = match beside("tokenizer_config.json") {
        p if p.exists() => TokenizerConfig::from_json(&read(&p)?)?,
        _ => TokenizerConfig::default(),
    };
    let map = beside("special_tokens_map.json");
    if map.exists() {
        config = config.with_special_tokens_map(&read(&map)?)?;
    }
    let added = beside("added_tokens.json");
    if added.exists() {
        config = config.with_added_tokens(&read(&added)?)?;
    }
    for name in ["generation_config.json", "config.json"] {
        if !beside(name).exists() {
            continue;
        }
        let bytes = read(&beside(name))?;
        // What isn't JSON is told by the tokenizer's own reader.
        if serde_json::from_slice(&bytes).is_ok_and(|json| !says_end_of_text(&json)) {
            continue;
        }
        config = config.with_generation_config(&bytes)?;
        break;
    }
    Ok(Tokenizer::from_json(&json, &config)?)
}
