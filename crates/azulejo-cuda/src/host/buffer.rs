//! Memory of the emulated device.

use bytemuck::{Pod, Zeroable};

/// Four words, aligned as the largest of WGSL's types.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Quad([u32; 4]);

/// A buffer of 32-bit words, in whole vectors of four, behind those that it was made of with zeros.
#[derive(Clone, Debug)]
pub struct HostBuffer(Vec<Quad>);

impl HostBuffer {
    /// Zeros of `bytes` bytes, rounded up.
    pub fn zeros(bytes: u64) -> Self {
        Self(vec![Quad([0; 4]); usize::try_from(bytes.div_ceil(16)).unwrap_or(usize::MAX)])
    }

    /// A copy of words.
    pub fn of(words: &[u32]) -> Self {
        let mut buffer = Self::zeros(words.len() as u64 * 4);
        buffer.words_mut()[..words.len()].copy_from_slice(words);
        buffer
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.0.len() as u64 * 16
    }

    /// Its words.
    pub fn words(&self) -> &[u32] {
        bytemuck::cast_slice(&self.0)
    }

    /// Its words.
    pub fn words_mut(&mut self) -> &mut [u32] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}
