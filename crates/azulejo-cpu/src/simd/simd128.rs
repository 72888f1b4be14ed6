//! What the kernels by WebAssembly's SIMD share: loads, sums, and the unpacking of units.
//!
//! Nothing here is `unsafe`: a module with these instructions is only compiled by an engine that has them.

use std::arch::wasm32::*;

use crate::matrix::format::*;
use crate::matrix::{Matrix, UNITS};

/// 16 bytes.
#[inline(always)]
pub(crate) fn vector<T: bytemuck::Pod>(bytes: &T) -> v128 {
    const { assert!(size_of::<T>() == 16) };
    bytemuck::pod_read_unaligned(bytemuck::bytes_of(bytes))
}

/// Elements of 8 units from unit `u` on, of which there are `count`; zeros behind them.
#[inline(always)]
fn eight<T: bytemuck::Zeroable + Copy>(slice: &[T], u: usize, count: usize) -> [T; UNITS] {
    let units = &slice[u..u + count];
    <[T; UNITS]>::try_from(units).unwrap_or_else(|_| {
        let mut padded = [T::zeroed(); UNITS];
        padded[..count].copy_from_slice(units);
        padded
    })
}

/// `a * b + c`, rounded twice: these instructions have no fused multiplication.
#[inline(always)]
pub(crate) fn multiply_add(a: v128, b: v128, c: v128) -> v128 {
    f32x4_add(f32x4_mul(a, b), c)
}

/// The sums of 4 vectors, as the lanes of one.
#[inline(always)]
pub(crate) fn sum4([a, b, c, d]: [v128; 4]) -> v128 {
    let pairs = |a, b| f32x4_add(i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (a, c) = (pairs(a, b), pairs(c, d));
    f32x4_add(i64x2_shuffle::<0, 2>(a, c), i64x2_shuffle::<1, 3>(a, c))
}

/// The sum of the lanes.
#[inline(always)]
pub(crate) fn sum(v: v128) -> f32 {
    let v = f32x4_add(v, i64x2_shuffle::<1, 1>(v, v));
    f32x4_extract_lane::<0>(v) + f32x4_extract_lane::<1>(v)
}

/// Half floats, sign-extended to 32 bits; as [`crate::matrix::half`].
#[inline(always)]
fn halves4(bits: v128) -> v128 {
    let moved = v128_and(i32x4_shl(bits, 13), u32x4_splat(0x8fff_e000));
    let finite = f32x4_mul(moved, f32x4_splat(f32::from_bits(0x7780_0000)));
    let is_over = f32x4_ge(f32x4_abs(finite), f32x4_splat(65_536.0));
    v128_or(finite, v128_and(is_over, u32x4_splat(0x7f80_0000)))
}

/// 8 half floats.
#[inline(always)]
pub(crate) fn halves8(bits: &[u16; 8]) -> [v128; 2] {
    let bits = vector(bits);
    [halves4(i32x4_extend_low_i16x8(bits)), halves4(i32x4_extend_high_i16x8(bits))]
}

/// 8 integers of 16 bits as floats.
#[inline(always)]
fn floats8(v: v128) -> [v128; 2] {
    [i32x4_extend_low_i16x8(v), i32x4_extend_high_i16x8(v)].map(|v| f32x4_convert_i32x4(v))
}

/// Scales and offsets of 8 units, by halves (both the same where a format has one a unit).
pub(crate) struct Scales {
    pub(crate) scale: [[v128; 2]; 2],
    pub(crate) offset: [[v128; 2]; 2],
}

/// The integer scales of a superblock by halves, in 16 bits, and what they are multiplied by, in all lanes; the
/// offsets as floats.
pub(crate) struct IntScales {
    pub(crate) scale: [v128; 2],
    pub(crate) d: v128,
    pub(crate) offset: [[v128; 2]; 2],
}

/// The 6-bit pairs of a superblock, in 16 bits.
#[inline(always)]
fn six_bits(words: [u32; 3]) -> [v128; 2] {
    const LOW: u64 = 0x0f0f_0f0f_0f0f_0f0f;
    let low = u64::from(words[0]) | u64::from(words[1]) << 32;
    // The nibbles of the third word, a byte each.
    let high = u64::from(words[2]);
    let high = (high | high << 16) & 0x0000_ffff_0000_ffff;
    let high = (high | high << 8) & 0x00ff_00ff_00ff_00ff;
    let high = (high | high << 4) & LOW;
    let a = (low & LOW) | (high & 0x0303_0303_0303_0303) << 4;
    let b = (low >> 4 & LOW) | (high & 0x0c0c_0c0c_0c0c_0c0c) << 2;
    [a, b].map(|bytes| i16x8_extend_low_u8x16(u64x2_splat(bytes)))
}

/// The scales of the superblock that begins with unit `u`; offsets as floats. Q3_K and Q6_K have none here: their
/// quants are taken as signed.
#[inline(always)]
pub(crate) fn int_scales<const F: u8>(m: &Matrix<'_>, u: usize) -> IntScales {
    let s = u / UNITS;
    let none = [[f32x4_splat(0.0); 2]; 2];
    // Two half floats, or one twice.
    let halves = |a: u16, b: u16| {
        let v = halves4(i32x4_extend_low_i16x8(u32x4_splat(u32::from(a) | u32::from(b) << 16)));
        [i32x4_shuffle::<0, 0, 0, 0>(v, v), i32x4_shuffle::<1, 1, 1, 1>(v, v)]
    };
    let minus = |floats: [v128; 2], factor: v128| floats.map(|v| f32x4_neg(f32x4_mul(v, factor)));
    match F {
        Q4_K | Q5_K => {
            let [dm, s0, s1, s2] = m.dm_sc6[s];
            let [a, b] = six_bits([s0, s1, s2]);
            let [d, min] = halves(dm as u16, (dm >> 16) as u16);
            let offset = minus(floats8(b), min);
            IntScales { scale: [a, a], d, offset: [offset, offset] }
        }
        Q2_K => {
            let [d, min] = halves(m.dm[s][0], m.dm[s][1]);
            let bytes = vector(&m.sc8[s]);
            let mask = i16x8_splat(15);
            let scale = [v128_and(bytes, mask), v128_and(u16x8_shr(bytes, 8), mask)];
            let mins = [v128_and(u16x8_shr(bytes, 4), mask), u16x8_shr(bytes, 12)];
            IntScales { scale, d, offset: mins.map(|mins| minus(floats8(mins), min)) }
        }
        Q3_K => {
            let scale = six_bits(m.sc6[s]).map(|s| i16x8_sub(s, i16x8_splat(32)));
            IntScales { scale, d: halves(m.d16[s], 0)[0], offset: none }
        }
        _ => {
            let bytes = vector(&m.sc8[s]);
            let scale = [i16x8_shr(i16x8_shl(bytes, 8), 8), i16x8_shr(bytes, 8)];
            IntScales { scale, d: halves(m.d16[s], 0)[0], offset: none }
        }
    }
}

/// Scales and offsets of up to 8 units from `u` on, for quants as [`Units::unit`] gives them; zeros behind the last.
/// Only formats with blocks of 32 have rows that end within 8 units.
#[inline(always)]
pub(crate) fn scales<const F: u8>(m: &Matrix<'_>, u: usize, count: usize) -> Scales {
    let times = |floats: [v128; 2], factor: v128| floats.map(|v| f32x4_mul(v, factor));
    match F {
        Q4_0 | Q5_0 | Q8_0 => {
            let d = halves8(&eight(m.d16, u, count));
            let bias = match F {
                Q4_0 => -8.0,
                Q5_0 => -16.0,
                _ => 0.0,
            };
            let offset = times(d, f32x4_splat(bias));
            Scales { scale: [d, d], offset: [offset, offset] }
        }
        Q4_1 | Q5_1 => {
            let words: [v128; 2] = bytemuck::cast(eight(m.dm, u, count));
            let d = words.map(|w| halves4(i32x4_shr(i32x4_shl(w, 16), 16)));
            let offset = words.map(|w| halves4(i32x4_shr(w, 16)));
            Scales { scale: [d, d], offset: [offset, offset] }
        }
        _ => {
            let s = int_scales::<F>(m, u);
            let scale = s.scale.map(|scale| times(floats8(scale), s.d));
            let bias = match F {
                Q3_K => -4.0,
                Q6_K => -32.0,
                _ => return Scales { scale, offset: s.offset },
            };
            Scales { scale, offset: scale.map(|s| times(s, f32x4_splat(bias))) }
        }
    }
}

/// What [`Units::unit`] takes units apart with.
///
/// The compiler must not see these numbers. It takes multiplications by powers of two that it knows for shifts, and
/// then does them lane by lane, since no shift differs by lane; and an engine's compiler makes constants anew in each
/// turn of a loop, in three instructions each.
#[derive(Clone, Copy)]
pub(crate) struct Constants {
    /// The lower nibble of a byte.
    nibble: v128,
    /// The lower nibble of 16 bits.
    nibble16: v128,
    /// The lower byte of 16 bits.
    byte: v128,
    /// Bit i of each byte of lane i.
    single: v128,
    /// What moves it to bit 3.
    move_single: v128,
    /// Field i % 2 of 2 bits of each byte of lane i.
    two: v128,
    /// What moves it to bits 4 and 5.
    move_two: v128,
}

impl Constants {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        std::hint::black_box(Self {
            nibble: u8x16_splat(15),
            nibble16: u16x8_splat(15),
            byte: u16x8_splat(255),
            single: u32x4(0x0101_0101, 0x0202_0202, 0x0404_0404, 0x0808_0808),
            move_single: u16x8(8, 8, 4, 4, 2, 2, 1, 1),
            two: u32x4(0x0303_0303, 0x0c0c_0c0c, 0x0303_0303, 0x0c0c_0c0c),
            move_two: u16x8(16, 16, 4, 4, 16, 16, 4, 4),
        })
    }
}

/// Some units of a matrix; the slices that the format lacks are empty.
#[derive(Clone, Copy)]
pub(crate) struct Units<'a> {
    constants: Constants,
    nibbles: &'a [[u8; 16]],
    bytes: &'a [[u8; 32]],
    bits2: &'a [[u32; 2]],
    bit1: &'a [u32],
}

impl<'a> Units<'a> {
    /// The `count` units from `u` on.
    #[inline(always)]
    pub(crate) fn new<const F: u8>(m: &Matrix<'a>, constants: Constants, u: usize, count: usize) -> Self {
        let mut units = Self { constants, nibbles: &[], bytes: &[], bits2: &[], bit1: &[] };
        if matches!(F, Q4_0 | Q4_1 | Q5_0 | Q5_1 | Q4_K | Q5_K | Q6_K) {
            units.nibbles = &m.nibbles[u..u + count];
        }
        if F == Q8_0 {
            units.bytes = &m.bytes[u..u + count];
        }
        if matches!(F, Q2_K | Q3_K | Q6_K) {
            units.bits2 = &m.bits2[u..u + count];
        }
        if matches!(F, Q5_0 | Q5_1 | Q3_K | Q5_K) {
            units.bit1 = &m.bit1[u..u + count];
        }
        units
    }

    /// The quants of unit `k` as 16-bit lanes, in the order of [`super::input::Order::EvenOdd`], and unsigned as in
    /// the planes; but those of Q8_0 plain and signed.
    #[inline(always)]
    pub(crate) fn unit<const F: u8>(&self, k: usize) -> [v128; 4] {
        let Constants { nibble: mask, nibble16: mask16, .. } = self.constants;
        match F {
            Q4_0 | Q4_1 | Q4_K => {
                let n = vector(&self.nibbles[k]);
                [
                    v128_and(n, mask16),
                    v128_and(u16x8_shr(n, 8), mask16),
                    v128_and(u16x8_shr(n, 4), mask16),
                    u16x8_shr(n, 12),
                ]
            }
            Q5_0 | Q5_1 | Q5_K => {
                let n = vector(&self.nibbles[k]);
                let [low, high] = self.single_bits(k).map(|bits| u16x8_shl(bits, 1));
                self.even_odd(v128_or(low, v128_and(n, mask)), v128_or(high, v128_and(u16x8_shr(n, 4), mask)))
            }
            Q6_K => {
                let n = vector(&self.nibbles[k]);
                let [low, high] = self.two_bits(k);
                self.even_odd(v128_or(low, v128_and(n, mask)), v128_or(high, v128_and(u16x8_shr(n, 4), mask)))
            }
            Q2_K => {
                let [low, high] = self.two_bits(k).map(|bits| u16x8_shr(bits, 4));
                self.even_odd(low, high)
            }
            Q3_K => {
                let [low, high] = self.two_bits(k).map(|bits| u16x8_shr(bits, 4));
                let [bits_low, bits_high] = self.single_bits(k).map(|bits| u16x8_shr(bits, 1));
                self.even_odd(v128_or(low, bits_low), v128_or(high, bits_high))
            }
            _ => {
                let [a, b, c, d]: [[i8; 8]; 4] = bytemuck::cast(self.bytes[k]);
                [a, b, c, d].map(|run| i16x8_extend_low_i8x16(i64x2(bytemuck::cast(run), 0)))
            }
        }
    }

    /// The single bits of a unit in bit 3 of bytes, in the order of the weights: first half, second half.
    #[inline(always)]
    fn single_bits(&self, k: usize) -> [v128; 2] {
        let bits = u32x4_splat(self.bit1[k]);
        let Constants { single, move_single, .. } = self.constants;
        [bits, u32x4_shr(bits, 4)].map(|bits| i16x8_mul(v128_and(bits, single), move_single))
    }

    /// The 2-bit fields of a unit in bits 4 and 5 of bytes, in the order of the weights: first half, second half.
    #[inline(always)]
    fn two_bits(&self, k: usize) -> [v128; 2] {
        let words = u64x2_splat(bytemuck::cast(self.bits2[k]));
        let upper = u32x4_shr(words, 4);
        let Constants { two, move_two, .. } = self.constants;
        [i32x4_shuffle::<0, 0, 4, 4>(words, upper), i32x4_shuffle::<1, 1, 5, 5>(words, upper)]
            .map(|bits| i16x8_mul(v128_and(bits, two), move_two))
    }

    /// Bytes of even and of odd place as 16-bit lanes.
    #[inline(always)]
    fn even_odd(&self, low: v128, high: v128) -> [v128; 4] {
        let mask = self.constants.byte;
        [v128_and(low, mask), u16x8_shr(low, 8), v128_and(high, mask), u16x8_shr(high, 8)]
    }
}

/// The weights of a unit of floats.
#[inline(always)]
pub(crate) fn floats<const F: u8>(m: &Matrix<'_>, u: usize) -> [v128; 8] {
    match F {
        F32 => bytemuck::cast(m.floats32.as_chunks::<32>().0[u]),
        F16 => {
            let words: [[u16; 8]; 4] = bytemuck::cast(m.floats16.as_chunks::<32>().0[u]);
            bytemuck::cast(words.map(|words| halves8(&words)))
        }
        _ => {
            let words: [v128; 4] = bytemuck::cast(m.floats16.as_chunks::<32>().0[u]);
            let wide = |v| [u32x4_extend_low_u16x8(v), u32x4_extend_high_u16x8(v)];
            bytemuck::cast(words.map(|v| wide(v).map(|v| u32x4_shl(v, 16))))
        }
    }
}
