//! Loading, sessions and sampling, generic over a [`Backend`](azulejo_plan::Backend).
//!
//! - [`Loading`]: a plan whose weights are on their way to a device; [`Engine`]: one whose weights are there;
//! - [`Session`]: a KV cache and the tokens in it; [`Session::generate`] goes on from a prompt, token by token, and
//!   re-uses what a prompt has in common with the one before;
//! - [`Sampler`]: from logits to a token;
//! - [`TextStream`]: from tokens to text, up to a stop string.
//!
//! The engine owns no clock, thread or random source: they are passed in, so that a run can be replayed.

mod engine;
mod error;
mod load;
mod sampler;
mod session;
mod text;

pub use engine::Engine;
pub use error::EngineError;
pub use load::{Load, Loading};
pub use sampler::{RandomSource, Sampler, SamplerOptions, SplitMix64};
pub use session::{Chosen, Generation, GenerationOptions, Logprobs, Overflow, Session};
pub use text::{StopReason, TextStream};
