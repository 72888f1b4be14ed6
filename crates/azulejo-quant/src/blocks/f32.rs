//! F32: little-endian IEEE floats. Planes: quants = the floats, 8 vec4 a unit; no aux.

use super::{Block, Rng, SectionKind, Sections, UNIT, Unit, floats};

pub(crate) struct Codec;

impl Block for Codec {
    const LEN: usize = 1;
    const BYTES: usize = 4;
    const SECTIONS: &'static [SectionKind] = &[SectionKind::Floats32];

    fn decode(blocks: &[u8], out: &mut [f32]) {
        floats::decode(blocks, out, f32::from_le_bytes);
    }

    fn encode(weights: &[f32], _: Option<&[f32]>, out: &mut [u8]) {
        floats::encode(weights, out, f32::to_le_bytes);
    }

    fn random(rng: &mut Rng, std: f32, out: &mut [u8]) {
        for bytes in out.as_chunks_mut().0 {
            *bytes = (std * rng.normal()).to_le_bytes();
        }
    }

    fn repack(_section: usize, blocks: &[u8], out: &mut [u8]) {
        out.copy_from_slice(blocks);
    }

    fn load(sections: &Sections<'_>, unit: usize) -> Unit {
        let words = &sections[0][unit * UNIT..][..UNIT];
        Unit::plain(|j| f32::from_bits(words[j]))
    }
}
