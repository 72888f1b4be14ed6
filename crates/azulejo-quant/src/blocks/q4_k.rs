//! Q4_K: 256 weights in 144 bytes: `d`, `dmin` (f16), `scales` (12 bytes: 8 scales and 8 minima of 6 bits, one of
//! each a unit of 32; see `pack::k_scales_to_sc6`), `qs` (128 bytes: byte 32c + l is weight l of unit 2c in its
//! low nibble, and of unit 2c + 1 in its high nibble).
//!
//! w = d * scale * q - dmin * min. Planes: nibbles; 4 words a superblock: dm, sc6.

use super::{Block, Rng, SectionKind, Sections, Unit, f16_at, pack, pairs, put_f16, triples, unpack};
use crate::fit;
use crate::fit_k::{self, Search};

pub(crate) struct Codec;

const LEN: usize = 256;
const BYTES: usize = 144;
const SCALES: usize = 4;
const QS: usize = 16;

impl Block for Codec {
    const LEN: usize = LEN;
    const BYTES: usize = BYTES;
    const SECTIONS: &'static [SectionKind] = &[SectionKind::Nibbles, SectionKind::DmSc6];

    fn decode(blocks: &[u8], out: &mut [f32]) {
        for (block, out) in pairs::<BYTES, LEN, _, _>(blocks, out) {
            let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
            let (scales, mins) = pack::k_scales(&block[SCALES..]);
            for (unit, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let (scale, min) = (d * f32::from(scales[unit]), dmin * f32::from(mins[unit]));
                let (qs, shift) = (&block[QS + 32 * (unit / 2)..][..32], 4 * (unit % 2));
                for (out, q) in out.iter_mut().zip(qs) {
                    *out = scale * f32::from((q >> shift) & 15) - min;
                }
            }
        }
    }

    fn encode(weights: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        for (weights, counts, block) in triples::<LEN, BYTES>(weights, importance, out) {
            let fitted = match importance {
                None => fit_k::superblock_affine(weights, &Search { top: 15.0, first: -1.0, tries: 20 }),
                Some(_) => fit::superblock_affine::<32, 8>(weights, &counts, 15, 63),
            };
            put_header(&fitted, block);
            put_nibbles(&fitted.quants, &mut block[QS..]);
        }
    }

    fn random(rng: &mut Rng, std: f32, out: &mut [u8]) {
        for block in out.as_chunks_mut::<BYTES>().0 {
            rng.fill(block);
            // Variance and mean of 0..=15.
            random_header(rng, std, 21.25, 7.5, block);
        }
    }

    fn repack(section: usize, blocks: &[u8], out: &mut [u8]) {
        if section == 0 {
            pairs::<BYTES, 128, _, _>(blocks, out).for_each(|(b, o)| nibbles(&b[QS..], o));
        } else {
            pairs::<BYTES, 16, _, _>(blocks, out).for_each(|(b, o)| dm_sc6(b, o));
        }
    }

    fn load(sections: &Sections<'_>, unit: usize) -> Unit {
        let (scale, offset) = scale_offset(sections[1], unit);
        Unit::new(|j| unpack::nibble(sections[0], unit, j) as f32, [scale; 2], [offset; 2])
    }
}

/// The head of a block of Q4_K or Q5_K.
pub(crate) fn put_header(fitted: &fit::Superblock<8>, block: &mut [u8]) {
    put_f16(block, 0, fitted.d);
    put_f16(block, 2, fitted.dmin);
    pack::put_k_scales(&fitted.scales.map(|scale| scale as u8), &fitted.mins, &mut block[SCALES..]);
}

/// The low nibbles of the quants of a block of Q4_K or Q5_K into its `qs`.
pub(crate) fn put_nibbles(quants: &[u8; 256], qs: &mut [u8]) {
    for (quants, qs) in pairs::<64, 32, _, _>(quants, qs) {
        for l in 0..32 {
            qs[l] = (quants[l] & 15) | ((quants[l + 32] & 15) << 4);
        }
    }
}

/// The `qs` of a superblock of Q4_K or Q5_K into the nibbles of 8 units.
#[inline]
pub(crate) fn nibbles(qs: &[u8], out: &mut [u8; 128]) {
    for (qs, out) in pairs::<32, 32, _, _>(qs, out) {
        let (low, high) = out.split_at_mut(16);
        pack::nibble_units(qs, low, high);
    }
}

/// The head of a block of Q4_K or Q5_K into the 4 words of its superblock.
#[inline]
pub(crate) fn dm_sc6(block: &[u8], out: &mut [u8; 16]) {
    out[..4].copy_from_slice(&block[..4]);
    pack::k_scales_to_sc6(&block[SCALES..], &mut out[4..]);
}

/// Scale and offset of a unit from the section of 4 words a superblock.
pub(crate) fn scale_offset(words: &[u32], unit: usize) -> (f32, f32) {
    let words = &words[4 * (unit / 8)..][..4];
    let (d, dmin) = unpack::dm(words[0]);
    let (scale, min) = unpack::sc6(&words[1..], unit % 8);
    (d * scale as f32, -dmin * min as f32)
}

/// A head of a block of Q4_K or Q5_K that makes weights of the standard deviation `std` out of uniform quants of
/// that variance and mean: a minimum beside the scale's number and dmin = mean * d make the weights' mean vanish.
pub(crate) fn random_header(rng: &mut Rng, std: f32, variance: f32, mean: f32, block: &mut [u8]) {
    let scales: [u8; 8] = std::array::from_fn(|_| 4 + rng.below(56));
    let mins = scales.map(|scale| scale - 4 + rng.below(9));
    // Mean square of 4..=59, variance of -4..=4.
    let (scale_square, min_variance) = (1253.5, 80.0 / 12.0);
    let rms = (scale_square * variance + mean * mean * min_variance).sqrt();
    let d = std / rms * rng.jitter();
    put_f16(block, 0, d);
    put_f16(block, 2, mean * d);
    pack::put_k_scales(&scales, &mins, &mut block[SCALES..]);
}
