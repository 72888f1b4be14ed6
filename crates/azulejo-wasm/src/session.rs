//! A conversation.

use std::ops::ControlFlow;

use azulejo::{Answer, EmbedOptions, Event, Logprobs, StopReason, Tokenizer};
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::error::{Result, invalid, thrown};
use crate::options::{GenerateOptions, read};

/// A conversation: a KV cache on the model's device.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Session(pub(crate) azulejo::Session, pub(crate) EmbedOptions);

#[wasm_bindgen]
impl Session {
    /// Goes on from a prompt's tokens. `on_event` is told of each event as JSON, and returns whether to go on, or a
    /// promise of it.
    pub async fn generate(
        &mut self,
        prompt: Vec<u32>,
        options: String,
        on_event: js_sys::Function,
    ) -> Result<String> {
        let options: GenerateOptions = read(&options)?;
        let how = options.generate()?;
        let model = self.0.model().clone();
        let tokenizer = model.tokenizer().map_err(thrown)?;
        // What the listener throws ends the answer, and is thrown in its place.
        let mut failed = None;
        let mut tell = async |event: Event<'_>| match told(&on_event, &of_event(&event, tokenizer)).await {
            Ok(true) => ControlFlow::Continue(()),
            Ok(false) => ControlFlow::Break(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        };
        let answer = self.0.generate_async(&prompt, &how, &mut tell).await;
        if let Some(error) = failed {
            return Err(error);
        }
        Ok(of_answer(&answer.map_err(thrown)?, prompt.len()).to_string())
    }

    /// Goes on from a prompt by so many tokens, without a text or an end: for benches.
    #[wasm_bindgen(js_name = greedyTokens)]
    pub async fn greedy_tokens(&mut self, prompt: Vec<u32>, count: usize) -> Result<Vec<u32>> {
        self.0.greedy_tokens_async(&prompt, count).await.map_err(thrown)
    }

    /// Texts as vectors, `[texts, width]`: `tokens` are those of all texts, one text behind the other, and `lengths` how
    /// many each has.
    pub async fn embed(&mut self, tokens: Vec<u32>, lengths: Vec<u32>) -> Result<Vec<f32>> {
        let mut rest = &tokens[..];
        let mut texts = Vec::with_capacity(lengths.len());
        for length in lengths {
            let (text, behind) = rest
                .split_at_checked(length as usize)
                .ok_or_else(|| invalid("lengths: more than there are tokens"))?;
            texts.push(text.to_vec());
            rest = behind;
        }
        let mut vectors = Vec::new();
        let each = |_, vector: &[f32]| {
            vectors.extend_from_slice(vector);
            ControlFlow::Continue(())
        };
        self.0.embed_async(&texts, &self.1, each).await.map_err(thrown)?;
        Ok(vectors)
    }

    /// Tokens in the cache.
    pub fn cached(&self) -> usize {
        self.0.cached_tokens()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Tells the listener, and waits for it if it wants to be waited for.
async fn told(on_event: &js_sys::Function, event: &Value) -> std::result::Result<bool, JsValue> {
    let answer = on_event.call1(&JsValue::NULL, &event.to_string().into())?;
    let answer = match answer.dyn_into::<js_sys::Promise>() {
        Ok(promise) => JsFuture::from(promise).await?,
        Err(answer) => answer,
    };
    Ok(answer.is_truthy())
}

fn of_event(event: &Event<'_>, tokenizer: &Tokenizer) -> Value {
    match event {
        Event::Prompt { done, total } => json!({ "type": "prompt", "done": done, "total": total }),
        Event::Token { token, text, logprobs: None } => {
            json!({ "type": "token", "token": token, "text": text })
        }
        Event::Token { token, text, logprobs: Some(Logprobs { chosen, top }) } => {
            let bytes = |token: u32| tokenizer.token_bytes(token).unwrap_or_default().to_vec();
            let top: Vec<Value> = top
                .iter()
                .map(|&(token, logprob)| json!({ "token": token, "bytes": bytes(token), "logprob": logprob }))
                .collect();
            json!({
                "type": "token", "token": token, "text": text,
                "logprob": chosen, "bytes": bytes(*token), "top": top,
            })
        }
        Event::Rest(text) => json!({ "type": "rest", "text": text }),
    }
}

fn of_answer(answer: &Answer, prompt_tokens: usize) -> Value {
    let (stop, stop_string) = match &answer.stop {
        StopReason::EndOfText(_) => ("end", None),
        StopReason::StopString(string) => ("stop", Some(string)),
        StopReason::MaxTokens | StopReason::ContextFull => ("length", None),
        StopReason::Cancelled => ("cancelled", None),
    };
    json!({
        "text": answer.text, "tokens": answer.tokens, "stop": stop, "stopString": stop_string,
        "promptTokens": prompt_tokens, "cachedTokens": answer.cached_tokens,
    })
}
