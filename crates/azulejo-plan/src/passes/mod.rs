//! Rewritings of a plan.

mod fuse;

pub use fuse::fuse;
