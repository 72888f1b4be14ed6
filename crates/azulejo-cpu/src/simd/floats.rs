//! Products and sums of f32, which the kernels are made of.

use azulejo_plan::KvType;
use azulejo_quant::UNIT;

use super::Instructions;
use super::input::XBlock;
use super::wide::{Float, WIDTH, Wide, each, load, store};
use crate::matrix::half;

/// Lanes of a sum.
pub(crate) const LANES: usize = 8;

/// The lanes of a sum.
pub(crate) type Lanes = [Wide; LANES / WIDTH];

/// Lanes of one number.
#[inline(always)]
pub(crate) fn lanes(x: f32) -> Lanes {
    [Wide::splat(x); LANES / WIDTH]
}

/// Brings 8 numbers into lanes.
#[inline(always)]
fn gather(lanes: &mut Lanes, of: impl Fn(Wide, usize) -> Wide) {
    for (i, lane) in lanes.iter_mut().enumerate() {
        *lane = of(*lane, i);
    }
}

/// Those of 8 numbers that belong to lane `i`.
#[inline(always)]
fn part(x: &[f32; LANES], i: usize) -> Wide {
    load(&x.as_chunks::<WIDTH>().0[i])
}

/// The numbers in lanes.
#[inline(always)]
fn numbers(lanes: Lanes) -> [f32; LANES] {
    let mut numbers = [0f32; LANES];
    numbers.as_chunks_mut::<WIDTH>().0.iter_mut().zip(lanes).for_each(|(to, lane)| store(lane, to));
    numbers
}

/// The sum of lanes, always in the same order.
#[inline(always)]
pub(crate) fn sum(lanes: Lanes) -> f32 {
    let [a, b, c, d, e, f, g, h] = numbers(lanes);
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// Adds products to lanes; what doesn't fill the last ones is left out.
#[inline(always)]
pub(crate) fn add_products(lanes: &mut Lanes, a: &[f32], b: &[f32]) {
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        gather(lanes, |lane, i| lane + part(a, i) * part(b, i));
    }
}

/// The product of two rows of equal length.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = lanes(0.0);
    add_products(&mut lanes, a, b);
    let rest = a.len() / LANES * LANES;
    sum(lanes) + a[rest..].iter().zip(&b[rest..]).map(|(a, b)| a * b).sum::<f32>()
}

/// The product of a unit of weights with unit `k` of a block of inputs.
#[inline(always)]
pub(crate) fn dot_unit<Q: Copy + Into<i32>>(
    q: &[Q; UNIT],
    scale: [f32; 2],
    offset: [f32; 2],
    x: &XBlock,
    k: usize,
) -> f32 {
    let half = |h: usize| -> i32 {
        let x = &x.q[2 * k + h];
        (0..16).map(|i| q[16 * h + i].into() * i32::from(x[i])).sum()
    };
    let products = scale[0] * half(0) as f32 + scale[1] * half(1) as f32;
    products * x.scale[k] + (offset[0] * x.low[k] + offset[1] * x.high[k])
}

/// The sum of numbers.
#[inline(always)]
pub(crate) fn total(x: &[f32]) -> f32 {
    let (x, rest) = x.as_chunks::<LANES>();
    let mut lanes = lanes(0.0);
    for x in x {
        gather(&mut lanes, |lane, i| lane + part(x, i));
    }
    sum(lanes) + rest.iter().sum::<f32>()
}

/// The greatest of numbers; what is no number isn't one of them.
#[inline(always)]
pub(crate) fn greatest(x: &[f32]) -> f32 {
    let (x, rest) = x.as_chunks::<LANES>();
    let mut lanes = lanes(f32::NEG_INFINITY);
    for x in x {
        gather(&mut lanes, |lane, i| lane.at_least(part(x, i)));
    }
    numbers(lanes).iter().chain(rest).fold(f32::NEG_INFINITY, |most, x| most.at_least(*x))
}

/// The sum of squares.
pub(crate) fn squares(x: &[f32]) -> f32 {
    dot(x, x)
}

/// `out += factor * x`.
pub(crate) fn add_scaled(out: &mut [f32], factor: f32, x: &[f32]) {
    each(out, [x], |out, [x]| out + Wide::splat(factor) * x);
}

/// Words of a block of 32 elements of a KV cache in 8 bits.
pub(crate) const Q8_WORDS: usize = KvType::Q8_0.bytes(32) as usize / 4;
/// The same in 4 bits.
pub(crate) const Q4_WORDS: usize = KvType::Q4_0.bytes(32) as usize / 4;

/// A KV cache of a layer.
#[derive(Clone, Copy)]
pub(crate) enum Cache<'a> {
    F16(&'a [u16]),
    F32(&'a [f32]),
    Q8(&'a [[u32; Q8_WORDS]]),
    Q4(&'a [[u32; Q4_WORDS]]),
}

impl<'a> Cache<'a> {
    pub(crate) fn new(words: &'a [u32], kind: KvType) -> Self {
        match kind {
            KvType::F16 => Cache::F16(bytemuck::cast_slice(words)),
            KvType::F32 => Cache::F32(bytemuck::cast_slice(words)),
            KvType::Q8_0 => Cache::Q8(words.as_chunks().0),
            KvType::Q4_0 => Cache::Q4(words.as_chunks().0),
        }
    }

    /// Fetches `count` elements from `at` on, which may be behind the cache.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn prefetch(&self, at: usize, count: usize) {
        use super::avx2::fetch;
        match self {
            Cache::F16(cache) => fetch(cache, at, count),
            Cache::F32(cache) => fetch(cache, at, count),
            Cache::Q8(blocks) => fetch(blocks, at / 32, count / 32),
            Cache::Q4(blocks) => fetch(blocks, at / 32, count / 32),
        }
    }

    /// Elements `[at, at + out.len())`, of whole blocks.
    pub(crate) fn load(&self, instructions: Instructions, at: usize, out: &mut [f32]) {
        match (self, instructions) {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: these instructions are only chosen where they were found.
            (Cache::F16(cache), Instructions::Avx2 | Instructions::Avx512) => unsafe {
                super::attn_avx2::load_halves(&cache[at..at + out.len()], out);
            },
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            (Cache::F16(cache), Instructions::Simd128) => {
                super::attn_simd128::load_halves(&cache[at..at + out.len()], out);
            }
            (Cache::F16(cache), _) => out.iter_mut().zip(&cache[at..]).for_each(|(o, h)| *o = half(*h)),
            (Cache::F32(cache), _) => out.copy_from_slice(&cache[at..at + out.len()]),
            (Cache::Q8(blocks), _) => {
                for (block, out) in blocks[at / 32..].iter().zip(out.as_chunks_mut::<32>().0) {
                    let scale = f32::from_bits(block[0]);
                    let bytes: &[i8] = bytemuck::cast_slice(&block[1..]);
                    out.iter_mut().zip(bytes).for_each(|(out, byte)| *out = scale * f32::from(*byte));
                }
            }
            (Cache::Q4(blocks), _) => {
                for (block, out) in blocks[at / 32..].iter().zip(out.as_chunks_mut::<32>().0) {
                    let scale = f32::from_bits(block[0]);
                    let bytes: &[u8] = bytemuck::cast_slice(&block[1..]);
                    for ([a, b], byte) in out.as_chunks_mut().0.iter_mut().zip(bytes) {
                        *a = scale * (f32::from(byte & 15) - 8.0);
                        *b = scale * (f32::from(byte >> 4) - 8.0);
                    }
                }
            }
        }
    }
}
