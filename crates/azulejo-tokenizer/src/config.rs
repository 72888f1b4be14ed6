//! The small files beside `tokenizer.json`: which tokens begin and end a text, and the chat template.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokenizers::AddedToken;

use crate::chat::ChatTemplates;
use crate::error::{Error, Result};

/// What `tokenizer_config.json`, `chat_template.jinja` and `generation_config.json` add to a tokenizer. All of it is
/// optional; the default is an empty one.
///
/// `clean_up_tokenization_spaces` is ignored on purpose: it rewrites ` .` as `.`, so that a text would not survive
/// encoding and decoding.
#[derive(Debug, Clone, Default)]
pub struct TokenizerConfig {
    /// Spelling of the token that begins a text.
    pub bos_token: Option<String>,
    /// Spelling of the token that ends a text.
    pub eos_token: Option<String>,
    /// Spelling of the token for the unknown.
    pub unk_token: Option<String>,
    /// Spelling of the padding token.
    pub pad_token: Option<String>,
    /// Whether to begin a text with BOS.
    pub add_bos_token: Option<bool>,
    /// Whether to end a text with EOS.
    pub add_eos_token: Option<bool>,
    /// The Python class, which decides what an absent `add_bos_token` means, and which of the four below count.
    pub tokenizer_class: Option<String>,
    /// `do_lower_case`, which BERT's class heeds and nobody else.
    pub lowercase: Option<bool>,
    /// `strip_accents`, likewise.
    pub strip_accents: Option<bool>,
    /// `tokenize_chinese_chars`, likewise: whether each of these characters is a word.
    pub splits_chinese: Option<bool>,
    /// `add_prefix_space`, which RoBERTa's class heeds.
    pub add_prefix_space: Option<bool>,
    /// The model's own chat templates.
    pub chat_templates: ChatTemplates,
    /// Ids that end a text, from `generation_config.json`.
    pub end_of_text: BTreeSet<u32>,
    /// `added_tokens_decoder`: tokens by id that `tokenizer.json` may lack, or have otherwise.
    pub added_tokens: BTreeMap<u32, AddedToken>,
    /// Whether `tokenizer_config.json` has an `added_tokens_decoder`: then older files don't count.
    pub has_added_tokens_decoder: bool,
    /// Tokens that the files name as special, by what they are for, and more of them behind: those that the vocabulary
    /// hasn't are added to it in this order (what `transformers` does).
    pub special_tokens: Vec<(&'static str, AddedToken)>,
    /// What the files said that can't be, and was ignored.
    pub warnings: Vec<String>,
}

impl TokenizerConfig {
    /// Reads a `tokenizer_config.json`.
    ///
    /// # Errors
    /// [`Error::Json`] if it's not a JSON object. Fields of an unexpected type are ignored, as they are not ours to
    /// judge.
    pub fn from_json(tokenizer_config: &[u8]) -> Result<Self> {
        let json = object("tokenizer_config.json", tokenizer_config)?;
        let text = |key: &str| token_text(json.get(key));
        let flag = |key: &str| json.get(key).and_then(Value::as_bool);
        let mut config = Self {
            bos_token: text("bos_token"),
            eos_token: text("eos_token"),
            unk_token: text("unk_token"),
            pad_token: text("pad_token"),
            add_bos_token: flag("add_bos_token"),
            add_eos_token: flag("add_eos_token"),
            tokenizer_class: json.get("tokenizer_class").and_then(Value::as_str).map(str::to_owned),
            lowercase: flag("do_lower_case"),
            strip_accents: flag("strip_accents"),
            splits_chinese: flag("tokenize_chinese_chars"),
            add_prefix_space: flag("add_prefix_space"),
            has_added_tokens_decoder: json.contains_key("added_tokens_decoder"),
            ..Self::default()
        };
        for (id, token) in json.get("added_tokens_decoder").and_then(Value::as_object).into_iter().flatten() {
            let special = token.get("special").and_then(Value::as_bool).unwrap_or(false);
            let (Ok(id), Some(added)) = (id.parse::<u32>(), added_token(token, special)) else {
                config
                    .warnings
                    .push(format!("tokenizer_config.json: added_tokens_decoder: {id:?} is ignored"));
                continue;
            };
            config.added_tokens.insert(id, added);
        }
        config.name_special_tokens(&json);
        config.chat_templates = ChatTemplates::from_json(json.get("chat_template").unwrap_or(&Value::Null));
        if let Some(problem) = config.chat_templates.problem() {
            config.warnings.push(format!("tokenizer_config.json: chat_template: {problem}"));
        }
        Ok(config)
    }

    /// Adds the `eos_token_id` (a number or a list) of a `generation_config.json` or a `config.json`.
    ///
    /// # Errors
    /// [`Error::Json`] if it's not a JSON object. What is no token's id is ignored, with a warning.
    pub fn with_generation_config(mut self, generation_config: &[u8]) -> Result<Self> {
        let json = object("generation_config.json", generation_config)?;
        let ids: &[Value] = match json.get("eos_token_id") {
            None | Some(Value::Null) => &[],
            Some(Value::Array(ids)) => ids,
            Some(one) => std::slice::from_ref(one),
        };
        for id in ids {
            match id.as_u64().and_then(|id| u32::try_from(id).ok()) {
                Some(id) => _ = self.end_of_text.insert(id),
                None => self.warnings.push(format!("eos_token_id: {id} is not a token's id: it's ignored")),
            }
        }
        Ok(self)
    }

    /// Adds the `model_type` of a `config.json`: an encoder's decides the Python class where no class is named (what
    /// `transformers` does).
    pub fn with_model_type(mut self, model_type: &str) -> Self {
        let class = match model_type {
            "bert" => Some("BertTokenizer"),
            "roberta" => Some("RobertaTokenizer"),
            _ => None,
        };
        self.tokenizer_class = self.tokenizer_class.or(class.map(str::to_owned));
        self
    }

    /// Adds a `special_tokens_map.json`, which older folders have: it counts where `tokenizer_config.json` has no
    /// `added_tokens_decoder`, and then more than that file (what `transformers` does).
    ///
    /// # Errors
    /// [`Error::Json`] if it's not a JSON object.
    pub fn with_special_tokens_map(mut self, special_tokens_map: &[u8]) -> Result<Self> {
        let json = object("special_tokens_map.json", special_tokens_map)?;
        if !self.has_added_tokens_decoder {
            for (key, token) in [
                ("bos_token", &mut self.bos_token),
                ("eos_token", &mut self.eos_token),
                ("unk_token", &mut self.unk_token),
                ("pad_token", &mut self.pad_token),
            ] {
                *token = token_text(json.get(key)).or(token.take());
            }
            self.name_special_tokens(&json);
        }
        Ok(self)
    }

    /// Adds an `added_tokens.json` (texts and their ids), which older folders have: it counts where
    /// `tokenizer_config.json` has no `added_tokens_decoder`. To be added behind the `special_tokens_map.json`.
    ///
    /// # Errors
    /// [`Error::Json`] if it's not a JSON object.
    pub fn with_added_tokens(mut self, added_tokens: &[u8]) -> Result<Self> {
        let json = object("added_tokens.json", added_tokens)?;
        if !self.has_added_tokens_decoder {
            for (text, id) in json {
                let Some(id) = id.as_u64().and_then(|id| u32::try_from(id).ok()) else {
                    self.warnings.push(format!("added_tokens.json: {text:?} has no id: it's ignored"));
                    continue;
                };
                let special = self.special_tokens.iter().any(|(_, named)| named.content == text);
                self.added_tokens.insert(id, AddedToken::from(text, special));
            }
        }
        Ok(self)
    }

    /// Adds what a file names as special; what it names again counts instead.
    fn name_special_tokens(&mut self, json: &serde_json::Map<String, Value>) {
        for key in SPECIAL_NAMES {
            if let Some(token) = json.get(key).and_then(|token| added_token(token, true)) {
                self.special_tokens.retain(|(name, _)| *name != key);
                self.special_tokens.push((key, token));
            }
        }
        let more =
            ["extra_special_tokens", "additional_special_tokens"].iter().find_map(|key| json.get(*key));
        let more: Vec<&Value> = match more {
            Some(Value::Array(tokens)) => tokens.iter().collect(),
            Some(Value::Object(tokens)) => tokens.values().collect(),
            _ => Vec::new(),
        };
        for token in more.into_iter().filter_map(|token| added_token(token, true)) {
            if !self.special_tokens.iter().any(|(_, known)| known.content == token.content) {
                self.special_tokens.push(("", token));
            }
        }
        let place =
            |key: &str| SPECIAL_NAMES.iter().position(|name| *name == key).unwrap_or(SPECIAL_NAMES.len());
        self.special_tokens.sort_by_key(|(key, _)| place(key));
    }

    /// Whether the Python class is one of these, or a fast one of theirs.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "no browser reads a tokenizer.json"))]
    pub(crate) fn has_class(&self, names: &[&str]) -> bool {
        let class = self.tokenizer_class.as_deref().unwrap_or_default();
        names.contains(&class.strip_suffix("Fast").unwrap_or(class))
    }

    /// Whether the Python class puts BOS in front when nothing is said.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "no browser reads a tokenizer.json"))]
    pub(crate) fn class_adds_bos(&self) -> bool {
        self.tokenizer_class.as_deref().is_some_and(|class| {
            ["Llama", "CodeLlama", "Gemma", "Cohere"]
                .iter()
                .any(|name| class.strip_prefix(name).is_some_and(|rest| rest.starts_with("Tokenizer")))
        })
    }
}

/// What a special token may be for, in the order of `transformers`.
const SPECIAL_NAMES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// A token of a file, written as a string or as an object with flags.
fn added_token(token: &Value, special: bool) -> Option<AddedToken> {
    let added = AddedToken::from(token_text(Some(token))?, special);
    if token.is_string() {
        return Some(added);
    }
    let flag = |name: &str| token.get(name).and_then(Value::as_bool).unwrap_or(false);
    // What is left unsaid is what a new token has: a special one isn't normalized.
    let normalized = token.get("normalized").and_then(Value::as_bool).unwrap_or(added.normalized);
    let flagged = added.single_word(flag("single_word")).lstrip(flag("lstrip")).rstrip(flag("rstrip"));
    Some(flagged.normalized(normalized))
}

fn object(file: &'static str, bytes: &[u8]) -> Result<serde_json::Map<String, Value>> {
    serde_json::from_slice(bytes).map_err(|err| Error::Json { file, reason: err.to_string() })
}

/// A token is written as a string or as `{"content": "...", ...}`.
fn token_text(value: Option<&Value>) -> Option<String> {
    let value = value?;
    value.as_str().or_else(|| value.get("content")?.as_str()).map(str::to_owned)
}
