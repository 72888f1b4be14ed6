//! The report as Markdown: the verdict and what is wrong, then how fast it is, then the details.

use std::fmt::{Result, Write};

use super::Report;
use super::beside::{Beside, Key};
use super::json::COMMIT;
use super::speed::{Measured, Rate, StepTime};
use crate::args::ValidatePart;

/// What stands where there is no number.
const NONE: &str = "-";

/// A table without the columns in which nothing stands.
struct Table {
    /// Each with whether it is of numbers.
    columns: Vec<(String, bool)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(texts: &[&str], numbers: &[&str]) -> Self {
        let column = |is_number| move |name: &&str| ((*name).to_owned(), is_number);
        let columns = texts.iter().map(column(false)).chain(numbers.iter().map(column(true))).collect();
        Self { columns, rows: Vec::new() }
    }

    fn write(&self, out: &mut String) -> Result {
        let is_there = |place: &usize| self.rows.iter().any(|row| row[*place] != NONE);
        let places: Vec<usize> = (0..self.columns.len()).filter(is_there).collect();
        let line = |out: &mut String, cell: &dyn Fn(usize) -> String| {
            let cells: Vec<String> = places.iter().map(|place| cell(*place)).collect();
            writeln!(out, "| {} |", cells.join(" | "))
        };
        if self.rows.is_empty() {
            return Ok(());
        }
        line(out, &|place| self.columns[place].0.clone())?;
        line(out, &|place| if self.columns[place].1 { "--:" } else { ":--" }.to_owned())?;
        self.rows.iter().try_for_each(|row| line(out, &|place| row[place].clone()))
    }
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.digits$}"))
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| NONE.to_owned(), |share| format!("{:.0} %", 100.0 * share))
}

impl Report {
    pub(super) fn markdown(&self) -> String {
        let mut text = String::new();
        self.write_markdown(&mut text).unwrap_or_default();
        text
    }

    fn write_markdown(&self, out: &mut String) -> Result {
        self.write_head(out)?;
        if self.parts.contains(&ValidatePart::Speed) && !self.speed.is_empty() {
            self.write_rates(out)?;
            self.write_not_run(out)?;
            self.write_steps(out)?;
            for m in &self.speed {
                for step in &m.steps {
                    self.write_kernels(out, m, step)?;
                }
            }
        }
        Ok(())
    }

    /// Whether it is right; on what; what is wrong.
    fn write_head(&self, out: &mut String) -> Result {
        let device = &self.device;
        let problems = self.problems();
        let verdict = match &self.unfinished {
            _ if !problems.is_empty() => "WRONG".to_owned(),
            Some(what) => format!("not finished, it was at: {what}"),
            None => "right".to_owned(),
        };
        writeln!(out, "# {} by {}: {verdict}\n", device.name, device.backend)?;
        for problem in &problems {
            writeln!(out, "- **{problem}**")?;
        }
        let asked = |part| self.parts.contains(&part);
        if asked(ValidatePart::Kernels) {
            self.write_checked_kernels(out)?;
        } else {
            writeln!(out, "- Kernels: not asked for")?;
        }
        if asked(ValidatePart::Models) {
            let wrong = self.models.iter().filter(|m| m.problem.is_some()).count();
            let tokens: usize = self.models.iter().map(|m| m.tokens).sum();
            let of_files = self.models.iter().filter(|m| m.beside != "transformers");
            let mut names: Vec<&str> = of_files.map(|m| m.name.as_str()).collect();
            names.dedup();
            names.sort_unstable();
            names.dedup();
            let names = if names.is_empty() { String::new() } else { format!("; with {}", names.join(", ")) };
            let runs = self.models.len();
            writeln!(out, "- Models' greedy tokens: {runs} runs, {tokens} tokens, {wrong} wrong{names}")?;
        } else {
            writeln!(out, "- Models: not asked for")?;
        }
        writeln!(out, "- Driver: {}; tier {}: {}", device.driver, device.tier, device.reason)?;
        if let Some((bandwidth, method)) = self.bandwidth {
            writeln!(out, "- Memory: {:.1} GB/s ({method})", bandwidth / 1e9)?;
        }
        if let Some(peak) = self.matrix_peak {
            writeln!(out, "- Matrix units: {:.1} TFLOP/s, dense, from registers", peak / 1e12)?;
        }
        if let Some(why) = self.no_energy.as_ref().filter(|_| asked(ValidatePart::Speed)) {
            writeln!(out, "- Energy: not measured: {why}")?;
        }
        let version = env!("CARGO_PKG_VERSION");
        writeln!(out, "- azulejo {version}, commit {COMMIT}; {:.0} s in all", self.took.as_secs_f64())?;
        match &self.beside {
            Some(beside) => write_beside(out, beside),
            None => Ok(()),
        }
    }

    fn write_checked_kernels(&self, out: &mut String) -> Result {
        let kernels = &self.kernels;
        let passes: Vec<String> =
            kernels.passes.iter().map(|(pass, cases)| format!("{pass} {cases}")).collect();
        let (cases, failed, seconds) = (kernels.cases(), kernels.failed.len(), kernels.took.as_secs_f64());
        let of = if passes.is_empty() { String::new() } else { format!(" ({})", passes.join(", ")) };
        write!(out, "- Kernels beside their twins: {cases} cases{of}, {failed} failed, {seconds:.0} s")?;
        match &kernels.nearest {
            Some((name, part)) => {
                writeln!(out, "; nearest to its tolerance: {name}, {:.1} % of it", 100.0 * part)
            }
            None => writeln!(out),
        }
    }

    /// Tokens a second, and those of the report beside, also of what was run there alone.
    fn write_rates(&self, out: &mut String) -> Result {
        writeln!(out, "\n## How fast\n")?;
        writeln!(
            out,
            "Random weights. `pp` is a prompt, `tg` generation, `d` positions before. GB/s is weights read; TFLOP/s is a \
             prompt's matrix products (two operations a weight and token, attention left out); J is all that the card takes.\n"
        )?;
        let name = self.beside.as_ref().map_or("beside", |beside| beside.backend.as_str());
        let own = self.device.backend;
        let name = if name == own { "beside" } else { name };
        let mut table = Table::new(
            &["shape", "test"],
            &[
                "tokens/s",
                "GB/s",
                "of the memory's",
                "TFLOP/s",
                "of the matrix units'",
                "J/token",
                &format!("{name}: tokens/s"),
                &format!("{name}: J/token"),
                &format!("{own} / {name}"),
            ],
        );
        let mut rest = self.beside.as_ref().map_or(Vec::new(), |beside| beside.tests.clone());
        for m in &self.speed {
            for rate in &m.tests {
                let key = (m.shape.to_owned(), m.quant.to_owned(), rate.test.name());
                table.rows.push(self.rates_row(m, rate, &key));
                rest.retain(|other| *other != key);
            }
            // What was measured of the shape there alone.
            rest.retain(|key| {
                let is_of_another = (key.0.as_str(), key.1.as_str()) != (m.shape, m.quant);
                if !is_of_another {
                    table.rows.push(self.row_beside(key));
                }
                is_of_another
            });
        }
        table.rows.extend(rest.iter().map(|key| self.row_beside(key)));
        table.write(out)
    }

    fn row_beside(&self, key: &Key) -> Vec<String> {
        let rates = self.beside.as_ref().and_then(|beside| beside.rates(key));
        let mut row = vec![format!("{} {}", key.0, key.1), key.2.clone()];
        row.resize(8, NONE.to_owned());
        row.push(number(rates.map(|r| r.tokens_per_second), 2));
        row.push(number(rates.and_then(|r| r.joules_per_token), 3));
        row.push(NONE.to_owned());
        row
    }

    fn rates_row(&self, m: &Measured, rate: &Rate, key: &Key) -> Vec<String> {
        let (weights, flops) = (rate.weights(m), rate.flops());
        let beside = self.beside.as_ref().and_then(|beside| beside.rates(key));
        vec![
            format!("{} {}", m.shape, m.quant),
            rate.test.name(),
            format!("{:.2} ± {:.2}", rate.mean, rate.deviation),
            number(weights.map(|b| b / 1e9), 1),
            percent(self.memory_share(weights)),
            number(flops.map(|flops| flops / 1e12), 2),
            percent(self.matrix_share(flops)),
            number(rate.energy.map(|energy| energy.joules_per_token()), 3),
            number(beside.map(|r| r.tokens_per_second), 2),
            number(beside.and_then(|r| r.joules_per_token), 3),
            number(beside.map(|r| rate.mean / r.tokens_per_second), 2),
        ]
    }

    /// What wasn't run, by its reason.
    fn write_not_run(&self, out: &mut String) -> Result {
        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for m in &self.speed {
            for reason in &m.not_run {
                let what = format!("{} {}", m.shape, m.quant);
                match reasons.iter_mut().find(|(known, _)| *known == reason.as_str()) {
                    Some((_, whats)) => whats.push(what),
                    None => reasons.push((reason, vec![what])),
                }
            }
        }
        if !reasons.is_empty() {
            writeln!(out, "\nNot run:\n")?;
        }
        reasons.iter().try_for_each(|(reason, whats)| writeln!(out, "- {}: {reason}", whats.join(", ")))
    }

    /// Tokens as they are generated beside their calls one by one.
    fn write_steps(&self, out: &mut String) -> Result {
        let mut table = Table::new(&["shape", "test"], &["µs a token", "µs of its calls", "calls"]);
        for m in &self.speed {
            for step in &m.steps {
                let Some(rate) = m.tests.iter().find(|rate| Some(rate.test) == step.test) else { continue };
                let calls: usize = step.kernels.iter().map(|kernel| kernel.calls).sum();
                table.rows.push(vec![
                    format!("{} {}", m.shape, m.quant),
                    rate.test.name(),
                    number(Some(1e6 / rate.mean), 1),
                    number(Some(step.total().as_secs_f64() * 1e6), 1),
                    calls.to_string(),
                ]);
            }
        }
        if table.rows.is_empty() {
            return Ok(());
        }
        let (title, how) = match self.device.backend {
            "cuda" => ("A token as a graph and call by call", "by replaying a recorded graph"),
            _ => ("A token whole and call by call", "by all its calls submitted together"),
        };
        writeln!(out, "\n## {title}\n")?;
        writeln!(
            out,
            "A token is generated {how}. Its calls are then started one by one and timed by the device, each between two marks; \
             that includes what the marks take, and the wait where the host starts a call too late.\n"
        )?;
        table.write(out)
    }

    fn write_kernels(&self, out: &mut String, m: &Measured, step: &StepTime) -> Result {
        writeln!(out, "\n### {} {}: {}\n", m.shape, m.quant, step.step)?;
        let key = (m.shape.to_owned(), m.quant.to_owned(), step.step.clone());
        let beside = self.beside.as_ref().map_or("beside", |beside| beside.backend.as_str());
        let mut table = Table::new(
            &["kernel", "variant"],
            &["calls", "µs", "GB/s", "of the memory's", &format!("{beside}: µs")],
        );
        for k in &step.kernels {
            let there = self.beside.as_ref().and_then(|beside| beside.kernel(&key, k.kernel, &k.variant));
            table.rows.push(vec![
                k.kernel.to_owned(),
                k.variant.clone(),
                k.calls.to_string(),
                number(Some(k.time.as_secs_f64() * 1e6), 1),
                number(k.rate().map(|b| b / 1e9), 1),
                percent(self.memory_share(k.rate())),
                number(there, 1),
            ]);
        }
        table.write(out)
    }
}

/// Of what the report beside is, and whether all was right there.
fn write_beside(out: &mut String, beside: &Beside) -> Result {
    let Beside { backend, name, driver, commit, cases, .. } = beside;
    let verdict = match &beside.unfinished {
        _ if !beside.problems.is_empty() => "WRONG".to_owned(),
        Some(what) => format!("not finished, it was at: {what}"),
        None => "right".to_owned(),
    };
    let memory =
        beside.memory_gb_per_s.map_or_else(String::new, |memory| format!(", memory {memory:.1} GB/s"));
    writeln!(
        out,
        "- Beside: {backend} on {name}: {verdict}; {cases} cases of kernels{memory}; {driver}; commit {commit}"
    )?;
    for problem in &beside.problems {
        writeln!(out, "- **{backend}: {problem}**")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::energy::Energy;
    use super::super::speed::KernelTime;
    use super::super::{kernels, models};
    use super::*;
    use crate::commands::bench::Test;

    #[test]
    fn report_of_a_card_has_shares_energy_and_the_graph_beside_its_calls() {
        let test = Test { prompt: 0, gen_tokens: 32, depth: 0 };
        let energy = Energy { tokens: 400, seconds: 2.0, joules: 200.0 };
        let rate = |test, flops_per_token, energy| Rate {
            test,
            mean: 1000.0,
            deviation: 1.0,
            flops_per_token,
            energy,
        };
        let kernel = KernelTime {
            kernel: "gemv",
            variant: "block_q4_k".to_owned(),
            calls: 7,
            time: Duration::from_micros(500),
            weights: Some(1_000_000_000),
        };
        let mut report = Report {
            device: azulejo::DeviceInfo { backend: "cuda", name: "a card".to_owned(), ..Default::default() },
            parts: vec![ValidatePart::Kernels, ValidatePart::Speed],
            bandwidth: Some((4e12, "by copying")),
            matrix_peak: Some(1e15),
            no_energy: None,
            kernels: kernels::Report::default(),
            models: Vec::new(),
            speed: vec![Measured {
                shape: "a-shape",
                quant: "Q4_K_M",
                bytes_per_token: 1_000_000_000,
                loading: Duration::ZERO,
                tests: vec![
                    rate(test, None, Some(energy)),
                    rate(Test { prompt: 512, gen_tokens: 0, depth: 0 }, Some(2e11), None),
                ],
                steps: vec![StepTime {
                    step: "a token @ d0".to_owned(),
                    test: Some(test),
                    kernels: vec![kernel],
                }],
                not_run: Vec::new(),
            }],
            beside: None,
            unfinished: None,
            took: Duration::ZERO,
        };
        let text = report.markdown();
        for line in [
            "# a card by cuda: right",
            "- Models: not asked for",
            "- Matrix units: 1000.0 TFLOP/s, dense, from registers",
            "| a-shape Q4_K_M | tg32 | 1000.00 ± 1.00 | 1000.0 | 25 % | - | - | 0.500 |",
            "| a-shape Q4_K_M | pp512 | 1000.00 ± 1.00 | - | - | 200.00 | 20 % | - |",
            "| a-shape Q4_K_M | tg32 | 1000.0 | 500.0 | 7 |",
            "| gemv | block_q4_k | 7 | 500.0 | 2000.0 | 50 % |",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
        assert_eq!(report.json()["speed"][0]["tests"][0]["watts"], 100.0);
        report.models.push(models::Checked {
            name: "a model".to_owned(),
            pass: "translated".to_owned(),
            tokens: 1,
            beside: "transformers",
            problem: Some("token 0 is another".to_owned()),
        });
        let text = report.markdown();
        assert!(
            text.starts_with("# a card by cuda: WRONG\n\n- **a model in translated: token 0 is another**\n"),
            "{text}"
        );
    }
}
