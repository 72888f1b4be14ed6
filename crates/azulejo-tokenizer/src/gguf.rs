//! Building a tokenizer from the vocabulary inside a GGUF file.

use std::collections::{BTreeSet, HashSet};
use std::sync::OnceLock;

use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::tokenizer::{Model, NormalizedString, Normalizer, PreTokenizedString, PreTokenizer};

use crate::chat::ChatTemplates;
use crate::error::{Error, Result, pipeline};
use crate::pretokenize;
use crate::special::{Marks, Piece, Splitter};
use crate::spm::{SPACE_MARK, ScoreBpe};
use crate::table::{MAX_TOKENS, TokenTable, byte_level_bytes, byte_token, sentencepiece_bytes};
use crate::tokenizer::{
    Core, DecodeRule, END_OF_TEXT_NAMES, HTML_TAG, Inner, NamedTokens, Tokenizer, push_ids,
};
use crate::unigram::Pieces;
use crate::wordpiece::WordPieces;

pub(crate) const UNKNOWN: i32 = 2;
pub(crate) const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
pub(crate) const UNUSED: i32 = 5;
const BYTE: i32 = 6;

/// The vocabulary of a GGUF file, as its keys give it. Whoever reads the file fills it in; each field names its key,
/// without the leading `tokenizer.ggml.` where there's no dot in it.
#[derive(Debug, Clone, Default)]
pub struct GgufVocabulary {
    /// `model`: `llama` (SentencePiece), `gpt2` (byte-level BPE), `bert` (WordPiece) or `t5` (Unigram).
    pub model: String,
    /// `pre`: the pre-tokenizer's name, for `gpt2` only.
    pub pre: Option<String>,
    /// `tokens`: the spelling of each id.
    pub tokens: Vec<String>,
    /// `scores`: one for each token, for `llama` (the higher is merged first) and `t5`.
    pub scores: Option<Vec<f32>>,
    /// `token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    pub token_types: Option<Vec<i32>>,
    /// `merges`: pairs with a space between, the first merged first.
    pub merges: Option<Vec<String>>,
    /// `bos_token_id`. This id and those that follow are as the file has them: one that names no token is ignored,
    /// with a warning ([`Tokenizer::warnings`]).
    pub bos_id: Option<i64>,
    /// `eos_token_id`.
    pub eos_id: Option<i64>,
    /// `eot_token_id`: end of turn.
    pub eot_id: Option<i64>,
    /// `eom_token_id`: end of message.
    pub eom_id: Option<i64>,
    /// `unknown_token_id`.
    pub unk_id: Option<i64>,
    /// `padding_token_id`.
    pub pad_id: Option<i64>,
    /// `seperator_token_id` (so spelt): what ends a text, for `bert` only.
    pub sep_id: Option<i64>,
    /// `add_bos_token`.
    pub add_bos: Option<bool>,
    /// `add_eos_token`.
    pub add_eos: Option<bool>,
    /// `add_space_prefix`, for `llama` and `t5`; yes when absent.
    pub add_space_prefix: Option<bool>,
    /// `remove_extra_whitespaces`, for `llama` and `t5`; no when absent.
    pub remove_extra_whitespaces: Option<bool>,
    /// `normalizer.lowercase`, for `bert` only; yes when absent.
    pub lowercase: Option<bool>,
    /// `normalizer.strip_accents`, for `bert` only; when absent, as `lowercase`.
    pub strip_accents: Option<bool>,
    /// `precompiled_charsmap`, for `t5` only: SentencePiece's normalisation.
    pub precompiled_charsmap: Option<Vec<u8>>,
    /// `tokenizer.chat_template` (the usual one), and `tokenizer.chat_template.NAME` by NAME.
    pub chat_templates: ChatTemplates,
    /// `general.basename`, or `general.name`: a GGUF has no key for Unicode normalisation, so that families known to
    /// need NFC (Salamandra, ALIA) are told by their name.
    pub model_name: Option<String>,
    /// No key: whether to normalise to NFC, where the caller knows. When absent: by `pre` for `gpt2`, by
    /// [`model_name`](Self::model_name) for `llama`, else no.
    pub nfc: Option<bool>,
    /// No key: where all scores are alike and there are no merges, take lower ids as merged first. That holds for
    /// vocabularies that Hugging Face's trainer or a SentencePiece conversion numbered; it's a guess for others.
    pub rank_by_id: bool,
}

pub(crate) struct GgufCore {
    /// Matched always.
    words: Splitter,
    /// Matched only when special tokens are parsed; contains `words` too.
    pub(crate) all: Splitter,
    nfc: bool,
    model: GgufModel,
}

enum GgufModel {
    ByteLevel { pre_tokenizer: PreTokenizerWrapper, bpe: BPE },
    Merges { spaces: Spaces, bpe: BPE },
    Scores { spaces: Spaces, bpe: ScoreBpe },
    WordPiece(WordPieces),
    Unigram(Pieces),
}

/// What SentencePiece does to spaces before anything else.
#[derive(Clone, Copy)]
pub(crate) struct Spaces {
    add_prefix: bool,
    remove_extra: bool,
}

impl Tokenizer {
    /// Builds a tokenizer from a GGUF's vocabulary.
    ///
    /// A SentencePiece vocabulary merges by `merges` if there are any, else by `scores`. Where the model's own
    /// `tokenizer.json` is at hand, prefer it: a GGUF doesn't carry all of it.
    ///
    /// # Errors
    /// [`Error::UnsupportedModel`], [`Error::UnknownPreTokenizer`], [`Error::NoMergeOrder`], or
    /// [`Error::Vocabulary`] naming the key at fault.
    pub fn from_gguf(vocabulary: GgufVocabulary) -> Result<Self> {
        let v = &vocabulary;
        let kind = Kind::of(&v.model)?;
        let sentencepiece = kind == Kind::SentencePiece;
        check_lengths(v)?;
        let mut warnings = Vec::new();
        let (named, ends) = named_tokens(v, kind, &mut warnings);
        let types = token_types(v, &named, &ends);
        let table = build_table(v, &types, kind);

        let mut words = Splitter::default();
        let mut all = Splitter::default();
        let by_scores = sentencepiece && v.merges.as_ref().is_none_or(Vec::is_empty);
        let missing = |key| unusable(key, "missing".to_owned());
        let unknown = || named.unknown.ok_or_else(|| missing("tokenizer.ggml.unknown_token_id"));
        for ((id, text), &kind) in (0..).zip(&v.tokens).zip(&types) {
            // By scores, SentencePiece matches user-defined pieces itself, without a break in the text.
            if kind == USER_DEFINED && !by_scores {
                words.add(text, id);
                all.add(text, id);
            } else if kind == CONTROL || kind == UNKNOWN {
                all.add(text, id);
            }
        }
        let spaces = Spaces {
            add_prefix: v.add_space_prefix.unwrap_or(true),
            remove_extra: v.remove_extra_whitespaces.unwrap_or(false),
        };
        let (model, nfc, add_bos) = if by_scores {
            let bpe = score_bpe(v, &types, &named)?;
            (GgufModel::Scores { spaces, bpe }, needs_nfc(v), true)
        } else if sentencepiece {
            let bpe = merge_bpe(v, &types, &named, false)?;
            (GgufModel::Merges { spaces, bpe }, needs_nfc(v), true)
        } else if kind == Kind::WordPiece {
            (GgufModel::WordPiece(WordPieces::new(v, &types, unknown()?)?), false, true)
        } else if kind == Kind::Unigram {
            (GgufModel::Unigram(Pieces::new(v, &types, unknown()?, spaces)?), false, false)
        } else {
            let known = pretokenize::find(v.pre.as_deref())?;
            let pre_tokenizer = known.build()?;
            let bpe = merge_bpe(v, &types, &named, known.whole_words)?;
            (GgufModel::ByteLevel { pre_tokenizer, bpe }, known.nfc, known.add_bos)
        };

        let (prefix, suffix) = if kind == Kind::WordPiece {
            // Whatever the flags say, as in llama.cpp: converters don't mean these two by them.
            let first = named.bos.ok_or_else(|| missing("tokenizer.ggml.bos_token_id"))?;
            let last = named.eos.ok_or_else(|| missing("tokenizer.ggml.seperator_token_id"))?;
            (vec![first], vec![last])
        } else {
            let add_eos = kind == Kind::Unigram;
            (
                added("add_bos_token", v.add_bos, add_bos, named.bos, &mut warnings),
                added("add_eos_token", v.add_eos, add_eos, named.eos, &mut warnings),
            )
        };
        let mut end_of_text: BTreeSet<u32> = named.eos.into_iter().chain(ends).collect();
        for ((id, text), &kind) in (0..).zip(&v.tokens).zip(&types) {
            if kind == CONTROL && END_OF_TEXT_NAMES.contains(&text.as_str()) {
                end_of_text.insert(id);
            }
        }
        Ok(Self::from_inner(Inner {
            table,
            decode_rule: DecodeRule::Table,
            core: Core::Gguf(Box::new(GgufCore { words, all, nfc: v.nfc.unwrap_or(nfc), model })),
            prefix,
            suffix,
            named,
            end_of_text,
            chat_templates: v.chat_templates.clone(),
            warnings,
            controls: OnceLock::new(),
        }))
    }
}

impl GgufCore {
    pub(crate) fn encode(&self, text: &str, parse_special: bool, ids: &mut Vec<u32>) -> Result<()> {
        let splitter = if parse_special { &self.all } else { &self.words };
        self.encode_pieces(splitter, text, true, ids)
    }

    /// `after_token`: the text begins, or follows a token.
    fn encode_pieces(
        &self,
        splitter: &Splitter,
        text: &str,
        mut after_token: bool,
        ids: &mut Vec<u32>,
    ) -> Result<()> {
        for piece in splitter.split(text) {
            match piece {
                Piece::Token(id) => {
                    ids.push(id);
                    after_token = true;
                }
                Piece::Text(range) => {
                    self.encode_text(&text[range], after_token, ids)?;
                    after_token = false;
                }
            }
        }
        Ok(())
    }

    /// As [`encode`](Self::encode), with control tokens read; but marks aren't text, and a stretch with them has none.
    pub(crate) fn encode_marked(&self, text: &str, marks: &Marks, ids: &mut Vec<u32>) -> Result<()> {
        let mut after_token = true;
        for piece in self.all.split(text) {
            let is_token = matches!(piece, Piece::Token(_));
            match piece {
                Piece::Token(id) => ids.push(id),
                Piece::Text(range) => {
                    let plain: String = text[range].chars().filter_map(|c| marks.unmarked(c)).collect();
                    self.encode_pieces(&self.words, &plain, after_token, ids)?;
                }
            }
            after_token = is_token;
        }
        Ok(())
    }

    /// A stretch without control tokens. `first`: it begins the text, or follows a token, so that SentencePiece puts
    /// a space in front.
    fn encode_text(&self, text: &str, first: bool, ids: &mut Vec<u32>) -> Result<()> {
        let normalized;
        let text = if self.nfc && !text.is_ascii() {
            normalized = to_nfc(text)?;
            normalized.as_str()
        } else {
            text
        };
        match &self.model {
            GgufModel::ByteLevel { pre_tokenizer, bpe } => {
                let mut pieces = PreTokenizedString::from(text);
                pre_tokenizer.pre_tokenize(&mut pieces).map_err(pipeline)?;
                pieces.tokenize(|piece| bpe.tokenize(piece.get())).map_err(pipeline)?;
                push_ids(&pieces, ids);
            }
            GgufModel::Merges { spaces, bpe } => {
                let tokens = bpe.tokenize(&spaces.mark(text, first)).map_err(pipeline)?;
                ids.extend(tokens.iter().map(|token| token.id));
            }
            GgufModel::Scores { spaces, bpe } => bpe.encode(&spaces.mark(text, first), ids)?,
            GgufModel::WordPiece(words) => words.encode(text, ids)?,
            GgufModel::Unigram(pieces) => pieces.encode(text, first, ids)?,
        }
        Ok(())
    }
}

impl Spaces {
    pub(crate) fn mark(self, text: &str, first: bool) -> String {
        let mut out = String::with_capacity(text.len() + text.len() / 4 + 3);
        let text = if self.remove_extra { text.trim_matches(' ') } else { text };
        if text.is_empty() {
            return out;
        }
        if self.add_prefix && first {
            out.push(SPACE_MARK);
        }
        let mut after_space = false;
        for c in text.chars() {
            let space = c == ' ';
            if !(space && after_space && self.remove_extra) {
                out.push(if space { SPACE_MARK } else { c });
            }
            after_space = space;
        }
        if self.remove_extra {
            // SentencePiece trims after marking, so that literal marks go too.
            out.truncate(out.trim_end_matches(SPACE_MARK).len());
        }
        out
    }
}

fn to_nfc(text: &str) -> Result<String> {
    let mut text = NormalizedString::from(text);
    NFC.normalize(&mut text).map_err(pipeline)?;
    Ok(text.get().to_owned())
}

/// What a vocabulary is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    SentencePiece,
    ByteLevel,
    WordPiece,
    Unigram,
}

impl Kind {
    fn of(model: &str) -> Result<Self> {
        match model {
            "llama" => Ok(Self::SentencePiece),
            "gpt2" => Ok(Self::ByteLevel),
            "bert" => Ok(Self::WordPiece),
            "t5" => Ok(Self::Unigram),
            other => Err(Error::UnsupportedModel { model: other.to_owned() }),
        }
    }

    /// Whether tokens have a mark where a space is.
    fn marks_spaces(self) -> bool {
        self != Self::ByteLevel
    }
}

fn unusable(key: &'static str, reason: String) -> Error {
    Error::Vocabulary { key, reason }
}

fn check_lengths(v: &GgufVocabulary) -> Result<()> {
    let count = v.tokens.len();
    if count == 0 || count > MAX_TOKENS {
        return Err(unusable(
            "tokenizer.ggml.tokens",
            format!("{count} tokens; 1 to {MAX_TOKENS} are possible"),
        ));
    }
    let lengths = [
        ("tokenizer.ggml.scores", v.scores.as_ref().map(Vec::len)),
        ("tokenizer.ggml.token_type", v.token_types.as_ref().map(Vec::len)),
    ];
    for (key, len) in lengths {
        if let Some(len) = len.filter(|&len| len != count) {
            return Err(unusable(key, format!("{len} entries for {count} tokens")));
        }
    }
    Ok(())
}

/// Ids with a role, and those that end a turn or a message; ids that name no token are left out, with a warning.
fn named_tokens(v: &GgufVocabulary, kind: Kind, warnings: &mut Vec<String>) -> (NamedTokens, Vec<u32>) {
    let mut named = |key: &str, id: Option<i64>| {
        let id = id?;
        let known = u32::try_from(id).ok().filter(|&id| (id as usize) < v.tokens.len());
        if known.is_none() {
            let count = v.tokens.len();
            warnings
                .push(format!("tokenizer.ggml.{key} is {id}, but there are {count} tokens: it's ignored"));
        }
        known
    };
    let (bos, eos) = (named("bos_token_id", v.bos_id), named("eos_token_id", v.eos_id));
    let (unknown, padding) = (named("unknown_token_id", v.unk_id), named("padding_token_id", v.pad_id));
    let ends = [named("eot_token_id", v.eot_id), named("eom_token_id", v.eom_id)];
    let ends = ends.into_iter().flatten().collect();
    let tokens = if kind == Kind::WordPiece {
        let separator = named("seperator_token_id", v.sep_id);
        let spelt = |text: &str| {
            let id = v.tokens.iter().position(|token| token == text)?;
            u32::try_from(id).ok()
        };
        NamedTokens {
            bos: bos.or_else(|| spelt("[CLS]")),
            eos: separator.or_else(|| spelt("[SEP]")).or(eos),
            unknown: unknown.or_else(|| spelt("[UNK]")),
            padding,
        }
    } else {
        // Llama's places, where the file doesn't say and these ids aren't ordinary words.
        let usual = |id: u32| {
            let of_token = v.token_types.as_ref()?.get(id as usize)?;
            (kind == Kind::SentencePiece && matches!(*of_token, CONTROL | UNKNOWN)).then_some(id)
        };
        let unknown_by_type = || {
            let types = v.token_types.as_deref().filter(|_| kind == Kind::Unigram)?;
            u32::try_from(types.iter().position(|kind| *kind == UNKNOWN)?).ok()
        };
        NamedTokens {
            bos: bos.or_else(|| usual(1)),
            eos: eos.or_else(|| usual(2)),
            unknown: unknown.or_else(|| usual(0)).or_else(unknown_by_type),
            padding,
        }
    };
    (tokens, ends)
}

/// The type of each token, where the file's is missing or known to be a converter's mistake.
fn token_types(v: &GgufVocabulary, named: &NamedTokens, ends: &[u32]) -> Vec<i32> {
    let mut types = match &v.token_types {
        Some(types) => types.clone(),
        None => {
            let mut types: Vec<i32> =
                v.tokens.iter().map(|text| if byte_token(text).is_some() { BYTE } else { 1 }).collect();
            let named_ids = [named.bos, named.eos, named.padding];
            for id in named_ids.into_iter().flatten().chain(ends.iter().copied()) {
                types[id as usize] = CONTROL;
            }
            if let Some(id) = named.unknown {
                types[id as usize] = UNKNOWN;
            }
            types
        }
    };
    // Some conversions mark `<|im_end|>` and the like as words. A word that merges make is one, however it's spelt:
    // Qwen's `</s>` is an HTML tag.
    let mut guessed: BTreeSet<&str> = END_OF_TEXT_NAMES.iter().copied().collect();
    for line in v.merges.iter().flatten() {
        for (at, _) in line.match_indices(' ') {
            let made = [&line[..at], &line[at + 1..]].concat();
            guessed.remove(made.as_str());
        }
    }
    let eos = named.eos.map(|id| v.tokens[id as usize].as_str());
    let has_other_end = eos.is_some_and(|eos| eos != HTML_TAG);
    for (text, kind) in v.tokens.iter().zip(&mut types) {
        let is_tag = *kind == USER_DEFINED && text == HTML_TAG && has_other_end;
        if matches!(*kind, 1 | USER_DEFINED) && guessed.contains(text.as_str()) && !is_tag {
            *kind = CONTROL;
        }
    }
    types
}

fn build_table(v: &GgufVocabulary, types: &[i32], kind: Kind) -> TokenTable {
    let mut table = TokenTable::default();
    for (text, &of_token) in v.tokens.iter().zip(types) {
        let bytes = match of_token {
            CONTROL | UNKNOWN => text.as_bytes().into(),
            _ if kind.marks_spaces() => sentencepiece_bytes(text),
            USER_DEFINED => text.as_bytes().into(),
            _ => byte_level_bytes(text),
        };
        table.push(text, &bytes, matches!(of_token, CONTROL | UNKNOWN));
    }
    table.leading_spaces = usize::from(kind.marks_spaces() && v.add_space_prefix.unwrap_or(true));
    table
}

fn needs_nfc(v: &GgufVocabulary) -> bool {
    let name = v.model_name.as_deref().unwrap_or_default().to_lowercase();
    name.contains("salamandra") || name == "alia" || name.starts_with("alia-") || name.starts_with("alia ")
}

/// BOS or EOS, if it's to be added; asking for a token that isn't there is an error, a mere default is not.
fn added(
    key: &str,
    said: Option<bool>,
    default: bool,
    id: Option<u32>,
    warnings: &mut Vec<String>,
) -> Vec<u32> {
    match (said, id) {
        (Some(true), None) => {
            warnings.push(format!(
                "tokenizer.ggml.{key} is true, but the file doesn't say which token: it's ignored"
            ));
            Vec::new()
        }
        (said, Some(id)) if said.unwrap_or(default) => vec![id],
        _ => Vec::new(),
    }
}

fn merge_bpe(v: &GgufVocabulary, types: &[i32], named: &NamedTokens, whole_words: bool) -> Result<BPE> {
    const KEY: &str = "tokenizer.ggml.merges";
    let sentencepiece = v.model == "llama";
    let mut vocab = Vocab::default();
    let mut control: HashSet<&str> = HashSet::new();
    for ((id, text), &kind) in (0..).zip(&v.tokens).zip(types) {
        // A text must never reach a control token by way of merges.
        if kind != CONTROL && (kind != UNKNOWN || sentencepiece) {
            vocab.entry(text.clone()).or_insert(id);
        } else {
            control.insert(text);
        }
    }
    // None at all is a vocabulary of single bytes.
    let lines = v.merges.as_deref().ok_or_else(|| unusable(KEY, "missing".to_owned()))?;
    let mut merges: Merges = Vec::with_capacity(lines.len());
    for line in lines {
        // A part may itself contain a space: take the cut whose two parts are tokens.
        let cuts = || line.match_indices(' ').map(|(at, _)| (&line[..at], &line[at + 1..]));
        let pair = cuts().find(|(l, r)| vocab.contains_key(*l) && vocab.contains_key(*r));
        let Some((left, right)) = pair else {
            let is_token = |text: &str| vocab.contains_key(text) || control.contains(text);
            if cuts().any(|(l, r)| is_token(l) && is_token(r)) {
                continue;
            }
            return Err(unusable(
                KEY,
                format!("{line:?} is not two words of the vocabulary with a space between"),
            ));
        };
        let made = format!("{left}{right}");
        if control.contains(made.as_str()) && !vocab.contains_key(&made) {
            continue;
        }
        if !vocab.contains_key(&made) {
            return Err(unusable(KEY, format!("{line:?} makes no word of the vocabulary")));
        }
        merges.push((left.to_owned(), right.to_owned()));
    }
    let mut builder = BPE::builder().vocab_and_merges(vocab, merges).ignore_merges(whole_words);
    if sentencepiece {
        builder = builder.byte_fallback(true).fuse_unk(true);
        if let Some(text) = named.unknown.filter(|&id| types[id as usize] != CONTROL) {
            builder = builder.unk_token(v.tokens[text as usize].clone());
        }
    }
    builder.build().map_err(|err| unusable(KEY, err.to_string()))
}

fn score_bpe(v: &GgufVocabulary, types: &[i32], named: &NamedTokens) -> Result<ScoreBpe> {
    const KEY: &str = "tokenizer.ggml.scores";
    let by_id: Vec<f32>;
    let mut scores: &[f32] = match &v.scores {
        Some(scores) => scores,
        None if v.rank_by_id => &[],
        None => return Err(unusable(KEY, "missing, and so is tokenizer.ggml.merges".to_owned())),
    };
    if let Some(id) = scores.iter().position(|score| score.is_nan()) {
        return Err(unusable(KEY, format!("the score of token {id} is not a number")));
    }
    let mut normal = scores.iter().zip(types).filter(|&(_, &kind)| kind == 1).map(|(&score, _)| score);
    let first = normal.next();
    let (alike, others) =
        normal.fold(
            (1, 0),
            |(alike, others), score| {
                if Some(score) == first { (alike + 1, others) } else { (alike, others + 1) }
            },
        );
    // One or two words have no order to lose.
    if others == 0 && (alike > 2 || scores.is_empty()) {
        if !v.rank_by_id {
            return Err(Error::NoMergeOrder { count: alike, score: first.unwrap_or_default() });
        }
        // Ids up to 2^22 are exact in f32.
        by_id = (0..v.tokens.len()).map(|id| -(id as f32)).collect();
        scores = &by_id;
    }
    let mut bpe = ScoreBpe::default();
    for (((id, text), &kind), &score) in (0..).zip(&v.tokens).zip(types).zip(scores) {
        match kind {
            CONTROL | UNKNOWN => {}
            USER_DEFINED => bpe.add_user_defined(&text.replace(' ', "\u{2581}"), id),
            BYTE => {
                let byte = byte_token(text).ok_or_else(|| {
                    unusable(
                        "tokenizer.ggml.tokens",
                        format!("byte token {id} is spelt {text:?}, not <0xXX>"),
                    )
                })?;
                bpe.add_byte(byte, id);
            }
            kind => bpe.add_piece(text, id, score, kind == UNUSED),
        }
    }
    bpe.set_unknown(named.unknown);
    Ok(bpe)
}
