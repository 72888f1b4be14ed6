//! `tokenize`: a text's bytes to token ids, or ids to their text.

use anyhow::Result;
use azulejo::{EncodeOptions, Tokenizer};
use serde_json::json;

use crate::args::TokenizeArgs;
use crate::commands::logits;
use crate::exit::Usage;
use crate::load;
use crate::output::Output;
use crate::text;

pub(crate) fn run(args: &TokenizeArgs, output: &Output) -> Result<()> {
    let tokenizer = match &args.model {
        Some(path) => azulejo::tokenizer_from_path(path)?,
        None => azulejo::tokenizer_from_file(&load::open(None, output)?)?,
    };
    for warning in tokenizer.warnings() {
        output.warning(warning);
    }
    if let Some(list) = &args.tokens {
        return decode(&tokenizer, &logits::ids(list)?, output);
    }
    let bytes = text::input(args.prompt.as_deref(), args.file.as_deref())?;
    let options = EncodeOptions { add_special: !args.no_bos, parse_special: !args.no_parse_special };
    let ids = text::tokens(&tokenizer, &bytes, options, args.file.as_deref())?;
    if output.is_json() {
        let mut result = json!({ "ids": ids });
        if args.show {
            result["tokens"] =
                ids.iter().map(|id| json!({ "id": id, "text": shown(&tokenizer, *id) })).collect();
        }
        output.json(&result)?;
    } else if args.show {
        for id in &ids {
            output.line(&format!("{id:>6}  {}", shown(&tokenizer, *id)))?;
        }
    } else {
        output.line(&ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" "))?;
    }
    output.detail(&format!("{} bytes, {} tokens", bytes.len(), ids.len()));
    Ok(())
}

/// Writes the text of ids, control tokens by their spelling.
fn decode(tokenizer: &Tokenizer, ids: &[u32], output: &Output) -> Result<()> {
    if let Some(id) = ids.iter().find(|id| tokenizer.token_text(**id).is_none()) {
        let count = tokenizer.vocab_size();
        return Err(Usage(format!("--tokens: the vocabulary has {count} tokens, and none is {id}")).into());
    }
    let text = tokenizer.decode(ids, false);
    if output.is_json() {
        output.json(&json!({ "text": text }))?;
    } else {
        output.line(&text)?;
    }
    Ok(())
}

/// A token's text, on one line.
fn shown(tokenizer: &Tokenizer, id: u32) -> String {
    match (tokenizer.token_text(id), tokenizer.token_bytes(id)) {
        (Some(text), _) if tokenizer.is_special(id) => text.to_owned(),
        (_, Some(bytes)) => format!("'{}'", text::visible(bytes)),
        _ => "?".to_owned(),
    }
}
