//! The input of a matrix product as the quantised weights meet it: blocks of 256 values in 16-bit integers.
//!
//! Logits have to be near those of f32, so that every back-end chooses the same tokens. 8 bits are too few for that;
//! with 16, the greatest value of some over 32,767 is their step, and the error's power 1e-9 of the product's (at worst,
//! with one value that is far greater than all others of its block, 2e-8). An instruction multiplies twice as many of
//! them as of f32.

use super::Instructions;
use crate::matrix::{BLOCK, UNITS};

/// A block of an input.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(crate) struct XBlock {
    /// The values over their unit's `scale`: 16 runs of 16, in the order of [`Order`].
    pub(crate) q: [[i16; 16]; 16],
    /// For each unit, the sum of its values.
    pub(crate) sums: [f32; UNITS],
    /// For each unit, the sum of its first 16 values.
    pub(crate) low: [f32; UNITS],
    /// For each unit, the sum of its other values.
    pub(crate) high: [f32; UNITS],
    /// For each unit, what its integers are multiplied by.
    pub(crate) scale: [f32; UNITS],
}

impl XBlock {
    pub(crate) const ZERO: Self = Self {
        q: [[0; 16]; 16],
        sums: [0.0; UNITS],
        low: [0.0; UNITS],
        high: [0.0; UNITS],
        scale: [0.0; UNITS],
    };
}

/// The order of a block's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As they come.
    Plain,
    /// Four runs for each two units u and u + 1: of the first halves of u, then of u + 1, the values of even place; of
    /// the same, those of odd place; both of the second halves. It is what 16-bit lanes of packed nibbles hold, so
    /// that weights need no shuffle.
    Paired,
    /// In each run, the values of even place, then those of odd place, for weights in vectors of 8.
    EvenOdd,
}

/// Which values have one scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScaleOf {
    /// Those of a unit. On real models the error's power is a sixth of what one scale a block makes.
    Unit,
    /// Those of a block, where products of more than a unit are summed up as integers, or a scale more would cost too much:
    /// by WebAssembly's SIMD, 7 % of the sentences a second.
    Block,
}

/// Blocks that a row of `units` units takes.
pub(crate) const fn blocks(units: usize) -> usize {
    units.div_ceil(UNITS)
}

/// Quantises a row, in whole units; what is missing of the last block is zeros.
pub(crate) fn quantise<'b>(
    instructions: Instructions,
    x: &[f32],
    order: Order,
    scale_of: ScaleOf,
    out: impl IntoIterator<Item = &'b mut XBlock>,
) {
    let mut out = out.into_iter();
    let block = |x: &[f32; BLOCK], out: &mut XBlock| match instructions {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: these instructions are only chosen where they were found.
        Instructions::Avx2 | Instructions::Avx512 => unsafe { avx2::quantise_block(x, order, scale_of, out) },
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Instructions::Simd128 => simd128::quantise_block(x, order, scale_of, out),
        _ => quantise_block(x, order, scale_of, out),
    };
    let (full, rest) = x.as_chunks::<BLOCK>();
    for (x, out) in full.iter().zip(&mut out) {
        block(x, out);
    }
    if let (false, Some(out)) = (rest.is_empty(), out.next()) {
        let mut x = [0f32; BLOCK];
        x[..rest.len()].copy_from_slice(rest);
        block(&x, out);
    }
}

fn quantise_block(x: &[f32; BLOCK], order: Order, scale_of: ScaleOf, out: &mut XBlock) {
    debug_assert_eq!(order, Order::Plain, "the portable kernels have no use for another order");
    let units = x.as_chunks::<32>().0;
    let greatest = |unit: &[f32; 32]| unit.iter().fold(0u32, |most, x| most.max(x.to_bits() & 0x7fff_ffff));
    let inverse = out.take_scales(scale_of, std::array::from_fn(|u| greatest(&units[u])));
    for (u, (unit, q)) in units.iter().zip(out.q.as_chunks_mut::<2>().0).enumerate() {
        for (x, q) in unit.iter().zip(q.as_flattened_mut()) {
            // Adding 1.5 * 2^23 rounds to an integer, which is then the lowest bits.
            *q = (x * inverse[u] + 12_582_912.0).to_bits() as i16;
        }
        let sum = |run: &[i16; 16]| run.iter().map(|q| i32::from(*q)).sum::<i32>() as f32 * out.scale[u];
        (out.low[u], out.high[u]) = (sum(&q[0]), sum(&q[1]));
        out.sums[u] = out.low[u] + out.high[u];
    }
}

impl XBlock {
    /// Sets the scales by each unit's greatest magnitude, given as the bits of a float: as integers they are in their order,
    /// with infinities and what is no number on top, which make their scale NaN, so that the products show it. Gives what
    /// values are multiplied by to become integers.
    #[inline(always)]
    fn take_scales(&mut self, scale_of: ScaleOf, most: [u32; UNITS]) -> [f32; UNITS] {
        let most = match scale_of {
            ScaleOf::Unit => most,
            ScaleOf::Block => [most.into_iter().fold(0, u32::max); UNITS],
        };
        let most = most.map(f32::from_bits);
        self.scale = most.map(|most| if most.is_finite() { most / 32767.0 } else { f32::NAN });
        most.map(|most| if most > LEAST { 32767.0 / most } else { 0.0 })
    }
}

/// Values below this are taken as zeros where no other of their scale is above.
const LEAST: f32 = 1e-30;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{BLOCK, Order, ScaleOf, UNITS, XBlock};
    use crate::simd::avx2::{sum8, vector_f32};

    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) fn quantise_block(x: &[f32; BLOCK], order: Order, scale_of: ScaleOf, out: &mut XBlock) {
        let runs = x.as_chunks::<16>().0;
        let magnitude = _mm256_set1_epi32(0x7fff_ffff);
        let mut most = [0u32; UNITS];
        for (unit, most) in x.as_chunks::<32>().0.iter().zip(&mut most) {
            let greatest = unit.as_chunks::<8>().0.iter().fold(_mm256_setzero_si256(), |greatest, run| {
                _mm256_max_epu32(greatest, _mm256_and_si256(_mm256_castps_si256(vector_f32(run)), magnitude))
            });
            let lanes: [u32; 8] = bytemuck::cast(greatest);
            *most = lanes.into_iter().fold(0, u32::max);
        }
        let inverse = out.take_scales(scale_of, most);
        let mut q = [_mm256_setzero_si256(); 16];
        let mut sums = [_mm256_setzero_si256(); 16];
        for (r, ((run, q), sum)) in runs.iter().zip(&mut q).zip(&mut sums).enumerate() {
            let inverse = _mm256_set1_ps(inverse[r / 2]);
            let [a, b] = [&run[..8], &run[8..]].map(|half| {
                let half: &[f32; 8] = half.try_into().expect("half of 16");
                _mm256_cvtps_epi32(_mm256_mul_ps(vector_f32(half), inverse))
            });
            // Packing works within 128-bit lanes, so the quarters are put in order behind it.
            *q = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(a, b));
            *sum = _mm256_madd_epi16(*q, _mm256_set1_epi16(1));
        }
        let scale = vector_f32(&out.scale);
        let half = |h: usize| {
            let of = |u: usize| _mm256_cvtepi32_ps(sums[2 * u + h]);
            _mm256_mul_ps(sum8([of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7)]), scale)
        };
        let (low, high) = (half(0), half(1));
        out.low = bytemuck::cast(low);
        out.high = bytemuck::cast(high);
        out.sums = bytemuck::cast(_mm256_add_ps(low, high));
        if order == Order::Paired {
            for pair in q.as_chunks_mut::<4>().0 {
                let [a, b, c, d] = pair.map(|v| {
                    let mask: [u8; 16] = [0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15];
                    let mask = _mm256_broadcastsi128_si256(bytemuck::cast(mask));
                    _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_shuffle_epi8(v, mask))
                });
                *pair = [
                    _mm256_permute2x128_si256::<0x20>(a, c),
                    _mm256_permute2x128_si256::<0x31>(a, c),
                    _mm256_permute2x128_si256::<0x20>(b, d),
                    _mm256_permute2x128_si256::<0x31>(b, d),
                ];
            }
        }
        out.q = bytemuck::cast(q);
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128 {
    use std::arch::wasm32::*;

    use super::{BLOCK, Order, ScaleOf, UNITS, XBlock};
    use crate::simd::simd128::{sum4, vector};

    pub(super) fn quantise_block(x: &[f32; BLOCK], order: Order, scale_of: ScaleOf, out: &mut XBlock) {
        let mut most = [0u32; UNITS];
        for (unit, most) in x.as_chunks::<32>().0.iter().zip(&mut most) {
            let greatest = unit.as_chunks::<4>().0.iter().fold(u32x4_splat(0), |greatest, run| {
                u32x4_max(greatest, v128_and(vector(run), u32x4_splat(0x7fff_ffff)))
            });
            let lanes: [u32; 4] = bytemuck::cast(greatest);
            *most = lanes.into_iter().fold(0, u32::max);
        }
        let inverse = out.take_scales(scale_of, most);
        // Adding 1.5 * 2^23 rounds to an integer, which is then the lowest bits. To narrow it would be made of five
        // instructions where any integer may come.
        let round = f32x4_splat(12_582_912.0);
        let even = |a, b| i16x8_shuffle::<0, 2, 4, 6, 8, 10, 12, 14>(a, b);
        let odd = |a, b| i16x8_shuffle::<1, 3, 5, 7, 9, 11, 13, 15>(a, b);
        let mut sums = [u32x4_splat(0); 16];
        for (r, ((run, q), sum)) in x.as_chunks::<16>().0.iter().zip(&mut out.q).zip(&mut sums).enumerate() {
            let inverse = f32x4_splat(inverse[r / 2]);
            // What is cast whole is taken lane by lane.
            let [a, b, c, d] = std::array::from_fn(|i| {
                let x = vector(&run.as_chunks::<4>().0[i]);
                f32x4_add(f32x4_mul(x, inverse), round)
            });
            let (first, second) = (even(a, b), even(c, d));
            let (first, second) = match order {
                Order::EvenOdd => (even(first, second), odd(first, second)),
                _ => (first, second),
            };
            for (q, v) in q.as_chunks_mut::<8>().0.iter_mut().zip([first, second]) {
                *q = bytemuck::cast(v);
            }
            let ones = i16x8_splat(1);
            *sum = i32x4_add(i32x4_dot_i16x8(first, ones), i32x4_dot_i16x8(second, ones));
        }
        let scale: [v128; 2] = bytemuck::cast(out.scale);
        let half = |u: usize, h: usize| {
            let of = |u: usize| f32x4_convert_i32x4(sums[2 * u + h]);
            f32x4_mul(sum4([of(u), of(u + 1), of(u + 2), of(u + 3)]), scale[u / 4])
        };
        let (low, high) = ([half(0, 0), half(4, 0)], [half(0, 1), half(4, 1)]);
        out.low = bytemuck::cast(low);
        out.high = bytemuck::cast(high);
        out.sums = bytemuck::cast([f32x4_add(low[0], high[0]), f32x4_add(low[1], high[1])]);
    }
}
