//! What `bench` measures on: shapes of known models, without their files.

mod mix;
mod shape;

pub(crate) use mix::Quant;
pub(crate) use shape::{SHAPES, file};
