//! The twin of the shaders' reads: single weights and scales out of the sections' words (see [`crate::planes`]).

use half::f16;

/// The low 4 bits of weight `j` of a unit.
pub(crate) fn nibble(words: &[u32], unit: usize, j: usize) -> u32 {
    (words[4 * unit + (j % 16) / 4] >> (8 * (j % 4) + 4 * (j / 16))) & 15
}

/// The 2-bit field of weight `j` of a unit.
pub(crate) fn bits2(words: &[u32], unit: usize, j: usize) -> u32 {
    (words[2 * unit + j / 16] >> (8 * (j % 4) + 2 * ((j % 16) / 4))) & 3
}

/// The single bit of weight `j` of a unit.
pub(crate) fn bit1(words: &[u32], unit: usize, j: usize) -> u32 {
    (words[unit] >> (8 * (j % 4) + j / 4)) & 1
}

/// Half number `index` of a section of halves.
pub(crate) fn d16(words: &[u32], index: usize) -> f32 {
    f16::from_bits((words[index / 2] >> (16 * (index % 2))) as u16).to_f32()
}

/// The two halves of a word: the lower first.
pub(crate) fn dm(word: u32) -> (f32, f32) {
    (f16::from_bits(word as u16).to_f32(), f16::from_bits((word >> 16) as u16).to_f32())
}

/// Pair `j` (0..8) of the three words of a superblock's sc6.
pub(crate) fn sc6(words: &[u32], j: usize) -> (u32, u32) {
    let low = words[j / 4] >> (8 * (j % 4));
    let high = words[2] >> (4 * j);
    ((low & 15) | ((high & 3) << 4), ((low >> 4) & 15) | (((high >> 2) & 3) << 4))
}

/// Byte `index` of a section of bytes.
pub(crate) fn byte(words: &[u32], index: usize) -> u8 {
    (words[index / 4] >> (8 * (index % 4))) as u8
}
