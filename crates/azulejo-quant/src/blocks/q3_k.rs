//! Q3_K: 256 weights in 110 bytes: `hmask` (32 bytes: bit u of byte l is the third bit of weight 32u + l), `qs`
//! (64 bytes: bits 2j of byte 32n + l are the low bits of weight 128n + 32j + l), `scales` (12 bytes: 16 numbers
//! of 6 bits, one a group of 16: the low nibbles are nibble k / 8 of byte k % 8, the upper two bits are bits
//! 2 (k / 4) of byte 8 + k % 4), `d` (f16).
//!
//! w = d * (scale - 32) * (q - 4). Planes: bits2; bit1 a unit, sc6, d16 a superblock.

use super::{Block, Rng, SectionKind, Sections, Unit, f16_at, pack, pairs, put_f16, triples, unpack};
use crate::fit;

pub(crate) struct Codec;

const LEN: usize = 256;
const BYTES: usize = 110;
const QS: usize = 32;
const SCALES: usize = 96;
const D: usize = 108;

/// The scale of group `k`, still with its bias of 32.
fn scale(block: &[u8; BYTES], k: usize) -> u8 {
    let low = (block[SCALES + k % 8] >> (4 * (k / 8))) & 15;
    let high = (block[SCALES + 8 + k % 4] >> (2 * (k / 4))) & 3;
    low | (high << 4)
}

impl Block for Codec {
    const LEN: usize = LEN;
    const BYTES: usize = BYTES;
    const SECTIONS: &'static [SectionKind] =
        &[SectionKind::QuantBits2, SectionKind::Bit1, SectionKind::Sc6, SectionKind::D16];

    fn decode(blocks: &[u8], out: &mut [f32]) {
        for (block, out) in pairs::<BYTES, LEN, _, _>(blocks, out) {
            let d = f16_at(block, D);
            for (group, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                let scale = d * (f32::from(scale(block, group)) - 32.0);
                let (unit, first) = (group / 2, 16 * (group % 2));
                let (at, shift) = (QS + 32 * (unit / 4) + first, 2 * (unit % 4));
                for (l, out) in out.iter_mut().enumerate() {
                    let high = (block[first + l] >> unit) & 1;
                    *out = scale * (f32::from(((block[at + l] >> shift) & 3) | (high << 2)) - 4.0);
                }
            }
        }
    }

    fn encode(weights: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        for (weights, counts, block) in triples::<LEN, BYTES>(weights, importance, out) {
            let fitted = fit::superblock_symmetric(weights, &counts, 4, 31);
            block.fill(0);
            for (at, q) in fitted.quants.iter().enumerate() {
                block[at % 32] |= (q >> 2) << (at / 32);
                block[QS + 32 * (at / 128) + at % 32] |= (q & 3) << (2 * ((at / 32) % 4));
            }
            for (k, scale) in fitted.scales.iter().enumerate() {
                let scale = (scale + 32) as u8;
                block[SCALES + k % 8] |= (scale & 15) << (4 * (k / 8));
                block[SCALES + 8 + k % 4] |= (scale >> 4) << (2 * (k / 4));
            }
            put_f16(block, D, fitted.d);
        }
    }

    fn random(rng: &mut Rng, std: f32, out: &mut [u8]) {
        for block in out.as_chunks_mut::<BYTES>().0 {
            rng.fill(block);
            // Mean squares of -4..=3 and of -32..=31.
            put_f16(block, D, std / (5.5f32 * 341.5).sqrt() * rng.signed_jitter());
        }
    }

    fn repack(section: usize, blocks: &[u8], out: &mut [u8]) {
        match section {
            0 => pairs::<BYTES, 64, _, _>(blocks, out).for_each(|(b, o)| {
                if let Some(qs) = b[QS..].first_chunk() {
                    pack::bits2_units(qs, o);
                }
            }),
            1 => pairs::<BYTES, 32, _, _>(blocks, out).for_each(|(b, o)| {
                if let Some(mask) = b.first_chunk() {
                    pack::bit1_units(mask, o);
                }
            }),
            2 => pairs::<BYTES, 12, _, _>(blocks, out).for_each(|(b, o)| {
                let (even, odd) = (|j| scale(b, 2 * j), |j| scale(b, 2 * j + 1));
                pack::sc6(&std::array::from_fn(even), &std::array::from_fn(odd), o);
            }),
            _ => pairs::<BYTES, 2, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[D..])),
        }
    }

    fn load(sections: &Sections<'_>, unit: usize) -> Unit {
        let d = unpack::d16(sections[3], unit / 8);
        let (even, odd) = unpack::sc6(&sections[2][3 * (unit / 8)..], unit % 8);
        let scale = [even, odd].map(|s| d * (s as f32 - 32.0));
        let quant = |j| unpack::bits2(sections[0], unit, j) | (unpack::bit1(sections[1], unit, j) << 2);
        Unit::new(|j| quant(j) as f32, scale, scale.map(|s| -4.0 * s))
    }
}
