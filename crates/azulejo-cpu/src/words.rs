//! Buffers: words, aligned to cache lines, zero at first.

use bytemuck::{Pod, Zeroable};

use crate::CpuError;

/// Bytes of a cache line.
const LINE: usize = 64;

/// The largest alignment for which the allocator hands out the system's zero pages; for a larger one it takes pages
/// and writes zeros.
#[repr(C, align(16))]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Aligned([u32; 4]);

/// A buffer of 32-bit words. Pages that were never written take no memory, so that the unused part of a KV cache
/// costs nothing.
#[derive(Default)]
pub(crate) struct Words {
    memory: Vec<Aligned>,
    /// The first word, at the beginning of a cache line.
    start: usize,
    len: usize,
}

impl Words {
    /// Zeros of `bytes` bytes, rounded up to whole words.
    pub(crate) fn zeros(label: &str, bytes: u64) -> Result<Self, CpuError> {
        let error = || CpuError::OutOfMemory { label: label.to_owned(), bytes };
        let len = usize::try_from(bytes.div_ceil(4)).map_err(|_| error())?;
        let room = len.div_ceil(4) + LINE / size_of::<Aligned>();
        let memory: Vec<Aligned> = bytemuck::allocation::try_zeroed_vec(room).map_err(|()| error())?;
        let start = memory.as_ptr().addr().wrapping_neg() % LINE / size_of::<u32>();
        Ok(Self { memory, start, len })
    }

    /// The words.
    pub(crate) fn words(&self) -> &[u32] {
        &bytemuck::cast_slice(&self.memory)[self.start..][..self.len]
    }

    /// The words.
    pub(crate) fn words_mut(&mut self) -> &mut [u32] {
        &mut bytemuck::cast_slice_mut(&mut self.memory)[self.start..][..self.len]
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
