//! Loading, sessions and sampling, generic over a [`Backend`](azulejo_plan::Backend).
//!
//! - [`Engine`]: a plan with its weights on a device;
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
pub use load::{Load, loads};
pub use sampler::{RandomSource, Sampler, SamplerOptions, SplitMix64};
pub use session::{Generation, GenerationOptions, Overflow, Session};
pub use text::{StopReason, TextStream};
