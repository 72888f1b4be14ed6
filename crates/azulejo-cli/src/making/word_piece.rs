//! A WordPiece vocabulary (BERT's) as the keys of a GGUF file: tokens that begin a word are marked there, by a space,
//! and not those that go on with one.

use anyhow::{Result, bail};
use azulejo::Tokenizer;
use azulejo_formats::gguf::Value as GgufValue;
use serde_json::Value;

use super::vocabulary::{NORMAL, SPACE, Tokens, texts_by_id};

/// Those of a `tokenizer.json`; what is done to words is as `own`, the folder's tokenizer, has it, since other files may
/// say it otherwise.
///
/// # Errors
/// Another mark of tokens that go on with a word than `##`, or what a GGUF can't say of how words are split.
pub(super) fn tokens(json: &Value, own: Option<&Tokenizer>) -> Result<Tokens> {
    let prefix = json["model"]["continuing_subword_prefix"].as_str().unwrap_or("##");
    if prefix != "##" {
        bail!("tokenizer.json: 'continuing_subword_prefix' is '{prefix}'; ## is what GGUF files can hold");
    }
    let normalizer = &json["normalizer"];
    for (what, step, supported) in [
        ("normalizer", normalizer, "BertNormalizer"),
        ("pre_tokenizer", &json["pre_tokenizer"], "BertPreTokenizer"),
    ] {
        if step["type"] != supported {
            bail!("tokenizer.json: '{what}' is {}; {supported} is what GGUF files can hold", step["type"]);
        }
    }
    let mut more: Vec<(&'static str, GgufValue)> = Vec::new();
    let (lowercase, strip_accents) = match own.and_then(Tokenizer::word_options) {
        Some(own) => (Some(own.lowercase), own.strip_accents),
        None => (normalizer["lowercase"].as_bool(), normalizer["strip_accents"].as_bool()),
    };
    for (key, said) in [("normalizer.lowercase", lowercase), ("normalizer.strip_accents", strip_accents)] {
        if let Some(said) = said {
            more.push((key, said.into()));
        }
    }
    let texts = texts_by_id(json)?;
    let unknown = json["model"]["unk_token"].as_str().unwrap_or("[UNK]");
    if let Some(id) = texts.iter().position(|text| text == unknown).and_then(|id| u32::try_from(id).ok()) {
        more.push(("unknown_token_id", id.into()));
    }
    let marked = |text: String| match text.strip_prefix(prefix) {
        Some(rest) => rest.to_owned(),
        None => format!("{SPACE}{text}"),
    };
    let texts: Vec<String> = texts.into_iter().map(marked).collect();
    let kinds = vec![NORMAL; texts.len()];
    Ok(Tokens {
        model: "bert",
        texts,
        scores: None,
        kinds,
        merges: None,
        pre: "default".to_owned(),
        add_space_prefix: None,
        more,
    })
}
