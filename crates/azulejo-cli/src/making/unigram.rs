//! A Unigram vocabulary (XLM-RoBERTa's) as the keys of a GGUF file.

use anyhow::{Context, Result, anyhow};
use azulejo_formats::gguf::{Array, Value as GgufValue};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::vocabulary::{NORMAL, Tokens, UNKNOWN};

/// Those of a `tokenizer.json`.
///
/// # Errors
/// What isn't a list of pieces and their scores, or a normalisation that isn't SentencePiece's.
pub(super) fn tokens(json: &Value) -> Result<Tokens> {
    let model = &json["model"];
    let list = model["vocab"].as_array().context("tokenizer.json: 'model.vocab' is no list")?;
    let piece = |piece: &Value| Some((piece[0].as_str()?.to_owned(), piece[1].as_f64()? as f32));
    let pieces: Option<Vec<(String, f32)>> = list.iter().map(piece).collect();
    let (texts, scores): (Vec<String>, Vec<f32>) =
        pieces.context("tokenizer.json: a piece that isn't a text and its score")?.into_iter().unzip();
    let mut kinds = vec![NORMAL; texts.len()];
    let unknown = model["unk_id"].as_u64().and_then(|id| usize::try_from(id).ok());
    if let Some(kind) = unknown.and_then(|id| kinds.get_mut(id)) {
        *kind = UNKNOWN;
    }
    let mut more = Vec::new();
    if let Some(id) = unknown.and_then(|id| u32::try_from(id).ok()) {
        more.push(("unknown_token_id", id.into()));
    }
    let normalizers = steps(&json["normalizer"], "normalizers");
    let splitters = steps(&json["pre_tokenizer"], "pretokenizers");
    let is = |step: &Value, kind: &str| step["type"] == kind;
    let merges_spaces = splitters.iter().any(|step| is(step, "WhitespaceSplit"))
        || normalizers.iter().any(|step| is(step, "Replace") && step["pattern"]["Regex"] == " {2,}");
    more.push(("remove_extra_whitespaces", GgufValue::Bool(merges_spaces)));
    if let Some(step) = normalizers.iter().find(|step| is(step, "Precompiled")) {
        let text = step["precompiled_charsmap"].as_str().unwrap_or_default();
        let bytes = BASE64_STANDARD.decode(text);
        let bytes = bytes.map_err(|error| anyhow!("tokenizer.json: 'precompiled_charsmap': {error}"))?;
        more.push(("precompiled_charsmap", GgufValue::Array(Array::U8(bytes))));
    }
    Ok(Tokens {
        model: "t5",
        texts,
        scores: Some(scores),
        kinds,
        merges: None,
        pre: "default".to_owned(),
        add_space_prefix: None,
        more,
    })
}

fn steps<'a>(step: &'a Value, list: &str) -> &'a [Value] {
    step[list].as_array().map_or(std::slice::from_ref(step), Vec::as_slice)
}
