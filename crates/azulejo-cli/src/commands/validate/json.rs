//! The report as JSON.

use serde_json::{Value, json};

use super::Report;
use super::speed::{KernelTime, Measured, Rate};
use crate::args::ValidatePart;

/// The version of what keys mean: another report can be shown beside this one if it has the same.
pub(super) const VERSION: u64 = 1;
pub(super) const COMMIT: &str = env!("AZULEJO_COMMIT");

impl Rate {
    /// Bytes of weights a second, of a test that generates.
    pub(super) fn weights(&self, of: &Measured) -> Option<f64> {
        (self.test.gen_tokens > 0).then_some(self.mean * of.bytes_per_token as f64)
    }

    /// Floating-point operations a second, of a test of a prompt.
    pub(super) fn flops(&self) -> Option<f64> {
        Some(self.mean * self.flops_per_token?)
    }
}

impl KernelTime {
    /// Bytes of weights a second.
    pub(super) fn rate(&self) -> Option<f64> {
        let seconds = self.time.as_secs_f64();
        self.weights.filter(|_| seconds > 0.0).map(|weights| weights as f64 / seconds)
    }
}

impl ValidatePart {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kernels => "kernels",
            Self::Models => "models",
            Self::Speed => "speed",
        }
    }
}

impl Report {
    pub(super) fn json(&self) -> Value {
        let device = &self.device;
        let kernels = &self.kernels;
        json!({
            "report_version": VERSION,
            "passed": self.problems().is_empty() && self.unfinished.is_none(),
            "unfinished": self.unfinished,
            "problems": self.problems(),
            "parts": self.parts.iter().map(|part| part.name()).collect::<Vec<_>>(),
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
                "matrix_tflops": self.matrix_peak.map(|peak| peak / 1e12),
                "energy_not_measured": self.no_energy,
            },
            "kernels": {
                "cases": kernels.cases(),
                "failed": kernels.failed,
                "passes": kernels.passes.iter().map(|(pass, cases)| json!({ "pass": pass, "cases": cases })).collect::<Vec<_>>(),
                "nearest": kernels.nearest.as_ref().map(|(name, part)| json!({ "case": name, "part_of_tolerance": part })),
                "seconds": kernels.took.as_secs_f64(),
            },
            "models": self.models.iter().map(|m| json!({
                "name": m.name, "pass": m.pass, "tokens": m.tokens, "beside": m.beside, "problem": m.problem,
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
                "bandwidth_share": self.memory_share(rate.weights(m)),
                "tflops": rate.flops().map(|flops| flops / 1e12),
                "matrix_share": self.matrix_share(rate.flops()),
                "joules_per_token": rate.energy.map(|energy| energy.joules_per_token()),
                "watts": rate.energy.map(|energy| energy.watts()),
                "energy_seconds": rate.energy.map(|energy| energy.seconds),
            })).collect::<Vec<_>>(),
            "steps": m.steps.iter().map(|step| json!({
                "step": step.step,
                "microseconds": step.total().as_secs_f64() * 1e6,
                "kernels": step.kernels.iter().map(|k| json!({
                    "kernel": k.kernel,
                    "variant": k.variant,
                    "calls": k.calls,
                    "microseconds": k.time.as_secs_f64() * 1e6,
                    "gb_per_s": k.rate().map(|b| b / 1e9),
                    "bandwidth_share": self.memory_share(k.rate()),
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })
    }

    /// A rate as a part of what the memory gives.
    pub(super) fn memory_share(&self, rate: Option<f64>) -> Option<f64> {
        Some(rate? / self.bandwidth?.0)
    }

    /// A rate as a part of what the matrix units give.
    pub(super) fn matrix_share(&self, flops: Option<f64>) -> Option<f64> {
        Some(flops? / self.matrix_peak?)
    }
}
