//! How to go on from a prompt, what is told on the way, and what comes of it.

use azulejo_engine::{Logprobs, Overflow, SamplerOptions, StopReason};

/// How to go on from a prompt.
///
/// ```
/// use azulejo::{DeviceChoice, Generate, Model, ModelOptions, SamplerOptions, StopReason};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let model = Model::embedded(&ModelOptions::new().device(DeviceChoice::Cpu).context(256))?;
/// let prompt = model.chat_prompt(&[azulejo::Message::new("user", "Where do I pay the water bill?")])?;
/// let how = Generate::new().max_tokens(8).sampler(SamplerOptions::new().temperature(0.5)).seed(7).ignore_end(true);
/// let answer = model.session()?.generate(&prompt, &how, &mut |_| std::ops::ControlFlow::Continue(()))?;
/// assert_eq!((answer.tokens.len(), answer.stop), (8, StopReason::MaxTokens));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Generate {
    /// The most tokens of the answer; none is until the end of the text.
    pub max_tokens: Option<usize>,
    /// How tokens are chosen.
    pub sampler: SamplerOptions,
    /// The seed of the choice.
    pub seed: u64,
    /// Strings that end the answer and aren't part of it. One that spells a control token is found as that token too.
    pub stop: Vec<String>,
    /// What happens when the context is full.
    pub overflow: Overflow,
    /// Goes on behind the model's end of text.
    pub ignore_end: bool,
    /// Shows special tokens as text.
    pub show_special: bool,
    /// Tells the probability of each token, and of so many of the most probable ones beside it.
    pub logprobs: Option<usize>,
    /// Steps that a greedy generation asks of the device before it reads the first.
    pub run_ahead: u32,
    /// Tokens of this answer that were made before, on a device that was lost. They are evaluated with the prompt and
    /// count as made, and no event tells of them again; the answer goes on as if nothing had been.
    pub resume: Vec<u32>,
}

impl Default for Generate {
    fn default() -> Self {
        Self {
            max_tokens: None,
            sampler: SamplerOptions::default(),
            seed: 0,
            stop: Vec::new(),
            overflow: Overflow::End,
            ignore_end: false,
            show_special: false,
            logprobs: None,
            run_ahead: 1,
            resume: Vec::new(),
        }
    }
}

impl Generate {
    /// The usual way: sampled, until the end of the text.
    pub fn new() -> Self {
        Self::default()
    }

    /// The most probable tokens, so many at most.
    pub fn greedy(max_tokens: usize) -> Self {
        Self::new().max_tokens(max_tokens).sampler(SamplerOptions::greedy())
    }

    /// Sets [`max_tokens`](field@Self::max_tokens).
    pub fn max_tokens(mut self, tokens: usize) -> Self {
        self.max_tokens = Some(tokens);
        self
    }

    /// Sets [`sampler`](field@Self::sampler).
    pub fn sampler(mut self, sampler: SamplerOptions) -> Self {
        self.sampler = sampler;
        self
    }

    /// Sets [`seed`](field@Self::seed).
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Adds a string to [`stop`](field@Self::stop).
    pub fn stop(mut self, text: impl Into<String>) -> Self {
        self.stop.push(text.into());
        self
    }

    /// Sets [`overflow`](field@Self::overflow).
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sets [`ignore_end`](field@Self::ignore_end).
    pub fn ignore_end(mut self, ignore: bool) -> Self {
        self.ignore_end = ignore;
        self
    }

    /// Sets [`show_special`](field@Self::show_special).
    pub fn show_special(mut self, show: bool) -> Self {
        self.show_special = show;
        self
    }

    /// Sets [`logprobs`](field@Self::logprobs): so many of the most probable tokens beside the chosen one; 0 is its own alone.
    pub fn logprobs(mut self, top: usize) -> Self {
        self.logprobs = Some(top);
        self
    }

    /// Sets [`run_ahead`](field@Self::run_ahead), in steps.
    pub fn run_ahead(mut self, steps: u32) -> Self {
        self.run_ahead = steps;
        self
    }

    /// Sets [`resume`](field@Self::resume).
    pub fn resume(mut self, tokens: Vec<u32>) -> Self {
        self.resume = tokens;
        self
    }
}

/// What a generation tells its caller as it goes.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use azulejo::{DeviceChoice, Event, Generate, Model, ModelOptions};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let model = Model::embedded(&ModelOptions::new().device(DeviceChoice::Cpu).context(256))?;
/// let prompt = model.chat_prompt(&[azulejo::Message::new("user", "Where do I pay the water bill?")])?;
/// let mut text = String::new();
/// let answer = model.session()?.generate(&prompt, &Generate::greedy(16), &mut |event| {
///     match event {
///         Event::Prompt { done, total } => assert!(done <= total),
///         Event::Token { text: more, .. } | Event::Rest(more) => text.push_str(more),
///     }
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!(text, answer.text);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// So many of the prompt's tokens are evaluated.
    Prompt {
        /// Tokens that are evaluated, those found in the cache included.
        done: usize,
        /// Tokens in all.
        total: usize,
    },
    /// A token, and the text that became certain with it, which may be empty.
    Token {
        /// The token's id.
        token: u32,
        /// The text.
        text: &'a str,
        /// How probable it was, if that was asked for.
        logprobs: Option<&'a Logprobs>,
    },
    /// Text that was held back until the end.
    Rest(&'a str),
}

/// A finished answer: what [`Session::generate`](crate::Session) gives.
///
/// ```
/// use azulejo::{DeviceChoice, Generate, Model, ModelOptions};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let model = Model::embedded(&ModelOptions::new().device(DeviceChoice::Cpu).context(256))?;
/// let prompt = model.chat_prompt(&[azulejo::Message::new("user", "Where do I pay the water bill?")])?;
/// let mut session = model.session()?;
/// let mut go = || session.generate(&prompt, &Generate::greedy(8), &mut |_| std::ops::ControlFlow::Continue(()));
/// let (first, second) = (go()?, go()?);
/// assert_eq!(first.tokens, second.tokens);
/// assert_eq!(first.cached_tokens, 0);
/// // The prompt was evaluated once, but for its last token.
/// assert_eq!(second.cached_tokens, prompt.len() - 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// Its tokens' ids, the one that ended it included.
    pub tokens: Vec<u32>,
    /// Why it ended.
    pub stop: StopReason,
    /// Tokens of the prompt that were in the cache already.
    pub cached_tokens: usize,
}
