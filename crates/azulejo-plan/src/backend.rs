//! What executes a plan.

use std::future::Future;
use std::time::Duration;

use azulejo_quant::Plane;

use crate::{Constant, Plan};

/// A device, in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceInfo {
    /// `cpu`, `wgpu` or `cuda`.
    pub backend: &'static str,
    /// The device's own name.
    pub name: String,
    /// The interface and driver, where there is one.
    pub driver: String,
    /// The tier that was chosen.
    pub tier: String,
    /// Why that tier.
    pub reason: String,
}

/// Bytes that a prepared plan takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// Weights and tables.
    pub weights: u64,
    /// The KV cache of one state.
    pub kv: u64,
    /// Everything else of one state.
    pub activations: u64,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights.saturating_add(self.kv).saturating_add(self.activations)
    }
}

/// A call of a step, and how long the device took for it.
#[derive(Clone, Debug, PartialEq)]
pub struct CallTime {
    /// The kernel.
    pub kernel: &'static str,
    /// Which shader of it.
    pub variant: String,
    /// What it is for.
    pub label: String,
    /// By the device's clock.
    pub time: Duration,
    /// Bytes of weights and tables that it is bound to.
    pub weights: u64,
}

/// Which tokens a step takes.
#[derive(Clone, Copy, Debug)]
pub enum Tokens<'a> {
    /// These, at most [`Plan::chunk`].
    These(&'a [u32]),
    /// The one that the step before chose on the device.
    Chosen,
}

/// What a step leaves to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// Nothing: a chunk of a prompt that isn't its last.
    Nothing,
    /// The greedy next token ([`Backend::read_token`]); it is also what [`Tokens::Chosen`] means in the next step.
    Token,
    /// The last token's logits ([`Backend::read_logits`]).
    Logits,
    /// The logits of the token of that place in the step.
    LogitsOf(u32),
    /// The logits of every token of the step, at most [`Plan::output_rows`].
    AllLogits,
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct StepInput<'a> {
    /// The tokens.
    pub tokens: Tokens<'a>,
    /// The position of the first of them; all before it are in the cache.
    pub position: u32,
    /// How many of the tokens each of several texts has, in their order. Where a token sees all of its text
    /// ([`Reach::All`](crate::Reach)), or its place in it counts ([`Row::Position`](crate::Row)), texts are kept
    /// apart. None: all tokens are of one text.
    pub texts: &'a [u32],
    /// What is wanted.
    pub outputs: Outputs,
}

impl StepInput<'_> {
    /// For each of so many tokens, the first token of its text and the one behind its last. `None` if the texts have
    /// another number of tokens together, or one has none.
    pub fn spans(&self, tokens: u32) -> Option<Vec<[u32; 2]>> {
        let one = [tokens];
        let texts = if self.texts.is_empty() { &one } else { self.texts };
        let mut spans = Vec::with_capacity(tokens as usize);
        for &length in texts {
            let first = spans.len() as u32;
            let end = first.checked_add(length).filter(|end| *end > first && *end <= tokens)?;
            spans.resize(end as usize, [first, end]);
        }
        (spans.len() == tokens as usize).then_some(spans)
    }
}

/// An executor of plans: the CPU, a GPU by wgpu, or CUDA.
///
/// The order of calls: [`prepare`](Self::prepare), [`write`](Self::write) until every constant is filled,
/// [`new_state`](Self::new_state), then steps. Steps of one state run in the order in which they were asked for;
/// a read waits for those before it. A step only asks: errors of a device that works behind the caller's back may
/// come with a later call.
pub trait Backend {
    /// A prepared plan with its constants.
    type Model;
    /// A KV cache and the activations to go with it.
    type State;
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The device.
    fn info(&self) -> DeviceInfo;

    /// Lowers the plan to this device and makes room for its constants.
    fn prepare(&self, plan: &Plan) -> Result<Self::Model, Self::Error>;

    /// What has to be written.
    fn constants<'m>(&self, model: &'m Self::Model) -> &'m [Constant];

    /// Bytes taken.
    fn memory(&self, model: &Self::Model) -> Memory;

    /// Writes bytes of a constant. Offset and length are multiples of 4. Vectors and tables are all
    /// [`Plane::Quants`].
    fn write(
        &self,
        model: &mut Self::Model,
        constant: usize,
        plane: Plane,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), Self::Error>;

    /// An empty KV cache.
    fn new_state(&self, model: &Self::Model) -> Result<Self::State, Self::Error>;

    /// Runs a step.
    fn step(
        &self,
        model: &Self::Model,
        state: &mut Self::State,
        input: StepInput<'_>,
    ) -> Result<(), Self::Error>;

    /// The token of the oldest step with [`Outputs::Token`] that was not read yet; `u32::MAX` where its logits weren't
    /// numbers. After an error, or if the future is dropped, it is still to be read.
    fn read_token(
        &self,
        model: &Self::Model,
        state: &mut Self::State,
    ) -> impl Future<Output = Result<u32, Self::Error>>;

    /// The logits of the last step, `[rows, vocabulary]`.
    fn read_logits(
        &self,
        model: &Self::Model,
        state: &mut Self::State,
    ) -> impl Future<Output = Result<Vec<f32>, Self::Error>>;

    /// Runs a step whose outputs nobody reads, with each call timed by the device's own clock; none where it has none.
    fn time_calls(
        &self,
        _model: &Self::Model,
        _state: &mut Self::State,
        _input: StepInput<'_>,
    ) -> impl Future<Output = Result<Option<Vec<CallTime>>, Self::Error>> {
        std::future::ready(Ok(None))
    }
}
