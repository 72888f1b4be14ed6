//! What the AVX2 kernels share: loads, sums, and the unpacking of blocks of 8 units.

use std::arch::x86_64::*;

use crate::matrix::format::*;
use crate::matrix::{Matrix, UNITS};

/// 32 bytes.
#[inline(always)]
pub(crate) fn vector<T: bytemuck::Pod>(bytes: &T) -> __m256i {
    const { assert!(size_of::<T>() == 32) };
    bytemuck::pod_read_unaligned(bytemuck::bytes_of(bytes))
}

/// 8 floats.
#[inline(always)]
pub(crate) fn vector_f32(floats: &[f32; 8]) -> __m256 {
    bytemuck::pod_read_unaligned(bytemuck::bytes_of(floats))
}

/// Fetches the quants of `count` units from `u` on, which may be behind the matrix, into the first-level cache.
///
/// A processor waits for memory with as many reads as there are in the some hundred instructions that it looks ahead. As
/// decoding a unit takes twenty, they are few, and half of the memory's bandwidth would be left.
#[inline(always)]
pub(crate) fn prefetch<const F: u8>(m: &Matrix<'_>, u: usize, count: usize) {
    match F {
        F32 => fetch(m.floats32.as_chunks::<32>().0, u, count),
        F16 | BF16 => fetch(m.floats16.as_chunks::<32>().0, u, count),
        Q8_0 => fetch(m.bytes, u, count),
        Q2_K | Q3_K => fetch(m.bits2, u, count),
        _ => fetch(m.nibbles, u, count),
    }
    if F == Q6_K {
        fetch(m.bits2, u, count);
    }
}

/// Fetches the lines of `count` elements from `at` on.
#[inline(always)]
pub(crate) fn fetch<T>(of: &[T], at: usize, count: usize) {
    const LINE: usize = 64;
    let first: *const i8 = of.as_ptr().wrapping_add(at).cast();
    for at in (0..count * size_of::<T>()).step_by(LINE) {
        // SAFETY: nothing is read; where there is no memory, nothing is fetched.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(first.wrapping_add(at)) };
    }
}

/// Units that `gemv` is ahead of itself: 4 KiB, or what takes as long.
pub(crate) const fn units_ahead(format: u8) -> usize {
    match format {
        F32 => 32,
        F16 | BF16 => 64,
        Q8_0 => 128,
        _ => 256,
    }
}

/// 16 bytes.
#[inline(always)]
fn vector128<T: bytemuck::Pod>(bytes: &T) -> __m128i {
    const { assert!(size_of::<T>() == 16) };
    bytemuck::pod_read_unaligned(bytemuck::bytes_of(bytes))
}

/// `N` elements from `at` on.
#[inline(always)]
pub(crate) fn run<T, const N: usize>(slice: &[T], at: usize) -> &[T; N] {
    slice[at..at + N].try_into().expect("as long as it was cut")
}

/// The sums of 8 vectors, as the lanes of one.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
pub(crate) fn sum8(v: [__m256; 8]) -> __m256 {
    let low = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    let high = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
    _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high))
}

/// The sums of 4 vectors, as the lanes of one.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
pub(crate) fn sum4(v: [__m256; 4]) -> __m128 {
    let v = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v))
}

/// The sum of the lanes.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
pub(crate) fn sum(v: __m256) -> f32 {
    let v = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
    let v = _mm_add_ps(v, _mm_movehl_ps(v, v));
    _mm_cvtss_f32(_mm_add_ss(v, _mm_movehdup_ps(v)))
}

/// A half float.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn half(bits: u16) -> __m256 {
    _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(i32::from(bits))))
}

/// Scales and offsets of 8 units, by halves (both the same where a format has one a unit).
pub(crate) struct Scales {
    pub(crate) scale: [__m256; 2],
    pub(crate) offset: [__m256; 2],
}

/// The integer scales of a superblock by halves, and what they are multiplied by; the same for the offsets.
pub(crate) struct IntScales {
    pub(crate) scale: [__m256i; 2],
    pub(crate) d: f32,
    pub(crate) offset: [__m256; 2],
}

/// The 6-bit pairs of a superblock.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn six_bits(words: [u32; 3]) -> [__m256i; 2] {
    let low = _mm256_cvtepu8_epi32(_mm_set_epi64x(0, i64::from(words[0]) | (i64::from(words[1]) << 32)));
    let shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
    let high = _mm256_srlv_epi32(_mm256_set1_epi32(words[2] as i32), shifts);
    let a = _mm256_and_si256(low, _mm256_set1_epi32(15));
    let a = _mm256_or_si256(a, _mm256_slli_epi32::<4>(_mm256_and_si256(high, _mm256_set1_epi32(3))));
    let b = _mm256_srli_epi32::<4>(low);
    let b = _mm256_or_si256(b, _mm256_slli_epi32::<2>(_mm256_and_si256(high, _mm256_set1_epi32(12))));
    [a, b]
}

/// The scales of the superblock that begins with unit `u`; offsets as floats. Q3_K and Q6_K have none here: their
/// quants are taken as signed.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
pub(crate) fn int_scales<const F: u8>(m: &Matrix<'_>, u: usize) -> IntScales {
    let zero = _mm256_setzero_ps();
    let s = u / UNITS;
    let first = |d: __m256| _mm256_cvtss_f32(d);
    match F {
        Q4_K | Q5_K => {
            let [dm, s0, s1, s2] = m.dm_sc6[s];
            let [a, b] = six_bits([s0, s1, s2]);
            let offset = _mm256_mul_ps(_mm256_cvtepi32_ps(b), half((dm >> 16) as u16));
            let offset = _mm256_sub_ps(zero, offset);
            IntScales { scale: [a, a], d: first(half(dm as u16)), offset: [offset, offset] }
        }
        Q2_K => {
            let [d, min] = m.dm[s];
            let bytes = _mm256_cvtepu8_epi16(vector128(&m.sc8[s]));
            let scales = _mm256_and_si256(bytes, _mm256_set1_epi16(15));
            let mins = _mm256_srli_epi16::<4>(bytes);
            let min = half(min);
            let offset = |mins| _mm256_sub_ps(zero, _mm256_mul_ps(_mm256_cvtepi32_ps(mins), min));
            IntScales { scale: split(scales), d: first(half(d)), offset: split(mins).map(offset) }
        }
        Q3_K => {
            let scale = six_bits(m.sc6[s]).map(|s| _mm256_sub_epi32(s, _mm256_set1_epi32(32)));
            IntScales { scale, d: first(half(m.d16[s])), offset: [zero, zero] }
        }
        _ => {
            let scale = split(_mm256_cvtepi8_epi16(vector128(&m.sc8[s])));
            IntScales { scale, d: first(half(m.d16[s])), offset: [zero, zero] }
        }
    }
}

/// Even and odd 16-bit lanes, with their signs, as 32-bit lanes.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn split(v: __m256i) -> [__m256i; 2] {
    [_mm256_srai_epi32::<16>(_mm256_slli_epi32::<16>(v)), _mm256_srai_epi32::<16>(v)]
}

/// Scales and offsets of the 8 units from `u` on, for quants as [`pair`] gives them.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
pub(crate) fn scales<const F: u8>(m: &Matrix<'_>, u: usize) -> Scales {
    match F {
        Q4_0 | Q5_0 => {
            let d = _mm256_cvtph_ps(vector128(run::<u16, 8>(m.d16, u)));
            let offset = _mm256_mul_ps(d, _mm256_set1_ps(if F == Q4_0 { -8.0 } else { -16.0 }));
            Scales { scale: [d, d], offset: [offset, offset] }
        }
        Q4_1 | Q5_1 => {
            let words = vector(run::<[u16; 2], 8>(m.dm, u));
            let low = _mm256_and_si256(words, _mm256_set1_epi32(0xffff));
            let packed = _mm256_packus_epi32(low, _mm256_srli_epi32::<16>(words));
            let packed = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
            let d = _mm256_cvtph_ps(_mm256_castsi256_si128(packed));
            let offset = _mm256_cvtph_ps(_mm256_extracti128_si256::<1>(packed));
            Scales { scale: [d, d], offset: [offset, offset] }
        }
        _ => {
            let s = int_scales::<F>(m, u);
            let d = _mm256_set1_ps(s.d);
            let scale = s.scale.map(|s| _mm256_mul_ps(_mm256_cvtepi32_ps(s), d));
            let bias = match F {
                Q3_K => -4.0,
                Q6_K => -32.0,
                _ => return Scales { scale, offset: s.offset },
            };
            Scales { scale, offset: scale.map(|s| _mm256_mul_ps(s, _mm256_set1_ps(bias))) }
        }
    }
}

/// Lanes 0..4 take number `2 * P` of 8, lanes 4..8 the next one: what belongs to pair P of a block.
#[inline(always)]
pub(crate) fn lanes_of_pair(p: usize) -> __m256i {
    const LANES: [[i32; 8]; 4] = [
        [0, 0, 0, 0, 1, 1, 1, 1],
        [2, 2, 2, 2, 3, 3, 3, 3],
        [4, 4, 4, 4, 5, 5, 5, 5],
        [6, 6, 6, 6, 7, 7, 7, 7],
    ];
    vector(&LANES[p])
}

/// The quants of pair `p` of the 8 units from `u` on, in the order of [`super::input::Order::Paired`], as 16-bit lanes.
/// They are unsigned as in the planes.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
pub(crate) fn pair<const F: u8>(m: &Matrix<'_>, u: usize, p: usize) -> [__m256i; 4] {
    let v = u + 2 * p;
    match F {
        Q4_0 | Q4_1 | Q4_K => {
            let n = vector(run::<[u8; 16], 2>(m.nibbles, v));
            let mask = _mm256_set1_epi16(15);
            [
                _mm256_and_si256(n, mask),
                _mm256_and_si256(_mm256_srli_epi16::<8>(n), mask),
                _mm256_and_si256(_mm256_srli_epi16::<4>(n), mask),
                _mm256_srli_epi16::<12>(n),
            ]
        }
        Q5_0 | Q5_1 | Q5_K => {
            let n = vector(run::<[u8; 16], 2>(m.nibbles, v));
            let mask = _mm256_set1_epi8(15);
            let bits = _mm256_permutevar8x32_epi32(vector(run::<u32, 8>(m.bit1, u)), lanes_of_pair(p));
            // Bit 0..4 of each byte to bit 4 for the first halves, bit 4..8 for the second.
            let at = _mm256_set1_epi8(16);
            let low =
                _mm256_and_si256(_mm256_sllv_epi32(bits, _mm256_setr_epi32(4, 3, 2, 1, 4, 3, 2, 1)), at);
            let high =
                _mm256_and_si256(_mm256_srlv_epi32(bits, _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3)), at);
            let low = _mm256_or_si256(low, _mm256_and_si256(n, mask));
            let high = _mm256_or_si256(high, _mm256_and_si256(_mm256_srli_epi16::<4>(n), mask));
            unsigned_bytes(low, high)
        }
        Q6_K => {
            let n = vector(run::<[u8; 16], 2>(m.nibbles, v));
            let mask = _mm256_set1_epi8(15);
            let [low, high] = two_bits(m, u, p).map(|bits| _mm256_slli_epi16::<4>(bits));
            let low = _mm256_or_si256(low, _mm256_and_si256(n, mask));
            let high = _mm256_or_si256(high, _mm256_and_si256(_mm256_srli_epi16::<4>(n), mask));
            unsigned_bytes(low, high)
        }
        Q2_K => {
            let [low, high] = two_bits(m, u, p);
            unsigned_bytes(low, high)
        }
        _ => {
            let [low, high] = two_bits(m, u, p);
            let bits = _mm256_permutevar8x32_epi32(vector(run::<u32, 8>(m.bit1, u)), lanes_of_pair(p));
            let at = _mm256_set1_epi8(1);
            let bit = |shifts| _mm256_slli_epi16::<2>(_mm256_and_si256(_mm256_srlv_epi32(bits, shifts), at));
            let low = _mm256_or_si256(low, bit(_mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3)));
            let high = _mm256_or_si256(high, bit(_mm256_setr_epi32(4, 5, 6, 7, 4, 5, 6, 7)));
            unsigned_bytes(low, high)
        }
    }
}

/// The weights of a unit of floats, or of a format with a scale a unit.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
pub(crate) fn floats<const F: u8>(m: &Matrix<'_>, u: usize) -> [__m256; 4] {
    match F {
        F32 => bytemuck::cast(*run::<f32, 32>(m.floats32, u * 32)),
        F16 => {
            let words: [__m128i; 4] = bytemuck::cast(*run::<u16, 32>(m.floats16, u * 32));
            words.map(|v| _mm256_cvtph_ps(v))
        }
        BF16 => {
            let words: [__m128i; 4] = bytemuck::cast(*run::<u16, 32>(m.floats16, u * 32));
            words.map(|v| _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(v))))
        }
        Q8_0 => {
            let scale = half(m.d16[u]);
            let runs: [[u8; 8]; 4] = bytemuck::cast(m.bytes[u]);
            runs.map(|run| _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight_bytes(run))), scale))
        }
        _ => {
            let ([scale, _], [offset, _]) = m.scales::<F>(u);
            let (scale, offset) = (_mm256_set1_ps(scale), _mm256_set1_ps(offset));
            let nibbles = vector128(&m.nibbles[u]);
            let halves = _mm256_set_m128i(_mm_srli_epi16::<4>(nibbles), nibbles);
            let mut quants = _mm256_and_si256(halves, _mm256_set1_epi8(15));
            if matches!(F, Q5_0 | Q5_1) {
                let bits = _mm256_set1_epi32(m.bit1[u] as i32);
                let bits = _mm256_srlv_epi32(bits, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
                let bits = _mm256_and_si256(bits, _mm256_set1_epi8(1));
                quants = _mm256_or_si256(quants, _mm256_slli_epi32::<4>(bits));
            }
            let runs: [[u8; 8]; 4] = bytemuck::cast(quants);
            runs.map(|run| {
                _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(eight_bytes(run))), scale, offset)
            })
        }
    }
}

/// 8 bytes, below zeros.
#[inline(always)]
fn eight_bytes(bytes: [u8; 8]) -> __m128i {
    bytemuck::cast([bytes, [0; 8]])
}

/// The 2-bit fields of a pair, as bytes in the order of the weights: first halves, second halves.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn two_bits(m: &Matrix<'_>, u: usize, p: usize) -> [__m256i; 2] {
    let words = vector(run::<[u32; 2], 4>(m.bits2, u + 4 * (p / 2)));
    let first = (p % 2 * 4) as i32;
    let shifts = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    [first, first + 1].map(|at| {
        let lanes = _mm256_setr_epi32(at, at, at, at, at + 2, at + 2, at + 2, at + 2);
        let bits = _mm256_permutevar8x32_epi32(words, lanes);
        _mm256_and_si256(_mm256_srlv_epi32(bits, shifts), _mm256_set1_epi8(3))
    })
}

/// Bytes of even and of odd place as 16-bit lanes.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn unsigned_bytes(low: __m256i, high: __m256i) -> [__m256i; 4] {
    let mask = _mm256_set1_epi16(0xff);
    [
        _mm256_and_si256(low, mask),
        _mm256_srli_epi16::<8>(low),
        _mm256_and_si256(high, mask),
        _mm256_srli_epi16::<8>(high),
    ]
}

/// The last units of a row that don't fill a block, with zeros behind them.
#[derive(Default)]
pub(crate) struct Tail {
    nibbles: [[u8; 16]; UNITS],
    bit1: [u32; UNITS],
    d16: [u16; UNITS],
    dm: [[u16; 2]; UNITS],
}

impl Tail {
    /// The `count` units from `first` on as a matrix of one block. Only formats with blocks of 32 have such rows.
    pub(crate) fn fill<'t>(&'t mut self, m: &Matrix<'_>, first: usize, count: usize) -> Matrix<'t> {
        fn copy<T: Copy>(from: &[T], first: usize, count: usize, to: &mut [T]) {
            if !from.is_empty() {
                to[..count].copy_from_slice(&from[first..first + count]);
            }
        }
        copy(m.nibbles, first, count, &mut self.nibbles);
        copy(m.bit1, first, count, &mut self.bit1);
        copy(m.d16, first, count, &mut self.d16);
        copy(m.dm, first, count, &mut self.dm);
        Matrix {
            format: m.format,
            units_per_row: m.units_per_row,
            nibbles: &self.nibbles,
            bytes: &[],
            bit1: &self.bit1,
            d16: &self.d16,
            dm: &self.dm,
            bits2: &[],
            sc6: &[],
            sc8: &[],
            dm_sc6: &[],
            floats32: &[],
            floats16: &[],
        }
    }
}
