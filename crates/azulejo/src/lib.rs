//! Language models on the user's own device.
//!
//! ```
//! use azulejo::{Generate, Model, ModelOptions};
//!
//! # fn main() -> Result<(), azulejo::Error> {
//! let model = Model::embedded(&ModelOptions::default())?;
//! let mut session = model.session()?;
//! let prompt = model.chat_prompt(&[azulejo::Message::new("user", "How do I renew my identity card?")])?;
//! let answer = session.generate(&prompt, &Generate::greedy(32), &mut |_| std::ops::ControlFlow::Continue(()))?;
//! assert!(!answer.text.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! - [`Model`]: a file (GGUF, or a Hugging Face folder), its tokenizer and its weights on a device;
//! - [`Device`] and [`Loading`]: the same in steps, for callers whose bytes come from elsewhere than a file;
//! - [`Session`]: a conversation; what a prompt has in common with the one before is not evaluated again;
//! - [`Generate`]: how to go on: sampling, stop strings, limits;
//! - [`Error`]: what went wrong, with predicates and a stable code.
//!
//! Features: `cpu`, `wgpu` (the back-ends), `embedded` (the demonstration model); all are on by default.

#![cfg_attr(
    target_arch = "wasm32",
    allow(
        clippy::arc_with_non_send_sync,
        reason = "one thread, and the same types as where there are several"
    )
)]

mod device;
mod embed;
mod error;
mod loading;
mod model;
mod random;
mod session;
pub mod shape;
mod vocabulary;

pub use azulejo_engine::{Logprobs, Overflow, SamplerOptions, StopReason};
pub use azulejo_formats as formats;
pub use azulejo_models::{
    Config, Output, PlanOptions, Rope, RopeScaling, config_tensors, warnings as config_warnings,
};
pub use azulejo_plan::{CallTime, DeviceInfo, KvType, Memory, Plan, RopeLayout};
pub use azulejo_quant::BlockFormat;
pub use azulejo_shaders::check::CaseResult;
pub use azulejo_shaders::{Limits, Tier};
pub use azulejo_tokenizer::{
    ChatTemplate, EncodeOptions, Message, Now, RenderOptions, StreamDecoder, Tokenizer, pre_tokenizer_name,
};
#[cfg(not(target_arch = "wasm32"))]
pub use device::adapters;
pub use device::{Adapter, Device, DeviceChoice, find_adapters};
pub use embed::Pooling;
pub use error::{Code, Error};
pub use loading::Loading;
#[cfg(not(target_arch = "wasm32"))]
pub use model::open_file;
pub use model::{ChatOptions, Model, ModelOptions, PlannedCall, estimated_memory};
pub use session::{Answer, Event, Generate, Session};
pub use vocabulary::tokenizer_from_file;
#[cfg(not(target_arch = "wasm32"))]
pub use vocabulary::tokenizer_from_path;
