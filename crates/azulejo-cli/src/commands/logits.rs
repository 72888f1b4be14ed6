//! `logits`: the logits of all tokens of a prompt, in a safetensors file.

use std::ops::ControlFlow;

use anyhow::Result;
use azulejo::{EncodeOptions, KvType};
use serde_json::json;

use crate::args::LogitsArgs;
use crate::exit::Usage;
use crate::load::{self, Loaded};
use crate::output::{Output, Unit};
use crate::partial::Partial;
use crate::{interrupt, tensor_file, text};

pub(crate) fn run(args: &LogitsArgs, output: &Output) -> Result<()> {
    load::check(&args.load, output)?;
    let file = load::open_adapted(&args.load, output)?;
    let tokens = match &args.tokens {
        Some(list) => ids(list)?,
        None => {
            let bytes = text::input(args.prompt.as_deref(), args.file.as_deref())?;
            let options = EncodeOptions { add_special: true, parse_special: true };
            let tokenizer = azulejo::tokenizer_from_file(&file)?;
            text::tokens(&tokenizer, &bytes, options, args.file.as_deref())?
        }
    };
    if tokens.is_empty() {
        return Err(Usage("there is no token: give some by --tokens, -p or -f".to_owned()).into());
    }
    let context = args.ctx_size.unwrap_or(tokens.len().try_into().unwrap_or(u32::MAX));
    // Whoever looks at logits compares them; the cache's rounding would only be in the way.
    let mut options = load::options(&args.load, Some(context), KvType::F32);
    options.all_logits = true;
    let Loaded { model, .. } = load::load_file(&file, &args.load, &options, output)?;
    let vocabulary = model.config().vocabulary as usize;
    let mut session = model.session()?;

    let mut out = Partial::create(&args.output)?;
    out.write(&tensor_file::header("logits", tokens.len(), vocabulary))?;
    let bar = output.bar("logits", tokens.len() as u64, Unit::Tokens);
    let mut failed = None;
    let done = session.logits(&tokens, |first, logits| {
        let bytes: Vec<u8> = logits.iter().flat_map(|l| l.to_le_bytes()).collect();
        failed = out.write(&bytes).err();
        bar.set((first + logits.len() / vocabulary) as u64, tokens.len() as u64);
        if failed.is_some() { ControlFlow::Break(()) } else { interrupt::flow() }
    });
    drop(bar);
    if let Some(error) = failed {
        return Err(error);
    }
    done?;
    out.finish()?;
    if output.is_json() {
        output.json(&json!({
            "output": args.output.display().to_string(),
            "tokens": tokens,
            "vocabulary": vocabulary,
        }))?;
    } else {
        let (file, n) = (args.output.display(), tokens.len());
        output.notice(&format!("{file}: tensor `logits`, F32, [{n}, {vocabulary}]"));
    }
    Ok(())
}

/// Token ids with commas or spaces between them.
pub(crate) fn ids(list: &str) -> Result<Vec<u32>> {
    list.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().map_err(|_| Usage(format!("--tokens: '{part}' is no token id")).into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_ids_are_separated_by_commas_or_spaces() {
        assert_eq!(ids("1,5, 9\n7").unwrap(), [1, 5, 9, 7]);
        assert!(ids("1,x").is_err() && ids("-1").is_err());
    }
}
