//! An earlier report, whose rates are shown beside the new ones: of another back-end on the same card, say.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::json::VERSION;
use crate::exit::Usage;

/// A shape, its weights' type, and a test or a step.
pub(super) type Key = (String, String, String);

/// What is shown of a report.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) backend: String,
    pub(super) name: String,
    pub(super) driver: String,
    pub(super) commit: String,
    /// What it was doing when it was written, if it wasn't finished.
    pub(super) unfinished: Option<String>,
    pub(super) problems: Vec<String>,
    pub(super) cases: u64,
    pub(super) memory_gb_per_s: Option<f64>,
    /// What it measured, in its order.
    pub(super) tests: Vec<Key>,
    rates: HashMap<Key, Rates>,
    /// Microseconds of a step's kernel in a variant.
    kernels: HashMap<(Key, String, String), f64>,
}

/// A test's rates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) tokens_per_second: f64,
    pub(super) joules_per_token: Option<f64>,
}

impl Beside {
    /// Reads a report.json.
    ///
    /// # Errors
    /// It can't be read, is no report, or one of a program whose reports are others.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let wrong = |why: String| Usage(format!("--beside {}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
        let wanted = "give a report.json that `azulejo validate -o FOLDER` wrote";
        let value: Value =
            serde_json::from_str(&text).map_err(|e| wrong(format!("it isn't JSON ({e}); {wanted}")))?;
        match value["report_version"].as_u64() {
            Some(VERSION) => {}
            Some(other) => {
                return Err(wrong(format!(
                    "it is a report of version {other}, and this program reads version {VERSION}; make it anew with this program"
                ))
                .into());
            }
            None => {
                return Err(wrong(format!("it has no report_version, so it is no report; {wanted}")).into());
            }
        }
        Self::of(&value).ok_or_else(|| wrong(format!("a part of it is missing; {wanted}")).into())
    }

    fn of(value: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let device = &value["device"];
        let mut this = Self {
            backend: text(&device["backend"])?,
            name: text(&device["name"])?,
            driver: text(&device["driver"])?,
            commit: text(&value["commit"])?,
            unfinished: text(&value["unfinished"]),
            problems: value["problems"].as_array()?.iter().filter_map(text).collect(),
            cases: value["kernels"]["cases"].as_u64()?,
            memory_gb_per_s: device["memory_gb_per_s"].as_f64(),
            tests: Vec::new(),
            rates: HashMap::new(),
            kernels: HashMap::new(),
        };
        for measured in value["speed"].as_array()? {
            let (shape, quant) = (text(&measured["shape"])?, text(&measured["quant"])?);
            let key = |name: String| (shape.clone(), quant.clone(), name);
            for test in measured["tests"].as_array()? {
                let key = key(text(&test["test"])?);
                let rates = Rates {
                    tokens_per_second: test["tokens_per_second"].as_f64()?,
                    joules_per_token: test["joules_per_token"].as_f64(),
                };
                this.rates.insert(key.clone(), rates);
                this.tests.push(key);
            }
            for step in measured["steps"].as_array()? {
                let key = key(text(&step["step"])?);
                for kernel in step["kernels"].as_array()? {
                    let (name, variant) = (text(&kernel["kernel"])?, text(&kernel["variant"])?);
                    this.kernels.insert((key.clone(), name, variant), kernel["microseconds"].as_f64()?);
                }
            }
        }
        Some(this)
    }

    /// A test's rates.
    pub(super) fn rates(&self, key: &Key) -> Option<Rates> {
        self.rates.get(key).copied()
    }

    /// Microseconds of a step's kernel.
    pub(super) fn kernel(&self, step: &Key, kernel: &str, variant: &str) -> Option<f64> {
        self.kernels.get(&(step.clone(), kernel.to_owned(), variant.to_owned())).copied()
    }
}
