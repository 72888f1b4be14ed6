//! Q4_0: 32 weights in 18 bytes: `d` (f16), 16 bytes of nibbles (byte j: weight j low, weight j + 16 high).
//!
//! w = d * (q - 8). Planes: nibbles; d16 a unit.

use super::{Block, Rng, SectionKind, Sections, Unit, f16_at, pairs, put_f16, triples, unpack};
use crate::fit;

pub(crate) struct Codec;

const LEN: usize = 32;
const BYTES: usize = 18;

impl Block for Codec {
    const LEN: usize = LEN;
    const BYTES: usize = BYTES;
    const SECTIONS: &'static [SectionKind] = &[SectionKind::Nibbles, SectionKind::D16];

    fn decode(blocks: &[u8], out: &mut [f32]) {
        for (block, out) in pairs::<BYTES, LEN, _, _>(blocks, out) {
            let d = f16_at(block, 0);
            for j in 0..16 {
                out[j] = d * (f32::from(block[2 + j] & 15) - 8.0);
                out[j + 16] = d * (f32::from(block[2 + j] >> 4) - 8.0);
            }
        }
    }

    fn encode(weights: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        for (weights, counts, block) in triples::<LEN, BYTES>(weights, importance, out) {
            let (d, quants) = if importance.is_some() {
                fit::block_symmetric(weights, &counts, 8)
            } else {
                // The weight of the largest magnitude becomes -8, the one value without a twin of the other sign.
                let d = super::peak(weights) / -8.0;
                let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
                (d, weights.map(|w| ((w * inverse + 8.5) as u8).min(15)))
            };
            put_f16(block, 0, d);
            for j in 0..16 {
                block[2 + j] = quants[j] | (quants[j + 16] << 4);
            }
        }
    }

    fn random(rng: &mut Rng, std: f32, out: &mut [u8]) {
        for block in out.as_chunks_mut::<BYTES>().0 {
            rng.fill(block);
            // Root mean square of -8..=7.
            put_f16(block, 0, std / 21.5f32.sqrt() * rng.signed_jitter());
        }
    }

    fn repack(section: usize, blocks: &[u8], out: &mut [u8]) {
        if section == 0 {
            pairs::<BYTES, 16, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[2..18]));
        } else {
            pairs::<BYTES, 2, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[..2]));
        }
    }

    fn load(sections: &Sections<'_>, unit: usize) -> Unit {
        let d = unpack::d16(sections[1], unit);
        Unit::new(|j| unpack::nibble(sections[0], unit, j) as f32, [d; 2], [-8.0 * d; 2])
    }
}
