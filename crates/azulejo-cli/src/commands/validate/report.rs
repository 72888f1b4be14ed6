//! The report as JSON and as Markdown.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Report;
use super::speed::{KernelTime, Measured, Rate};

const COMMIT: &str = env!("AZULEJO_COMMIT");

impl Rate {
    /// Bytes of weights a second, of a test that generates.
    fn weights(&self, of: &Measured) -> Option<f64> {
        (self.test.gen_tokens > 0).then_some(self.mean * of.bytes_per_token as f64)
    }
}

impl KernelTime {
    fn rate(&self) -> Option<f64> {
        let seconds = self.time.as_secs_f64();
        self.weights.filter(|_| seconds > 0.0).map(|weights| weights as f64 / seconds)
    }
}

impl Report {
    pub(super) fn json(&self) -> Value {
        let device = &self.device;
        let kernels = &self.kernels;
        json!({
            "passed": self.problems().is_empty() && self.unfinished.is_none(),
            "unfinished": self.unfinished,
            "problems": self.problems(),
            "version": env!("CARGO_PKG_VERSION"),
            "commit": COMMIT,
            "seconds": self.took.as_secs_f64(),
            "device": {
                "backend": device.backend,
                "name": device.name,
                "driver": device.driver,
                "tier": device.tier,
                "reason": device.reason,
                "memory_gb_per_s": self.bandwidth.map(|(bandwidth, _)| bandwidth / 1e9),
                "memory_method": self.bandwidth.map(|(_, method)| method),
            },
            "kernels": {
                "cases": kernels.cases(),
                "failed": kernels.failed,
                "tiers": kernels.tiers.iter().map(|(tier, cases)| json!({ "tier": tier, "cases": cases })).collect::<Vec<_>>(),
                "nearest": kernels.nearest.as_ref().map(|(name, part)| json!({ "case": name, "part_of_tolerance": part })),
                "seconds": kernels.took.as_secs_f64(),
            },
            "models": self.models.iter().map(|m| json!({
                "name": m.name, "tier": m.tier, "tokens": m.tokens, "beside": m.beside, "problem": m.problem,
            })).collect::<Vec<_>>(),
            "speed": self.speed.iter().map(|m| self.speed_json(m)).collect::<Vec<_>>(),
        })
    }

    fn speed_json(&self, m: &Measured) -> Value {
        json!({
            "shape": m.shape,
            "quant": m.quant,
            "loading_seconds": m.loading.as_secs_f64(),
            "weights_bytes_per_token": m.bytes_per_token,
            "not_run": m.not_run,
            "tests": m.tests.iter().map(|rate| json!({
                "test": rate.test.name(),
                "tokens_per_second": rate.mean,
                "deviation": rate.deviation,
                "gb_per_s": rate.weights(m).map(|b| b / 1e9),
                "bandwidth_share": self.share(rate.weights(m)),
            })).collect::<Vec<_>>(),
            "steps": m.profiles.iter().map(|p| json!({
                "step": p.step,
                "kernels": p.kernels.iter().map(|k| json!({
                    "kernel": k.kernel,
                    "variant": k.variant,
                    "calls": k.calls,
                    "microseconds": k.time.as_secs_f64() * 1e6,
                    "gb_per_s": k.rate().map(|b| b / 1e9),
                    "bandwidth_share": self.share(k.rate()),
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })
    }

    fn share(&self, rate: Option<f64>) -> Option<f64> {
        Some(rate? / self.bandwidth?.0)
    }

    pub(super) fn markdown(&self) -> String {
        let mut text = String::new();
        self.write_markdown(&mut text).unwrap_or_default();
        text
    }

    fn write_markdown(&self, out: &mut String) -> std::fmt::Result {
        let device = &self.device;
        let problems = self.problems();
        let verdict = match &self.unfinished {
            _ if !problems.is_empty() => "WRONG".to_owned(),
            Some(what) => format!("not finished, it was at: {what}"),
            None => "right".to_owned(),
        };
        writeln!(out, "# {}: {verdict}\n", device.name)?;
        let version = env!("CARGO_PKG_VERSION");
        writeln!(out, "azulejo {version}, commit {COMMIT}; {:.0} s in all.\n", self.took.as_secs_f64())?;
        writeln!(out, "- Back-end: {}, {}", device.backend, device.driver)?;
        writeln!(out, "- Tier: {}; {}", device.tier, device.reason)?;
        if let Some((bandwidth, method)) = self.bandwidth {
            writeln!(out, "- Memory: {:.1} GB/s ({method})", bandwidth / 1e9)?;
        }
        writeln!(out, "\n## What was computed\n")?;
        let kernels = &self.kernels;
        let tiers: Vec<String> =
            kernels.tiers.iter().map(|(tier, cases)| format!("{tier} {cases}")).collect();
        writeln!(
            out,
            "- Kernels beside their twins: {} cases ({}), {} failed, {:.0} s",
            kernels.cases(),
            tiers.join(", "),
            kernels.failed.len(),
            kernels.took.as_secs_f64()
        )?;
        if let Some((name, part)) = &kernels.nearest {
            writeln!(out, "- Nearest to its tolerance: {name}, {:.1} % of it", 100.0 * part)?;
        }
        let wrong = self.models.iter().filter(|m| m.problem.is_some()).count();
        let tokens: usize = self.models.iter().map(|m| m.tokens).sum();
        writeln!(
            out,
            "- Models' greedy tokens: {} models and tiers, {tokens} tokens, {wrong} wrong",
            self.models.len()
        )?;
        for problem in &problems {
            writeln!(out, "- **{problem}**")?;
        }
        if !self.speed.is_empty() {
            writeln!(out, "\n## How fast\n")?;
            writeln!(
                out,
                "Random weights; `pp` is a prompt, `tg` generation, `d` positions before; GB/s is weights read.\n"
            )?;
            writeln!(out, "| shape | test | tokens/s | GB/s | of the memory's |")?;
            writeln!(out, "| :-- | :-- | --: | --: | --: |")?;
            for m in &self.speed {
                for rate in &m.tests {
                    let weights = rate.weights(m);
                    let gb = weights.map_or_else(|| "-".to_owned(), |b| format!("{:.1}", b / 1e9));
                    let (name, mean, deviation) = (rate.test.name(), rate.mean, rate.deviation);
                    let share = percent(self.share(weights));
                    writeln!(
                        out,
                        "| {} {} | {name} | {mean:.2} ± {deviation:.2} | {gb} | {share} |",
                        m.shape, m.quant
                    )?;
                }
            }
            for m in &self.speed {
                for reason in &m.not_run {
                    writeln!(out, "\nnot run: {} {}: {reason}", m.shape, m.quant)?;
                }
            }
        }
        for m in &self.speed {
            for p in &m.profiles {
                writeln!(out, "\n### {} {}: {}\n", m.shape, m.quant, p.step)?;
                writeln!(out, "| kernel | variant | calls | µs | GB/s | of the memory's |")?;
                writeln!(out, "| :-- | :-- | --: | --: | --: | --: |")?;
                for k in &p.kernels {
                    let gb = k.rate().map_or_else(|| "-".to_owned(), |b| format!("{:.1}", b / 1e9));
                    let (micros, share) = (k.time.as_secs_f64() * 1e6, percent(self.share(k.rate())));
                    writeln!(
                        out,
                        "| {} | {} | {} | {micros:.1} | {gb} | {share} |",
                        k.kernel, k.variant, k.calls
                    )?;
                }
            }
        }
        Ok(())
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", 100.0 * share))
}
