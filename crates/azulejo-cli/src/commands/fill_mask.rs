//! `fill-mask`: what an encoder would put in the place of a mask.

use anyhow::Result;
use azulejo::{EncodeOptions, KvType};
use serde_json::json;

use crate::args::FillMaskArgs;
use crate::commands::logits::ids;
use crate::exit::Usage;
use crate::load::{self, Loaded};
use crate::output::Output;
use crate::text;

/// How models call the token.
const MASKS: [&str; 3] = ["<mask>", "[MASK]", "<|mask|>"];

pub(crate) fn run(args: &FillMaskArgs, output: &Output) -> Result<()> {
    load::check(&args.load, output)?;
    let file = load::open(args.load.model.as_deref(), output)?;
    let tokenizer = azulejo::tokenizer_from_file(&file)?;
    let Some((name, mask)) = MASKS.iter().find_map(|name| Some((*name, tokenizer.token_id(name)?))) else {
        return Err(azulejo::Error::invalid(format!(
            "the vocabulary has no mask ({}): fill-mask takes an encoder such as RoBERTa",
            MASKS.join(", ")
        ))
        .into());
    };
    let tokens = match &args.tokens {
        Some(list) => ids(list)?,
        None => {
            let text = text::prompt(args.prompt.as_deref(), args.file.as_deref(), false)?;
            tokenizer.encode(&text, EncodeOptions { add_special: true, parse_special: true })?
        }
    };
    let places: Vec<usize> = (0..tokens.len()).filter(|place| tokens[*place] == mask).collect();
    if places.is_empty() {
        return Err(
            Usage(format!("there is no mask in the text: write {name} where a word is missing")).into()
        );
    }
    let context = tokens.len().try_into().unwrap_or(u32::MAX);
    let options = load::options(&args.load, Some(context), KvType::F32);
    let Loaded { model, .. } = load::load_file(&file, &args.load, &options, output)?;
    if model.plan().is_causal() {
        return Err(azulejo::Error::invalid(format!(
            "'{}' is no encoder: it goes on from a text, and can't fill what is missing in it",
            model.config().architecture
        ))
        .into());
    }
    let mut session = model.session()?;
    let mut masks = Vec::new();
    for place in places {
        let logits = session.logits_of(&tokens, place)?;
        let best = best(&logits, args.top_k as usize);
        if output.is_json() {
            let fills: Vec<_> = best
                .iter()
                .map(|(token, probability)| {
                    let mut filled = tokens.clone();
                    filled[place] = *token;
                    json!({
                        "token": token,
                        "token_text": tokenizer.decode(&[*token], false),
                        "probability": probability,
                        "text": tokenizer.decode(&filled, true),
                    })
                })
                .collect();
            masks.push(json!({ "place": place, "fills": fills }));
            continue;
        }
        for (token, probability) in best {
            let text = tokenizer.decode(&[token], false);
            output.line(&format!("{place:>5}  {probability:<8.4} {token:>7}  {}", text.trim()))?;
        }
    }
    if output.is_json() {
        output.json(&json!({ "tokens": tokens, "masks": masks }))?;
    }
    Ok(())
}

/// The most probable tokens with their probabilities, the best first.
fn best(logits: &[f32], count: usize) -> Vec<(u32, f64)> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|l| f64::from(l - most).exp()).sum();
    let mut order: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    order.truncate(count);
    order.into_iter().map(|(token, logit)| (token, f64::from(logit - most).exp() / sum)).collect()
}

#[cfg(test)]
mod tests {
    use super::best;

    #[test]
    fn fill_mask_takes_the_most_probable() {
        let best = best(&[0.0, 3f32.ln(), 0.0, 3f32.ln()], 3);
        assert_eq!(best.iter().map(|b| b.0).collect::<Vec<_>>(), [1, 3, 0]);
        assert!((best[0].1 - 0.375).abs() < 1e-6 && (best[2].1 - 0.125).abs() < 1e-6);
    }
}
