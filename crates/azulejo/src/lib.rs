//! Language models on the user's own device.
//!
//! ```
//! use azulejo::{Generate, Model, ModelOptions};
//!
//! # fn main() -> Result<(), azulejo::Error> {
//! let model = Model::embedded(&ModelOptions::new())?;
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
//! Features: `cpu`, `wgpu` (the back-ends), `embedded` (the demonstration model), which are on by default, and `cuda`
//! (NVIDIA's GPUs by CUDA).

#![warn(clippy::missing_errors_doc)]
#![cfg_attr(
    target_arch = "wasm32",
    allow(
        clippy::arc_with_non_send_sync,
        reason = "one thread, and the same types as where there are several"
    )
)]

mod backend;
#[cfg(not(target_arch = "wasm32"))]
mod cache;
mod device;
mod embed;
mod error;
mod generate;
mod loading;
mod lower;
mod model;
mod options;
mod random;
mod sentence;
mod session;
pub mod shape;
mod vocabulary;

#[cfg(not(target_arch = "wasm32"))]
pub use cache::cache_folder;
#[cfg(not(target_arch = "wasm32"))]
pub use device::adapters;
pub use device::{Adapter, Cuda, CudaGpu, Device, DeviceChoice, KernelCheck, find_adapters};
pub use embed::{EmbedOptions, Pooling};
pub use error::{Code, Error};
pub use generate::{Answer, Event, Generate};
pub use loading::Loading;
pub use lower::*;
#[cfg(not(target_arch = "wasm32"))]
pub use model::open_file;
pub use model::{Model, PlannedCall, estimated_memory};
#[doc(hidden)]
pub use options::Checks;
pub use options::{ChatOptions, ModelOptions};
pub use session::Session;
pub use vocabulary::tokenizer_from_file;
#[cfg(not(target_arch = "wasm32"))]
pub use vocabulary::tokenizer_from_path;
