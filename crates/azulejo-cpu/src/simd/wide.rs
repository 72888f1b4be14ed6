//! What loops over numbers take at once: a vector where WebAssembly has them, elsewhere one number.
//!
//! Elsewhere the compiler makes vectors of such loops by itself. In the browser's build it doesn't, however much this crate
//! is optimised for speed: it would do so where all crates are put together, and the whole is built for size.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number, or a vector of them.
pub(crate) trait Float:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// The same number in all lanes.
    fn splat(x: f32) -> Self;

    /// What is less than `least` becomes that; what is no number stays.
    fn at_least(self, least: Self) -> Self;

    /// What is greater than `most` becomes that; what is no number stays.
    fn at_most(self, most: Self) -> Self;

    /// Without its sign.
    fn magnitude(self) -> Self;

    /// Its magnitude with the sign of `sign`.
    fn with_sign(self, sign: Self) -> Self;

    /// Times 2^n, n being the distance of `bits` from `zero` in steps of the last bit; from two factors, so that
    /// what is over and under the range becomes infinity and zero.
    fn times_power(self, bits: Self, zero: f32) -> Self;
}

impl Float for f32 {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        x
    }

    #[inline(always)]
    fn at_least(self, least: Self) -> Self {
        if self < least { least } else { self }
    }

    #[inline(always)]
    fn at_most(self, most: Self) -> Self {
        if self > most { most } else { self }
    }

    #[inline(always)]
    fn magnitude(self) -> Self {
        self.abs()
    }

    #[inline(always)]
    fn with_sign(self, sign: Self) -> Self {
        self.copysign(sign)
    }

    #[inline(always)]
    fn times_power(self, bits: Self, zero: f32) -> Self {
        let n = (bits.to_bits() as i32).wrapping_sub(zero.to_bits() as i32);
        let half = n >> 1;
        let power = |n: i32| f32::from_bits(((n + 127) << 23) as u32);
        self * power(half) * power(n - half)
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod one {
    /// What is taken at once.
    pub(crate) type Wide = f32;
    /// Numbers of it.
    pub(crate) const WIDTH: usize = 1;
    /// Of those how many a turn of a loop takes; the compiler sees to that.
    pub(crate) const RUN: usize = 1;

    #[inline(always)]
    pub(crate) fn load(x: &[f32; WIDTH]) -> Wide {
        x[0]
    }

    #[inline(always)]
    pub(crate) fn store(x: Wide, to: &mut [f32; WIDTH]) {
        to[0] = x;
    }
}
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(crate) use one::*;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector {
    use std::arch::wasm32::*;
    use std::ops::{Add, Div, Mul, Neg, Sub};

    use super::Float;

    /// What is taken at once.
    #[derive(Clone, Copy)]
    pub(crate) struct Wide(v128);
    /// Numbers of it.
    pub(crate) const WIDTH: usize = 4;
    /// Of those how many a turn of a loop takes: an engine's compiler makes constants anew in each, of three instructions.
    pub(crate) const RUN: usize = 2;

    #[inline(always)]
    pub(crate) fn load(x: &[f32; WIDTH]) -> Wide {
        Wide(crate::simd::simd128::vector(x))
    }

    #[inline(always)]
    pub(crate) fn store(x: Wide, to: &mut [f32; WIDTH]) {
        *to = bytemuck::cast(x.0);
    }

    macro_rules! operators {
        ($($name:ident $method:ident $instruction:ident)*) => { $(
            impl $name for Wide {
                type Output = Self;

                #[inline(always)]
                fn $method(self, other: Self) -> Self {
                    Self($instruction(self.0, other.0))
                }
            }
        )* };
    }
    operators!(Add add f32x4_add Sub sub f32x4_sub Mul mul f32x4_mul Div div f32x4_div);

    impl Neg for Wide {
        type Output = Self;

        #[inline(always)]
        fn neg(self) -> Self {
            Self(f32x4_neg(self.0))
        }
    }

    impl Float for Wide {
        #[inline(always)]
        fn splat(x: f32) -> Self {
            Self(f32x4_splat(x))
        }

        #[inline(always)]
        fn at_least(self, least: Self) -> Self {
            Self(f32x4_pmax(self.0, least.0))
        }

        #[inline(always)]
        fn at_most(self, most: Self) -> Self {
            Self(f32x4_pmin(self.0, most.0))
        }

        #[inline(always)]
        fn magnitude(self) -> Self {
            Self(f32x4_abs(self.0))
        }

        #[inline(always)]
        fn with_sign(self, sign: Self) -> Self {
            Self(v128_bitselect(sign.0, self.0, u32x4_splat(0x8000_0000)))
        }

        #[inline(always)]
        fn times_power(self, bits: Self, zero: f32) -> Self {
            let n = i32x4_sub(bits.0, u32x4_splat(zero.to_bits()));
            let half = i32x4_shr(n, 1);
            let power = |n| Self(i32x4_shl(i32x4_add(n, i32x4_splat(127)), 23));
            self * power(half) * power(i32x4_sub(n, half))
        }
    }
}
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) use vector::*;

/// `out[i] = f(out[i], [of[0][i], ...])`; each of `of` has at least as many numbers as `out`.
#[inline(always)]
pub(crate) fn each<const N: usize>(out: &mut [f32], of: [&[f32]; N], f: impl Fn(Wide, [Wide; N]) -> Wide) {
    let of = of.map(|x| x[..out.len()].as_chunks::<WIDTH>());
    let (vectors, rest) = out.as_chunks_mut::<WIDTH>();
    let one = |i: usize, out: &mut [f32; WIDTH]| {
        store(f(load(out), std::array::from_fn(|n| load(&of[n].0[i]))), out);
    };
    let (runs, last) = vectors.as_chunks_mut::<RUN>();
    for (i, run) in runs.iter_mut().enumerate() {
        run.iter_mut().enumerate().for_each(|(k, out)| one(i * RUN + k, out));
    }
    last.iter_mut().enumerate().for_each(|(k, out)| one(runs.len() * RUN + k, out));
    if !rest.is_empty() {
        let padded = |x: &[f32]| {
            let mut padded = [0f32; WIDTH];
            padded.iter_mut().zip(x).for_each(|(padded, x)| *padded = *x);
            padded
        };
        let mut last = padded(rest);
        store(f(load(&last), std::array::from_fn(|n| load(&padded(of[n].1)))), &mut last);
        rest.iter_mut().zip(last).for_each(|(out, last)| *out = last);
    }
}
