//! What can go wrong on the CPU.

use azulejo_shaders::{LowerError, StepError};

/// An error of [`crate::CpuBackend`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CpuError {
    /// The plan can't be lowered.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// A call that isn't as the lowering makes them.
    #[error("{0}; this is a defect of the program")]
    Call(String),
    /// The instructions asked for are not this machine's.
    #[error("this machine has no {wanted} instructions; it has {available}")]
    Instructions {
        /// What was asked for.
        wanted: &'static str,
        /// What there is.
        available: String,
    },
    /// The threads can't be started.
    #[error("{threads} threads can't be started: {reason}; ask for fewer")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// Why.
        reason: String,
    },
    /// Memory can't be had.
    #[error("{bytes} bytes for '{label}' can't be had; use a smaller model or a smaller context")]
    OutOfMemory {
        /// The buffer.
        label: String,
        /// Its size.
        bytes: u64,
    },
    /// A write outside of a constant.
    #[error(
        "constant {constant}: {len} bytes at offset {offset} don't lie within the plane's {bytes}, in whole words"
    )]
    Write {
        /// The constant.
        constant: usize,
        /// Where the bytes were to go.
        offset: u64,
        /// How many there were.
        len: u64,
        /// The size of the plane, 0 where the constant has no such plane.
        bytes: u64,
    },
    /// A step outside of the plan's bounds.
    #[error(transparent)]
    Step(#[from] StepError),
    /// Something was read, or meant, that no step left.
    #[error("no step left {0} to be read")]
    NothingToRead(&'static str),
    /// No logit is a number, so that no token is the greatest.
    #[error("no logit is a number; the weights hold NaN, or the model overflows 32-bit floats")]
    NotANumber,
}

impl CpuError {
    /// True if memory can't be had.
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, CpuError::OutOfMemory { .. })
    }
}
