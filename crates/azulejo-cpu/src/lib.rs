//! Runs plans on the CPU.
//!
//! [`CpuBackend`] lowers a plan to the same kernel calls as the other back-ends and executes each by a fast
//! implementation (`simd/<kernel>.rs`) or, where there is none, by the kernel's twin. Weights stay in the file's own
//! precision, in unit planes; activations are f32.

mod backend;
mod call;
mod error;
mod executor;
mod matrix;
mod simd;
mod threads;
mod words;

pub use backend::{CpuBackend, CpuModel, CpuOptions, CpuState};
pub use error::CpuError;
pub use executor::CpuExecutor;
pub use simd::Instructions;
