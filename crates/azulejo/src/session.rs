//! A conversation.

#[cfg(all(feature = "cpu", not(target_arch = "wasm32")))]
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use azulejo_engine::{
    Generation, GenerationOptions, Overflow, RandomSource, Sampler, SamplerOptions, SplitMix64, StopReason,
    TextStream,
};
#[cfg(not(target_arch = "wasm32"))]
use azulejo_plan::CallTime;

use crate::backend::AnyBackend;
#[cfg(all(feature = "cpu", not(target_arch = "wasm32")))]
use crate::backend::AnyState;
use crate::embed::{EmbedOptions, Pooling, normalise};
use crate::model::Model;
use crate::{Answer, Error, Event, Generate};

/// A conversation: a KV cache on the model's device. What a prompt has in common with the one before is not evaluated
/// again.
///
/// ```
/// use azulejo::{DeviceChoice, Generate, Message, Model, ModelOptions};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let model = Model::embedded(&ModelOptions::new().device(DeviceChoice::Cpu))?;
/// let mut session = model.session()?;
/// let mut messages = vec![Message::new("user", "Where do I pay the water bill?")];
/// for question in ["And the electricity bill?", "Thank you!"] {
///     let prompt = model.chat_prompt(&messages)?;
///     let answer = session.generate(&prompt, &Generate::greedy(12), &mut |_| std::ops::ControlFlow::Continue(()))?;
///     messages.push(Message::new("assistant", answer.text));
///     messages.push(Message::new("user", question));
/// }
/// assert!(session.cached_tokens() > 0);
/// # Ok(())
/// # }
/// ```
///
/// A session whose call failed or was stopped can be used again, unless the device is lost.
#[derive(Debug)]
pub struct Session {
    model: Model,
    cache: azulejo_engine::Session<AnyBackend>,
}

impl Session {
    pub(crate) fn new(model: &Model) -> Result<Self, Error> {
        let cache = azulejo_engine::Session::new(model.engine.clone())?;
        Ok(Self { model: model.clone(), cache })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Tokens in the cache.
    pub fn cached_tokens(&self) -> usize {
        self.cache.cached().len()
    }

    /// Positions of the cache, in tokens.
    pub fn context(&self) -> u32 {
        self.cache.capacity()
    }

    /// Forgets the conversation.
    pub fn clear(&mut self) {
        self.cache.clear();
    }

    /// Goes on from a prompt's tokens, and tells `on_event` of each token as it comes; `ControlFlow::Break` stops
    /// the answer, at any token. Blocks; [`Session::generate_async`] doesn't.
    ///
    /// # Errors
    /// - [`Code::InvalidArgument`](crate::Code): an empty prompt, a token that the vocabulary hasn't, or a parameter of
    ///   the sampler that makes no sense;
    /// - `ContextFull`: the prompt has more tokens than the context;
    /// - `Cancelled`: `on_event` broke off before the first token;
    /// - `Unsupported`: the model is an encoder, or its file has no tokenizer that can be used;
    /// - `DeviceLost`, `OutOfMemory`, `Device`: what the device reports, or logits that aren't numbers.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn generate(
        &mut self,
        prompt: &[u32],
        how: &Generate,
        on_event: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Answer, Error> {
        pollster::block_on(self.generate_async(prompt, how, &mut async |event: Event<'_>| on_event(event)))
    }

    /// Goes on from a prompt's tokens. Where the device doesn't work behind the caller's back (the CPU without
    /// threads), a listener that waits is what lets anything else run.
    ///
    /// # Errors
    /// Those of `Session::generate`, which is the same, blocking.
    pub async fn generate_async(
        &mut self,
        prompt: &[u32],
        how: &Generate,
        on_event: &mut impl AsyncFnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Answer, Error> {
        generate(&mut self.cache, &self.model, prompt, how, on_event).await
    }

    /// Goes on from a prompt's tokens by so many greedily chosen ones, without a text or an end: for benches and
    /// comparisons. There are fewer where the context has no room for more. Blocks.
    ///
    /// # Errors
    /// Those of [`generate`](Self::generate), but that it needs no tokenizer.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn greedy_tokens(&mut self, prompt: &[u32], count: usize) -> Result<Vec<u32>, Error> {
        pollster::block_on(self.greedy_tokens_async(prompt, count))
    }

    /// The same without blocking.
    ///
    /// # Errors
    /// Those of [`generate_async`](Self::generate_async), but that it needs no tokenizer.
    pub async fn greedy_tokens_async(&mut self, prompt: &[u32], count: usize) -> Result<Vec<u32>, Error> {
        let options = GenerationOptions { max_tokens: Some(count), ..GenerationOptions::default() };
        let sampler = Sampler::new(SamplerOptions::greedy());
        let random = Box::new(SplitMix64(0));
        let mut generation =
            self.cache.generate(prompt, options, sampler, random, &mut async |_, _| true).await?;
        let mut tokens = Vec::with_capacity(count);
        while let Some(chosen) = generation.next().await? {
            tokens.push(chosen.token);
        }
        Ok(tokens)
    }

    /// Evaluates tokens behind those in the cache, with each call timed by the device's own clock; none where it has
    /// none (the CPU, some GPUs). One token is a step of decoding, more (at most `chunk` of
    /// [`ModelOptions`](crate::ModelOptions)) are a chunk of a prompt. The cache holds what it held before. Blocks.
    ///
    /// # Errors
    /// - [`Code::InvalidArgument`](crate::Code): no token, or one that the vocabulary hasn't;
    /// - `ContextFull`: more tokens than the context has room for;
    /// - `Device`: more tokens than one step takes, or what the device reports;
    /// - `DeviceLost`, `OutOfMemory`.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn time_calls(&mut self, tokens: &[u32]) -> Result<Option<Vec<CallTime>>, Error> {
        Ok(pollster::block_on(async { self.cache.time_calls(tokens).await })?)
    }

    /// Texts' embeddings, of `texts` the tokens ([`EmbedOptions::encode`]): `each` gets the index of a text and its
    /// `[1, hidden]`; or, unpooled, its tokens' hidden states `[tokens, hidden]` as they are. `ControlFlow::Break` ends it with
    /// [`Code::Cancelled`](crate::Code). The model must have been loaded with [`Output::Hidden`](crate::Output). An
    /// encoder takes as many texts at once, of whatever lengths, as fit in its context, and each text must; a causal
    /// model evaluates text by text, in chunks.
    ///
    /// # Errors
    /// - [`Code::InvalidArgument`](crate::Code): the model was loaded for logits, a text has no token, or one that the
    ///   vocabulary hasn't;
    /// - `ContextFull`: a text has more tokens than the context;
    /// - `Cancelled`: `each` broke off;
    /// - `DeviceLost`, `OutOfMemory`, `Device`: what the device reports.
    pub async fn embed_async(
        &mut self,
        texts: &[Vec<u32>],
        how: &EmbedOptions,
        mut each: impl FnMut(usize, &[f32]) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let plan = self.model.plan();
        let width = plan.logits.width as usize;
        if plan.activation(plan.logits.activation).per_output {
            return Err(Error::invalid(
                "the model was loaded for logits; load it for hidden states to embed",
            ));
        }
        let mut pooled = |i: usize, rows: &[f32]| {
            let mut pooled = how.pooling.pool(rows, width);
            if how.normalise && how.pooling != Pooling::None {
                normalise(&mut pooled);
            }
            if each(i, &pooled).is_break() { Err(azulejo_engine::EngineError::Cancelled) } else { Ok(()) }
        };
        Ok(self.cache.logits_of_texts(texts, &mut pooled).await?)
    }

    /// The same as [`embed_async`](Self::embed_async), blocking.
    ///
    /// # Errors
    /// Those of [`embed_async`](Self::embed_async).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn embed(
        &mut self,
        texts: &[Vec<u32>],
        how: &EmbedOptions,
        each: impl FnMut(usize, &[f32]) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        pollster::block_on(self.embed_async(texts, how, each))
    }

    /// The logits, `[vocabulary]`, of one token of a text that is evaluated as a whole and fits in one step: what an
    /// encoder would put in that place. Blocks.
    ///
    /// # Errors
    /// - [`Code::InvalidArgument`](crate::Code): no token, or one that the vocabulary hasn't;
    /// - `ContextFull`: more tokens than the context;
    /// - `Device`: more tokens than one step takes, a place behind the last token, or what the device reports;
    /// - `DeviceLost`, `OutOfMemory`.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn logits_of(&mut self, tokens: &[u32], place: usize) -> Result<Vec<f32>, Error> {
        Ok(pollster::block_on(self.cache.logits_of(tokens, place))?)
    }

    /// The logits of every token, `[tokens, vocabulary]`, in chunks: `each` gets the index of the chunk's first token
    /// and its logits; `ControlFlow::Break` ends it with [`Code::Cancelled`](crate::Code). A model that was loaded with
    /// `all_logits` ([`ModelOptions`](crate::ModelOptions)) gives those of a chunk at once, any other
    /// one token by token.
    ///
    /// # Errors
    /// - [`Code::InvalidArgument`](crate::Code): no token, or one that the vocabulary hasn't;
    /// - `ContextFull`: more tokens than the context;
    /// - `Cancelled`: `each` broke off;
    /// - `DeviceLost`, `OutOfMemory`, `Device`: what the device reports.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn logits(
        &mut self,
        tokens: &[u32],
        mut each: impl FnMut(usize, &[f32]) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        Ok(pollster::block_on(self.cache.logits(tokens, |first, logits| {
            if each(first, logits).is_break() { Err(azulejo_engine::EngineError::Cancelled) } else { Ok(()) }
        }))?)
    }

    /// Evaluates pieces of text from empty caches and sums up, for each matrix by its name, the squares of what each
    /// of its columns is multiplied with, and the tokens: an importance matrix. `each` is told after each piece;
    /// `ControlFlow::Break` ends it with [`Code::Cancelled`](crate::Code).
    ///
    /// It works on the CPU, with a model that was loaded without fusion.
    ///
    /// # Errors
    /// - [`Code::InvalidArgument`](crate::Code): the model is on a GPU, or its ops are fused; a piece has no token, or
    ///   one that the vocabulary hasn't;
    /// - `ContextFull`: a piece has more tokens than the context;
    /// - `Cancelled`: `each` broke off.
    #[cfg(all(feature = "cpu", not(target_arch = "wasm32")))]
    pub fn input_squares(
        &mut self,
        pieces: &mut dyn Iterator<Item = Vec<u32>>,
        mut each: impl FnMut() -> ControlFlow<()>,
    ) -> Result<BTreeMap<String, (Vec<f64>, u64)>, Error> {
        match self.cache.state_mut() {
            AnyState::Cpu(state) => state.watch_inputs(),
            #[cfg(any(feature = "cuda", feature = "wgpu"))]
            _ => {
                return Err(Error::invalid("inputs are watched on the CPU only: --device cpu"));
            }
        }
        for piece in pieces {
            pollster::block_on(self.cache.evaluate(&piece))?;
            if each().is_break() {
                return Err(azulejo_engine::EngineError::Cancelled.into());
            }
        }
        let plan = self.cache.engine().plan();
        let watched = match self.cache.state() {
            AnyState::Cpu(state) => state.input_squares().cloned().unwrap_or_default(),
            #[cfg(any(feature = "cuda", feature = "wgpu"))]
            _ => BTreeMap::new(),
        };
        let mut squares = BTreeMap::new();
        for (name, (mut sums, tokens)) in watched {
            let Some(tensor) = plan.tensors.iter().find(|tensor| tensor.name == name) else {
                return Err(Error::invalid(format!(
                    "`{name}` isn't one matrix: load the model without fusion"
                )));
            };
            // Behind the columns there is padding.
            sums.truncate(tensor.cols as usize);
            squares.insert(name, (sums, tokens));
        }
        Ok(squares)
    }
}

async fn generate(
    session: &mut azulejo_engine::Session<AnyBackend>,
    model: &Model,
    prompt: &[u32],
    how: &Generate,
    on_event: &mut impl AsyncFnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Answer, Error> {
    let tokenizer = model.tokenizer()?;
    let ends = if how.ignore_end { Default::default() } else { tokenizer.end_of_text().clone() };
    let mut text_stream = TextStream::new(tokenizer, how.stop.clone(), ends, how.show_special);
    let mut answer = Answer {
        text: String::new(),
        tokens: how.resume.clone(),
        stop: StopReason::ContextFull,
        cached_tokens: 0,
    };
    let mut random = SplitMix64(how.seed);
    for &token in &how.resume {
        answer.text.push_str(&text_stream.push(token).0);
        if how.sampler.temperature > 0.0 {
            random.uniform();
        }
    }
    let options = GenerationOptions {
        max_tokens: how.max_tokens.map(|most| most.saturating_sub(how.resume.len())),
        overflow: how.overflow,
        run_ahead: how.run_ahead,
        logprobs: how.logprobs,
    };
    let mut cached = None;
    let mut progress = async |done, total| {
        cached.get_or_insert(done);
        on_event(Event::Prompt { done, total }).await.is_continue()
    };
    let sampler = Sampler::new(how.sampler.clone());
    let evaluated = [prompt, &how.resume].concat();
    // The last token of an answer needs no position of its own: one that was lost with its device may be whole.
    let is_whole = !how.resume.is_empty()
        && how.overflow == Overflow::End
        && evaluated.len() > session.capacity() as usize
        && prompt.len() <= session.capacity() as usize;
    let mut generation: Option<Generation<'_, AnyBackend>> = None;
    if !is_whole {
        let random = Box::new(random);
        generation = Some(session.generate(&evaluated, options, sampler, random, &mut progress).await?);
        answer.cached_tokens = cached.unwrap_or(0);
    }
    loop {
        let next = match &mut generation {
            Some(generation) => generation.next().await?,
            None => None,
        };
        let Some(chosen) = next else { break };
        answer.tokens.push(chosen.token);
        let (text, stop) = text_stream.push(chosen.token);
        answer.text.push_str(&text);
        let event = Event::Token { token: chosen.token, text: &text, logprobs: chosen.logprobs.as_ref() };
        let flow = on_event(event).await;
        if let Some(stop) = stop {
            answer.stop = stop;
            return Ok(answer);
        }
        if flow.is_break() {
            answer.stop = StopReason::Cancelled;
            break;
        }
    }
    let is_enough = how.max_tokens.is_some_and(|most| answer.tokens.len() >= most);
    if answer.stop == StopReason::ContextFull && is_enough {
        answer.stop = StopReason::MaxTokens;
    }
    let rest = text_stream.finish();
    if !rest.is_empty() {
        answer.text.push_str(&rest);
        let _ = on_event(Event::Rest(&rest)).await;
    }
    Ok(answer)
}
