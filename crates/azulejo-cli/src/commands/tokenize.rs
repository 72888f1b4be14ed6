//! `tokenize`: a text's bytes to token ids.

use anyhow::Result;
use azulejo::{EncodeOptions, Tokenizer};
use serde_json::json;

use crate::args::TokenizeArgs;
use crate::load;
use crate::output::Output;
use crate::text;

pub(crate) fn run(args: &TokenizeArgs, output: &Output) -> Result<()> {
    let bytes = text::input(args.prompt.as_deref(), args.file.as_deref())?;
    let tokenizer = match &args.model {
        Some(path) => azulejo::tokenizer_from_path(path)?,
        None => azulejo::tokenizer_from_file(&load::open(None, output)?)?,
    };
    for warning in tokenizer.warnings() {
        output.warning(warning);
    }
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

/// A token's text, on one line.
fn shown(tokenizer: &Tokenizer, id: u32) -> String {
    match (tokenizer.token_text(id), tokenizer.token_bytes(id)) {
        (Some(text), _) if tokenizer.is_special(id) => text.to_owned(),
        (_, Some(bytes)) => format!("'{}'", text::visible(bytes)),
        _ => "?".to_owned(),
    }
}
