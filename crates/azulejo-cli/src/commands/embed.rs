//! `embed`: texts as vectors.

use std::ops::ControlFlow;

use anyhow::Result;
use azulejo::{EmbedOptions, KvType, Model, Output as ModelOutput, Pooling, Tokenizer};
use serde_json::json;

use crate::args::EmbedArgs;
use crate::commands::logits::ids;
use crate::exit::Usage;
use crate::load::{self, Loaded};
use crate::output::{Output, Unit};
use crate::partial::Partial;
use crate::{interrupt, tensor_file, text};

/// Tokens of several short texts that are evaluated at once.
const TOGETHER: u32 = 512;

pub(crate) fn run(args: &EmbedArgs, output: &Output) -> Result<()> {
    load::check(&args.load, output)?;
    let file = load::open(args.load.model.as_deref(), output)?;
    let named = |e| load::named(args.load.model.as_deref(), e);
    let mut how = EmbedOptions::of(&file).map_err(named)?;
    if let Some(pooling) = args.pooling {
        how.pooling = pooling;
    }
    let texts: Vec<Vec<u32>> = match &args.tokens {
        Some(list) => vec![ids(list)?],
        None => encoded(args, &how, &azulejo::tokenizer_from_file(&file).map_err(named)?, output)?,
    };
    if texts.is_empty() || texts.iter().any(Vec::is_empty) {
        return Err(Usage("there is no token: give some by --tokens, -p or -f".to_owned()).into());
    }
    if how.pooling == Pooling::None && texts.len() > 1 {
        return Err(
            Usage("--pooling none takes one text, since each has its own number of rows".to_owned()).into()
        );
    }
    // Whoever looks at numbers compares them; the cache's rounding would only be in the way.
    let mut options = load::options(&args.load, None, KvType::F32);
    options.output = ModelOutput::Hidden;
    let (config, _) = Model::plan_of(&file, &options).map_err(named)?;
    options.context = Some(args.ctx_size.unwrap_or_else(|| {
        let tokens = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let longest = tokens(texts.iter().map(Vec::len).max().unwrap_or(1));
        // An encoder takes several texts at once.
        let together = tokens(texts.iter().map(Vec::len).sum()).min(TOGETHER).min(config.context_length);
        if config.is_causal { longest } else { longest.max(together) }
    }));
    let Loaded { model, .. } = load::load_file(&file, &args.load, &options, output)?;
    let width = model.config().hidden as usize;
    let mut session = model.session()?;

    let rows = if how.pooling == Pooling::None { texts[0].len() } else { texts.len() };
    let mut out = args.output.as_deref().map(Partial::create).transpose()?;
    if let Some(out) = &mut out {
        out.write(&tensor_file::header("embeddings", rows, width))?;
    }
    let bar = output.bar("texts", texts.len() as u64, Unit::Tokens);
    let mut embeddings = Vec::new();
    let mut written = Ok(());
    let done = session.embed(&texts, &how, |i, embedding| {
        match &mut out {
            Some(out) => {
                written = out.write(&embedding.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
            }
            None => embeddings.extend_from_slice(embedding),
        }
        bar.set(i as u64 + 1, texts.len() as u64);
        if written.is_err() { ControlFlow::Break(()) } else { interrupt::flow() }
    });
    written?;
    interrupt::check()?;
    done?;
    drop(bar);
    match (out, &args.output) {
        (Some(out), Some(path)) => {
            out.finish()?;
            let path = path.display();
            if output.is_json() {
                output
                    .json(&json!({ "output": path.to_string(), "tokens": texts, "shape": [rows, width] }))?;
            } else {
                output.notice(&format!("{path}: tensor `embeddings`, F32, [{rows}, {width}]"));
            }
        }
        _ if output.is_json() => {
            output.json(&json!({
                "tokens": texts,
                "embeddings": embeddings.chunks(width).collect::<Vec<_>>(),
            }))?;
        }
        _ => {
            for row in embeddings.chunks(width) {
                let numbers: Vec<String> = row.iter().map(f32::to_string).collect();
                output.line(&numbers.join(" "))?;
            }
        }
    }
    Ok(())
}

/// The tokens of the texts, with a notice of those that were cut.
fn encoded(
    args: &EmbedArgs,
    how: &EmbedOptions,
    tokenizer: &Tokenizer,
    output: &Output,
) -> Result<Vec<Vec<u32>>> {
    let mut cut = 0;
    let mut texts = Vec::new();
    for line in lines(args)? {
        let (tokens, is_cut) = how.encode(tokenizer, &line, args.prompt_name.as_deref())?;
        cut += usize::from(is_cut);
        texts.push(tokens);
    }
    if cut > 0 {
        let most = how.most_tokens.unwrap_or_default();
        output.warning(&format!(
            "{cut} of {} texts are longer than the {most} tokens that the model takes: their ends are left out",
            texts.len()
        ));
    }
    Ok(texts)
}

/// The texts of `-p`, or the lines of `-f` or of a pipe.
fn lines(args: &EmbedArgs) -> Result<Vec<String>> {
    if !args.prompt.is_empty() {
        return Ok(args.prompt.clone());
    }
    let text = text::prompt(None, args.file.as_deref(), false)?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}
