//! A Hugging Face folder's tokenizer as the keys of a GGUF file.
//!
//! There are four kinds, of which two are encoders' and in files of their own: WordPiece (`bert`) and Unigram (`t5`). Byte-level BPE (`gpt2`) has tokens in GPT-2's alphabet, merges, and the name of what splits
//! words. SentencePiece's BPE (`llama`) has tokens and scores: those of `tokenizer.model` if the folder has it, else
//! minus the rank of the first merge that makes the token, in which case the merges are written too (they say more
//! than scores do, and whoever doesn't know them there leaves them alone).

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use azulejo::{EncodeOptions, Tokenizer};
use azulejo_formats::gguf::{Array, Metadata, Value as GgufValue};
use azulejo_formats::hf::HfFiles;
use azulejo_tokenizer::{ChatTemplates, looks_special, pre_tokenizer_name};
use serde_json::Value;

use super::sentencepiece::{Piece, SentencePiece};
use super::{unigram, word_piece};
use crate::text::bytes_of;

pub(super) const NORMAL: i32 = 1;
pub(super) const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;
const BYTE: i32 = 6;
/// The score of what is no word.
const NO_SCORE: f32 = -1000.0;
/// SentencePiece's mark of a space.
pub(super) const SPACE: &str = "\u{2581}";

/// The tokens of the new file.
pub(super) struct Tokens {
    /// `tokenizer.ggml.model`.
    pub(super) model: &'static str,
    pub(super) texts: Vec<String>,
    pub(super) scores: Option<Vec<f32>>,
    pub(super) kinds: Vec<i32>,
    pub(super) merges: Option<Vec<String>>,
    pub(super) pre: String,
    pub(super) add_space_prefix: Option<bool>,
    /// Further keys of this kind, behind `tokenizer.ggml.`.
    pub(super) more: Vec<(&'static str, GgufValue)>,
}

/// Writes `tokenizer.*` into the metadata: `size` is the rows of the embedding, `pre` what the user says of the
/// splitting of words, `tokenizer` the folder's own, where it can be read.
pub(crate) fn describe(
    folder: &Path,
    files: &HfFiles,
    size: u64,
    pre: Option<&str>,
    tokenizer: Option<&Tokenizer>,
    metadata: &mut Metadata,
) -> Result<()> {
    let json: Option<Value> = match &files.tokenizer_json {
        Some(bytes) => Some(serde_json::from_slice(bytes).context("tokenizer.json isn't valid JSON")?),
        None => None,
    };
    let model = folder.join("tokenizer.model");
    let size = usize::try_from(size)?;
    let mut tokens = if model.is_file() {
        let read = SentencePiece::parse(&bytes_of(&model)?);
        from_sentencepiece(&read.with_context(|| model.display().to_string())?, size)
    } else {
        let json = json.as_ref().ok_or_else(|| {
            anyhow!("{}: it has neither tokenizer.json nor tokenizer.model", folder.display())
        })?;
        match json["model"]["type"].as_str() {
            Some("WordPiece") => word_piece::tokens(json, tokenizer)?,
            Some("Unigram") => unigram::tokens(json)?,
            _ if is_byte_level(json) => byte_level(json, pre)?,
            _ => by_merges(json)?,
        }
    };
    let config = files.tokenizer_config.as_ref();
    for added in added_tokens(json.as_ref(), config) {
        tokens.add(&added)?;
    }
    // Those that other files of the folder add, as its tokenizer has them, as far as the embedding has rows for them.
    let known = tokens.texts.len()..tokenizer.map_or(0, Tokenizer::vocab_size).min(size);
    for id in known.filter_map(|id| u32::try_from(id).ok()) {
        let Some((own, text)) = tokenizer.and_then(|own| Some((own, own.token_text(id)?))) else { continue };
        let (text, is_special) = (text.to_owned(), own.is_special(id));
        tokens.add(&Added { id: id.into(), text, is_special })?;
    }
    if tokens.texts.len() > size {
        bail!("the tokenizer has {} tokens, and the embedding {size} rows", tokens.texts.len());
    }
    tokens.pad(size);
    if tokens.scores.is_some() {
        let said = config.and_then(|config| config["add_prefix_space"].as_bool());
        let prefix = said.or_else(|| json.as_ref().map(prepends_space)).or(tokens.add_space_prefix);
        put(metadata, "add_space_prefix", prefix.unwrap_or(true));
    }
    put(metadata, "model", tokens.model);
    for (key, value) in tokens.more {
        put(metadata, key, value);
    }
    put(metadata, "pre", tokens.pre.as_str());
    named(&tokens.texts, files, tokenizer, metadata);
    added_at_ends(tokenizer, config, metadata);
    if tokens.model == "bert" {
        first_and_last(tokenizer, metadata);
    }
    put(metadata, "tokens", tokens.texts);
    put(metadata, "token_type", tokens.kinds);
    if let Some(scores) = tokens.scores {
        put(metadata, "scores", scores);
    }
    if let Some(merges) = tokens.merges {
        put(metadata, "merges", merges);
    }
    chat_templates(files, metadata);
    Ok(())
}

/// The usual template, and those that have names, as llama.cpp's scripts write them.
fn chat_templates(files: &HfFiles, metadata: &mut Metadata) {
    let templates = if files.chat_templates.is_empty() {
        let config = files.tokenizer_config.as_ref();
        ChatTemplates::from_json(config.map_or(&Value::Null, |config| &config["chat_template"]))
    } else {
        files.chat_templates.clone().into_iter().collect()
    };
    let mut names = Vec::new();
    for (name, source) in templates.iter() {
        if name == "default" {
            metadata.insert("tokenizer.chat_template", source);
        } else {
            metadata.insert(format!("tokenizer.chat_template.{name}"), source);
            names.push(name.to_owned());
        }
    }
    if !names.is_empty() {
        metadata.insert("tokenizer.chat_templates", names);
    }
}

fn put(metadata: &mut Metadata, key: &str, value: impl Into<GgufValue>) {
    metadata.insert(format!("tokenizer.ggml.{key}"), value);
}

impl Tokens {
    /// A token that was added to the vocabulary: it is matched as a whole.
    fn add(&mut self, added: &Added) -> Result<()> {
        let limit = self.texts.len() + (1 << 16);
        let id = usize::try_from(added.id).ok().filter(|id| *id < limit);
        let id = id.ok_or_else(|| anyhow!("the added token '{}' has the id {}", added.text, added.id))?;
        self.pad(id + 1);
        let looks_special = looks_special(&added.text);
        let is_unknown = self.kinds[id] == UNKNOWN;
        let is_control = added.is_special || looks_special;
        self.kinds[id] = match (is_unknown, is_control) {
            (true, _) => UNKNOWN,
            (false, true) => CONTROL,
            (false, false) => USER_DEFINED,
        };
        // What merges make stays as they spell it.
        let is_kept = is_control || !added.text.contains(SPACE) || self.is_merged(&added.text);
        let text = if is_kept { added.text.clone() } else { added.text.replace(SPACE, " ") };
        if let Some(scores) = &mut self.scores
            && self.texts[id] != text
        {
            scores[id] = NO_SCORE;
        }
        self.texts[id] = text;
        Ok(())
    }

    /// Whether a merge makes that text.
    fn is_merged(&self, text: &str) -> bool {
        let makes = |(left, right): (&str, &str)| {
            left.len() + right.len() == text.len() && text.starts_with(left) && text.ends_with(right)
        };
        self.merges.iter().flatten().any(|merge| merge.split_once(' ').is_some_and(makes))
    }

    /// Fills up with tokens that nothing becomes.
    fn pad(&mut self, size: usize) {
        for id in self.texts.len()..size {
            self.texts.push(format!("[PAD{id}]"));
            self.kinds.push(UNUSED);
            if let Some(scores) = &mut self.scores {
                scores.push(NO_SCORE);
            }
        }
    }
}

fn from_sentencepiece(model: &SentencePiece, size: usize) -> Tokens {
    let pieces = &model.pieces[..model.pieces.len().min(size)];
    // What a user defined is looked for in the text before its spaces are marked, in llama.cpp.
    let text = |piece: &Piece| match piece.kind {
        USER_DEFINED => piece.text.replace(SPACE, " "),
        _ => piece.text.clone(),
    };
    Tokens {
        model: "llama",
        texts: pieces.iter().map(text).collect(),
        scores: Some(pieces.iter().map(|piece| piece.score).collect()),
        kinds: pieces.iter().map(|piece| piece.kind).collect(),
        merges: None,
        pre: "default".to_owned(),
        add_space_prefix: Some(model.add_dummy_prefix),
        more: Vec::new(),
    }
}

/// Whether tokens are bytes in GPT-2's alphabet.
fn is_byte_level(json: &Value) -> bool {
    let steps = json["pre_tokenizer"]["pretokenizers"].as_array();
    let is = |step: &Value| step["type"] == "ByteLevel";
    is(&json["pre_tokenizer"]) || is(&json["decoder"]) || steps.is_some_and(|steps| steps.iter().any(is))
}

/// The texts of `model.vocab` by id, with holes filled.
pub(super) fn texts_by_id(json: &Value) -> Result<Vec<String>> {
    let vocab = json["model"]["vocab"].as_object();
    let vocab = vocab.ok_or_else(|| anyhow!("tokenizer.json: 'model.vocab' is no object"))?;
    let mut texts: Vec<Option<&String>> = vec![None; vocab.len()];
    for (text, id) in vocab {
        let id = id.as_u64().and_then(|id| usize::try_from(id).ok());
        let id = id.filter(|id| *id < vocab.len() + (1 << 16));
        let id = id.ok_or_else(|| anyhow!("tokenizer.json: '{text}' has no usable id"))?;
        if id >= texts.len() {
            texts.resize(id + 1, None);
        }
        texts[id] = Some(text);
    }
    let texts = texts.into_iter().enumerate();
    Ok(texts.map(|(id, text)| text.cloned().unwrap_or_else(|| format!("[PAD{id}]"))).collect())
}

/// The texts by id, and `model.merges` with a space between.
fn bpe(json: &Value) -> Result<(Vec<String>, Vec<String>)> {
    let model = &json["model"];
    if let Some(kind) = model["type"].as_str().filter(|kind| *kind != "BPE") {
        bail!("tokenizer.json: a {kind} model; BPE, WordPiece and Unigram are what GGUF files can hold");
    }
    let texts = texts_by_id(json)?;
    let merges = model["merges"].as_array().map(Vec::as_slice).unwrap_or_default();
    let merges = merges.iter().map(|merge| match merge {
        Value::String(pair) => Some(pair.clone()),
        Value::Array(pair) => Some(format!("{} {}", pair.first()?.as_str()?, pair.get(1)?.as_str()?)),
        _ => None,
    });
    let merges =
        merges.collect::<Option<_>>().ok_or_else(|| anyhow!("tokenizer.json: a merge that isn't a pair"))?;
    Ok((texts, merges))
}

fn byte_level(json: &Value, pre: Option<&str>) -> Result<Tokens> {
    let (texts, merges) = bpe(json)?;
    let pre = match pre {
        Some(name) => name,
        None => pre_tokenizer_name(json).ok_or_else(|| {
            anyhow!(
                "tokenizer.json: how it splits words has no name that is known here; give llama.cpp's name for it by --pre"
            )
        })?,
    };
    let kinds = vec![NORMAL; texts.len()];
    Ok(Tokens {
        model: "gpt2",
        texts,
        scores: None,
        kinds,
        merges: Some(merges),
        pre: pre.to_owned(),
        add_space_prefix: None,
        more: Vec::new(),
    })
}

/// SentencePiece's BPE in a tokenizer.json: scores by rank.
fn by_merges(json: &Value) -> Result<Tokens> {
    let (texts, merges) = bpe(json)?;
    let mut ranks = std::collections::HashMap::new();
    for (rank, merge) in merges.iter().enumerate() {
        // Words hold no spaces, so the space is the one between the two.
        let made = merge.replacen(' ', "", 1);
        ranks.entry(made).or_insert(rank);
    }
    let unknown = json["model"]["unk_token"].as_str();
    let is_byte = |text: &str| {
        text.strip_prefix("<0x").and_then(|text| text.strip_suffix('>')).is_some_and(|hex| hex.len() == 2)
    };
    // Characters, which no merge makes, come behind all that merges make.
    let last = merges.len() as f32;
    let score = |text: &String| ranks.get(text).map_or(-last, |rank| -(*rank as f32));
    let scores = texts.iter().map(|text| if is_byte(text) { 0.0 } else { score(text) }).collect();
    let kind = |text: &String| match text.as_str() {
        text if Some(text) == unknown => UNKNOWN,
        text if is_byte(text) => BYTE,
        _ => NORMAL,
    };
    let kinds = texts.iter().map(kind).collect();
    Ok(Tokens {
        model: "llama",
        texts,
        scores: Some(scores),
        kinds,
        merges: Some(merges),
        pre: "default".to_owned(),
        add_space_prefix: None,
        more: Vec::new(),
    })
}

/// Whether a tokenizer.json puts a space in front of a text.
pub(super) fn prepends_space(json: &Value) -> bool {
    let steps =
        |step: &Value, list: &str| step[list].as_array().cloned().unwrap_or_else(|| vec![step.clone()]);
    let normalizers = steps(&json["normalizer"], "normalizers");
    let splitters = steps(&json["pre_tokenizer"], "pretokenizers");
    normalizers.iter().any(|step| step["type"] == "Prepend")
        || splitters.iter().any(|step| {
            step["type"] == "Metaspace"
                && step["prepend_scheme"] != "never"
                && step["add_prefix_space"] != false
        })
}

/// A token that was added to a vocabulary.
struct Added {
    id: u64,
    text: String,
    is_special: bool,
}

fn added_tokens(json: Option<&Value>, config: Option<&Value>) -> Vec<Added> {
    let read = |id: Option<u64>, token: &Value| {
        let text = token["content"].as_str()?.to_owned();
        Some(Added { id: id?, text, is_special: token["special"].as_bool().unwrap_or(false) })
    };
    let mut added = Vec::new();
    if let Some(list) = json.and_then(|json| json["added_tokens"].as_array()) {
        added.extend(list.iter().filter_map(|token| read(token["id"].as_u64(), token)));
    }
    if let Some(map) = config.and_then(|config| config["added_tokens_decoder"].as_object()) {
        added.extend(map.iter().filter_map(|(id, token)| read(id.parse().ok(), token)));
    }
    added.sort_by_key(|token| token.id);
    added
}

/// The ids of tokens with a name: by their text in tokenizer_config.json, else by their id in config.json.
fn named(texts: &[String], files: &HfFiles, tokenizer: Option<&Tokenizer>, metadata: &mut Metadata) {
    let names = [
        ("bos_token", "bos_token_id"),
        ("eos_token", "eos_token_id"),
        ("unk_token", "unknown_token_id"),
        ("sep_token", "seperator_token_id"),
        ("pad_token", "padding_token_id"),
        ("mask_token", "mask_token_id"),
    ];
    for (name, key) in names {
        let token = files.tokenizer_config.as_ref().map(|config| &config[name]);
        let text = token.and_then(|token| token.as_str().or_else(|| token["content"].as_str()));
        let by_text = text.and_then(|text| texts.iter().position(|token| token == text));
        let id = by_text.map(|id| id as u64).or_else(|| {
            let id = &files.config[format!("{name}_id")];
            let id = id.as_array().and_then(|ids| ids.first()).unwrap_or(id);
            id.as_u64().filter(|id| *id < texts.len() as u64)
        });
        // Older folders say it elsewhere, where their tokenizer looks.
        let own = |own: &Tokenizer| match name {
            "bos_token" => own.bos(),
            "eos_token" => own.eos(),
            _ => None,
        };
        let id = id.or_else(|| tokenizer.and_then(own).map(u64::from));
        if let Some(id) = id {
            put(metadata, key, id as u32);
        }
    }
}

/// Whether BOS and EOS are put around a text: as the folder's own tokenizer does it, else as its configuration says.
fn added_at_ends(tokenizer: Option<&Tokenizer>, config: Option<&Value>, metadata: &mut Metadata) {
    let options = EncodeOptions { add_special: true, parse_special: false };
    match tokenizer.and_then(|tokenizer| Some((tokenizer, tokenizer.encode("", options).ok()?))) {
        Some((tokenizer, around)) => {
            let begins = tokenizer.bos().is_some() && around.first() == tokenizer.bos().as_ref();
            let rest = &around[usize::from(begins).min(around.len())..];
            let ends = tokenizer.eos().is_some() && rest.last() == tokenizer.eos().as_ref();
            put(metadata, "add_bos_token", begins);
            put(metadata, "add_eos_token", ends);
            // Where nothing names them, the template in tokenizer.json does.
            let used = [("bos_token_id", begins, tokenizer.bos()), ("eos_token_id", ends, tokenizer.eos())];
            for (key, is_used, id) in used {
                if let Some(id) =
                    id.filter(|_| is_used && metadata.get(&format!("tokenizer.ggml.{key}")).is_none())
                {
                    put(metadata, key, id);
                }
            }
        }
        None => {
            for (key, default) in [("add_bos_token", true), ("add_eos_token", false)] {
                let said = config.and_then(|config| config[key].as_bool());
                put(metadata, key, said.unwrap_or(default));
            }
        }
    }
}

/// What BERT puts around a text, [CLS] and [SEP]: readers look for them under these names, whatever config.json says.
fn first_and_last(tokenizer: Option<&Tokenizer>, metadata: &mut Metadata) {
    let options = EncodeOptions { add_special: true, parse_special: false };
    let around = tokenizer.and_then(|tokenizer| tokenizer.encode("", options).ok());
    if let Some([first, last]) = around.as_deref() {
        put(metadata, "bos_token_id", *first);
        put(metadata, "eos_token_id", *last);
        put(metadata, "seperator_token_id", *last);
    }
}

/// Texts that tell tokenizers apart: spaces, capitals, digits, accents composed and not, other scripts, code.
pub(crate) const SAMPLES: [&str; 8] = [
    "Olá! Onde posso renovar o cartão de cidadão?",
    "  two spaces,\ttab\n\nline breaks   and the end  ",
    "It's 12345.67 €, isn't it? WE'LL SEE: I'd say 1 000 000.",
    "L'ajuntament obre a les 9h30; «col·legi», ¿verdad? niño, ação, über, naïve",
    "e\u{301}a\u{303}o\u{302} decomposed",
    "日本語 русский العربية Ελληνικά 🙂🚲👩‍👩‍👧",
    "fn main() { println!(\"{:?}\", x_1 += 0xFF); } // <tag attr='1'>",
    "▁ <s> </s> <unk> [PAD] <|im_end|>",
];

/// The first sample that two tokenizers take differently.
pub(crate) fn first_difference(a: &Tokenizer, b: &Tokenizer) -> Option<&'static str> {
    let options = EncodeOptions { add_special: true, parse_special: false };
    SAMPLES.into_iter().find(|text| a.encode(text, options).ok() != b.encode(text, options).ok())
}

/// How many tokens the metadata has.
pub(crate) fn count(metadata: &Metadata) -> usize {
    match metadata.get("tokenizer.ggml.tokens") {
        Some(GgufValue::Array(Array::String(tokens))) => tokens.len(),
        _ => 0,
    }
}
