//! What a Hugging Face folder holds beside its tensors.

use std::collections::BTreeMap;

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
    /// Chat templates that are files, by name: `chat_template.jinja` is `default`, the others are in
    /// `additional_chat_templates`. Where there are any, those of `tokenizer_config.json` don't count.
    pub chat_templates: BTreeMap<String, String>,
    /// What sentence-transformers keeps beside a model that gives embeddings.
    pub sentence: Option<SentenceFiles>,
}

/// The files of sentence-transformers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SentenceFiles {
    /// `modules.json`: what a text goes through, in this order.
    pub modules: Vec<SentenceModule>,
    /// `config_sentence_transformers.json`: prompts.
    pub config: Option<Value>,
    /// `sentence_bert_config.json`, or what older folders call it: the most tokens of a text.
    pub transformer: Option<Value>,
}

/// A module of `modules.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct SentenceModule {
    /// Its class without the path to it: `Transformer`, `Pooling`, `Normalize`.
    pub kind: String,
    /// The `config.json` in its own folder; `None` if there is none.
    pub config: Option<Value>,
}

/// What the configuration of the module `Transformer` is called.
const SENTENCE_CONFIGS: [&str; 3] =
    ["sentence_bert_config.json", "sentence_roberta_config.json", "sentence_xlm-roberta_config.json"];

/// The folder of the chat templates that have names.
#[cfg(not(target_arch = "wasm32"))]
const NAMED_TEMPLATES: &str = "additional_chat_templates";

impl HfFiles {
    /// Takes the contents of a folder's files, e.g. downloaded ones: `file(name)` gives a file's bytes, or `None` if
    /// there is no such file. (Chat templates that have names are only found on a disk.)
    ///
    /// # Errors
    /// [`FormatError::MissingFile`] for `config.json`, [`FormatError::Json`], and whatever `file` gives.
    pub fn read(file: impl FnMut(&str) -> Result<Option<Vec<u8>>, FormatError>) -> Result<Self, FormatError> {
        let files = Self::read_what_there_is(file)?;
        if files.config.is_null() {
            return Err(FormatError::MissingFile {
                file: "config.json".to_owned(),
                hint: "a Hugging Face model needs it to say its architecture".to_owned(),
            });
        }
        Ok(files)
    }

    fn read_what_there_is(
        mut file: impl FnMut(&str) -> Result<Option<Vec<u8>>, FormatError>,
    ) -> Result<Self, FormatError> {
        let mut json = |name: &str| match file(name)? {
            Some(bytes) => object(name, &bytes).map(Some),
            None => Ok(None),
        };
        let mut files = Self {
            config: json("config.json")?.unwrap_or_default(),
            generation_config: json("generation_config.json")?,
            special_tokens_map: json("special_tokens_map.json")?,
            added_tokens: json("added_tokens.json")?,
            tokenizer_config: json("tokenizer_config.json")?,
            ..Self::default()
        };
        files.sentence = SentenceFiles::read(&mut file)?;
        files.tokenizer_json = file("tokenizer.json")?;
        if let Some(bytes) = file("chat_template.jinja")? {
            files.add_chat_template("default", "chat_template.jinja", bytes)?;
        }
        Ok(files)
    }

    fn add_chat_template(&mut self, name: &str, file: &str, bytes: Vec<u8>) -> Result<(), FormatError> {
        let source = String::from_utf8(bytes).map_err(|_| FormatError::Json {
            file: file.to_owned(),
            problem: "not valid UTF-8".to_owned(),
        })?;
        self.chat_templates.insert(name.to_owned(), source);
        Ok(())
    }
}

impl SentenceFiles {
    fn read(
        file: &mut impl FnMut(&str) -> Result<Option<Vec<u8>>, FormatError>,
    ) -> Result<Option<Self>, FormatError> {
        const MODULES: &str = "modules.json";
        let wrong = |problem: String| FormatError::Json { file: MODULES.to_owned(), problem };
        let Some(bytes) = file(MODULES)? else { return Ok(None) };
        let list: Value = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        let mut json = |name: &str| file(name)?.map(|bytes| object(name, &bytes)).transpose();
        let mut files = Self::default();
        for module in list.as_array().ok_or_else(|| wrong("not a list".to_owned()))? {
            let text = |key: &str| {
                module[key].as_str().ok_or_else(|| wrong(format!("a module without a text `{key}`")))
            };
            let (kind, path) = (text("type")?, text("path")?);
            let is_inside = path.split('/').all(|part| part != "..") && !path.contains(['\\', ':']);
            if !is_inside || path.starts_with('/') {
                return Err(wrong(format!("the path '{path}' is no folder in the model's")));
            }
            // Where it is the model's own folder, the file there is the model's.
            let config = if path.is_empty() { None } else { json(&format!("{path}/config.json"))? };
            let kind = kind.rsplit('.').next().unwrap_or(kind).to_owned();
            files.modules.push(SentenceModule { kind, config });
        }
        files.config = json("config_sentence_transformers.json")?;
        for name in SENTENCE_CONFIGS {
            files.transformer = json(name)?;
            if files.transformer.is_some() {
                break;
            }
        }
        Ok(Some(files))
    }
}

fn object(file: &str, bytes: &[u8]) -> Result<Value, FormatError> {
    let wrong = |problem: String| FormatError::Json { file: file.to_owned(), problem };
    let value: Value = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if value.is_object() { Ok(value) } else { Err(wrong("not an object".to_owned())) }
}
