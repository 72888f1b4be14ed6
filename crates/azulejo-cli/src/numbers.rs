//! Numbers as people read and write them: lists and ranges of counts, bytes, rates, means.

use std::str::FromStr;

/// The most counts of one flag.
const MOST: usize = 1000;

/// `512`, `128,512`, `128-512+128` (in steps) or `128-1024*2` (by a factor).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts(pub(crate) Vec<u32>);

impl FromStr for Counts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut counts = Vec::new();
        for part in text.split(',').map(str::trim) {
            let number =
                |text: &str| text.trim().parse::<u32>().map_err(|_| format!("'{text}' is no whole number"));
            let Some((from, rest)) = part.split_once('-') else {
                counts.push(number(part)?);
                continue;
            };
            let (to, step, by_factor) = match (rest.split_once('+'), rest.split_once('*')) {
                (Some((to, step)), _) => (to, number(step)?, false),
                (None, Some((to, step))) => (to, number(step)?, true),
                (None, None) => (rest, 1, false),
            };
            let (mut at, to) = (number(from)?, number(to)?);
            if step == 0 || by_factor && (step < 2 || at == 0) {
                return Err(format!("'{part}' never ends"));
            }
            while at <= to {
                counts.push(at);
                if counts.len() > MOST {
                    return Err(format!("'{part}' is more than {MOST} numbers"));
                }
                let next = if by_factor { at.checked_mul(step) } else { at.checked_add(step) };
                match next {
                    Some(next) => at = next,
                    None => break,
                }
            }
        }
        Ok(Self(counts))
    }
}

/// Bytes in MiB or GiB, as llama-bench prints them.
pub(crate) fn bytes(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if bytes < 10 << 10 {
        format!("{bytes} B")
    } else if mib < 1.0 {
        format!("{:.1} KiB", mib * 1024.0)
    } else if mib < 1024.0 {
        format!("{mib:.2} MiB")
    } else {
        format!("{:.2} GiB", mib / 1024.0)
    }
}

/// A number of parameters: `1.24 B`, `162.42 M`.
pub(crate) fn parameters(n: u64) -> String {
    let n = n as f64;
    if n >= 1e9 {
        format!("{:.2} B", n / 1e9)
    } else if n >= 1e6 {
        format!("{:.2} M", n / 1e6)
    } else {
        format!("{:.2} K", n / 1e3)
    }
}

/// Mean and standard deviation (of a sample) of some numbers.
pub(crate) fn mean_and_deviation(samples: &[f64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    if samples.len() < 2 {
        return (mean, 0.0);
    }
    let squares: f64 = samples.iter().map(|s| (s - mean) * (s - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

/// A rate: so many in so many seconds.
pub(crate) fn rate(count: usize, secs: f64) -> f64 {
    if secs > 0.0 { count as f64 / secs } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_counts_are_lists_and_ranges() {
        let counts = |text: &str| text.parse::<Counts>().map(|c| c.0);
        assert_eq!(counts("512"), Ok(vec![512]));
        assert_eq!(counts("128, 512,7"), Ok(vec![128, 512, 7]));
        assert_eq!(counts("0-10+4"), Ok(vec![0, 4, 8]));
        assert_eq!(counts("3-40*3"), Ok(vec![3, 9, 27]));
        for bad in ["", "x", "1-9+0", "1-9*1", "0-9*2", "-1", "0-4294967295"] {
            assert!(counts(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_deviation_is_that_of_a_sample() {
        assert_eq!(mean_and_deviation(&[3.0]), (3.0, 0.0));
        let (mean, deviation) = mean_and_deviation(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(mean, 2.5);
        assert!((deviation - (5.0f64 / 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn numbers_bytes_have_units() {
        assert_eq!(bytes(123), "123 B");
        assert_eq!(bytes(300 << 10), "300.0 KiB");
        assert_eq!(bytes(3 << 19), "1.50 MiB");
        assert_eq!(bytes(5 << 30), "5.00 GiB");
    }
}
