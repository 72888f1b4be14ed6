//! A KV cache and the tokens in it.

mod generate;

use std::sync::Arc;

use azulejo_plan::{Backend, CallTime, Outputs, StepInput, Tokens};

use crate::{Engine, EngineError};

pub use generate::{Chosen, Generation, GenerationOptions, Logprobs, Overflow};

/// A conversation with a model: the KV cache stays between prompts, and a prompt only costs what it adds.
pub struct Session<B: Backend> {
    engine: Arc<Engine<B>>,
    state: B::State,
    /// The tokens whose keys and values are in the cache, from position 0.
    cached: Vec<u32>,
    /// Tokens that the device chose and nobody read.
    unread: u32,
}

impl<B: Backend> std::fmt::Debug for Session<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({} tokens on {:?})", self.cached.len(), self.engine)
    }
}

impl<B: Backend> Session<B> {
    /// An empty session.
    pub fn new(engine: Arc<Engine<B>>) -> Result<Self, EngineError> {
        let state = engine.backend.new_state(&engine.model).map_err(EngineError::backend)?;
        Ok(Self { engine, state, cached: Vec::new(), unread: 0 })
    }

    /// The model.
    pub fn engine(&self) -> &Arc<Engine<B>> {
        &self.engine
    }

    /// The tokens in the cache.
    pub fn cached(&self) -> &[u32] {
        &self.cached
    }

    /// Positions of the cache.
    pub fn capacity(&self) -> u32 {
        self.engine.plan.kv.capacity
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.cached.clear();
    }

    /// The logits of every token, `[tokens, vocabulary]` (or what else the plan gives), chunk by chunk: `each` gets the
    /// index of a chunk's first token and its logits. The plan must have been made with as many rows of outputs as its
    /// chunk; an encoder's may have fewer, and then evaluates the text again for each token.
    ///
    /// Starts with an empty cache.
    pub async fn logits(
        &mut self,
        tokens: &[u32],
        mut each: impl FnMut(usize, &[f32]) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        self.check(tokens, tokens.len())?;
        self.drain().await?;
        self.cached.clear();
        let rows = self.engine.plan.chunk.min(self.engine.plan.output_rows) as usize;
        if !self.engine.plan.is_causal() && tokens.len() > rows {
            for row in 0..tokens.len() {
                each(row, &self.logits_of(tokens, row).await?)?;
            }
            return Ok(());
        }
        for chunk in tokens.chunks(rows) {
            let first = self.cached.len();
            self.step(Tokens::These(chunk), first as u32, Outputs::AllLogits)?;
            self.cached.extend_from_slice(chunk);
            let logits = self.read_logits().await?;
            each(first, &logits)?;
        }
        Ok(())
    }

    /// The logits of every token of several texts, each as [`logits`](Self::logits) gives them: `each` gets the index of
    /// a text and its `[tokens, vocabulary]`. An encoder takes as many texts in a step as fit in it.
    pub async fn logits_of_texts(
        &mut self,
        texts: &[Vec<u32>],
        mut each: impl FnMut(usize, &[f32]) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let plan = &self.engine.plan;
        let (most, width) = (plan.chunk.min(plan.output_rows) as usize, plan.logits.width as usize);
        let is_causal = plan.is_causal();
        let mut done = 0;
        while done < texts.len() {
            let mut together = 0;
            let fits = |text: &&Vec<u32>| {
                together += text.len();
                !is_causal && together <= most
            };
            let count = texts[done..].iter().take_while(fits).count();
            if count < 2 {
                let mut rows = Vec::with_capacity(texts[done].len() * width);
                self.logits(&texts[done], |_, chunk| {
                    rows.extend_from_slice(chunk);
                    Ok(())
                })
                .await?;
                each(done, &rows)?;
                done += 1;
                continue;
            }
            let batch = &texts[done..done + count];
            batch.iter().try_for_each(|text| self.check(text, text.len()))?;
            self.drain().await?;
            self.cached.clear();
            let lengths: Vec<u32> = batch.iter().map(|text| text.len() as u32).collect();
            self.step_of_texts(Tokens::These(&batch.concat()), 0, &lengths, Outputs::AllLogits)?;
            let logits = self.read_logits().await?;
            let mut rest = &logits[..];
            for (i, text) in batch.iter().enumerate() {
                let (rows, tail) = rest.split_at(text.len() * width);
                each(done + i, rows)?;
                rest = tail;
            }
            done += count;
        }
        Ok(())
    }

    /// The logits of one token of a text, which is evaluated as a whole and must fit in a chunk.
    ///
    /// Starts with an empty cache.
    pub async fn logits_of(&mut self, tokens: &[u32], row: usize) -> Result<Vec<f32>, EngineError> {
        self.check(tokens, tokens.len())?;
        self.drain().await?;
        self.cached.clear();
        self.step(Tokens::These(tokens), 0, Outputs::LogitsOf(row as u32))?;
        self.read_logits().await
    }

    /// Evaluates tokens behind those in the cache, with each call timed by the device's own clock; none where it has
    /// none. One token is a step of decoding, more are a chunk of a prompt. The cache holds what it held before.
    pub async fn time_calls(&mut self, tokens: &[u32]) -> Result<Option<Vec<CallTime>>, EngineError> {
        self.check(tokens, self.cached.len() + tokens.len())?;
        self.drain().await?;
        let position = self.cached.len() as u32;
        let input =
            StepInput { tokens: Tokens::These(tokens), position, texts: &[], outputs: Outputs::Token };
        let engine = &self.engine;
        engine.backend.time_calls(&engine.model, &mut self.state, input).await.map_err(EngineError::backend)
    }

    /// The back-end's own state.
    pub fn state(&self) -> &B::State {
        &self.state
    }

    /// The back-end's own state, to be changed.
    pub fn state_mut(&mut self) -> &mut B::State {
        &mut self.state
    }

    /// Evaluates tokens from an empty cache, for what happens on the way: there is no output.
    pub async fn evaluate(&mut self, tokens: &[u32]) -> Result<(), EngineError> {
        self.check(tokens, tokens.len())?;
        self.drain().await?;
        self.cached.clear();
        for chunk in tokens.chunks(self.engine.plan.chunk as usize) {
            self.step(Tokens::These(chunk), self.cached.len() as u32, Outputs::Nothing)?;
            self.cached.extend_from_slice(chunk);
        }
        Ok(())
    }

    /// Evaluates all tokens behind what the cache has in common with them, the last with `outputs`.
    async fn prefill(
        &mut self,
        tokens: &[u32],
        outputs: Outputs,
        progress: &mut impl AsyncFnMut(usize, usize) -> bool,
    ) -> Result<(), EngineError> {
        if !self.engine.plan.is_causal() {
            return Err(EngineError::Encoder);
        }
        self.check(tokens, tokens.len())?;
        self.drain().await?;
        let common = self.cached.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        // At least one token has to be evaluated, for its logits.
        self.cached.truncate(common.min(tokens.len() - 1));
        let rest = &tokens[self.cached.len()..];
        let chunks = rest.chunks(self.engine.plan.chunk as usize);
        let last = chunks.len() - 1;
        for (i, chunk) in chunks.enumerate() {
            if !progress(self.cached.len(), tokens.len()).await {
                return Err(EngineError::Cancelled);
            }
            let wanted = if i == last { outputs } else { Outputs::Nothing };
            self.step(Tokens::These(chunk), self.cached.len() as u32, wanted)?;
            self.cached.extend_from_slice(chunk);
        }
        progress(self.cached.len(), tokens.len()).await;
        Ok(())
    }

    fn check(&self, tokens: &[u32], needed: usize) -> Result<(), EngineError> {
        if tokens.is_empty() {
            return Err(EngineError::EmptyPrompt);
        }
        if needed > self.capacity() as usize {
            return Err(EngineError::ContextFull { tokens: needed, capacity: self.capacity() });
        }
        let vocabulary = self.engine.plan.vocabulary();
        match tokens.iter().find(|t| **t >= vocabulary) {
            Some(&token) => Err(EngineError::UnknownToken { token, vocabulary }),
            None => Ok(()),
        }
    }

    fn step(&mut self, tokens: Tokens<'_>, position: u32, outputs: Outputs) -> Result<(), EngineError> {
        self.step_of_texts(tokens, position, &[], outputs)
    }

    fn step_of_texts(
        &mut self,
        tokens: Tokens<'_>,
        position: u32,
        texts: &[u32],
        outputs: Outputs,
    ) -> Result<(), EngineError> {
        let engine = &self.engine;
        engine
            .backend
            .step(&engine.model, &mut self.state, StepInput { tokens, position, texts, outputs })
            .map_err(EngineError::backend)?;
        if outputs == Outputs::Token {
            self.unread += 1;
        }
        Ok(())
    }

    async fn read_token(&mut self) -> Result<u32, EngineError> {
        let engine = &self.engine;
        let token =
            engine.backend.read_token(&engine.model, &mut self.state).await.map_err(EngineError::backend)?;
        // Behind the wait: a token that couldn't be read, or wasn't waited for, is still to be read.
        self.unread = self.unread.saturating_sub(1);
        if token >= engine.plan.logits.width { Err(EngineError::NotANumber) } else { Ok(token) }
    }

    async fn read_logits(&mut self) -> Result<Vec<f32>, EngineError> {
        let engine = &self.engine;
        engine.backend.read_logits(&engine.model, &mut self.state).await.map_err(EngineError::backend)
    }

    /// Reads what a generation that was dropped left behind. That no token could be chosen was the other one's concern.
    async fn drain(&mut self) -> Result<(), EngineError> {
        while self.unread > 0 {
            match self.read_token().await {
                Ok(_) | Err(EngineError::NotANumber) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
