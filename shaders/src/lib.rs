//! The kernels as data. This crate knows no device.
//!
//! - [`kernels`]: each kernel in a folder of its own: its WESL source, its parameters, its CPU twin, its cases;
//! - [`link()`]: puts a kernel and the pieces under `src/lib` together into one WGSL text;
//! - [`lower()`]: turns a plan into kernel calls over buffers;
//! - [`check`]: the tolerance table and the harness that runs the cases on anything that can run a call.

mod cases;
pub mod check;
pub mod kernel;
pub mod kernels;
mod link;
mod lower;
mod pieces;
mod program;
mod step;
mod tier;
mod twin;

pub use kernel::{Kernel, Reads, Run, Variant, Writes};
pub use link::{Access, Binding, LinkError, Linked, Target, link, module_names};
pub use lower::{LowerError, lower};
pub use program::{Bind, Buffer, BufferClass, Call, Extent, Limits, PARAMS_PITCH, Program};
pub use step::{Phase, Step, StepError};
pub use tier::Tier;
