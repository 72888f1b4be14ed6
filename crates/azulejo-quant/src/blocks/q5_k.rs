//! Q5_K: 256 weights in 176 bytes: `d`, `dmin` (f16), `scales` (12 bytes, as in Q4_K), `qh` (32 bytes: bit u of
//! byte l is the fifth bit of weight l of unit u), `qs` (128 bytes, as in Q4_K).
//!
//! w = d * scale * q - dmin * min. Planes: nibbles; 4 words a superblock: dm, sc6; bit1 a unit.

use super::{Block, Rng, SectionKind, Sections, Unit, f16_at, pack, pairs, q4_k, triples, unpack};
use crate::fit;
use crate::fit_k::{self, Search};

pub(crate) struct Codec;

const LEN: usize = 256;
const BYTES: usize = 176;
const SCALES: usize = 4;
const QH: usize = 16;
const QS: usize = 48;

impl Block for Codec {
    const LEN: usize = LEN;
    const BYTES: usize = BYTES;
    const SECTIONS: &'static [SectionKind] = &[SectionKind::Nibbles, SectionKind::DmSc6, SectionKind::Bit1];

    fn decode(blocks: &[u8], out: &mut [f32]) {
        for (block, out) in pairs::<BYTES, LEN, _, _>(blocks, out) {
            let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
            let (scales, mins) = pack::k_scales(&block[SCALES..]);
            for (unit, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let (scale, min) = (d * f32::from(scales[unit]), dmin * f32::from(mins[unit]));
                let (qs, shift) = (&block[QS + 32 * (unit / 2)..][..32], 4 * (unit % 2));
                for ((out, q), high) in out.iter_mut().zip(qs).zip(&block[QH..QS]) {
                    let q = ((q >> shift) & 15) | (((high >> unit) & 1) << 4);
                    *out = scale * f32::from(q) - min;
                }
            }
        }
    }

    fn encode(weights: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        for (weights, counts, block) in triples::<LEN, BYTES>(weights, importance, out) {
            let fitted = match importance {
                None => fit_k::superblock_affine(weights, &Search { top: 31.0, first: -0.5, tries: 15 }),
                Some(_) => fit::superblock_affine::<32, 8>(weights, &counts, 31, 63),
            };
            q4_k::put_header(&fitted, block);
            q4_k::put_nibbles(&fitted.quants, &mut block[QS..]);
            block[QH..QS].fill(0);
            for (j, q) in fitted.quants.iter().enumerate() {
                block[QH + j % 32] |= (q >> 4) << (j / 32);
            }
        }
    }

    fn random(rng: &mut Rng, std: f32, out: &mut [u8]) {
        for block in out.as_chunks_mut::<BYTES>().0 {
            rng.fill(block);
            // Variance and mean of 0..=31.
            q4_k::random_header(rng, std, 85.25, 15.5, block);
        }
    }

    fn repack(section: usize, blocks: &[u8], out: &mut [u8]) {
        match section {
            0 => pairs::<BYTES, 128, _, _>(blocks, out).for_each(|(b, o)| q4_k::nibbles(&b[QS..], o)),
            1 => pairs::<BYTES, 16, _, _>(blocks, out).for_each(|(b, o)| q4_k::dm_sc6(b, o)),
            _ => pairs::<BYTES, 32, _, _>(blocks, out).for_each(|(b, o)| {
                if let Some(high) = b[QH..].first_chunk() {
                    pack::bit1_units(high, o);
                }
            }),
        }
    }

    fn load(sections: &Sections<'_>, unit: usize) -> Unit {
        let (scale, offset) = q4_k::scale_offset(sections[1], unit);
        let quant = |j| unpack::nibble(sections[0], unit, j) | (unpack::bit1(sections[2], unit, j) << 4);
        Unit::new(|j| quant(j) as f32, [scale; 2], [offset; 2])
    }
}
