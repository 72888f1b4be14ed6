//! Q2_K: 256 weights in 84 bytes: `scales` (16 bytes, one a group of 16: scale low nibble, minimum high nibble),
//! `qs` (64 bytes: bits 2j of byte 32n + l are weight 128n + 32j + l), `d`, `dmin` (f16).
//!
//! w = d * scale * q - dmin * min. Planes: bits2; sc8, dm a superblock.

use super::{Block, Rng, SectionKind, Sections, Unit, f16_at, pack, pairs, put_f16, triples, unpack};
use crate::fit;

pub(crate) struct Codec;

const LEN: usize = 256;
const BYTES: usize = 84;
const QS: usize = 16;
const D: usize = 80;

impl Block for Codec {
    const LEN: usize = LEN;
    const BYTES: usize = BYTES;
    const SECTIONS: &'static [SectionKind] = &[SectionKind::QuantBits2, SectionKind::Sc8, SectionKind::Dm];

    fn decode(blocks: &[u8], out: &mut [f32]) {
        for (block, out) in pairs::<BYTES, LEN, _, _>(blocks, out) {
            let (d, dmin) = (f16_at(block, D), f16_at(block, D + 2));
            for (group, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                let scale = d * f32::from(block[group] & 15);
                let min = dmin * f32::from(block[group] >> 4);
                // Group = 8n + 2j + half of the unit.
                let (at, shift) = (QS + 32 * (group / 8) + 16 * (group % 2), 2 * ((group / 2) % 4));
                for (l, out) in out.iter_mut().enumerate() {
                    *out = scale * f32::from((block[at + l] >> shift) & 3) - min;
                }
            }
        }
    }

    fn encode(weights: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        for (weights, counts, block) in triples::<LEN, BYTES>(weights, importance, out) {
            let fitted = fit::superblock_affine::<16, 16>(weights, &counts, 3, 15);
            block.fill(0);
            for (at, q) in fitted.quants.iter().enumerate() {
                block[QS + 32 * (at / 128) + at % 32] |= q << (2 * ((at / 32) % 4));
            }
            for ((byte, scale), min) in block.iter_mut().zip(fitted.scales).zip(fitted.mins) {
                *byte = scale as u8 | (min << 4);
            }
            put_f16(block, D, fitted.d);
            put_f16(block, D + 2, fitted.dmin);
        }
    }

    fn random(rng: &mut Rng, std: f32, out: &mut [u8]) {
        for block in out.as_chunks_mut::<BYTES>().0 {
            rng.fill(block);
            for group in &mut block[..16] {
                // A minimum beside the scale's number and dmin = 1.5 d (the mean of 0..=3) make the mean vanish.
                let scale = 1 + rng.below(14);
                *group = scale | ((scale - 1 + rng.below(3)) << 4);
            }
            // Mean square: 72.5 (of 1..=14) * 1.25 (variance of 0..=3) + 1.5^2 * 2/3 (variance of -1..=1).
            let d = std / (72.5f32 * 1.25 + 1.5).sqrt() * rng.jitter();
            put_f16(block, D, d);
            put_f16(block, D + 2, 1.5 * d);
        }
    }

    fn repack(section: usize, blocks: &[u8], out: &mut [u8]) {
        match section {
            0 => pairs::<BYTES, 64, _, _>(blocks, out).for_each(|(b, o)| {
                if let Some(qs) = b[QS..].first_chunk() {
                    pack::bits2_units(qs, o);
                }
            }),
            1 => pairs::<BYTES, 16, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[..16])),
            _ => pairs::<BYTES, 4, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[D..])),
        }
    }

    fn load(sections: &Sections<'_>, unit: usize) -> Unit {
        let (d, dmin) = unpack::dm(sections[2][unit / 8]);
        let group: [u8; 2] = std::array::from_fn(|h| unpack::byte(sections[1], 2 * unit + h));
        let scale = group.map(|b| d * f32::from(b & 15));
        let offset = group.map(|b| -dmin * f32::from(b >> 4));
        Unit::new(|j| unpack::bits2(sections[0], unit, j) as f32, scale, offset)
    }
}
