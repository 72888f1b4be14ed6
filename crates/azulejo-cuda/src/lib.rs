//! The kernels in CUDA C++.
//!
//! - `writer`: naga's IR as CUDA C++, and the prelude that it needs;
//! - [`translate()`]: a kernel's variant, linked and written;
//! - `overrides`: kernels by hand in the place of translated ones;
//! - [`Nvrtc`]: NVIDIA's compiler of it, where there is one;
//! - [`compile_ahead`]: machine code for many GPUs, as an [`Archive`] that a program carries;
//! - [`CudaBackend`]: plans on a GPU;
//! - `host`: what is written, compiled for the host and run there ([`HostDevice`]); on Linux.

mod ahead;
mod archive;
mod cubin;
#[cfg(target_os = "linux")]
mod host;
mod nvrtc;
mod overrides;
mod runtime;
mod translate;
mod writer;

pub use ahead::{AheadError, compile_ahead};
pub use archive::{Archive, ArchiveError};
pub use cubin::all_variants;
#[cfg(target_os = "linux")]
pub use host::{
    HostBackend, HostBuffer, HostDevice, HostError, HostKernel, HostModel, HostState, ThreadedKernel,
};
pub use nvrtc::{Compiled, Nvrtc, NvrtcError, Resources};
pub use runtime::{
    CudaBackend, CudaDevice, CudaError, CudaModel, CudaOptions, CudaState, carried_kernels,
    matrix_peak_kernel,
};
pub use translate::{TranslateError, translate, translate_linked};
pub use writer::{Bounds, Options, PRELUDE, Parameter, Written};
