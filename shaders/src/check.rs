//! The cases of the kernels, and their comparison: data that the tests, the start-up self-test and the benches share.

use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;

/// One call with its inputs.
#[derive(Clone, Debug)]
pub struct Case {
    /// Topic first: `gemv_q4_k_ragged_rows`.
    pub name: String,
    /// The call; its binds say which of `buffers` is bound where.
    pub call: Call,
    /// The step.
    pub run: Run,
    /// The contents of the buffers before the call, in words.
    pub buffers: Vec<Vec<u32>>,
    /// The buffers that are compared afterwards.
    pub outputs: Vec<Output>,
    /// The greatest normalised mean square error ([`nmse`]) that is right.
    pub tolerance: f64,
}

/// A buffer that a call writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Output {
    /// Its place in [`Case::buffers`].
    pub buffer: usize,
    /// What its words are.
    pub kind: Words,
}

/// What a buffer's words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// f32.
    Floats,
    /// Pairs of f16.
    Halves,
    /// Integers, compared for equality.
    Integers,
}

/// Whatever can run a call.
pub trait Executor {
    /// Runs it over the buffers, and leaves there what it wrote.
    fn execute(&mut self, call: &Call, run: Run, buffers: &mut [Vec<u32>]) -> Result<(), String>;
}
