//! Q6_K: 256 weights in 210 bytes: `ql` (128 bytes: byte 64n + 32p + l is the low nibble of weight l of unit
//! 4n + p in its low nibble, and of unit 4n + p + 2 in its high nibble), `qh` (64 bytes: bits 2j of byte 32n + l
//! are the upper bits of weight l of unit 4n + j), `scales` (16 signed bytes, one a group of 16), `d` (f16).
//!
//! w = d * scale * (q - 32). Planes: nibbles; bits2 a unit, sc8, d16 a superblock.

use super::{Block, Rng, SectionKind, Sections, Unit, f16_at, pack, pairs, put_f16, triples, unpack};
use crate::{fit, fit_k};

pub(crate) struct Codec;

const LEN: usize = 256;
const BYTES: usize = 210;
const QH: usize = 128;
const SCALES: usize = 192;
const D: usize = 208;

impl Block for Codec {
    const LEN: usize = LEN;
    const BYTES: usize = BYTES;
    const SECTIONS: &'static [SectionKind] =
        &[SectionKind::Nibbles, SectionKind::AuxBits2, SectionKind::Sc8, SectionKind::D16];

    fn decode(blocks: &[u8], out: &mut [f32]) {
        for (block, out) in pairs::<BYTES, LEN, _, _>(blocks, out) {
            let d = f16_at(block, D);
            for (group, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                let scale = d * f32::from(block[SCALES + group] as i8);
                let (n, j, first) = (group / 8, (group / 2) % 4, 16 * (group % 2));
                let low = &block[64 * n + 32 * (j % 2) + first..][..16];
                let high = &block[QH + 32 * n + first..][..16];
                for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
                    let q = ((low >> (4 * (j / 2))) & 15) | (((high >> (2 * j)) & 3) << 4);
                    *out = scale * (f32::from(q) - 32.0);
                }
            }
        }
    }

    fn encode(weights: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        for (weights, counts, block) in triples::<LEN, BYTES>(weights, importance, out) {
            let fitted = match importance {
                None => fit_k::superblock_symmetric(weights),
                Some(_) => fit::superblock_symmetric(weights, &counts, 32, 127),
            };
            block.fill(0);
            for (at, q) in fitted.quants.iter().enumerate() {
                let (n, unit, l) = (at / 128, (at / 32) % 4, at % 32);
                block[64 * n + 32 * (unit % 2) + l] |= (q & 15) << (4 * (unit / 2));
                block[QH + 32 * n + l] |= (q >> 4) << (2 * unit);
            }
            for (byte, scale) in block[SCALES..D].iter_mut().zip(fitted.scales) {
                *byte = scale as u8;
            }
            put_f16(block, D, fitted.d);
        }
    }

    fn random(rng: &mut Rng, std: f32, out: &mut [u8]) {
        for block in out.as_chunks_mut::<BYTES>().0 {
            rng.fill(block);
            // Mean squares of -32..=31 and of -128..=127.
            put_f16(block, D, std / (341.5f32 * 5461.5).sqrt() * rng.signed_jitter());
        }
    }

    fn repack(section: usize, blocks: &[u8], out: &mut [u8]) {
        match section {
            0 => pairs::<BYTES, 128, _, _>(blocks, out).for_each(|(b, o)| {
                // Each 64 bytes: 32 with units 0 and 2 of the four, 32 with units 1 and 3.
                for (ql, units) in pairs::<64, 64, _, _>(&b[..QH], o) {
                    let (first, second) = units.split_at_mut(32);
                    let ((unit0, unit1), (unit2, unit3)) = (first.split_at_mut(16), second.split_at_mut(16));
                    pack::nibble_units(&ql[..32], unit0, unit2);
                    pack::nibble_units(&ql[32..], unit1, unit3);
                }
            }),
            1 => pairs::<BYTES, 64, _, _>(blocks, out).for_each(|(b, o)| {
                if let Some(qh) = b[QH..].first_chunk() {
                    pack::bits2_units(qh, o);
                }
            }),
            2 => pairs::<BYTES, 16, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[SCALES..D])),
            _ => pairs::<BYTES, 2, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[D..])),
        }
    }

    fn load(sections: &Sections<'_>, unit: usize) -> Unit {
        let d = unpack::d16(sections[3], unit / 8);
        let scale = std::array::from_fn(|h| d * f32::from(unpack::byte(sections[2], 2 * unit + h) as i8));
        let quant = |j| unpack::nibble(sections[0], unit, j) | (unpack::bits2(sections[1], unit, j) << 4);
        Unit::new(|j| quant(j) as f32, scale, scale.map(|s| -32.0 * s))
    }
}
