//! GGUF block formats: layout, decode, encode, and the repack into planes that the kernels read.
//!
//! - [`BlockFormat`]: names, ids and sizes of the 13 formats; [`ggml_type_name`] names the ones that can't be read.
//! - [`decode()`], [`encode()`], [`encode_with_importance`]: file blocks to f32 and back; [`random_blocks`]: valid blocks for tests and benches.
//! - [`planes`]: the layout that shaders and CPU kernels rely on bit by bit, and [`PlaneLayout`], which makes it;
//!   [`PackedRows`]: rows that are repacked once and handed out many times.
//!
//! No I/O, no unsafe, and no panic on any bytes.

mod blocks;
mod codec;
mod error;
mod fit;
mod fit_k;
mod format;
pub mod planes;
mod random;
mod repeat;

pub use codec::{decode, encode, encode_with_importance, random_blocks};
pub use error::{EncodeError, QuantError};
pub use format::{BlockFormat, ggml_type_name};
pub use planes::{Plane, PlaneLayout, Section, SectionKind, UNIT, Unit};
pub use repeat::PackedRows;
