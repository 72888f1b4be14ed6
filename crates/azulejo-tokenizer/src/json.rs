//! Reading a Hugging Face `tokenizer.json`.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;
use tokenizers::AddedToken;
use tokenizers::normalizers::{BertNormalizer, NormalizerWrapper};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::tokenizer::{
    AddedVocabulary, Encoding, Model, NormalizedString, PostProcessor, PreTokenizedString, PreTokenizer,
};

use crate::config::TokenizerConfig;
use crate::error::{Error, Result, pipeline};
use crate::special::Marks;
use crate::table::{MAX_TOKENS, TokenTable, byte_level_bytes, sentencepiece_bytes};
use crate::tokenizer::{
    Core, DecodeRule, END_OF_TEXT_NAMES, HTML_TAG, Inner, NamedTokens, Tokenizer, WordOptions, push_ids,
};

const FILE: &str = "tokenizer.json";

/// The parts of the file that we judge ourselves. The vocabulary is skipped.
#[derive(Deserialize)]
struct Outline {
    decoder: Option<Value>,
    model: ModelOutline,
}

#[derive(Deserialize)]
struct ModelOutline {
    continuing_subword_prefix: Option<String>,
}

/// Read only where a prefix makes the merges dangerous.
#[derive(Deserialize)]
struct MergesOnly {
    model: MergesOfModel,
}

#[derive(Deserialize)]
struct MergesOfModel {
    #[serde(default)]
    merges: Vec<Merge>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Pair([String; 2]),
    Line(String),
}

/// How the file's decoder turns a token into bytes.
enum Decoding {
    ByteLevel,
    /// Spaces to strip at the start of a text.
    SentencePiece(usize),
    Other,
}

/// The tokenizer that a `tokenizer.json` describes.
pub(crate) struct JsonCore {
    tokenizer: tokenizers::Tokenizer,
    /// The same added tokens, but blind to the special ones.
    literal: AddedVocabulary,
}

impl JsonCore {
    pub(crate) fn encode(&self, text: &str, parse_special: bool, ids: &mut Vec<u32>) -> Result<()> {
        let added = if parse_special { self.tokenizer.get_added_vocabulary() } else { &self.literal };
        self.encode_pieces(added.extract_and_normalize(self.tokenizer.get_normalizer(), text), ids)
    }

    /// As [`encode`](Self::encode), with control tokens read; but marks aren't text.
    pub(crate) fn encode_marked(&self, text: &str, marks: &Marks, ids: &mut Vec<u32>) -> Result<()> {
        let added = self.tokenizer.get_added_vocabulary();
        let mut pieces = added.extract_and_normalize(self.tokenizer.get_normalizer(), text);
        let unmarked = |piece: &mut NormalizedString| {
            piece.filter(|c| marks.unmarked(c).is_some());
            piece.map(|c| marks.unmarked(c).unwrap_or(c));
            Ok(())
        };
        pieces.normalize(unmarked).map_err(pipeline)?;
        self.encode_pieces(pieces, ids)
    }

    fn encode_pieces(&self, mut pieces: PreTokenizedString, ids: &mut Vec<u32>) -> Result<()> {
        if let Some(pre_tokenizer) = self.tokenizer.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut pieces).map_err(pipeline)?;
        }
        let model = self.tokenizer.get_model();
        pieces.tokenize(|piece| model.tokenize(piece.get())).map_err(pipeline)?;
        push_ids(&pieces, ids);
        Ok(())
    }

    pub(crate) fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        self.tokenizer.decode(ids, skip_special).unwrap_or_default()
    }

    /// How words are normalised, where they are as BERT's.
    pub(crate) fn word_options(&self) -> Option<WordOptions> {
        match self.tokenizer.get_normalizer()? {
            NormalizerWrapper::BertNormalizer(own) => {
                Some(WordOptions { lowercase: own.lowercase, strip_accents: own.strip_accents })
            }
            _ => None,
        }
    }

    /// The texts of added tokens, and their ids.
    pub(crate) fn added(&self) -> impl Iterator<Item = (&str, u32)> {
        self.tokenizer.get_added_vocabulary().get_vocab().iter().map(|(text, &id)| (text.as_str(), id))
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`, with what the small files beside it say
    /// ([`TokenizerConfig::default`] for none).
    ///
    /// BOS and EOS come from the file's own post-processor, except that a `true` in the config adds them, a `false`
    /// takes them away, and a Llama-like Python class adds BOS when nothing is said (what `transformers` does). BERT's and
    /// RoBERTa's classes normalise texts as the config says, whatever the file does.
    ///
    /// # Errors
    /// [`Error::Json`] with the reason, for anything that isn't a well-formed tokenizer.
    pub fn from_json(tokenizer_json: &[u8], config: &TokenizerConfig) -> Result<Self> {
        let outline: Outline = parse(tokenizer_json)?;
        check_subword_prefix(tokenizer_json, outline.model.continuing_subword_prefix.as_deref())?;
        // The crate's own parser has `expect`s on paths that only a malformed file reaches.
        let mut tokenizer =
            catch_unwind(AssertUnwindSafe(|| tokenizers::Tokenizer::from_bytes(tokenizer_json)))
                .map_err(|_| bad("the tokenizers crate panicked on it".to_owned()))?
                .map_err(|err| bad(err.to_string()))?;
        set_as_class(&mut tokenizer, config)?;
        let mut warnings = config.warnings.clone();
        add_tokens(&mut tokenizer, config, &mut warnings);
        let decoding = decoding_of(outline.decoder.as_ref());
        let table = build_table(&tokenizer, &decoding)?;

        let id_of = |text: &Option<String>| text.as_deref().and_then(|text| tokenizer.token_to_id(text));
        let (mut prefix, mut suffix) = surroundings(&tokenizer)?;
        let named = NamedTokens {
            // Without a config, what the post-processor puts in front is BOS.
            bos: id_of(&config.bos_token).or_else(|| prefix.first().copied()),
            eos: id_of(&config.eos_token).or_else(|| suffix.last().copied()),
            unknown: id_of(&config.unk_token),
            padding: id_of(&config.pad_token),
        };
        match (config.add_bos_token, named.bos) {
            (Some(true), Some(bos)) => prefix = vec![bos],
            (Some(false), _) => prefix.clear(),
            (None, Some(bos)) if config.class_adds_bos() => prefix = vec![bos],
            _ => {}
        }
        match (config.add_eos_token, named.eos) {
            (Some(true), Some(eos)) => suffix = vec![eos],
            (Some(false), _) => suffix.clear(),
            _ => {}
        }

        let mut end_of_text = config.end_of_text.clone();
        end_of_text.retain(|&id| {
            let is_token = (id as usize) < table.len();
            if !is_token {
                warnings
                    .push(format!("eos_token_id: {id}, but there are {} tokens: it's ignored", table.len()));
            }
            is_token
        });
        end_of_text.extend(named.eos);
        let added = tokenizer.get_added_vocabulary().get_vocab();
        let has_end = !end_of_text.is_empty();
        for name in END_OF_TEXT_NAMES {
            let is_tag = |id: &u32| *name == HTML_TAG && has_end && !table.is_special(*id);
            end_of_text.extend(added.get(*name).copied().filter(|id| !is_tag(id)));
        }

        let mut literal = tokenizer.get_added_vocabulary().clone();
        literal.set_encode_special_tokens(true);
        let decode_rule = match decoding {
            Decoding::Other => DecodeRule::Whole,
            Decoding::ByteLevel | Decoding::SentencePiece(_) => DecodeRule::Table,
        };
        Ok(Self::from_inner(Inner {
            table,
            decode_rule,
            core: Core::Json(Box::new(JsonCore { tokenizer, literal })),
            prefix,
            suffix,
            named,
            end_of_text,
            chat_templates: config.chat_templates.clone(),
            warnings,
            controls: OnceLock::new(),
        }))
    }
}

/// Sets what the Python class takes from `tokenizer_config.json` alone, or has by default, whatever `tokenizer.json` says
/// (what `transformers` does): with BERT's class how texts are normalised, with RoBERTa's whether a space is put in front.
fn set_as_class(tokenizer: &mut tokenizers::Tokenizer, config: &TokenizerConfig) -> Result<()> {
    let is_bert = config.has_class(&["BertTokenizer", "DistilBertTokenizer"]);
    if let Some(NormalizerWrapper::BertNormalizer(own)) = tokenizer.get_normalizer().filter(|_| is_bert) {
        let set = BertNormalizer::new(
            own.clean_text,
            config.splits_chinese.unwrap_or(true),
            config.strip_accents,
            config.lowercase.unwrap_or(true),
        );
        tokenizer.with_normalizer(Some(set)).map_err(pipeline)?;
    }
    let is_roberta = config.has_class(&["RobertaTokenizer"]);
    if let Some(PreTokenizerWrapper::ByteLevel(own)) = tokenizer.get_pre_tokenizer().filter(|_| is_roberta) {
        let set = own.add_prefix_space(config.add_prefix_space.unwrap_or(false));
        tokenizer.with_pre_tokenizer(Some(set));
    }
    Ok(())
}

/// Adds the tokens that the small files have otherwise than `tokenizer.json`, or that it lacks, as `transformers` does:
/// in the order of the ids that they give, then those that have a name and no id; new ones get the next ids, whatever was
/// given.
fn add_tokens(tokenizer: &mut tokenizers::Tokenizer, config: &TokenizerConfig, warnings: &mut Vec<String>) {
    let own = tokenizer.get_added_tokens_decoder();
    let mut listed: BTreeMap<u32, AddedToken> = config.added_tokens.clone();
    if !config.has_added_tokens_decoder {
        // Older files don't count where `tokenizer.json` has another token for an id.
        listed.extend(own.iter().map(|(id, token)| (*id, token.clone())));
    }
    let names = config.special_tokens.iter().filter(|(name, _)| !name.is_empty());
    let named: HashSet<&str> = names.map(|(_, token)| token.content.as_str()).collect();
    for token in listed.values_mut() {
        token.special |= named.contains(token.content.as_str());
    }
    let known: HashSet<&str> = own.values().chain(listed.values()).map(|t| t.content.as_str()).collect();
    let unlisted = config.special_tokens.iter().map(|(_, token)| token);
    let unlisted = unlisted.filter(|token| !known.contains(token.content.as_str()));
    let tokens: Vec<AddedToken> = listed.values().chain(unlisted).cloned().collect();
    // The crate refuses only what no normalizer can take; such a token is missing below.
    _ = tokenizer.add_tokens(tokens);
    for (&id, token) in &config.added_tokens {
        match tokenizer.token_to_id(&token.content) {
            Some(has) if has == id => {}
            Some(has) => warnings.push(format!(
                "added_tokens_decoder: {:?} is to have the id {id}, and has {has}: ids of new tokens follow one another",
                token.content
            )),
            None => warnings.push(format!("added_tokens_decoder: {:?} is ignored", token.content)),
        }
    }
}

fn bad(reason: String) -> Error {
    Error::Json { file: FILE, reason }
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|err| bad(err.to_string()))
}

/// The crate cuts the prefix off the right part of each merge without looking.
fn check_subword_prefix(json: &[u8], prefix: Option<&str>) -> Result<()> {
    let Some(prefix) = prefix.filter(|prefix| !prefix.is_empty()) else { return Ok(()) };
    let file: MergesOnly = parse(json)?;
    for merge in &file.model.merges {
        let right = match merge {
            Merge::Pair([_, right]) => right.as_str(),
            Merge::Line(line) => line.split_once(' ').map_or("", |(_, right)| right),
        };
        if !right.starts_with(prefix) {
            return Err(bad(format!("the merge of {right:?} lacks the subword prefix {prefix:?}")));
        }
    }
    Ok(())
}

fn decoding_of(decoder: Option<&Value>) -> Decoding {
    let Some(decoder) = decoder else { return Decoding::Other };
    let kind = |step: &Value| step.get("type").and_then(Value::as_str).map(str::to_owned);
    let one = std::slice::from_ref(decoder);
    let steps = match kind(decoder).as_deref() {
        Some("Sequence") => decoder.get("decoders").and_then(Value::as_array).map_or(&[][..], Vec::as_slice),
        _ => one,
    };
    let mut marks = false;
    let mut fused = false;
    let mut strip = 0;
    for step in steps {
        match kind(step).as_deref() {
            Some("ByteLevel") if steps.len() == 1 => return Decoding::ByteLevel,
            Some("Metaspace") if step.get("replacement").and_then(Value::as_str) == Some("\u{2581}") => {
                marks = true;
                // Older files say `add_prefix_space` instead; both default to yes.
                let never = step.get("prepend_scheme").and_then(Value::as_str) == Some("never")
                    || step.get("add_prefix_space").and_then(Value::as_bool) == Some(false);
                strip = usize::from(!never);
            }
            Some("Replace")
                if step.pointer("/pattern/String").and_then(Value::as_str) == Some("\u{2581}")
                    && step.get("content").and_then(Value::as_str) == Some(" ") =>
            {
                marks = true;
            }
            Some("ByteFallback") => {}
            Some("Fuse") => fused = true,
            Some("Strip")
                if fused
                    && step.get("content").and_then(Value::as_str) == Some(" ")
                    && step.get("stop").and_then(Value::as_u64) == Some(0) =>
            {
                strip = step.get("start").and_then(Value::as_u64).map_or(0, |n| n.min(64) as usize);
            }
            _ => return Decoding::Other,
        }
    }
    if marks { Decoding::SentencePiece(strip) } else { Decoding::Other }
}

fn build_table(tokenizer: &tokenizers::Tokenizer, decoding: &Decoding) -> Result<TokenTable> {
    let mut table = TokenTable::default();
    let highest = tokenizer.get_vocab(true).into_values().max();
    let count = highest.map_or(0, |id| id as usize + 1);
    if count > MAX_TOKENS {
        return Err(bad(format!("the highest token id is {}, over the limit of {MAX_TOKENS}", count - 1)));
    }
    let added = tokenizer.get_added_tokens_decoder();
    for id in 0..count as u32 {
        if let Some(token) = added.get(&id) {
            let bytes = match decoding {
                Decoding::SentencePiece(_) => sentencepiece_bytes(&token.content),
                _ => token.content.as_bytes().into(),
            };
            table.push(&token.content, &bytes, token.special);
        } else if let Some(text) = tokenizer.id_to_token(id) {
            let bytes = match decoding {
                Decoding::ByteLevel => byte_level_bytes(&text),
                Decoding::SentencePiece(_) => sentencepiece_bytes(&text),
                Decoding::Other => text.as_bytes().into(),
            };
            table.push(&text, &bytes, false);
        } else {
            table.push_hole();
        }
    }
    if let Decoding::SentencePiece(strip) = decoding {
        table.leading_spaces = *strip;
    }
    Ok(table)
}

/// What the post-processor puts before and after a text, found by giving it a token that no vocabulary has.
fn surroundings(tokenizer: &tokenizers::Tokenizer) -> Result<(Vec<u32>, Vec<u32>)> {
    const MARK: u32 = u32::MAX;
    let Some(processor) = tokenizer.get_post_processor() else { return Ok((Vec::new(), Vec::new())) };
    let token = tokenizers::tokenizer::Token::new(MARK, String::new(), (0, 0));
    let marked = Encoding::from_tokens(vec![token], 0);
    let processed = catch_unwind(AssertUnwindSafe(|| processor.process(marked, None, true)))
        .map_err(|_| bad("the post-processor panicked".to_owned()))?
        .map_err(pipeline)?;
    let mut halves = processed.get_ids().split(|&id| id == MARK);
    let prefix = halves.next().unwrap_or_default().to_vec();
    let suffix = halves.next_back().unwrap_or_default().to_vec();
    Ok((prefix, suffix))
}
