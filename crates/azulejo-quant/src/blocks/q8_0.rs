//! Q8_0: 32 weights in 34 bytes: `d` (f16), 32 signed bytes.
//!
//! w = d * q. Planes: the bytes; d16 a unit.

use super::{Block, Rng, SectionKind, Sections, Unit, f16_at, pairs, put_f16, unpack};

pub(crate) struct Codec;

const LEN: usize = 32;
const BYTES: usize = 34;

impl Block for Codec {
    const LEN: usize = LEN;
    const BYTES: usize = BYTES;
    const SECTIONS: &'static [SectionKind] = &[SectionKind::Bytes, SectionKind::D16];

    fn decode(blocks: &[u8], out: &mut [f32]) {
        for (block, out) in pairs::<BYTES, LEN, _, _>(blocks, out) {
            let d = f16_at(block, 0);
            for j in 0..32 {
                out[j] = d * f32::from(block[2 + j] as i8);
            }
        }
    }

    fn encode(weights: &[f32], _: Option<&[f32]>, out: &mut [u8]) {
        for (weights, block) in pairs::<LEN, BYTES, _, _>(weights, out) {
            let d = super::peak(weights).abs() / 127.0;
            let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
            put_f16(block, 0, d);
            for j in 0..32 {
                block[2 + j] = (weights[j] * inverse).round() as i8 as u8;
            }
        }
    }

    fn random(rng: &mut Rng, std: f32, out: &mut [u8]) {
        for block in out.as_chunks_mut::<BYTES>().0 {
            rng.fill(block);
            // Root mean square of -128..=127.
            put_f16(block, 0, std / 5461.5f32.sqrt() * rng.signed_jitter());
        }
    }

    fn repack(section: usize, blocks: &[u8], out: &mut [u8]) {
        if section == 0 {
            pairs::<BYTES, 32, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[2..34]));
        } else {
            pairs::<BYTES, 2, _, _>(blocks, out).for_each(|(b, o)| o.copy_from_slice(&b[..2]));
        }
    }

    fn load(sections: &Sections<'_>, unit: usize) -> Unit {
        let d = unpack::d16(sections[1], unit);
        Unit::new(|j| f32::from(unpack::byte(sections[0], 32 * unit + j) as i8), [d; 2], [0.0; 2])
    }
}
