//! `perplexity`: how well a model predicts a text, counted exactly as llama-perplexity counts it.
//!
//! The text is cut into pieces of `-c` tokens. Each is evaluated from an empty cache, its first token replaced by BOS
//! where the model wants one; only the second half is scored, so that each scored token has a context.

use std::io::IsTerminal;

use anyhow::Result;
use azulejo::KvType;
use serde_json::json;

use crate::args::PerplexityArgs;
use crate::load::{self, Loaded};
use crate::output::{Output, Unit};
use crate::pieces::{self, Cut, Pieces};
use crate::{interrupt, text};

pub(crate) fn run(args: &PerplexityArgs, output: &Output) -> Result<()> {
    load::check(&args.load, output)?;
    let bytes = text::input(None, args.file.as_deref())?;
    let file = load::open_adapted(&args.load, output)?;
    let tokenizer = azulejo::tokenizer_from_file(&file)?;
    let mut options = load::options(&args.load, Some(args.ctx_size), KvType::F16);
    options.all_logits = true;
    let (config, _) =
        azulejo::Model::plan_of(&file, &options).map_err(|e| load::named(args.load.model.as_deref(), e))?;
    let context = if args.ctx_size == 0 { config.context_length } else { args.ctx_size } as usize;
    let cut = Cut { context, least: 2, chunks: args.chunks, parse_special: args.parse_special };
    let Pieces { tokens, pieces } = pieces::cut(&tokenizer, &bytes, args.file.as_deref(), cut)?;
    let Loaded { model, .. } = load::load_file(&file, &args.load, &options, output)?;
    let vocabulary = model.config().vocabulary as usize;
    let mut session = model.session()?;
    let chunks = pieces.len();
    output.notice(&format!("{tokens} tokens, {chunks} pieces of {context}"));

    let mut score = Score::default();
    // On a terminal, the running numbers are progress enough, and a bar would overwrite their line.
    let bar = (output.is_json() || !std::io::stdout().is_terminal())
        .then(|| output.bar("pieces", chunks as u64, Unit::Runs));
    for (i, piece) in pieces.iter().enumerate() {
        session.logits(piece, |first, logits| {
            for (row, logits) in logits.chunks_exact(vocabulary).enumerate() {
                let at = first + row;
                if at >= context / 2 && at + 1 < context {
                    score.add(logits, piece[at + 1]);
                }
            }
            interrupt::flow()
        })?;
        if !output.is_json() {
            output.text(&format!("[{}]{:.4},", i + 1, score.perplexity()))?;
        }
        if let Some(bar) = &bar {
            bar.set(i as u64 + 1, chunks as u64);
        }
    }
    drop(bar);
    let (perplexity, deviation) = (score.perplexity(), score.deviation());
    if output.is_json() {
        output.json(&json!({
            "perplexity": perplexity,
            "stderr": deviation,
            "chunks": chunks,
            "n_ctx": context,
            "tokens": tokens,
            "scored": score.count,
        }))?;
    } else {
        output.line(&format!("\nFinal estimate: PPL = {perplexity:.4} +/- {deviation:.5}"))?;
    }
    Ok(())
}

/// The sum of what the tokens cost, and of its squares.
#[derive(Debug, Default)]
pub(crate) struct Score {
    sum: f64,
    squares: f64,
    pub(crate) count: usize,
}

impl Score {
    /// Adds a token: minus the logarithm of its probability.
    pub(crate) fn add(&mut self, logits: &[f32], token: u32) {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits.iter().map(|l| f64::from(l - most).exp()).sum();
        let logit = logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
        let cost = sum.ln() - f64::from(logit - most);
        self.sum += cost;
        self.squares += cost * cost;
        self.count += 1;
    }

    pub(crate) fn perplexity(&self) -> f64 {
        (self.sum / self.count as f64).exp()
    }

    /// The standard error of the perplexity.
    pub(crate) fn deviation(&self) -> f64 {
        let n = self.count as f64;
        let mean = self.sum / n;
        let variance = self.squares / n - mean * mean;
        if variance > 0.0 { (variance / (n - 1.0)).sqrt() * self.perplexity() } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perplexity_of_even_odds_is_the_vocabulary() {
        let mut score = Score::default();
        for token in 0..5 {
            score.add(&[7.5; 5], token);
        }
        assert!((score.perplexity() - 5.0).abs() < 1e-12);
        assert_eq!(score.deviation(), 0.0);
    }

    #[test]
    fn perplexity_deviation_is_that_of_the_mean_cost() {
        let mut score = Score::default();
        // Probabilities 3/4 and 1/4 of the token that comes.
        score.add(&[3f32.ln(), 0.0], 0);
        score.add(&[3f32.ln(), 0.0], 1);
        let (a, b) = ((4f64 / 3.0).ln(), 4f64.ln());
        let perplexity = ((a + b) / 2.0).exp();
        assert!((score.perplexity() - perplexity).abs() < 1e-6);
        let deviation = ((a - b) / 2.0).abs() / 1f64.sqrt() * perplexity;
        assert!((score.deviation() - deviation).abs() < 1e-6, "{} {deviation}", score.deviation());
    }
}
