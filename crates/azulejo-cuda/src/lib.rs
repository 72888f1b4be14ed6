//! The kernels in CUDA C++.
//!
//! - `writer`: naga's IR as CUDA C++, and the prelude that it needs;
//! - [`translate()`]: a kernel's variant, linked and written.

mod translate;
mod writer;

pub use translate::{TranslateError, translate, translate_linked};
pub use writer::{Bounds, Options, PRELUDE, Parameter, Written};
