//! What a Hugging Face folder holds beside its tensors.

use serde_json::Value;

use crate::FormatError;

#[cfg(not(target_arch = "wasm32"))]
mod folder;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use folder::open;

/// The files of a Hugging Face folder beside its tensors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HfFiles {
    /// `config.json`: the architecture and its sizes.
    pub config: Value,
    /// `generation_config.json`: the ids that end a text, the default sampling.
    pub generation_config: Option<Value>,
    /// `tokenizer.json`, as it is.
    pub tokenizer_json: Option<Vec<u8>>,
    /// `tokenizer_config.json`: special tokens, the chat template.
    pub tokenizer_config: Option<Value>,
    /// `special_tokens_map.json` of older folders: special tokens.
    pub special_tokens_map: Option<Value>,
    /// `added_tokens.json` of older folders: tokens that were added to the vocabulary, with their ids.
    pub added_tokens: Option<Value>,
    /// The chat template's source: `chat_template.jinja`, else the one of `tokenizer_config.json`.
    pub chat_template: Option<String>,
}

impl HfFiles {
    /// Takes the contents of a folder's files, e.g. downloaded ones: `file(name)` gives a file's bytes, or `None` if
    /// there is no such file.
    ///
    /// # Errors
    /// [`FormatError::MissingFile`] for `config.json`, [`FormatError::Json`], and whatever `file` gives.
    pub fn read(
        mut file: impl FnMut(&str) -> Result<Option<Vec<u8>>, FormatError>,
    ) -> Result<Self, FormatError> {
        let mut json = |name: &str| match file(name)? {
            Some(bytes) => object(name, &bytes).map(Some),
            None => Ok(None),
        };
        let config = json("config.json")?.ok_or_else(|| FormatError::MissingFile {
            file: "config.json".to_owned(),
            hint: "a Hugging Face model needs it to say its architecture".to_owned(),
        })?;
        let generation_config = json("generation_config.json")?;
        let special_tokens_map = json("special_tokens_map.json")?;
        let added_tokens = json("added_tokens.json")?;
        let tokenizer_config = json("tokenizer_config.json")?;
        let tokenizer_json = file("tokenizer.json")?;
        let chat_template = match file("chat_template.jinja")? {
            Some(bytes) => Some(String::from_utf8(bytes).map_err(|_| FormatError::Json {
                file: "chat_template.jinja".to_owned(),
                problem: "not valid UTF-8".to_owned(),
            })?),
            None => tokenizer_config.as_ref().and_then(chat_template),
        };
        Ok(Self {
            config,
            generation_config,
            tokenizer_json,
            tokenizer_config,
            special_tokens_map,
            added_tokens,
            chat_template,
        })
    }
}

fn object(file: &str, bytes: &[u8]) -> Result<Value, FormatError> {
    let wrong = |problem: String| FormatError::Json { file: file.to_owned(), problem };
    let value: Value = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if value.is_object() { Ok(value) } else { Err(wrong("not an object".to_owned())) }
}

/// The chat template of `tokenizer_config.json`: a text, or a list of named ones of which `default` is taken.
fn chat_template(tokenizer_config: &Value) -> Option<String> {
    let template = match tokenizer_config.get("chat_template")? {
        Value::Array(named) => {
            named.iter().find(|entry| entry["name"] == "default").or(named.first())?.get("template")?
        }
        template => template,
    };
    template.as_str().map(str::to_owned)
}
