//! The kernels in CUDA C++.
//!
//! - `writer`: naga's IR as CUDA C++, and the prelude that it needs;
//! - [`translate()`]: a kernel's variant, linked and written;
//! - `overrides`: kernels by hand in the place of translated ones;
//! - [`Nvrtc`]: NVIDIA's compiler of it, where there is one;
//! - [`CudaBackend`]: plans on a GPU;
//! - `host`: what is written, compiled for the host and run there ([`HostDevice`]); on Linux.

#[cfg(target_os = "linux")]
mod host;
mod nvrtc;
mod overrides;
mod runtime;
mod translate;
mod writer;

#[cfg(target_os = "linux")]
pub use host::{HostBackend, HostBuffer, HostDevice, HostError, HostKernel, HostModel, HostState};
pub use nvrtc::{Compiled, Nvrtc, NvrtcError, Resources};
pub use runtime::{CudaBackend, CudaError, CudaModel, CudaOptions, CudaState, matrix_peak_kernel};
pub use translate::{TranslateError, translate, translate_linked};
pub use writer::{Bounds, Options, PRELUDE, Parameter, Written};
