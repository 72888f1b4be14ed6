//! The twin.

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;

pub(super) fn run(call: &Call, run: Run, _read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    let limit = f64::from(p.limit);
    for row in write.floats(8).chunks_mut(p.stride as usize).take(run.tokens as usize) {
        for x in &mut row[p.offset as usize..][..p.cols as usize] {
            let value = f64::from(*x);
            *x = if call.variant.has("map_clamp") {
                value.clamp(-limit, limit) as f32
            } else {
                (0.5 * value * (1.0 + erf(value / std::f64::consts::SQRT_2))) as f32
            };
        }
    }
}

/// The error function: `2 / sqrt(pi) * exp(-x^2) * sum of 2^n x^(2n+1) / (1 * 3 * ... * (2n + 1))` (Abramowitz and
/// Stegun, 7.1.6), whose terms are all of one sign. It is 1 in f64 from 6 on.
fn erf(x: f64) -> f64 {
    if x.abs() >= 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut n) = (x, 0.0, 0.0);
    while sum + term != sum {
        sum += term;
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

#[cfg(test)]
mod tests {
    use super::erf;

    #[test]
    fn map_erf_has_the_tables_values() {
        // Abramowitz and Stegun, table 7.1.
        for (x, value) in [(0.0, 0.0), (0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0)]
        {
            assert!((erf(x) - value).abs() < 1e-10, "{x}");
            assert!((erf(-x) + value).abs() < 1e-10, "-{x}");
        }
        assert_eq!(erf(7.0), 1.0);
    }
}
