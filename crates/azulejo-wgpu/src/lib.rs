//! The GPU backend: runs the programs that [`azulejo_shaders`] lowers plans to, by wgpu, natively (Vulkan, Metal,
//! Direct3D 12) and in browsers (WebGPU).
//!
//! ```text
//! open(Options)  -> WgpuBackend   device: adapter, limits, tier
//!   .prepare(plan) -> WgpuModel   model: lowered program, pipelines, weights, params
//!   .new_state()   -> WgpuState   state: KV cache, activations, bind groups
//!   .step()                       step: one command buffer and one submit a step
//!   .read_token()                 read: maps what a step left, in the order of the steps
//! ```
//!
//! All shaders come from [`azulejo_shaders`]; nothing here knows what a kernel computes.

#[cfg(target_arch = "wasm32")]
mod browser;
mod call;
mod device;
mod error;
mod model;
mod pipelines;
#[cfg(not(target_arch = "wasm32"))]
mod profile;
mod read;
mod report;
mod state;
mod step;

pub use device::{Adapter, Options, Selection, WgpuBackend, devices, missing, open};
pub use error::WgpuError;
pub use model::WgpuModel;
pub use report::Counts;
pub use state::WgpuState;
