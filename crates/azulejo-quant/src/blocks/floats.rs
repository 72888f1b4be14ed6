//! What the three float formats share: a block is one weight, and repacking copies rows.

use super::{Sections, UNIT, Unit};

/// Decodes weights of `N` bytes.
pub(crate) fn decode<const N: usize>(bytes: &[u8], out: &mut [f32], read: impl Fn([u8; N]) -> f32) {
    for (weight, value) in bytes.as_chunks::<N>().0.iter().zip(out) {
        *value = read(*weight);
    }
}

/// Encodes weights of `N` bytes.
pub(crate) fn encode<const N: usize>(weights: &[f32], out: &mut [u8], write: impl Fn(f32) -> [u8; N]) {
    for (weight, bytes) in weights.iter().zip(out.as_chunks_mut::<N>().0) {
        *bytes = write(*weight);
    }
}

/// Reads a unit of two weights a word.
pub(crate) fn load_halves(sections: &Sections<'_>, unit: usize, read: impl Fn(u16) -> f32) -> Unit {
    let words = &sections[0][unit * UNIT / 2..][..UNIT / 2];
    Unit::plain(|j| read((words[j / 2] >> (16 * (j % 2))) as u16))
}
