//! A real vocabulary: the ids of a text in some fifty languages beside SentencePiece's, and the text that they are.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::steps;

/// The text: a sentence in each language, characters beyond them, HTML, code, and runs of spaces, line breaks and tabs.
const TEXT: &str = "tests/fixtures/vocabularies/text.txt";

/// Compares with what is in a file (`tests/make_fixtures/vocabularies.py`): SentencePiece's ids.
pub(super) fn check(model: &Path, expected: &str) -> Result<()> {
    let program =
        format!("target/release/azulejo{} tokenize -m {}", std::env::consts::EXE_SUFFIX, model.display());
    let read =
        |path: &str| std::fs::read_to_string(steps::root().join(path)).with_context(|| path.to_owned());
    let (text, expected) = (read(TEXT)?, read(expected)?);
    let found = steps::output(&format!("{program} -f {TEXT} --no-bos --no-parse-special"))?;
    let (found, expected) = (found.trim(), expected.trim());
    let differs = found.split(' ').zip(expected.split(' ')).position(|(found, expected)| found != expected);
    ensure!(found == expected, "{TEXT}: other ids than SentencePiece's, from place {differs:?} on");
    let ids = expected.replace(' ', ",");
    let back: Value = serde_json::from_str(&steps::output(&format!("{program} --tokens {ids} --json"))?)?;
    ensure!(back["text"] == text, "{TEXT}: its ids are another text: {}", back["text"]);
    println!("{} tokens of {TEXT}: SentencePiece's, and back", ids.split(',').count());
    Ok(())
}
