//! The kernels, fast: one file each. This is the only place where `unsafe` stands, and only to call functions that are
//! compiled for instructions that were found on this machine.

#![allow(unsafe_code, reason = "functions for instructions that were found are unsafe to call")]

pub(crate) mod attn;
#[cfg(target_arch = "x86_64")]
mod attn_avx2;
pub(crate) mod attn_decode;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod attn_simd128;
#[cfg(target_arch = "x86_64")]
mod avx2;
pub(crate) mod elementwise;
pub(crate) mod embed;
pub(crate) mod floats;
pub(crate) mod gemm;
#[cfg(target_arch = "x86_64")]
mod gemm_floats_x86;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod gemm_simd128;
#[cfg(target_arch = "x86_64")]
mod gemm_superblocks_x86;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod gemm_units_simd128;
pub(crate) mod gemv;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod gemv_simd128;
mod input;
pub(crate) mod rope_kv;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
mod wide;

use wide::{Float, each};

use crate::matrix::Matrix;
use crate::threads::Threads;

/// Which instructions the kernels use. Each gives the same tokens; the results differ in rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// The kernels' twins: plain, in f64, slow. What everything else is compared with.
    Twin,
    /// Rust that any machine runs; loops become whatever SIMD the target has.
    Portable,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// The same, and AVX-512 with VNNI for prompts.
    Avx512,
    /// WebAssembly's 128-bit SIMD, where the build has it (`-C target-feature=+simd128`).
    Simd128,
}

impl Instructions {
    /// The ones that this machine has, the best last.
    pub fn available() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        let avx2 = std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("fma")
            && std::arch::is_x86_feature_detected!("f16c");
        #[cfg(target_arch = "x86_64")]
        let avx512 = avx2
            && std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512vnni");
        #[cfg(not(target_arch = "x86_64"))]
        let (avx2, avx512) = (false, false);
        let is_available = |i: &Self| match i {
            Self::Twin | Self::Portable => true,
            Self::Avx2 => avx2,
            Self::Avx512 => avx512,
            Self::Simd128 => cfg!(all(target_arch = "wasm32", target_feature = "simd128")),
        };
        let all = [Self::Twin, Self::Portable, Self::Avx2, Self::Avx512, Self::Simd128];
        all.into_iter().filter(is_available).collect()
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Twin => "twin",
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Simd128 => "simd128",
        }
    }
}

/// What every kernel needs.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) threads: &'a Threads,
    pub(crate) instructions: Instructions,
}

/// Room that calls reuse.
#[derive(Default)]
pub(crate) struct Scratch {
    /// A quantised input.
    blocks: Vec<input::XBlock>,
    /// Tokens in groups.
    #[cfg(target_arch = "x86_64")]
    groups: Vec<gemm_floats_x86::Column>,
}

/// The first `count` elements of what grows where it has fewer.
fn room<T: Copy>(of: &mut Vec<T>, count: usize, zero: T) -> &mut [T] {
    if of.len() < count {
        of.resize(count, zero);
    }
    &mut of[..count]
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scratch")
    }
}

impl Context<'_> {
    /// Chunks into which `items` are cut, each of a multiple of `multiple`: some for every thread, so that one that
    /// is interrupted leaves work to the others, but none that costs less than `least` items.
    pub(crate) fn chunk(&self, items: usize, multiple: usize, least: usize) -> usize {
        let threads = self.threads.count();
        let chunks = if threads == 1 { 1 } else { threads * 4 };
        items.div_ceil(chunks).max(least).next_multiple_of(multiple)
    }
}

/// What becomes of a product.
#[derive(Clone, Copy)]
pub(crate) enum Put<'a> {
    /// It is stored.
    Store,
    /// It is added to what is there.
    Accumulate,
    /// It is added to a residual: the buffer, its first element, and the elements from one row to the next.
    Add(&'a [f32], usize, usize),
}

impl Put<'_> {
    /// Puts `values` of row `token`, columns from `first`, into `out`.
    #[inline(always)]
    pub(crate) fn put(&self, token: usize, first: usize, values: &[f32], out: &mut [f32]) {
        match self {
            Put::Store => each(out, [values], |_, [value]| value),
            Put::Accumulate => each(out, [values], |out, [value]| out + value),
            Put::Add(residual, offset, stride) => {
                let residual = &residual[token * stride + offset + first..];
                each(out, [values, residual], |_, [value, residual]| residual + value);
            }
        }
    }
}

/// A matrix product's matrix and bias.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a> {
    pub(crate) matrix: Matrix<'a>,
    pub(crate) bias: Option<&'a [f32]>,
}

/// `exp(x)` without branches; relative error below 2e-7.
///
/// The argument is split into n ln 2 + r with |r| <= ln 2 / 2 (ln 2 in two parts: Cody and Waite, 1980), the
/// exponential of r is its Taylor polynomial of degree 7, whose error there is below 5e-9, and 2^n is put together
/// from two factors, so that results over and under the range become infinity and zero.
#[inline(always)]
pub(crate) fn exp<F: Float>(x: F) -> F {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to an integer.
    let f = F::splat;
    let x = x.at_least(f(-104.0)).at_most(f(89.0));
    let shifted = x * f(std::f32::consts::LOG2_E) + f(ROUND);
    let n = shifted - f(ROUND);
    let r = (x - n * f(0.693_359_4)) + n * f(2.121_944_4e-4);
    let p = f(1.0 / 5040.0);
    let p = p * r + f(1.0 / 720.0);
    let p = p * r + f(1.0 / 120.0);
    let p = p * r + f(1.0 / 24.0);
    let p = p * r + f(1.0 / 6.0);
    let p = p * r + f(0.5);
    let p = p * r * r + r + f(1.0);
    p.times_power(shifted, ROUND)
}

/// `x / (1 + exp(-x))`.
#[inline(always)]
pub(crate) fn silu<F: Float>(x: F) -> F {
    x / (F::splat(1.0) + exp(-x))
}

/// GELU's approximation by a hyperbolic tangent, as in `gate_gelu.wesl`.
#[inline(always)]
pub(crate) fn gelu_tanh<F: Float>(x: F) -> F {
    let f = F::splat;
    x / (f(1.0) + exp(f(-1.595_769) * (x + f(0.044_715) * x * x * x)))
}

/// `x / 2 * (1 + erf(x / sqrt(2)))`, with the polynomial of `map_gelu.wesl`.
#[inline(always)]
pub(crate) fn gelu<F: Float>(value: F) -> F {
    let f = F::splat;
    let x = value.magnitude() * f(std::f32::consts::FRAC_1_SQRT_2);
    let t = f(1.0) / (f(1.0) + f(0.327_591_1) * x);
    let p = f(-1.453_152) + t * f(1.061_405_4);
    let p = t * (f(0.254_829_6) + t * (f(-0.284_496_74) + t * (f(1.421_413_7) + t * p)));
    let erf = (f(1.0) - p * exp(-x * x)).with_sign(value);
    f(0.5) * value * (f(1.0) + erf)
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn exp_is_accurate_over_its_range() {
        let mut worst = 0f64;
        for i in -87_000..88_000 {
            let x = i as f32 / 1000.0 + 0.000_37;
            let right = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) - right).abs() / right);
        }
        assert!(worst < 2e-7, "{worst}");
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(-3.0e38), 0.0);
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(1000.0), f32::INFINITY);
        assert!(exp(f32::NAN).is_nan());
    }
}
