//! Q5_1: 32 weights in 24 bytes: `d`, `m` (f16), `qh` (u32: bit j is the fifth bit of weight j), 16 bytes of
//! nibbles (byte j: weight j low, weight j + 16 high).
//!
//! w = d * q + m. Planes: nibbles; bit1, dm a unit.

use super::{
    Block, Rng, SectionKind, Sections, Unit, f16_at, pack, pairs, put_f16, put_u32, triples, u32_at, unpack,
};
use crate::fit;

pub(crate) struct Codec;

const LEN: usize = 32;
const BYTES: usize = 24;

impl Block for Codec {
    const LEN: usize = LEN;
    const BYTES: usize = BYTES;
    const SECTIONS: &'static [SectionKind] = &[SectionKind::Nibbles, SectionKind::Bit1, SectionKind::Dm];

    fn decode(blocks: &[u8], out: &mut [f32]) {
        for (block, out) in pairs::<BYTES, LEN, _, _>(blocks, out) {
            let (d, m, high) = (f16_at(block, 0), f16_at(block, 2), u32_at(block, 4));
            for j in 0..16 {
                let (low, up) = (u32::from(block[8 + j]), high >> j);
                out[j] = d * ((low & 15) | ((up & 1) << 4)) as f32 + m;
                out[j + 16] = d * ((low >> 4) | ((up >> 16) & 1) << 4) as f32 + m;
            }
        }
    }

    fn encode(weights: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        for (weights, counts, block) in triples::<LEN, BYTES>(weights, importance, out) {
            let (d, min, quants) = if importance.is_some() {
                fit::block_affine(weights, &counts, 31)
            } else {
                let (min, max) = super::extent(weights);
                let d = (max - min) / 31.0;
                let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
                (d, min, weights.map(|w| (((w - min) * inverse + 0.5) as u8).min(31)))
            };
            put_f16(block, 0, d);
            put_f16(block, 2, min);
            put_u32(block, 4, super::fifth_bits(&quants));
            for j in 0..16 {
                block[8 + j] = (quants[j] & 15) | ((quants[j + 16] & 15) << 4);
            }
        }
    }

    fn random(rng: &mut Rng, std: f32, out: &mut [u8]) {
        for block in out.as_chunks_mut::<BYTES>().0 {
            rng.fill(block);
            // Standard deviation and mean of 0..=31.
            let d = std / 85.25f32.sqrt() * rng.jitter();
            put_f16(block, 0, d);
            put_f16(block, 2, -15.5 * d);
        }
    }

    fn repack(section: usize, blocks: &[u8], out: &mut [u8]) {
        match section {
            0 => pairs::<BYTES, 16, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[8..24])),
            1 => pairs::<BYTES, 4, _, _>(blocks, out)
                .for_each(|(b, o)| put_u32(o, 0, pack::bit1_word(u32_at(b, 4)))),
            _ => pairs::<BYTES, 4, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[..4])),
        }
    }

    fn load(sections: &Sections<'_>, unit: usize) -> Unit {
        let (d, m) = unpack::dm(sections[2][unit]);
        let quant = |j| unpack::nibble(sections[0], unit, j) | (unpack::bit1(sections[1], unit, j) << 4);
        Unit::new(|j| quant(j) as f32, [d; 2], [m; 2])
    }
}
