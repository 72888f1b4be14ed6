//! A matrix in unit planes (`azulejo_quant::planes`), its sections as typed slices.
//!
//! Rows are read in *blocks* of 8 units, 256 weights: a superblock of the K formats. Formats with blocks of 32 may have
//! rows that end within a block.

use azulejo_quant::{BlockFormat, PlaneLayout, SectionKind, UNIT};

/// Units of a block.
pub(crate) const UNITS: usize = 8;
/// Weights of a block.
pub(crate) const BLOCK: usize = UNITS * UNIT;

/// The formats as numbers, for functions that are compiled once a format.
pub(crate) mod format {
    use azulejo_quant::BlockFormat;

    macro_rules! numbers {
        ($($name:ident)*) => { $(pub(crate) const $name: u8 = BlockFormat::$name as u8;)* };
    }
    numbers!(F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K);

    /// Formats with two scales a unit.
    #[cfg(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")))]
    pub(crate) const fn halves(format: u8) -> bool {
        matches!(format, Q2_K | Q3_K | Q6_K)
    }
}

/// Evaluates `$body` with the number of a format as the constant `$f`.
macro_rules! by_format {
    ($format:expr, $f:ident => $body:expr) => {
        by_format!(@ $format, $f => $body; F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K)
    };
    (quants $format:expr, $f:ident => $body:expr, else $other:expr) => {
        by_format!(@ $format, $f => $body; Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K; F32 F16 BF16 => $other)
    };
    // Formats with a scale for each unit, and those with integer scales under a superblock's.
    (units $format:expr, $f:ident => $body:expr, else $other:expr) => {
        by_format!(@ $format, $f => $body; Q4_0 Q4_1 Q5_0 Q5_1 Q8_0; F32 F16 BF16 Q2_K Q3_K Q4_K Q5_K Q6_K => $other)
    };
    (superblocks $format:expr, $f:ident => $body:expr, else $other:expr) => {
        by_format!(@ $format, $f => $body; Q2_K Q3_K Q4_K Q5_K Q6_K; F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 => $other)
    };
    (not superblocks $format:expr, $f:ident => $body:expr, else $other:expr) => {
        by_format!(@ $format, $f => $body; F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0; Q2_K Q3_K Q4_K Q5_K Q6_K => $other)
    };
    // `BlockFormat::is_precise`, and the others.
    (coarse $format:expr, $f:ident => $body:expr, else $other:expr) => {
        by_format!(@ $format, $f => $body; Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K Q4_K Q5_K Q6_K; F32 F16 BF16 Q8_0 => $other)
    };
    (precise $format:expr, $f:ident => $body:expr, else $other:expr) => {
        by_format!(@ $format, $f => $body; F32 F16 BF16 Q8_0; Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K Q4_K Q5_K Q6_K => $other)
    };
    (floats $format:expr, $f:ident => $body:expr, else $other:expr) => {
        by_format!(@ $format, $f => $body; F32 F16 BF16; Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K => $other)
    };
    (@ $format:expr, $f:ident => $body:expr; $($name:ident)* $(; $($rest:ident)* => $other:expr)?) => {
        match $format {
            $(azulejo_quant::BlockFormat::$name => {
                const $f: u8 = $crate::matrix::format::$name;
                $body
            })*
            $($(azulejo_quant::BlockFormat::$rest)|* => $other,)?
        }
    };
}
pub(crate) use by_format;

/// A matrix. The slices of sections that its format lacks are empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    pub(crate) format: BlockFormat,
    pub(crate) units_per_row: usize,
    /// Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K: the low 4 bits of a unit.
    pub(crate) nibbles: &'a [[u8; 16]],
    /// Q8_0: a unit.
    pub(crate) bytes: &'a [[u8; 32]],
    /// Q2_K, Q3_K, and the upper bits of Q6_K: a unit.
    pub(crate) bits2: &'a [[u32; 2]],
    /// Q5_0, Q5_1, Q3_K, Q5_K: a unit.
    pub(crate) bit1: &'a [u32],
    /// Q4_0, Q5_0, Q8_0: f16 a unit; Q3_K, Q6_K: a superblock.
    pub(crate) d16: &'a [u16],
    /// Q4_1, Q5_1: two f16 a unit; Q2_K: a superblock.
    pub(crate) dm: &'a [[u16; 2]],
    /// Q3_K: a superblock.
    pub(crate) sc6: &'a [[u32; 3]],
    /// Q2_K, Q6_K: a superblock.
    pub(crate) sc8: &'a [[u8; 16]],
    /// Q4_K, Q5_K: a superblock.
    pub(crate) dm_sc6: &'a [[u32; 4]],
    /// F32.
    pub(crate) floats32: &'a [f32],
    /// F16, BF16.
    pub(crate) floats16: &'a [u16],
}

/// A unit: weight j is `scale[j / 16] * q[j] + offset[j / 16]`.
#[derive(Clone, Copy)]
pub(crate) struct Quants {
    pub(crate) q: [i8; UNIT],
    pub(crate) scale: [f32; 2],
    pub(crate) offset: [f32; 2],
}

impl<'a> Matrix<'a> {
    /// The matrix that `layout` lays out in these planes.
    pub(crate) fn new(layout: &PlaneLayout, quants: &'a [u32], aux: &'a [u32]) -> Self {
        let mut matrix = Self {
            format: layout.format,
            units_per_row: layout.units_per_row,
            nibbles: &[],
            bytes: &[],
            bits2: &[],
            bit1: &[],
            d16: &[],
            dm: &[],
            sc6: &[],
            sc8: &[],
            dm_sc6: &[],
            floats32: &[],
            floats16: &[],
        };
        for section in layout.sections() {
            let plane = match section.kind.plane() {
                azulejo_quant::Plane::Quants => quants,
                azulejo_quant::Plane::Aux => aux,
            };
            let words =
                &plane[(section.offset / 4) as usize..((section.offset + section.bytes) / 4) as usize];
            match section.kind {
                SectionKind::Floats32 => matrix.floats32 = bytemuck::cast_slice(words),
                SectionKind::Floats16 => matrix.floats16 = bytemuck::cast_slice(words),
                SectionKind::Nibbles => matrix.nibbles = bytemuck::cast_slice(words),
                SectionKind::Bytes => matrix.bytes = bytemuck::cast_slice(words),
                SectionKind::QuantBits2 | SectionKind::AuxBits2 => matrix.bits2 = bytemuck::cast_slice(words),
                SectionKind::Bit1 => matrix.bit1 = words,
                SectionKind::D16 => matrix.d16 = bytemuck::cast_slice(words),
                SectionKind::Dm => matrix.dm = bytemuck::cast_slice(words),
                SectionKind::Sc6 => matrix.sc6 = bytemuck::cast_slice(words),
                SectionKind::Sc8 => matrix.sc8 = bytemuck::cast_slice(words),
                SectionKind::DmSc6 => matrix.dm_sc6 = bytemuck::cast_slice(words),
            }
        }
        matrix
    }

    /// Scale and offset of each half of a unit.
    #[inline(always)]
    pub(crate) fn scales<const F: u8>(&self, u: usize) -> ([f32; 2], [f32; 2]) {
        use format::*;
        let same = |scale: f32, offset: f32| ([scale; 2], [offset; 2]);
        match F {
            Q4_0 | Q5_0 => {
                let d = half(self.d16[u]);
                same(d, d * if F == Q4_0 { -8.0 } else { -16.0 })
            }
            Q4_1 | Q5_1 => {
                let [d, m] = self.dm[u].map(half);
                same(d, m)
            }
            Q8_0 => same(half(self.d16[u]), 0.0),
            Q2_K => {
                let [d, min] = self.dm[u / 8].map(half);
                let b = [self.sc8[u / 8][u % 8 * 2], self.sc8[u / 8][u % 8 * 2 + 1]];
                (b.map(|b| d * f32::from(b & 15)), b.map(|b| -min * f32::from(b >> 4)))
            }
            Q3_K => {
                let (a, b) = six_bits(&self.sc6[u / 8], u % 8);
                let d = half(self.d16[u / 8]);
                let scale = [d * (f32::from(a) - 32.0), d * (f32::from(b) - 32.0)];
                (scale, scale.map(|s| -4.0 * s))
            }
            Q4_K | Q5_K => {
                let [dm, s0, s1, s2] = self.dm_sc6[u / 8];
                let (a, b) = six_bits(&[s0, s1, s2], u % 8);
                same(half(dm as u16) * f32::from(a), -half((dm >> 16) as u16) * f32::from(b))
            }
            Q6_K => {
                let d = half(self.d16[u / 8]);
                let scale = [0, 1].map(|h| d * f32::from(self.sc8[u / 8][u % 8 * 2 + h] as i8));
                (scale, scale.map(|s| -32.0 * s))
            }
            _ => same(1.0, 0.0),
        }
    }

    /// The weights of a unit, in order.
    #[inline(always)]
    pub(crate) fn decode<const F: u8>(&self, u: usize, out: &mut [f32; UNIT]) {
        use format::*;
        match F {
            F32 => out.copy_from_slice(&self.floats32[u * UNIT..][..UNIT]),
            F16 => out.iter_mut().zip(&self.floats16[u * UNIT..][..UNIT]).for_each(|(o, w)| *o = half(*w)),
            BF16 => {
                let words = &self.floats16[u * UNIT..][..UNIT];
                out.iter_mut().zip(words).for_each(|(o, w)| *o = f32::from_bits(u32::from(*w) << 16));
            }
            _ => {
                let Quants { q, scale, offset } = self.unit::<F>(u);
                for (h, (out, q)) in
                    out.as_chunks_mut::<16>().0.iter_mut().zip(q.as_chunks::<16>().0).enumerate()
                {
                    for (out, q) in out.iter_mut().zip(q) {
                        *out = scale[h] * f32::from(*q) + offset[h];
                    }
                }
            }
        }
    }

    /// The quants of a unit, in order, with the scale and offset of each half.
    #[inline(always)]
    pub(crate) fn unit<const F: u8>(&self, u: usize) -> Quants {
        let mut q = [0i8; UNIT];
        self.quants::<F>(u, &mut q);
        let (scale, offset) = self.scales::<F>(u);
        Quants { q, scale, offset }
    }

    /// The quants of a unit, in order, before scale and offset.
    #[inline(always)]
    fn quants<const F: u8>(&self, u: usize, q: &mut [i8; UNIT]) {
        use format::*;
        match F {
            Q8_0 => q.copy_from_slice(bytemuck::cast_ref::<[u8; 32], [i8; 32]>(&self.bytes[u])),
            Q2_K | Q3_K => two_bits(&self.bits2[u], 0, q),
            _ => {
                for (j, byte) in self.nibbles[u].iter().enumerate() {
                    q[j] = (byte & 15) as i8;
                    q[j + 16] = (byte >> 4) as i8;
                }
            }
        }
        match F {
            Q5_0 | Q5_1 | Q5_K => one_bit(self.bit1[u], 4, q),
            Q3_K => one_bit(self.bit1[u], 2, q),
            Q6_K => two_bits(&self.bits2[u], 4, q),
            _ => {}
        }
    }

    /// Weights `[first * 32, first * 32 + out.len())` of the whole matrix, `out` in whole units.
    pub(crate) fn decode_units(&self, first: usize, out: &mut [f32]) {
        by_format!(self.format, F => {
            for (k, out) in out.as_chunks_mut::<UNIT>().0.iter_mut().enumerate() {
                self.decode::<F>(first + k, out);
            }
        });
    }
}

/// A half float, without branches, so that loops over it become SIMD: the exponent is moved by a multiplication, which
/// is exact and takes subnormals along.
#[inline(always)]
pub(crate) fn half(bits: u16) -> f32 {
    let magnitude = u32::from(bits & 0x7fff) << 13;
    let finite = (f32::from_bits(magnitude) * f32::from_bits(0x7780_0000)).to_bits();
    let value = if magnitude >= 0x0f80_0000 { magnitude | 0x7f80_0000 } else { finite };
    f32::from_bits(value | u32::from(bits & 0x8000) << 16)
}

/// Pair `j` of a superblock's 6-bit numbers.
#[inline(always)]
fn six_bits(words: &[u32; 3], j: usize) -> (u8, u8) {
    let low = (words[j / 4] >> (8 * (j % 4))) as u8;
    let high = (words[2] >> (4 * j)) as u8;
    ((low & 15) | ((high & 3) << 4), (low >> 4) | ((high & 12) << 2))
}

/// Ors 2-bit fields into the quants, shifted left.
#[inline(always)]
fn two_bits(words: &[u32; 2], shift: u32, q: &mut [i8; UNIT]) {
    for (word, q) in words.iter().zip(q.as_chunks_mut::<16>().0) {
        for (s, q) in q.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let fields = (((word >> (2 * s)) & 0x0303_0303) << shift).to_le_bytes();
            q.iter_mut().zip(fields).for_each(|(q, field)| *q |= field as i8);
        }
    }
}

/// Ors single bits into the quants, shifted left.
#[inline(always)]
fn one_bit(word: u32, shift: u32, q: &mut [i8; UNIT]) {
    for (i, q) in q.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let fields = (((word >> i) & 0x0101_0101) << shift).to_le_bytes();
        q.iter_mut().zip(fields).for_each(|(q, field)| *q |= field as i8);
    }
}
