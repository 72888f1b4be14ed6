//! Q4_1: 32 weights in 20 bytes: `d`, `m` (f16), 16 bytes of nibbles (byte j: weight j low, weight j + 16 high).
//!
//! w = d * q + m. Planes: nibbles; dm a unit.

use super::{Block, Rng, SectionKind, Sections, Unit, f16_at, pairs, put_f16, triples, unpack};
use crate::fit;

pub(crate) struct Codec;

const LEN: usize = 32;
const BYTES: usize = 20;

impl Block for Codec {
    const LEN: usize = LEN;
    const BYTES: usize = BYTES;
    const SECTIONS: &'static [SectionKind] = &[SectionKind::Nibbles, SectionKind::Dm];

    fn decode(blocks: &[u8], out: &mut [f32]) {
        for (block, out) in pairs::<BYTES, LEN, _, _>(blocks, out) {
            let (d, m) = (f16_at(block, 0), f16_at(block, 2));
            for j in 0..16 {
                out[j] = d * f32::from(block[4 + j] & 15) + m;
                out[j + 16] = d * f32::from(block[4 + j] >> 4) + m;
            }
        }
    }

    fn encode(weights: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        for (weights, counts, block) in triples::<LEN, BYTES>(weights, importance, out) {
            let (d, min, quants) = if importance.is_some() {
                fit::block_affine(weights, &counts, 15)
            } else {
                let (min, max) = super::extent(weights);
                let d = (max - min) / 15.0;
                let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
                (d, min, weights.map(|w| (((w - min) * inverse + 0.5) as u8).min(15)))
            };
            put_f16(block, 0, d);
            put_f16(block, 2, min);
            for j in 0..16 {
                block[4 + j] = quants[j] | (quants[j + 16] << 4);
            }
        }
    }

    fn random(rng: &mut Rng, std: f32, out: &mut [u8]) {
        for block in out.as_chunks_mut::<BYTES>().0 {
            rng.fill(block);
            // Standard deviation and mean of 0..=15.
            let d = std / 21.25f32.sqrt() * rng.jitter();
            put_f16(block, 0, d);
            put_f16(block, 2, -7.5 * d);
        }
    }

    fn repack(section: usize, blocks: &[u8], out: &mut [u8]) {
        if section == 0 {
            pairs::<BYTES, 16, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[4..20]));
        } else {
            pairs::<BYTES, 4, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[..4]));
        }
    }

    fn load(sections: &Sections<'_>, unit: usize) -> Unit {
        let (d, m) = unpack::dm(sections[1][unit]);
        Unit::new(|j| unpack::nibble(sections[0], unit, j) as f32, [d; 2], [m; 2])
    }
}
