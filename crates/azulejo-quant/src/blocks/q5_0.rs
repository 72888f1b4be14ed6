//! Q5_0: 32 weights in 22 bytes: `d` (f16), `qh` (u32: bit j is the fifth bit of weight j), 16 bytes of nibbles
//! (byte j: weight j low, weight j + 16 high).
//!
//! w = d * (q - 16). Planes: nibbles; bit1, d16 a unit.

use super::{
    Block, Rng, SectionKind, Sections, Unit, f16_at, pack, pairs, put_f16, put_u32, triples, u32_at, unpack,
};
use crate::fit;

pub(crate) struct Codec;

const LEN: usize = 32;
const BYTES: usize = 22;

impl Block for Codec {
    const LEN: usize = LEN;
    const BYTES: usize = BYTES;
    const SECTIONS: &'static [SectionKind] = &[SectionKind::Nibbles, SectionKind::Bit1, SectionKind::D16];

    fn decode(blocks: &[u8], out: &mut [f32]) {
        for (block, out) in pairs::<BYTES, LEN, _, _>(blocks, out) {
            let (d, high) = (f16_at(block, 0), u32_at(block, 2));
            for j in 0..16 {
                let (low, up) = (u32::from(block[6 + j]), high >> j);
                out[j] = d * (((low & 15) | ((up & 1) << 4)) as f32 - 16.0);
                out[j + 16] = d * (((low >> 4) | ((up >> 16) & 1) << 4) as f32 - 16.0);
            }
        }
    }

    fn encode(weights: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        for (weights, counts, block) in triples::<LEN, BYTES>(weights, importance, out) {
            let (d, quants) = if importance.is_some() {
                fit::block_symmetric(weights, &counts, 16)
            } else {
                let d = super::peak(weights) / -16.0;
                let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
                (d, weights.map(|w| ((w * inverse + 16.5) as u8).min(31)))
            };
            put_f16(block, 0, d);
            put_u32(block, 2, super::fifth_bits(&quants));
            for j in 0..16 {
                block[6 + j] = (quants[j] & 15) | ((quants[j + 16] & 15) << 4);
            }
        }
    }

    fn random(rng: &mut Rng, std: f32, out: &mut [u8]) {
        for block in out.as_chunks_mut::<BYTES>().0 {
            rng.fill(block);
            // Root mean square of -16..=15.
            put_f16(block, 0, std / 85.5f32.sqrt() * rng.signed_jitter());
        }
    }

    fn repack(section: usize, blocks: &[u8], out: &mut [u8]) {
        match section {
            0 => pairs::<BYTES, 16, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[6..22])),
            1 => pairs::<BYTES, 4, _, _>(blocks, out)
                .for_each(|(b, o)| put_u32(o, 0, pack::bit1_word(u32_at(b, 2)))),
            _ => pairs::<BYTES, 2, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[..2])),
        }
    }

    fn load(sections: &Sections<'_>, unit: usize) -> Unit {
        let d = unpack::d16(sections[2], unit);
        let quant = |j| unpack::nibble(sections[0], unit, j) | (unpack::bit1(sections[1], unit, j) << 4);
        Unit::new(|j| quant(j) as f32, [d; 2], [-16.0 * d; 2])
    }
}
