//! Tables of rotations from a configuration.

use azulejo_plan::RopeTable;

use crate::{Config, ModelError, RopeScaling};

/// The rope table of a configuration.
pub(crate) fn table(config: &Config) -> Result<RopeTable, ModelError> {
    let pairs = config.rotated / 2;
    let mut frequencies: Vec<f64> =
        (0..pairs).map(|i| config.rope_theta.powf(-2.0 * f64::from(i) / f64::from(config.rotated))).collect();
    match &config.rope_scaling {
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
    Ok(RopeTable { inverse_frequencies, magnitude: 1.0 })
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
