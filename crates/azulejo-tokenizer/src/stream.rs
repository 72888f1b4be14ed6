//! Decoding one token at a time, without ever showing half a character.

use std::sync::Arc;

use crate::tokenizer::{DecodeRule, Inner};

/// Turns ids into text as they come.
///
/// The concatenation of everything [`push`](Self::push) and [`finish`](Self::finish) return equals
/// [`Tokenizer::decode`](crate::Tokenizer::decode) of all ids. A character split over tokens (byte fallback, byte-level BPE) is held
/// back until it's whole; bytes that can never become a character come out as U+FFFD, one for each maximal bad
/// sequence. Each push costs the token's own length, however long the text is.
///
/// The rare tokenizers whose decoder is not a table of bytes (WordPiece, CTC; encoders, not generators) give
/// everything at `finish`.
pub struct StreamDecoder {
    inner: Arc<Inner>,
    skip_special: bool,
    leading_spaces: usize,
    /// The bytes of an unfinished character: at most three between two pushes.
    pending: Vec<u8>,
    /// Only for decoders that need the whole text.
    ids: Vec<u32>,
}

impl StreamDecoder {
    pub(crate) fn new(inner: Arc<Inner>, skip_special: bool) -> Self {
        let leading_spaces = inner.table.leading_spaces;
        Self { inner, skip_special, leading_spaces, pending: Vec::new(), ids: Vec::new() }
    }

    /// For a text that goes on after a prompt: a leading space of the first token is then a real one. (At the
    /// start of a text it's an artefact of SentencePiece's encoding, and is dropped.)
    pub fn continuing(mut self) -> Self {
        self.leading_spaces = 0;
        self
    }

    /// Takes the next id; returns the text that has become whole, `None` if there's none yet. An id that the
    /// vocabulary doesn't have adds nothing.
    pub fn push(&mut self, id: u32) -> Option<String> {
        if matches!(self.inner.decode_rule, DecodeRule::Whole) {
            self.ids.push(id);
            return None;
        }
        let inner = Arc::clone(&self.inner);
        if self.skip_special && inner.table.is_special(id) {
            return None;
        }
        let mut bytes = inner.table.bytes(id)?;
        while self.leading_spaces > 0 && !bytes.is_empty() {
            match bytes.strip_prefix(b" ") {
                Some(rest) => {
                    bytes = rest;
                    self.leading_spaces -= 1;
                }
                None => self.leading_spaces = 0,
            }
        }
        let mut out = String::new();
        self.pending.extend_from_slice(bytes);
        drain_characters(&mut self.pending, &mut out);
        (!out.is_empty()).then_some(out)
    }

    /// Ends the text: an unfinished character comes out as U+FFFD. The decoder is then as new, except that it
    /// counts as being after a text.
    pub fn finish(&mut self) -> Option<String> {
        if matches!(self.inner.decode_rule, DecodeRule::Whole) {
            let ids = std::mem::take(&mut self.ids);
            let text = self.inner.decode_whole(&ids, self.skip_special);
            return (!text.is_empty()).then_some(text);
        }
        let unfinished = !self.pending.is_empty();
        self.pending.clear();
        unfinished.then(|| char::REPLACEMENT_CHARACTER.to_string())
    }
}

/// Moves all that is decided from `pending` to `out`; what may still become a character stays.
fn drain_characters(pending: &mut Vec<u8>, out: &mut String) {
    let mut rest = pending.as_slice();
    loop {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                out.push_str(text);
                pending.clear();
                return;
            }
            Err(err) => {
                let (good, bad) = rest.split_at(err.valid_up_to());
                out.push_str(&String::from_utf8_lossy(good));
                let Some(bad_len) = err.error_len() else {
                    let keep = bad.to_vec();
                    *pending = keep;
                    return;
                };
                out.push(char::REPLACEMENT_CHARACTER);
                rest = &bad[bad_len..];
            }
        }
    }
}
