//! The chat templates that a model's files have.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Error, Result};

/// A model's own chat templates: Jinja sources by name; an unnamed one is called `default`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatTemplates {
    by_name: BTreeMap<String, String>,
    /// Why what the file has can't be any.
    problem: Option<String>,
}

impl ChatTemplates {
    /// Reads the `chat_template` of a `tokenizer_config.json`: a text, an object of texts by name, or a list of
    /// `{"name": ..., "template": ...}`. What is none of these is told when a template is asked for, since a model
    /// can be used without.
    pub fn from_json(chat_template: &Value) -> Self {
        let mut templates = Self::default();
        let text = |value: &Value, what: &str| match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(format!("{what} is no text")),
        };
        let read = match chat_template {
            Value::Null => Ok(BTreeMap::new()),
            Value::String(source) => Ok(BTreeMap::from([("default".to_owned(), source.clone())])),
            Value::Object(named) => {
                let entries = named.iter();
                entries
                    .map(|(name, source)| Ok((name.clone(), text(source, &format!("\"{name}\""))?)))
                    .collect()
            }
            Value::Array(list) => {
                let entry = |entry: &Value| {
                    Ok((text(&entry["name"], "a \"name\"")?, text(&entry["template"], "a \"template\"")?))
                };
                list.iter().map(entry).collect()
            }
            _ => Err("it is neither a text nor a list or object of named ones".to_owned()),
        };
        match read {
            Ok(by_name) => templates.by_name = by_name,
            Err(problem) => templates.problem = Some(problem),
        }
        templates
    }

    /// Sets the template called `name`.
    pub fn insert(&mut self, name: impl Into<String>, source: impl Into<String>) {
        self.by_name.insert(name.into(), source.into());
        self.problem = None;
    }

    /// The template called `name`; the usual one is `default`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str)
    }

    /// Names and sources.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_name.iter().map(|(name, source)| (name.as_str(), source.as_str()))
    }

    /// Whether the file has none: one that can't be read isn't none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty() && self.problem.is_none()
    }

    /// Why what the file has can't be a template.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// The model's template without a name, if it has any at all.
    ///
    /// # Errors
    /// [`Error::Json`] if what the file has can't be a template, [`Error::NoDefaultChatTemplate`] if all have names.
    pub(crate) fn usual(&self) -> Result<Option<&str>> {
        if let Some(problem) = &self.problem {
            let reason = format!("chat_template: {problem}");
            return Err(Error::Json { file: "tokenizer_config.json", reason });
        }
        match self.get("default") {
            None if self.by_name.is_empty() => Ok(None),
            None => Err(Error::NoDefaultChatTemplate { known: self.names() }),
            source => Ok(source),
        }
    }

    /// The names, for a person to read.
    pub(crate) fn names(&self) -> String {
        self.by_name.keys().cloned().collect::<Vec<_>>().join(", ")
    }
}

impl<N: Into<String>, S: Into<String>> FromIterator<(N, S)> for ChatTemplates {
    fn from_iter<I: IntoIterator<Item = (N, S)>>(named: I) -> Self {
        let by_name = named.into_iter().map(|(name, source)| (name.into(), source.into())).collect();
        Self { by_name, problem: None }
    }
}
