//! Scales by weighted least squares: what the encoders choose before they round.
//!
//! Rounding to quants and fitting the scale to them depend on each other. So a few scales near the one that just
//! spans the weights are tried: each gives quants, these give the scale of least error in closed form, and the best
//! pair stays. What a superblock does to its groups' scales (they become small integers themselves) is searched too.

/// Scales that are tried: the range is spanned by up to one quant less or one more.
const TRIES: i32 = 10;
const TRY_STEP: f32 = 0.1;

/// Rounds to the nearest integer, as a sum that vectorises everywhere; for magnitudes up to 2^22.
#[inline]
pub(crate) fn round(x: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0;
    (x + SHIFT) - SHIFT
}

/// Sums over weights in 8 lanes, which the compiler may keep in vectors.
#[inline]
#[allow(clippy::needless_range_loop, reason = "the lanes of all sums go side by side, sum by sum")]
fn sums<const N: usize, const S: usize>(mut term: impl FnMut(usize) -> [f32; S]) -> [f32; S] {
    let mut lanes = [[0f32; 8]; S];
    for first in (0..N).step_by(8) {
        for lane in 0..8 {
            let terms = term(first + lane);
            for s in 0..S {
                lanes[s][lane] += terms[s];
            }
        }
    }
    lanes.map(|lanes| lanes.iter().sum())
}

/// The scale of `x[j] = scale * q[j]`, q in -n..=n-1, of least error; `w` are what errors count. 0 if all are 0.
fn symmetric<const N: usize>(x: &[f32; N], w: &[f32; N], n: f32) -> f32 {
    let peak = crate::blocks::peak(x);
    if peak == 0.0 {
        return 0.0;
    }
    let (mut best, mut most) = (peak / -n, 0.0);
    for step in -TRIES..=TRIES {
        let inverse = (n + step as f32 * TRY_STEP) / -peak;
        let [xq, qq] = sums::<N, 2>(|j| {
            let q = round(x[j] * inverse).clamp(-n, n - 1.0);
            [w[j] * x[j] * q, w[j] * q * q]
        });
        // The error is the sum of w x^2 minus this.
        if qq > 0.0 && xq * xq / qq > most {
            (best, most) = (xq / qq, xq * xq / qq);
        }
    }
    best
}

/// Scale and minimum of `x[j] = scale * q[j] + min`, q in 0..=top, of least error. `w` are what errors count.
/// With `below_zero` the minimum is at most 0.
fn affine<const N: usize>(x: &[f32; N], w: &[f32; N], top: f32, below_zero: bool) -> (f32, f32) {
    let (low, high) = crate::blocks::extent(x);
    let low = if below_zero { low.min(0.0) } else { low };
    let span = high - low;
    if span <= 0.0 {
        return (0.0, low);
    }
    let [w_sum, wx] = sums::<N, 2>(|j| [w[j], w[j] * (x[j] - low)]);
    let (mut best, mut least) = ((span / top, low), f32::INFINITY);
    let mut q = [0f32; N];
    for step in -TRIES..=TRIES {
        let inverse = (top + step as f32 * TRY_STEP) / span;
        for (q, x) in q.iter_mut().zip(x) {
            *q = round((x - low) * inverse).clamp(0.0, top);
        }
        let [wq, wqq, wxq] = sums::<N, 3>(|j| {
            let product = w[j] * q[j];
            [product, product * q[j], product * (x[j] - low)]
        });
        let determinant = w_sum * wqq - wq * wq;
        if determinant <= 0.0 || wqq <= 0.0 {
            continue;
        }
        let mut scale = (w_sum * wxq - wx * wq) / determinant;
        let mut min = low + (wqq * wx - wq * wxq) / determinant;
        if below_zero && min > 0.0 {
            (scale, min) = ((wxq + low * wq) / wqq, 0.0);
        }
        let [error] = sums::<N, 1>(|j| {
            let off = x[j] - (scale * q[j] + min);
            [w[j] * off * off]
        });
        if error < least {
            (best, least) = ((scale, min), error);
        }
    }
    best
}

/// What the quants of one block of 32 with a scale cost and are.
pub(crate) fn block_symmetric(x: &[f32; 32], w: &[f32; 32], n: u8) -> (f32, [u8; 32]) {
    let n = f32::from(n);
    let scale = as_f16(symmetric(x, w, n));
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    (scale, x.map(|x| (round(x * inverse).clamp(-n, n - 1.0) + n) as u8))
}

/// The same with a minimum: scale, minimum, quants.
pub(crate) fn block_affine(x: &[f32; 32], w: &[f32; 32], top: u8) -> (f32, f32, [u8; 32]) {
    let top = f32::from(top);
    let (scale, min) = affine(x, w, top, false);
    let (scale, min) = (as_f16(scale), as_f16(min));
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    (scale, min, x.map(|x| round((x - min) * inverse).clamp(0.0, top) as u8))
}

/// The value that an f16 keeps of it.
pub(crate) fn as_f16(value: f32) -> f32 {
    half::f16::from_f32(value).to_f32()
}

/// A superblock: `x[j] = d * scales[g] * quants[j] - dmin * mins[g]`; symmetric ones have no minima.
pub(crate) struct Superblock<const GROUPS: usize> {
    pub(crate) d: f32,
    pub(crate) dmin: f32,
    pub(crate) scales: [i8; GROUPS],
    pub(crate) mins: [u8; GROUPS],
    /// From 0: symmetric ones have `n` added.
    pub(crate) quants: [u8; 256],
}

/// The groups of `N` of a superblock.
fn groups<const N: usize>(x: &[f32; 256]) -> &[[f32; N]] {
    x.as_chunks::<N>().0
}

/// A superblock of groups of `N` with scales and minima of 0..=`most` and quants of 0..=`top`.
pub(crate) fn superblock_affine<const N: usize, const GROUPS: usize>(
    x: &[f32; 256],
    w: &[f32; 256],
    top: u8,
    most: u8,
) -> Superblock<GROUPS> {
    let (top, most) = (f32::from(top), f32::from(most));
    let mut fits = [(0f32, 0f32); GROUPS];
    for ((fit, x), w) in fits.iter_mut().zip(groups::<N>(x)).zip(groups::<N>(w)) {
        let (scale, min) = affine(x, w, top, true);
        *fit = (scale.max(0.0), -min);
    }
    let largest = fits.iter().fold((0f32, 0f32), |most, fit| (most.0.max(fit.0), most.1.max(fit.1)));
    let (d, dmin) = (as_f16(largest.0 / most), as_f16(largest.1 / most));
    let over = |value: f32, unit: f32| if unit == 0.0 { 0.0 } else { round(value / unit).clamp(0.0, most) };
    let mut block = Superblock { d, dmin, scales: [0; GROUPS], mins: [0; GROUPS], quants: [0; 256] };
    for (g, ((x, w), out)) in
        groups::<N>(x).iter().zip(groups::<N>(w)).zip(block.quants.as_chunks_mut::<N>().0).enumerate()
    {
        let (scale, min) = (over(fits[g].0, d), over(fits[g].1, dmin));
        let (mut best, mut least) = ((scale, min), f32::INFINITY);
        for scale in [scale, scale - 1.0, scale + 1.0] {
            for min in [min, min - 1.0, min + 1.0] {
                if scale < 0.0 || min < 0.0 || scale > most || min > most {
                    continue;
                }
                let (step, offset) = (d * scale, dmin * min);
                let inverse = if step == 0.0 { 0.0 } else { 1.0 / step };
                let [error] = sums::<N, 1>(|j| {
                    let q = round((x[j] + offset) * inverse).clamp(0.0, top);
                    let off = x[j] - (step * q - offset);
                    [w[j] * off * off]
                });
                if error < least {
                    (best, least) = ((scale, min), error);
                }
            }
        }
        let (step, offset) = (d * best.0, dmin * best.1);
        let inverse = if step == 0.0 { 0.0 } else { 1.0 / step };
        for (q, x) in out.iter_mut().zip(x) {
            *q = round((x + offset) * inverse).clamp(0.0, top) as u8;
        }
        (block.scales[g], block.mins[g]) = (best.0 as i8, best.1 as u8);
    }
    block
}

/// A superblock of groups of 16 with scales of `-most`-1..=`most` and quants of -n..=n-1.
pub(crate) fn superblock_symmetric(x: &[f32; 256], w: &[f32; 256], n: u8, most: u8) -> Superblock<16> {
    let (n, most) = (f32::from(n), f32::from(most));
    let mut fits = [0f32; 16];
    for ((fit, x), w) in fits.iter_mut().zip(groups::<16>(x)).zip(groups::<16>(w)) {
        *fit = symmetric(x, w, n);
    }
    // The largest scale becomes the one integer without a twin of the other sign.
    let d = as_f16(crate::blocks::peak(&fits) / -(most + 1.0));
    let mut block = Superblock { d, dmin: 0.0, scales: [0; 16], mins: [0; 16], quants: [0; 256] };
    for (g, ((x, w), out)) in
        groups::<16>(x).iter().zip(groups::<16>(w)).zip(block.quants.as_chunks_mut::<16>().0).enumerate()
    {
        let scale = if d == 0.0 { 0.0 } else { round(fits[g] / d).clamp(-most - 1.0, most) };
        let (mut best, mut least) = (scale, f32::INFINITY);
        for scale in [scale, scale - 1.0, scale + 1.0] {
            if scale < -most - 1.0 || scale > most {
                continue;
            }
            let step = d * scale;
            let inverse = if step == 0.0 { 0.0 } else { 1.0 / step };
            let [error] = sums::<16, 1>(|j| {
                let off = x[j] - step * round(x[j] * inverse).clamp(-n, n - 1.0);
                [w[j] * off * off]
            });
            if error < least {
                (best, least) = (scale, error);
            }
        }
        let step = d * best;
        let inverse = if step == 0.0 { 0.0 } else { 1.0 / step };
        for (q, x) in out.iter_mut().zip(x) {
            *q = (round(x * inverse).clamp(-n, n - 1.0) + n) as u8;
        }
        block.scales[g] = best as i8;
    }
    block
}
