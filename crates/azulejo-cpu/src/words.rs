//! Buffers: words, aligned to cache lines, zero at first.

use bytemuck::{Pod, Zeroable};

use crate::CpuError;

/// A cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Line([u32; 16]);

/// A buffer of 32-bit words. Pages that were never written take no memory: the system hands zero pages out lazily,
/// so that the unused part of a KV cache costs nothing.
#[derive(Default)]
pub(crate) struct Words {
    lines: Vec<Line>,
    len: usize,
}

impl Words {
    /// Zeros of `bytes` bytes, rounded up to whole words.
    pub(crate) fn zeros(label: &str, bytes: u64) -> Result<Self, CpuError> {
        let error = || CpuError::OutOfMemory { label: label.to_owned(), bytes };
        let len = usize::try_from(bytes.div_ceil(4)).map_err(|_| error())?;
        let lines = bytemuck::allocation::try_zeroed_vec(len.div_ceil(16)).map_err(|()| error())?;
        Ok(Self { lines, len })
    }

    /// The words.
    pub(crate) fn words(&self) -> &[u32] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }

    /// The words.
    pub(crate) fn words_mut(&mut self) -> &mut [u32] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }

    /// The words as f32.
    pub(crate) fn floats(&self) -> &[f32] {
        bytemuck::cast_slice(self.words())
    }

    /// The words as f32.
    pub(crate) fn floats_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(self.words_mut())
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Words({})", self.len)
    }
}
