//! BF16: the upper halves of IEEE floats, little-endian; encoded to the nearest, ties to even. Planes: quants = the halves, 4 vec4 a unit; no aux.

use half::bf16;

use super::{Block, Rng, SectionKind, Sections, Unit, floats};

pub(crate) struct Codec;

impl Block for Codec {
    const LEN: usize = 1;
    const BYTES: usize = 2;
    const SECTIONS: &'static [SectionKind] = &[SectionKind::Floats16];

    fn decode(blocks: &[u8], out: &mut [f32]) {
        floats::decode(blocks, out, |bytes| bf16::from_le_bytes(bytes).to_f32());
    }

    fn encode(weights: &[f32], _: Option<&[f32]>, out: &mut [u8]) {
        floats::encode(weights, out, |weight| bf16::from_f32(weight).to_le_bytes());
    }

    fn random(rng: &mut Rng, std: f32, out: &mut [u8]) {
        for bytes in out.as_chunks_mut().0 {
            *bytes = bf16::from_f32(std * rng.normal()).to_le_bytes();
        }
    }

    fn repack(_section: usize, blocks: &[u8], out: &mut [u8]) {
        out.copy_from_slice(blocks);
    }

    fn load(sections: &Sections<'_>, unit: usize) -> Unit {
        floats::load_halves(sections, unit, |bits| bf16::from_bits(bits).to_f32())
    }
}
