//! WordPiece (Devlin et al., 2018) from a GGUF's vocabulary: words are split at spaces and punctuation, and each is the
//! longest tokens of the vocabulary, from its beginning on, or unknown as a whole.

use tokenizers::models::bpe::Vocab;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::tokenizer::{Model, Normalizer, PreTokenizedString, PreTokenizer};

use crate::error::{Error, Result, pipeline};
use crate::gguf::{CONTROL, GgufVocabulary, UNKNOWN};
use crate::spm::SPACE_MARK;
use crate::tokenizer::push_ids;

/// What stands before a token that goes on with a word, in the model's own vocabulary.
const GOES_ON: &str = "##";

pub(crate) struct WordPieces {
    normalizer: BertNormalizer,
    model: WordPiece,
}

impl WordPieces {
    /// GGUF marks tokens that begin a word, by a space, where the model's own vocabulary marks those that don't.
    pub(crate) fn new(v: &GgufVocabulary, types: &[i32], unknown: u32) -> Result<Self> {
        let mut vocab = Vocab::default();
        for ((id, text), &kind) in (0..).zip(&v.tokens).zip(types) {
            let own = match text.strip_prefix(SPACE_MARK) {
                _ if id == unknown => text.clone(),
                // No word becomes a control token.
                _ if matches!(kind, CONTROL | UNKNOWN) => continue,
                Some(word) => word.to_owned(),
                None => format!("{GOES_ON}{text}"),
            };
            vocab.entry(own).or_insert(id);
        }
        let lowercase = v.lowercase.unwrap_or(true);
        let strip_accents = v.strip_accents.unwrap_or(lowercase);
        let unknown = v.tokens[unknown as usize].clone();
        let model = WordPiece::builder().vocab(vocab).unk_token(unknown).build();
        let model = model
            .map_err(|err| Error::Vocabulary { key: "tokenizer.ggml.tokens", reason: err.to_string() })?;
        Ok(Self { normalizer: BertNormalizer::new(true, true, Some(strip_accents), lowercase), model })
    }

    pub(crate) fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Result<()> {
        let mut pieces = PreTokenizedString::from(text);
        pieces.normalize(|piece| self.normalizer.normalize(piece)).map_err(pipeline)?;
        BertPreTokenizer.pre_tokenize(&mut pieces).map_err(pipeline)?;
        pieces.tokenize(|piece| self.model.tokenize(piece.get())).map_err(pipeline)?;
        push_ids(&pieces, ids);
        Ok(())
    }
}
