//! Q4_K, Q5_K and Q6_K of weights of which nothing is known, as llama.cpp's K quants choose them (Kawrakow, 2023): both
//! programs make the same file of the same weights, so that either can be checked by the other. ([`crate::fit`] comes 2
//! to 4 % nearer to the weights in the root mean square; it serves where columns have an importance.)
//!
//! Sums go from the first weight to the last, as there: another order gives other last bits, and now and then another
//! quant.

use crate::fit::{Superblock, as_f16, round};

/// How a group of 32 with a minimum is searched: the greatest quant, and the scales that are tried, which span the
/// range by `first`, `first + 0.1`, ... quants more.
pub(crate) struct Search {
    pub(crate) top: f32,
    pub(crate) first: f32,
    pub(crate) tries: usize,
}

/// The scale, the minimum (as what is subtracted) and the quants of `x[j] = scale * q[j] - min` of least error, by the
/// weights of the errors `w`.
fn affine(x: &[f32; 32], w: &[f32; 32], search: &Search) -> (f32, f32, [f32; 32]) {
    let (low, high) = crate::blocks::extent(x);
    let low = low.min(0.0);
    if low == high {
        return (0.0, -low, [0.0; 32]);
    }
    let (mut w_sum, mut wx_sum) = (0.0, 0.0);
    for (x, w) in x.iter().zip(w) {
        w_sum += w;
        wx_sum += w * x;
    }
    let top = search.top;
    let error = |scale: f32, min: f32, q: &[f32; 32]| {
        x.iter().zip(w).zip(q).fold(0.0, |sum, ((x, w), q)| {
            let off = scale * q + min - x;
            sum + w * (off * off)
        })
    };
    let inverse = top / (high - low);
    let (mut scale, mut min) = (1.0 / inverse, low);
    let mut best = x.map(|x| round(inverse * (x - low)).clamp(0.0, top));
    let mut least = error(scale, min, &best);
    for step in 0..=search.tries {
        // From the best minimum so far.
        let inverse = (search.first + 0.1 * step as f32 + top) / (high - min);
        let quants = x.map(|x| round(inverse * (x - min)).clamp(0.0, top));
        let (mut wq, mut wqq, mut wxq) = (0.0, 0.0, 0.0);
        for ((x, w), q) in x.iter().zip(w).zip(quants) {
            wq += w * q;
            wqq += w * q * q;
            wxq += w * q * x;
        }
        let determinant = w_sum * wqq - wq * wq;
        if determinant <= 0.0 {
            continue;
        }
        let mut this_scale = (w_sum * wxq - wx_sum * wq) / determinant;
        let mut this_min = (wqq * wx_sum - wq * wxq) / determinant;
        if this_min > 0.0 {
            (this_scale, this_min) = (wxq / wqq, 0.0);
        }
        let this = error(this_scale, this_min, &quants);
        if this < least {
            (scale, min, least, best) = (this_scale, this_min, this, quants);
        }
    }
    (scale, -min, best)
}

/// A superblock of Q4_K or Q5_K. Errors of large weights count more: by the root mean square of the group and the
/// weight's own magnitude.
pub(crate) fn superblock_affine(x: &[f32; 256], search: &Search) -> Superblock<8> {
    let groups = x.as_chunks::<32>().0;
    let mut fits = [(0f32, 0f32, [0f32; 32]); 8];
    for (fit, x) in fits.iter_mut().zip(groups) {
        let squares = x.iter().fold(0.0, |sum, x| sum + x * x);
        let spread = (squares / 32.0).sqrt();
        *fit = affine(x, &x.map(|x| spread + x.abs()), search);
    }
    let largest = fits.iter().fold((0f32, 0f32), |most, fit| (most.0.max(fit.0), most.1.max(fit.1)));
    let (d, dmin) = (as_f16(largest.0 / 63.0), as_f16(largest.1 / 63.0));
    let inverse = |largest: f32| if largest > 0.0 { 63.0 / largest } else { 0.0 };
    let (by_scale, by_min) = (inverse(largest.0), inverse(largest.1));
    let mut block = Superblock { d, dmin, scales: [0; 8], mins: [0; 8], quants: [0; 256] };
    for (g, (x, quants)) in groups.iter().zip(block.quants.as_chunks_mut::<32>().0).enumerate() {
        let scale = round(by_scale * fits[g].0).clamp(0.0, 63.0);
        let min = round(by_min * fits[g].1).clamp(0.0, 63.0);
        (block.scales[g], block.mins[g]) = (scale as i8, min as u8);
        let (step, offset) = (d * scale, dmin * min);
        let quant = |x: f32| round((x + offset) / step).clamp(0.0, search.top);
        // Of a scale that is rounded to 0 the quants count no more: they stay those of the search.
        let of_group = if step == 0.0 { fits[g].2 } else { x.map(quant) };
        *quants = of_group.map(|q| q as u8);
    }
    block
}

/// The scale of `x[j] = scale * q[j]`, q in -32..=31, of least error, where the error of a weight counts by its square, and
/// the quants, from 0 on.
fn symmetric(x: &[f32; 16]) -> (f32, [f32; 16]) {
    let peak = crate::blocks::peak(x);
    if peak.abs() < TINY {
        return (0.0, [0.0; 16]);
    }
    let sums = |inverse: f32| {
        x.iter().fold((0.0, 0.0), |(xq, qq), x| {
            let (w, q) = (x * x, round(inverse * x).clamp(-32.0, 31.0));
            (xq + w * x * q, qq + w * q * q)
        })
    };
    let mut inverse = -32.0 / peak;
    let (xq, qq) = sums(inverse);
    let mut scale = if qq > 0.0 { xq / qq } else { 0.0 };
    let mut best = scale * xq;
    for step in (-9..=9).filter(|step| *step != 0) {
        let this = -(32.0 + 0.1 * step as f32) / peak;
        let (xq, qq) = sums(this);
        if qq > 0.0 && xq * xq > best * qq {
            scale = xq / qq;
            best = scale * xq;
            inverse = this;
        }
    }
    (scale, x.map(|x| round(inverse * x).clamp(-32.0, 31.0) + 32.0))
}

/// Magnitudes below this are zero.
const TINY: f32 = 1e-15;

/// A superblock of Q6_K.
pub(crate) fn superblock_symmetric(x: &[f32; 256]) -> Superblock<16> {
    let groups = x.as_chunks::<16>().0;
    let mut fits = [(0f32, [0f32; 16]); 16];
    fits.iter_mut().zip(groups).for_each(|(fit, x)| *fit = symmetric(x));
    let largest = crate::blocks::peak(&fits.map(|fit| fit.0));
    let mut block = Superblock { d: 0.0, dmin: 0.0, scales: [0; 16], mins: [0; 16], quants: [0; 256] };
    if largest.abs() < TINY {
        return block;
    }
    let inverse = -128.0 / largest;
    block.d = as_f16(1.0 / inverse);
    for (g, (x, quants)) in groups.iter().zip(block.quants.as_chunks_mut::<16>().0).enumerate() {
        block.scales[g] = round(inverse * fits[g].0).min(127.0) as i8;
        let step = block.d * f32::from(block.scales[g]);
        let quant = |x: f32| round(x / step).clamp(-32.0, 31.0) + 32.0;
        let of_group = if step == 0.0 { fits[g].1 } else { x.map(quant) };
        *quants = of_group.map(|q| q as u8);
    }
    block
}
