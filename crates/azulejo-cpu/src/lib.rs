//! Runs plans on the CPU.
//!
//! [`CpuBackend`] lowers a plan to the same kernel calls as the other back-ends and executes each by a fast
//! implementation (`simd/<kernel>.rs`) or, where there is none, by the kernel's twin. Weights stay in the file's own
//! precision, in unit planes; activations are f32.
//!
//! - `backend`: models, states and steps; `call`: a kernel's call over buffers; `executor`: single calls, for the cases;
//! - `matrix`: unit planes as typed slices; `words`: aligned buffers; `threads`: a rayon pool, or none;
//! - `simd`: the kernels, portable, by AVX2 and by WebAssembly's SIMD; the only place with `unsafe`.
//!
//! On two threads of an EPYC of 2021 (Zen 3), a Llama of 160 million weights decodes 1.0 to 1.4 times as many tokens
//! a second as llama.cpp 0.5 (AVX2) in Q4_0, Q8_0 and Q4_K, and takes in 0.9 to 1.15 times as many of a prompt of 512,
//! although it keeps activations in 16 bits where llama.cpp has 8 (`simd/input.rs`). `azulejo bench --shape` measures.

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
