//! Tables of rotations from a configuration.

use azulejo_plan::RopeTable;

use crate::{ModelError, Rope, RopeScaling};

/// The table of a rope that turns so many elements.
pub(crate) fn table(rope: &Rope, rotated: u32) -> Result<RopeTable, ModelError> {
    let pairs = rotated / 2;
    let mut magnitude = 1.0;
    let mut frequencies: Vec<f64> =
        (0..pairs).map(|i| rope.theta.powf(-2.0 * f64::from(i) / f64::from(rotated))).collect();
    match &rope.scaling {
        RopeScaling::None => {}
        RopeScaling::Linear { factor } => {
            positive("rope scaling factor", *factor)?;
            frequencies.iter_mut().for_each(|f| *f /= factor);
        }
        RopeScaling::Llama3 { factor, low, high, original } => {
            for (key, value) in [
                ("factor", factor),
                ("low_freq_factor", low),
                ("high_freq_factor", high),
                ("original context", original),
            ] {
                positive(key, *value)?;
            }
            frequencies.iter_mut().for_each(|f| *f = llama3(*f, *factor, *low, *high, *original));
        }
        RopeScaling::Yarn { factor, original, beta_fast, beta_slow, truncate, magnitude: scale } => {
            for (key, value) in [
                ("YaRN's factor", factor),
                ("YaRN's original context", original),
                ("YaRN's beta_fast", beta_fast),
                ("YaRN's beta_slow", beta_slow),
                ("YaRN's attention factor", scale),
            ] {
                positive(key, *value)?;
            }
            magnitude = *scale;
            let (low, high) = yarn_ramp(rope.theta, rotated, *original, [*beta_fast, *beta_slow], *truncate);
            for (i, frequency) in frequencies.iter_mut().enumerate() {
                let divided = ((i as f64 - low) / (high - low)).clamp(0.0, 1.0);
                *frequency *= divided / factor + (1.0 - divided);
            }
        }
        RopeScaling::Factors(factors) => {
            if factors.len() != frequencies.len() {
                let problem = format!("has {} factors for {pairs} pairs", factors.len());
                return Err(ModelError::config("rope_freqs.weight", problem));
            }
            for (frequency, factor) in frequencies.iter_mut().zip(factors) {
                positive("rope_freqs.weight", f64::from(*factor))?;
                *frequency /= f64::from(*factor);
            }
        }
    }
    let inverse_frequencies = frequencies.into_iter().map(|f| f as f32).collect();
    Ok(RopeTable { inverse_frequencies, magnitude: magnitude as f32 })
}

/// The pairs between which YaRN goes over from kept to divided frequencies: those that rotate `betas` times within the
/// original context (the paper's section 3.2, and what Hugging Face and llama.cpp round it to).
fn yarn_ramp(theta: f64, rotated: u32, original: f64, betas: [f64; 2], truncate: bool) -> (f64, f64) {
    let pair = |beta: f64| {
        f64::from(rotated) * (original / (beta * 2.0 * std::f64::consts::PI)).ln() / (2.0 * theta.ln())
    };
    let [mut low, mut high] = betas.map(pair);
    if truncate {
        (low, high) = (low.floor(), high.ceil());
    }
    (low, high) = (low.max(0.0), high.min(f64::from(rotated) - 1.0));
    (low, if low == high { high + 0.001 } else { high })
}

/// YaRN's recommendation for what scores are multiplied by, as its root.
pub(crate) fn yarn_magnitude(factor: f64, by: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * by * factor.ln() + 1.0 }
}

/// Llama 3.1's blend (as described in its model card and in Hugging Face's `rope_type: llama3`).
fn llama3(frequency: f64, factor: f64, low: f64, high: f64, original: f64) -> f64 {
    let wavelength = 2.0 * std::f64::consts::PI / frequency;
    if wavelength > original / low {
        frequency / factor
    } else if wavelength < original / high {
        frequency
    } else {
        let smooth = (original / wavelength - low) / (high - low);
        (1.0 - smooth) * frequency / factor + smooth * frequency
    }
}

fn positive(key: &str, value: f64) -> Result<(), ModelError> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(ModelError::config(key, format!("is {value}; it must be a positive number")))
    }
}
