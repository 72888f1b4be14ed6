//! A loaded model.

use azulejo::{EmbedOptions, EncodeOptions, Now};
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Session;
use crate::device::described;
use crate::error::{Result, thrown};
use crate::loading::of_memory;
use crate::options::{ChatOptions, TokenizeOptions, read};

/// A model, ready for sessions.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Model(pub(crate) azulejo::Model, pub(crate) EmbedOptions);

#[wasm_bindgen]
impl Model {
    /// What it is and where it runs.
    pub fn info(&self) -> String {
        let (model, plan) = (&self.0, self.0.plan());
        let tokenizer = model.tokenizer().ok();
        let ends: Vec<u32> = tokenizer.iter().flat_map(|t| t.end_of_text()).copied().collect();
        let embedding = (!model.config().is_causal).then(|| {
            json!({ "dimensions": model.config().hidden, "prompts": self.1.prompts.keys().collect::<Vec<_>>() })
        });
        json!({
            "architecture": plan.architecture, "name": model.config().name,
            "contextLength": plan.kv.capacity, "vocabulary": model.config().vocabulary,
            "parameters": model.parameters(), "bytesPerToken": model.bytes_per_token(),
            "device": described(&model.device()), "memory": of_memory(model.memory()),
            "bos": tokenizer.and_then(azulejo::Tokenizer::bos), "eos": ends,
            "warnings": model.warnings(), "embedding": embedding,
        })
        .to_string()
    }

    /// The tokens of a conversation, `[{role, content, ...}]`, by the model's chat template: `{template?, variables?,
    /// now?, parseSpecialInContent?}`.
    #[wasm_bindgen(js_name = chatPrompt)]
    pub fn chat_prompt(&self, messages: &str, options: &str) -> Result<Vec<u32>> {
        let messages: Vec<Value> = read(messages)?;
        let options: ChatOptions = read(options)?;
        let date = |(year, month, day, hour, minute, second)| Now { year, month, day, hour, minute, second };
        let now = options.now.map(date);
        let mut chat = azulejo::ChatOptions::new().parse_special_in_content(options.parse_special_in_content);
        (chat.template, chat.now, chat.variables) =
            (options.template.as_deref(), now, Some(&options.variables));
        self.0.chat_prompt_with(&messages, &chat).map_err(thrown)
    }

    /// A text's tokens: `{addSpecial?, parseSpecial?}`.
    pub fn tokenize(&self, text: &str, options: &str) -> Result<Vec<u32>> {
        let options: TokenizeOptions = read(options)?;
        let encode = EncodeOptions { add_special: options.add_special, parse_special: options.parse_special };
        let tokenizer = self.0.tokenizer().map_err(thrown)?;
        tokenizer.encode(text, encode).map_err(thrown)
    }

    /// The text of tokens, without special ones.
    pub fn detokenize(&self, tokens: &[u32]) -> Result<String> {
        Ok(self.0.tokenizer().map_err(thrown)?.decode(tokens, true))
    }

    /// A text's tokens for [`Session::embed`], with the prompt of that name in front of it.
    #[wasm_bindgen(js_name = embedTokens)]
    pub fn embed_tokens(&self, text: &str, prompt: Option<String>) -> Result<Vec<u32>> {
        let tokenizer = self.0.tokenizer().map_err(thrown)?;
        Ok(self.1.encode(tokenizer, text, prompt.as_deref()).map_err(thrown)?.0)
    }

    /// A conversation with an empty cache.
    pub fn session(&self) -> Result<Session> {
        Ok(Session(self.0.session().map_err(thrown)?, self.1.clone()))
    }
}
