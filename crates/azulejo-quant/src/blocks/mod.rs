//! One file a block format: its layout in a file, decode, encode, repack into planes, and the read of a unit.

pub(crate) mod bf16;
pub(crate) mod f16;
pub(crate) mod f32;
pub(crate) mod floats;
pub(crate) mod pack;
pub(crate) mod q2_k;
pub(crate) mod q3_k;
pub(crate) mod q4_0;
pub(crate) mod q4_1;
pub(crate) mod q4_k;
pub(crate) mod q5_0;
pub(crate) mod q5_1;
pub(crate) mod q5_k;
pub(crate) mod q6_k;
pub(crate) mod q8_0;
pub(crate) mod unpack;

use half::f16 as half16;

pub(crate) use crate::planes::{SectionKind, UNIT, Unit};
pub(crate) use crate::random::Rng;

/// What a format's file implements. Slices of blocks are whole blocks, and outputs fit them: the callers
/// ([`crate::decode()`], [`crate::PlaneLayout`] and so on) have checked it; what doesn't fit is left alone.
pub(crate) trait Block {
    /// Weights a block.
    const LEN: usize;
    /// Bytes a block in a file.
    const BYTES: usize;
    /// The sections of the planes, in order: the quants plane is the first, the others make the aux plane.
    const SECTIONS: &'static [SectionKind];

    /// Blocks of a file into weights.
    fn decode(blocks: &[u8], out: &mut [f32]);

    /// Weights into blocks of a file. `importance` says, for each weight, what its squared error counts; without
    /// it, formats of 32 weights are rounded as GGUF's reference quantiser does, and all errors of K formats count
    /// alike.
    fn encode(weights: &[f32], importance: Option<&[f32]>, out: &mut [u8]);

    /// Made-up blocks of about the standard deviation `std`.
    fn random(rng: &mut Rng, std: f32, out: &mut [u8]);

    /// Writes the part of `blocks` that belongs to section number `section`, tightly.
    fn repack(section: usize, blocks: &[u8], out: &mut [u8]);

    /// Reads a unit from the sections' words, as the shaders do.
    fn load(sections: &Sections<'_>, unit: usize) -> Unit;
}

/// The words of each section of a matrix in planes, in the order of [`Block::SECTIONS`].
pub(crate) type Sections<'a> = [&'a [u32]; MAX_SECTIONS];

/// The quants plane, and up to three sections in the aux plane.
pub(crate) const MAX_SECTIONS: usize = 4;

/// Blocks of `N` items beside their outputs of `M` items.
pub(crate) fn pairs<'a, const N: usize, const M: usize, A, B>(
    from: &'a [A],
    to: &'a mut [B],
) -> impl Iterator<Item = (&'a [A; N], &'a mut [B; M])> {
    from.as_chunks::<N>().0.iter().zip(to.as_chunks_mut::<M>().0)
}

/// Blocks of weights, what each weight counts (1 without importance), and their outputs.
pub(crate) fn triples<'a, const N: usize, const M: usize>(
    weights: &'a [f32],
    importance: Option<&'a [f32]>,
    out: &'a mut [u8],
) -> impl Iterator<Item = (&'a [f32; N], [f32; N], &'a mut [u8; M])> {
    pairs::<N, M, _, _>(weights, out).enumerate().map(move |(block, (weights, out))| {
        let counts = importance.and_then(|all| all.as_chunks::<N>().0.get(block)).copied();
        (weights, counts.unwrap_or([1.0; N]), out)
    })
}

/// The little-endian f16 at `at`.
pub(crate) fn f16_at(block: &[u8], at: usize) -> f32 {
    half16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// Writes `value` as a little-endian f16 at `at`.
pub(crate) fn put_f16(block: &mut [u8], at: usize, value: f32) {
    block[at..at + 2].copy_from_slice(&half16::from_f32(value).to_le_bytes());
}

/// The little-endian word at `at`.
pub(crate) fn u32_at(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

/// Writes a little-endian word at `at`.
pub(crate) fn put_u32(out: &mut [u8], at: usize, word: u32) {
    out[at..at + 4].copy_from_slice(&word.to_le_bytes());
}

/// The weight of the largest magnitude, with its sign; the first one of several.
pub(crate) fn peak(weights: &[f32]) -> f32 {
    weights.iter().fold(0.0, |peak: f32, w| if w.abs() > peak.abs() { *w } else { peak })
}

/// The least and the largest weight.
pub(crate) fn extent(weights: &[f32]) -> (f32, f32) {
    weights.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), w| (min.min(*w), max.max(*w)))
}

/// The fifth bits of 32 quants, bit j for quant j.
pub(crate) fn fifth_bits(quants: &[u8; 32]) -> u32 {
    quants.iter().enumerate().fold(0, |bits, (j, q)| bits | (u32::from((q >> 4) & 1) << j))
}
