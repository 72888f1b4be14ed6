//! Token by token.

use azulejo_plan::{Backend, Outputs, Tokens};

use crate::{EngineError, RandomSource, Sampler, Session};

/// What happens when the context is full in the middle of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The answer ends there, and what there is of it stays.
    #[default]
    End,
    /// The older half of what is behind the first `keep` tokens is forgotten, and the rest is evaluated anew.
    Shift {
        /// Tokens at the beginning that stay.
        keep: usize,
    },
}

/// How to go on from a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenerationOptions {
    /// The most tokens; none is until the end of the text.
    pub max_tokens: Option<usize>,
    /// What happens when the context is full.
    pub overflow: Overflow,
    /// Steps that a greedy generation asks of the device before it reads the first.
    pub run_ahead: u32,
    /// Whether to tell the probability of each token, and of how many of the most probable ones beside it.
    pub logprobs: Option<usize>,
}

/// A token that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The token.
    pub token: u32,
    /// How probable it was, if that was asked for.
    pub logprobs: Option<Logprobs>,
}

/// Natural logarithms of the model's own probabilities: of its logits as they are, before the sampler's chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Logprobs {
    /// Of the chosen token.
    pub chosen: f32,
    /// Of the most probable tokens, in their order.
    pub top: Vec<(u32, f32)>,
}

impl Logprobs {
    fn of(logits: &[f32], chosen: u32, top: usize) -> Self {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits.iter().filter(|l| !l.is_nan()).map(|l| f64::from(l - most).exp()).sum();
        let logprob = |logit: f32| (f64::from(logit - most) - sum.ln()) as f32;
        let mut order: Vec<(u32, f32)> =
            (0u32..).zip(logits.iter().copied()).filter(|(_, l)| !l.is_nan()).collect();
        let descending = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if top > 0 && top < order.len() {
            order.select_nth_unstable_by(top - 1, descending);
        }
        order.truncate(top);
        order.sort_unstable_by(descending);
        Self {
            chosen: logits.get(chosen as usize).map_or(f32::NEG_INFINITY, |l| logprob(*l)),
            top: order.into_iter().map(|(token, logit)| (token, logprob(logit))).collect(),
        }
    }
}

impl Default for GenerationOptions {
    fn default() -> Self {
        Self { max_tokens: None, overflow: Overflow::End, run_ahead: 1, logprobs: None }
    }
}

/// An answer in the making. Dropping it cancels; what was evaluated stays in the session's cache.
pub struct Generation<'s, B: Backend> {
    session: &'s mut Session<B>,
    options: GenerationOptions,
    sampler: Sampler,
    random: Box<dyn RandomSource + 's>,
    /// Tokens that were returned.
    made: usize,
    /// Steps that were asked for and whose token wasn't read.
    asked: u32,
    /// The last token, where no step was asked to evaluate it yet.
    waiting: Option<u32>,
    /// The position of the next step.
    position: usize,
}

impl<B: Backend> std::fmt::Debug for Generation<'_, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Generation({} tokens)", self.made)
    }
}

impl<B: Backend> Session<B> {
    /// Evaluates a prompt and gets ready to go on from it. What the prompt has in common with the session's tokens
    /// is not evaluated again. `progress` is told the tokens done and in all before each chunk; false cancels.
    pub async fn generate<'s>(
        &'s mut self,
        prompt: &[u32],
        options: GenerationOptions,
        mut sampler: Sampler,
        random: Box<dyn RandomSource + 's>,
        progress: &mut impl AsyncFnMut(usize, usize) -> bool,
    ) -> Result<Generation<'s, B>, EngineError> {
        sampler.options().check()?;
        let outputs = outputs(&sampler, &options);
        self.prefill(prompt, outputs, progress).await?;
        prompt.iter().for_each(|t| sampler.accept(*t));
        let asked = u32::from(outputs == Outputs::Token);
        let position = prompt.len();
        Ok(Generation { session: self, options, sampler, random, made: 0, asked, waiting: None, position })
    }
}

/// The device chooses where nobody has to see the logits.
fn outputs(sampler: &Sampler, options: &GenerationOptions) -> Outputs {
    if sampler.is_greedy() && options.logprobs.is_none() { Outputs::Token } else { Outputs::Logits }
}

impl<B: Backend> Generation<'_, B> {
    /// Tokens so far.
    pub fn made(&self) -> usize {
        self.made
    }

    /// The next token; none when as many were made as were asked for, or when the context is full and nothing is to be
    /// forgotten ([`Overflow::End`]).
    pub async fn next(&mut self) -> Result<Option<Chosen>, EngineError> {
        if self.options.max_tokens.is_some_and(|most| self.made >= most) {
            return Ok(None);
        }
        let chosen = match outputs(&self.sampler, &self.options) {
            Outputs::Token => self.next_chosen().await?.map(|token| Chosen { token, logprobs: None }),
            _ => self.next_sampled().await?,
        };
        let Some(chosen) = chosen else { return Ok(None) };
        self.sampler.accept(chosen.token);
        self.made += 1;
        Ok(Some(chosen))
    }

    /// The device chooses; steps are asked for ahead of the reads.
    async fn next_chosen(&mut self) -> Result<Option<u32>, EngineError> {
        if self.asked == 0 && self.is_full() {
            if !self.shift(Outputs::Token).await? {
                return Ok(None);
            }
            self.asked = 1;
        }
        // The first token of the prompt's step is on its way, so this many more keep the device busy.
        let wanted = self.options.max_tokens.map_or(usize::MAX, |most| most - self.made) as u64;
        while u64::from(self.asked) < wanted.min(1 + u64::from(self.options.run_ahead)) && !self.is_full() {
            self.session.step(Tokens::Chosen, self.position as u32, Outputs::Token)?;
            self.position += 1;
            self.asked += 1;
            if let Some(token) = self.waiting.take() {
                self.session.cached.push(token);
            }
        }
        let token = self.session.read_token().await?;
        self.asked -= 1;
        if self.asked > 0 {
            self.session.cached.push(token);
        } else {
            self.waiting = Some(token);
        }
        Ok(Some(token))
    }

    /// The logits are read and the chain chooses.
    async fn next_sampled(&mut self) -> Result<Option<Chosen>, EngineError> {
        if let Some(token) = self.waiting {
            if self.is_full() {
                if !self.shift(Outputs::Logits).await? {
                    return Ok(None);
                }
            } else {
                self.session.step(Tokens::These(&[token]), self.position as u32, Outputs::Logits)?;
                self.session.cached.push(token);
                self.position += 1;
                self.waiting = None;
            }
        }
        let logits = self.session.read_logits().await?;
        let token = self.sampler.sample(&logits, self.random.as_mut()).ok_or(EngineError::NotANumber)?;
        self.waiting = Some(token);
        let logprobs = self.options.logprobs.map(|top| Logprobs::of(&logits, token, top));
        Ok(Some(Chosen { token, logprobs }))
    }

    fn is_full(&self) -> bool {
        self.position >= self.session.capacity() as usize
    }

    /// Makes room as the options say, and evaluates the waiting token with what is kept; false if nothing is to be
    /// forgotten.
    async fn shift(&mut self, outputs: Outputs) -> Result<bool, EngineError> {
        let Overflow::Shift { keep } = self.options.overflow else { return Ok(false) };
        let mut tokens = self.session.cached.clone();
        tokens.extend(self.waiting.take());
        let keep = keep.min(tokens.len() / 2);
        let forgotten = (tokens.len() - keep) / 2;
        tokens.drain(keep..keep + forgotten.max(1));
        self.session.prefill(&tokens, outputs, &mut async |_, _| true).await?;
        self.position = tokens.len();
        Ok(true)
    }
}
