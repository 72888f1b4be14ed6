//! `compare`: how far one model's predictions are from another's on a text: two files, or one file on two devices.
//!
//! The text is cut and scored as `perplexity` does it. For each scored token there are two distributions over the
//! vocabulary, P of the first model and Q of the second; their distance is the Kullback-Leibler divergence
//! sum P ln(P / Q) (Kullback and Leibler, 1951), in nats.

use anyhow::Result;
use azulejo::{DeviceChoice, KvType, Model, Session};
use azulejo_formats::ModelFile;
use serde_json::json;

use super::perplexity::Score;
use crate::args::CompareArgs;
use crate::load::{self, Loaded};
use crate::output::{Output, Unit};
use crate::pieces::{self, Cut, Pieces};
use crate::{interrupt, text};

pub(crate) fn run(args: &CompareArgs, output: &Output) -> Result<()> {
    let bytes = text::input(None, args.file.as_deref())?;
    let first = azulejo::open_file(&args.first)?;
    let second = azulejo::open_file(&args.second)?;
    let context = context(&first, args)?;
    let cut = Cut { context, least: 2, chunks: args.chunks, parse_special: args.parse_special };
    let cut_by = |file: &ModelFile| -> Result<Pieces> {
        pieces::cut(&azulejo::tokenizer_from_file(file)?, &bytes, args.file.as_deref(), cut)
    };
    let (Pieces { pieces, .. }, other) = (cut_by(&first)?, cut_by(&second)?);
    if pieces != other.pieces {
        let text =
            "the two models cut the text into different tokens, so their predictions can't be compared";
        return Err(azulejo::Error::invalid(text).into());
    }
    let device = args.device;
    let a = open(&first, args, device, output)?;
    let b = open(&second, args, args.device_b.unwrap_or(device), output)?;
    let (width, other) = (a.config().vocabulary as usize, b.config().vocabulary as usize);
    if width != other {
        let text = format!("the first model has logits of {width} tokens, and the second of {other}");
        return Err(azulejo::Error::invalid(text).into());
    }
    let (mut a_session, mut b_session) = (a.session()?, b.session()?);
    let mut found = Comparison::default();
    let bar = output.bar("pieces", pieces.len() as u64, Unit::Runs);
    for (i, piece) in pieces.iter().enumerate() {
        let p = second_half(&mut a_session, piece, width)?;
        let q = second_half(&mut b_session, piece, width)?;
        for (row, (p, q)) in p.chunks_exact(width).zip(q.chunks_exact(width)).enumerate() {
            found.add(p, q, piece[context / 2 + row + 1]);
        }
        bar.set(i as u64 + 1, pieces.len() as u64);
    }
    drop(bar);
    report(args, found, pieces.len(), context, output)
}

/// Tokens of a piece.
fn context(file: &ModelFile, args: &CompareArgs) -> Result<usize> {
    let (config, _) = Model::plan_of(file, &azulejo::ModelOptions::default())?;
    Ok(if args.ctx_size == 0 { config.context_length } else { args.ctx_size } as usize)
}

fn open(file: &ModelFile, args: &CompareArgs, device: DeviceChoice, output: &Output) -> Result<Model> {
    let mut load = args.load();
    load.device = device;
    let mut options = load::options(&load, Some(args.ctx_size), KvType::F16);
    options.all_logits = true;
    let Loaded { model, .. } = load::load_file(file, &load, &options, output)?;
    Ok(model)
}

/// The logits of the tokens that are scored: those of the second half that have a successor.
fn second_half(session: &mut Session, piece: &[u32], width: usize) -> Result<Vec<f32>> {
    let (from, to) = (piece.len() / 2, piece.len() - 1);
    let mut kept = Vec::with_capacity((to - from) * width);
    session.logits(piece, |first, logits| {
        for (at, logits) in (first..).zip(logits.chunks_exact(width)) {
            if (from..to).contains(&at) {
                kept.extend_from_slice(logits);
            }
        }
        interrupt::flow()
    })?;
    Ok(kept)
}

/// What was found.
#[derive(Debug, Default)]
struct Comparison {
    a: Score,
    b: Score,
    /// The divergence at each token.
    divergences: Vec<f64>,
    /// Tokens whose most probable successor is the same.
    agreed: usize,
    /// The sum of the squares of how much the successor's probability changed.
    squares: f64,
}

impl Comparison {
    fn add(&mut self, p: &[f32], q: &[f32], token: u32) {
        self.a.add(p, token);
        self.b.add(q, token);
        let (p_norm, q_norm) = (log_sum(p), log_sum(q));
        let divergence: f64 = p
            .iter()
            .zip(q)
            .map(|(p, q)| {
                let (ln_p, ln_q) = (f64::from(*p) - p_norm, f64::from(*q) - q_norm);
                let probability = ln_p.exp();
                // 0 ln 0 is 0.
                if probability > 0.0 { probability * (ln_p - ln_q) } else { 0.0 }
            })
            .sum();
        // It can't be negative but for rounding.
        self.divergences.push(divergence.max(0.0));
        self.agreed += usize::from(most(p) == most(q));
        let of = |logits: &[f32], norm: f64| {
            logits.get(token as usize).map_or(0.0, |logit| (f64::from(*logit) - norm).exp())
        };
        self.squares += (of(p, p_norm) - of(q, q_norm)).powi(2);
    }
}

/// The logarithm of the sum of the exponentials.
fn log_sum(logits: &[f32]) -> f64 {
    let most = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    most + logits.iter().map(|logit| (f64::from(*logit) - most).exp()).sum::<f64>().ln()
}

/// The first of the largest.
fn most(logits: &[f32]) -> usize {
    let larger = |best: usize, at: usize| if logits[at] > logits[best] { at } else { best };
    (1..logits.len()).fold(0, larger)
}

/// The value below which that part of the sorted values is, the nearest rank.
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).or(sorted.last()).copied().unwrap_or(0.0)
}

fn report(
    args: &CompareArgs,
    found: Comparison,
    chunks: usize,
    context: usize,
    output: &Output,
) -> Result<()> {
    let Comparison { a, b, mut divergences, agreed, squares } = found;
    divergences.sort_by(f64::total_cmp);
    let n = divergences.len().max(1) as f64;
    let mean = divergences.iter().sum::<f64>() / n;
    let variance = divergences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n;
    let deviation = (variance / (n - 1.0).max(1.0)).sqrt();
    let [median, p90, p99, largest] = [0.5, 0.9, 0.99, 1.0].map(|part| percentile(&divergences, part));
    let agreement = agreed as f64 / n;
    let change = (squares / n).sqrt();
    let (ppl_a, ppl_b) = (a.perplexity(), b.perplexity());
    if output.is_json() {
        output.json(&json!({
            "a": { "model": args.first.display().to_string(), "perplexity": ppl_a, "stderr": a.deviation() },
            "b": { "model": args.second.display().to_string(), "perplexity": ppl_b, "stderr": b.deviation() },
            "perplexity_ratio": ppl_b / ppl_a,
            "kl_divergence": {
                "mean": mean, "stderr": deviation, "median": median, "p90": p90, "p99": p99, "max": largest,
            },
            "top1_agreement": agreement,
            "rms_probability_change": change,
            "chunks": chunks,
            "n_ctx": context,
            "scored": divergences.len(),
        }))?;
        return Ok(());
    }
    let row = |what: &str, text: String| output.line(&format!("{what:<24}{text}"));
    row("perplexity of A", format!("{ppl_a:.4} +/- {:.4}", a.deviation()))?;
    row(
        "perplexity of B",
        format!("{ppl_b:.4} +/- {:.4} ({:+.3} %)", b.deviation(), 100.0 * (ppl_b / ppl_a - 1.0)),
    )?;
    row("KL divergence, mean", format!("{mean:.6} +/- {deviation:.6}"))?;
    row("               median", format!("{median:.6}"))?;
    row("               90 %", format!("{p90:.6}"))?;
    row("               99 %", format!("{p99:.6}"))?;
    row("               largest", format!("{largest:.6}"))?;
    row("same first choice", format!("{:.3} %", 100.0 * agreement))?;
    row("probability's change", format!("{:.3} % (RMS)", 100.0 * change))?;
    row("tokens", format!("{} of {chunks} pieces of {context}", divergences.len()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compare_divergence_is_that_of_the_formula() {
        let mut found = Comparison::default();
        // P = 3/4, 1/4; Q = 1/2, 1/2, with logits shifted by any constant.
        found.add(&[3f32.ln() + 5.0, 5.0], &[-2.0, -2.0], 0);
        let expected = 0.75 * (1.5f64).ln() + 0.25 * (0.5f64).ln();
        assert!((found.divergences[0] - expected).abs() < 1e-6, "{:?}", found.divergences);
        assert!((found.squares - 0.0625).abs() < 1e-6);
        assert_eq!(found.agreed, 1);
        found.add(&[0.0, 1.0], &[1.0, 0.0], 0);
        assert_eq!(found.agreed, 1);
        // A token that is impossible in P adds nothing.
        found.add(&[0.0, f32::NEG_INFINITY], &[0.0, 0.0], 0);
        assert!((found.divergences[2] - 2f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn compare_percentiles_are_of_the_nearest_rank() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), 50.0);
        assert_eq!(percentile(&values, 0.99), 99.0);
        assert_eq!(percentile(&values, 1.0), 100.0);
        assert_eq!(percentile(&[7.0], 0.5), 7.0);
    }
}
