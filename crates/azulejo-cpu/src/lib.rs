//! Runs plans on the CPU.
//!
//! [`CpuBackend`] lowers a plan to the same kernel calls as the other back-ends and executes each by a fast
//! implementation (`simd/<kernel>.rs`) or, where there is none, by the kernel's twin. Weights stay in the file's own
//! precision, in unit planes; activations are f32.
//!
//! - `backend`: models, states and steps; `call`: a kernel's call over buffers; `executor`: single calls, for the cases;
//! - `matrix`: unit planes as typed slices; `words`: aligned buffers; `threads`: a rayon pool, or none;
//! - `simd`: the kernels, portable, by AVX2 and AVX-512, and by WebAssembly's SIMD; the only place with `unsafe`.
//!
//! Activations are f32, or 16 bits where that is faster (`simd/input.rs`, `simd/gemm.rs`), where llama.cpp has 8;
//! `benches/RESULTS.md` has both beside each other.

mod backend;
mod call;
mod error;
mod executor;
mod matrix;
mod simd;
mod threads;
mod words;

#[cfg(not(target_arch = "wasm32"))]
pub use backend::InputSquares;
pub use backend::{CpuBackend, CpuModel, CpuOptions, CpuState};
pub use error::CpuError;
pub use executor::CpuExecutor;
pub use simd::Instructions;
