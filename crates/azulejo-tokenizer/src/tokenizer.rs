//! [`Tokenizer`]: the one type that callers see, whichever file it came from.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use serde_json::Value;
use tokenizers::tokenizer::{OffsetReferential, OffsetType, PreTokenizedString};

use crate::chat::{ChatTemplate, ChatTemplates, RenderOptions};
use crate::error::{Error, Result};
use crate::gguf::GgufCore;
use crate::json::JsonCore;
use crate::special::{Marks, Splitter, looks_special};
use crate::stream::StreamDecoder;
use crate::table::TokenTable;

/// How to read a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Put BOS in front and EOS behind where the model's rules say so. Leave it off for a rendered chat template,
    /// which writes its own BOS.
    pub add_special: bool,
    /// Read the spelling of a control token (`<|im_end|>`) as that token. Leave it off for text that people wrote, so
    /// that they can't forge a turn; tokens that a model's author defined as plain words are always matched.
    pub parse_special: bool,
}

/// What a WordPiece tokenizer does to words before it looks them up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordOptions {
    /// Put them in lower case.
    pub lowercase: bool,
    /// Take their accents away; unsaid, as `lowercase`.
    pub strip_accents: Option<bool>,
}

/// Text to token ids and back. Cheap to clone; shared between threads.
#[derive(Clone)]
pub struct Tokenizer {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) table: TokenTable,
    pub(crate) decode_rule: DecodeRule,
    pub(crate) core: Core,
    /// Ids that `add_special` puts in front.
    pub(crate) prefix: Vec<u32>,
    /// Ids that `add_special` puts behind.
    pub(crate) suffix: Vec<u32>,
    pub(crate) named: NamedTokens,
    pub(crate) end_of_text: BTreeSet<u32>,
    pub(crate) chat_templates: ChatTemplates,
    /// What the files said that can't be, and was ignored.
    pub(crate) warnings: Vec<String>,
    /// The spellings by which a conversation could be forged, once they were asked for.
    pub(crate) controls: OnceLock<Splitter>,
}

/// Ids with a role.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NamedTokens {
    pub(crate) bos: Option<u32>,
    pub(crate) eos: Option<u32>,
    pub(crate) unknown: Option<u32>,
    pub(crate) padding: Option<u32>,
}

pub(crate) enum DecodeRule {
    /// Ids decode to bytes one by one.
    Table,
    /// The `tokenizers` decoder must see all ids at once.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "no browser reads a tokenizer.json"))]
    Whole,
}

pub(crate) enum Core {
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "no browser reads a tokenizer.json"))]
    Json(Box<JsonCore>),
    Gguf(Box<GgufCore>),
}

/// Appends the ids of a fully tokenized string.
pub(crate) fn push_ids(pieces: &PreTokenizedString, ids: &mut Vec<u32>) {
    for (_, _, tokens) in pieces.get_splits(OffsetReferential::Normalized, OffsetType::None) {
        ids.extend(tokens.iter().flatten().map(|token| token.id));
    }
}

impl Inner {
    pub(crate) fn decode_whole(&self, ids: &[u32], skip_special: bool) -> String {
        match &self.core {
            Core::Json(json) => json.decode(ids, skip_special),
            Core::Gguf(_) => String::new(),
        }
    }
}

impl Tokenizer {
    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// The ids of a text.
    ///
    /// # Errors
    /// [`Error::NoToken`] if the vocabulary can't spell a character, [`Error::Pipeline`] if the tokenizer's own
    /// pipeline fails.
    pub fn encode(&self, text: &str, options: EncodeOptions) -> Result<Vec<u32>> {
        let mut ids = Vec::with_capacity(text.len() / 3 + 2);
        if options.add_special {
            ids.extend(&self.inner.prefix);
        }
        match &self.inner.core {
            Core::Json(json) => json.encode(text, options.parse_special, &mut ids)?,
            Core::Gguf(gguf) => gguf.encode(text, options.parse_special, &mut ids)?,
        }
        if options.add_special {
            ids.extend(&self.inner.suffix);
        }
        Ok(ids)
    }

    /// Cuts what [`encode`](Self::encode) gave with `add_special` to so many ids, those behind the text kept; whether
    /// there were more.
    pub fn cut(&self, ids: &mut Vec<u32>, most: usize) -> bool {
        let is_long = ids.len() > most;
        if is_long {
            let suffix = &self.inner.suffix;
            ids.truncate(most.saturating_sub(suffix.len()));
            ids.extend(suffix.iter().take(most));
        }
        is_long
    }

    /// The ids of a conversation, rendered by a template. What is left out of the template's `options` is said by the
    /// tokenizer: the spellings of BOS and EOS. Nothing stands behind; in front BOS stands where the template writes it,
    /// and by a GGUF's rule, once.
    ///
    /// Messages are [`Message`](crate::Message)s, or anything that serialises to the objects the template expects. What
    /// they say, and what the template's further variables say, is text: a control token's spelling in it is that
    /// spelling's plain tokens, so that nobody can forge a turn. With `parse_special_in_content` it is read as the
    /// template's own are.
    ///
    /// # Errors
    /// Those of [`ChatTemplate::render`] and [`encode`](Self::encode).
    pub fn encode_chat<M: Serialize>(
        &self,
        template: &ChatTemplate,
        messages: &[M],
        options: &RenderOptions,
        parse_special_in_content: bool,
    ) -> Result<Vec<u32>> {
        let unreadable =
            |e: serde_json::Error| Error::Template { line: 0, reason: format!("the messages: {e}") };
        let values: Result<Vec<Value>, _> = messages.iter().map(serde_json::to_value).collect();
        self.encode_values(template, values.map_err(unreadable)?, options, parse_special_in_content)
    }

    fn encode_values(
        &self,
        template: &ChatTemplate,
        mut messages: Vec<Value>,
        options: &RenderOptions,
        parse_special_in_content: bool,
    ) -> Result<Vec<u32>> {
        let text_of = |id: Option<u32>| id.and_then(|id| self.token_text(id)).map(str::to_owned);
        let bos = text_of(self.bos());
        let mut options = options.clone();
        options.bos_token = options.bos_token.or_else(|| bos.clone());
        options.eos_token = options.eos_token.or_else(|| text_of(self.eos()));
        let marks = if parse_special_in_content {
            None
        } else {
            let RenderOptions { tools, documents, extra, .. } = &mut options;
            Marks::put(self.controls(), |change| {
                let said = messages.iter_mut().chain(&mut *tools).chain(&mut *documents);
                said.chain(extra.values_mut()).for_each(|value| each_text(value, change));
            })
        };
        let text = template.render(&messages, &options)?;
        let mut ids = Vec::with_capacity(text.len() / 3 + 2);
        // A folder's template writes BOS itself where the model wants it, and transformers adds nothing to it; a GGUF's
        // rule holds for a conversation too, where the template hasn't written BOS already, as in llama.cpp.
        let is_gguf = matches!(self.inner.core, Core::Gguf(_));
        if is_gguf && bos.is_none_or(|bos| !text.starts_with(&bos)) {
            ids.extend(&self.inner.prefix);
        }
        match (&self.inner.core, &marks) {
            (Core::Json(json), Some(marks)) => json.encode_marked(&text, marks, &mut ids)?,
            (Core::Gguf(gguf), Some(marks)) => gguf.encode_marked(&text, marks, &mut ids)?,
            (Core::Json(json), None) => json.encode(&text, true, &mut ids)?,
            (Core::Gguf(gguf), None) => gguf.encode(&text, true, &mut ids)?,
        }
        Ok(ids)
    }

    /// The tokens by which a conversation could be forged: those that the vocabulary calls special, those that end a
    /// text, and of all that are matched by their spelling those that look like it: many folders don't call the tokens of
    /// their turns special. (Others, such as `</think>`, templates look for in what a model said before.)
    fn controls(&self) -> &Splitter {
        self.inner.controls.get_or_init(|| self.find_controls())
    }

    fn find_controls(&self) -> Splitter {
        let inner = &self.inner;
        let table = &inner.table;
        let mut spellings = Splitter::default();
        let count = u32::try_from(table.len()).unwrap_or(u32::MAX);
        let named = [inner.named.bos, inner.named.eos];
        let special = (0..count).filter(|&id| table.is_special(id));
        for id in special.chain(inner.end_of_text.iter().copied()).chain(named.into_iter().flatten()) {
            spellings.add(table.text(id).unwrap_or_default(), id);
        }
        match &inner.core {
            Core::Json(json) => {
                for (text, id) in json.added().filter(|(text, _)| looks_special(text)) {
                    spellings.add(text, id);
                }
            }
            Core::Gguf(gguf) => {
                for (text, id) in gguf.all.texts().filter(|(text, _)| looks_special(text)) {
                    spellings.add(text, id);
                }
            }
        }
        spellings
    }

    /// What the model's files said that can't be, and was therefore ignored: one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.inner.warnings
    }

    /// The ids of a file's bytes.
    ///
    /// # Errors
    /// [`Error::NotUtf8`] with the offset of the first bad byte; else those of [`encode`](Self::encode).
    pub fn encode_bytes(&self, bytes: &[u8], options: EncodeOptions) -> Result<Vec<u32>> {
        let text = std::str::from_utf8(bytes).map_err(|err| Error::NotUtf8 { offset: err.valid_up_to() })?;
        self.encode(text, options)
    }

    /// The text of ids, from the start of a text on: the space that SentencePiece puts in front of it is dropped.
    /// With `skip_special`, control tokens are left out. Ids that the vocabulary doesn't have add nothing; bytes that
    /// are no UTF-8 come out as U+FFFD, one for each maximal bad sequence (SentencePiece writes one for each byte).
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        if matches!(self.inner.decode_rule, DecodeRule::Whole) {
            return self.inner.decode_whole(ids, skip_special);
        }
        let table = &self.inner.table;
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        for &id in ids {
            if !(skip_special && table.is_special(id)) {
                bytes.extend_from_slice(table.bytes(id).unwrap_or_default());
            }
        }
        let spaces = bytes.iter().take(table.leading_spaces).take_while(|&&b| b == b' ').count();
        String::from_utf8_lossy(&bytes[spaces..]).into_owned()
    }

    /// A decoder for ids that come one by one.
    pub fn stream_decoder(&self, skip_special: bool) -> StreamDecoder {
        StreamDecoder::new(Arc::clone(&self.inner), skip_special)
    }

    /// The bytes an id stands for, with a SentencePiece space mark as a space; not always whole characters. `None` for
    /// an id that the vocabulary doesn't have.
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.inner.table.bytes(id)
    }

    /// The vocabulary's own spelling of an id (`Ġthe`, `▁the`, `<0x0A>`).
    pub fn token_text(&self, id: u32) -> Option<&str> {
        self.inner.table.text(id)
    }

    /// The id of a token by the vocabulary's own spelling. Looks at every token: for set-up, not for encoding.
    pub fn token_id(&self, text: &str) -> Option<u32> {
        let ids = 0..u32::try_from(self.inner.table.len()).unwrap_or(u32::MAX);
        ids.into_iter().find(|&id| self.inner.table.text(id) == Some(text))
    }

    /// Whether an id is a control token.
    pub fn is_special(&self, id: u32) -> bool {
        self.inner.table.is_special(id)
    }

    /// One more than the highest id. A model's output may be wider (padded); such ids decode to nothing.
    pub fn vocab_size(&self) -> usize {
        self.inner.table.len()
    }

    /// What is done to words, where they are normalised as BERT's are; `None` elsewhere, and of a GGUF's vocabulary.
    pub fn word_options(&self) -> Option<WordOptions> {
        match &self.inner.core {
            Core::Json(json) => json.word_options(),
            Core::Gguf(_) => None,
        }
    }

    /// The token that begins a text.
    pub fn bos(&self) -> Option<u32> {
        self.inner.named.bos
    }

    /// The token that ends a text in training; to know when to stop, use [`end_of_text`](Self::end_of_text).
    pub fn eos(&self) -> Option<u32> {
        self.inner.named.eos
    }

    /// The token for what the vocabulary can't spell.
    pub fn unknown(&self) -> Option<u32> {
        self.inner.named.unknown
    }

    /// The token that fills a batch.
    pub fn padding(&self) -> Option<u32> {
        self.inner.named.padding
    }

    /// All ids that end what a model says: EOS, end of turn, end of message, and those of the generation config.
    pub fn end_of_text(&self) -> &BTreeSet<u32> {
        &self.inner.end_of_text
    }

    /// The model's own chat templates.
    pub fn chat_templates(&self) -> &ChatTemplates {
        &self.inner.chat_templates
    }

    /// Whether there is a chat template, right or not, or one that the vocabulary tells.
    pub fn has_chat_template(&self) -> bool {
        !matches!(self.chat_template(None), Err(Error::NoChatTemplate))
    }

    /// The chat template to use. What was `given` is Jinja, or a name: that of one of the model's own (`tool_use`), or of
    /// a built-in one (`chatml`). Without, it's the model's usual one, else one built in that fits the vocabulary: ChatML
    /// if it has `<|im_start|>`, TeenyTinyLlama's if it has `<instruction>`.
    ///
    /// # Errors
    /// [`Error::NoChatTemplate`] if there is none, [`Error::NoDefaultChatTemplate`] if all of them have names,
    /// [`Error::UnknownChatTemplate`] with the names that there are, [`Error::Json`] if the file has something else
    /// instead; [`Error::Template`] if it's malformed.
    pub fn chat_template(&self, given: Option<&str>) -> Result<ChatTemplate> {
        let own = &self.inner.chat_templates;
        match given {
            Some(given) => match own.get(given.trim()) {
                Some(source) => ChatTemplate::new(source),
                None => ChatTemplate::given(given).map_err(|error| match error {
                    Error::UnknownChatTemplate { name, known } if !own.names().is_empty() => {
                        Error::UnknownChatTemplate { name, known: format!("{}, {known}", own.names()) }
                    }
                    error => error,
                }),
            },
            None => {
                let built_in = || {
                    let by_token = [
                        ("<|im_start|>", crate::chat::CHATML),
                        ("<instruction>", crate::chat::TEENY_TINY_LLAMA),
                    ];
                    let fits = by_token.iter().find(|(token, _)| self.token_id(token).is_some());
                    fits.map(|(_, source)| *source).ok_or(Error::NoChatTemplate)
                };
                ChatTemplate::new(own.usual()?.map_or_else(built_in, Ok)?)
            }
        }
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab_size())
            .field("bos", &self.bos())
            .field("end_of_text", self.end_of_text())
            .finish_non_exhaustive()
    }
}

/// Does something with each text in a value, the keys of objects too: a model wrote those of a call's arguments.
fn each_text(value: &mut Value, act: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => act(text),
        Value::Array(values) => values.iter_mut().for_each(|value| each_text(value, act)),
        Value::Object(map) => {
            let marked = std::mem::take(map).into_iter().map(|(mut key, mut value)| {
                act(&mut key);
                each_text(&mut value, act);
                (key, value)
            });
            *map = marked.collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The one of [`END_OF_TEXT_NAMES`] that is an HTML tag, too. A vocabulary that has it as a piece of the user's, besides the
/// token that ends texts, has it for pages: Gemma's has a few dozen tags.
pub(crate) const HTML_TAG: &str = "</s>";

/// Spellings of control tokens that end what a model says, whatever its files say.
pub(crate) const END_OF_TEXT_NAMES: &[&str] = &[
    HTML_TAG,
    "<eos>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
    "<turn|>",
    "<end_of_utterance>",
    "<EOT>",
    "[EOT]",
    "[EOS]",
    "<｜end▁of▁sentence｜>",
];
