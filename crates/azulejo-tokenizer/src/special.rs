//! Finding control tokens in a text before the model sees it.

use std::collections::HashMap;
use std::ops::Range;

/// Tokens matched by their spelling: leftmost first, and the longest of those that begin at the same place.
#[derive(Default)]
pub(crate) struct Splitter {
    by_text: HashMap<String, u32>,
    /// For each first byte, the lengths in bytes that occur, longest first: a lookup for each is enough.
    lengths: HashMap<u8, Vec<usize>>,
}

/// A stretch of the text: plain, or one token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(Range<usize>),
    Token(u32),
}

impl Splitter {
    pub(crate) fn add(&mut self, text: &str, id: u32) {
        let Some(&first) = text.as_bytes().first() else { return };
        // The lowest id wins where a spelling occurs twice.
        self.by_text.entry(text.to_owned()).or_insert(id);
        let lengths = self.lengths.entry(first).or_default();
        if let Err(at) = lengths.binary_search_by(|len| text.len().cmp(len)) {
            lengths.insert(at, text.len());
        }
    }

    /// The spellings.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, u32)> {
        self.by_text.iter().map(|(text, id)| (text.as_str(), *id))
    }

    /// The longest token that begins at byte `at`, and its length in bytes.
    pub(crate) fn match_at(&self, text: &str, at: usize) -> Option<(u32, usize)> {
        let first = text.as_bytes().get(at)?;
        let lengths = self.lengths.get(first)?;
        lengths.iter().find_map(|&len| {
            let candidate = text.get(at..at.checked_add(len)?)?;
            self.by_text.get(candidate).map(|&id| (id, len))
        })
    }

    /// Cuts a text into plain stretches and tokens, in order; no stretch is empty.
    pub(crate) fn split(&self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut plain = 0;
        let mut at = 0;
        while at < text.len() {
            match self.match_at(text, at) {
                Some((id, len)) => {
                    if plain < at {
                        pieces.push(Piece::Text(plain..at));
                    }
                    pieces.push(Piece::Token(id));
                    at += len;
                    plain = at;
                }
                None => at += 1,
            }
        }
        if plain < text.len() {
            pieces.push(Piece::Text(plain..text.len()));
        }
        pieces
    }
}

/// Whether a spelling is one that models' makers give to control tokens, whatever their files call them: `<|...|>`, and
/// DeepSeek's with wide bars.
pub fn looks_special(text: &str) -> bool {
    let between = |begin: &str, end: &str| {
        text.len() > begin.len() + end.len() && text.starts_with(begin) && text.ends_with(end)
    };
    between("<|", "|>") || between("<\u{ff5c}", "\u{ff5c}>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitter_prefers_the_leftmost_then_the_longest() {
        let mut splitter = Splitter::default();
        for (id, text) in ["<s>", "<s>>", "é", "s>"].iter().enumerate() {
            splitter.add(text, id as u32);
        }
        assert_eq!(
            splitter.split("a<s>>b<s>é"),
            [Piece::Text(0..1), Piece::Token(1), Piece::Text(5..6), Piece::Token(0), Piece::Token(2),]
        );
        assert_eq!(splitter.split(""), []);
        assert_eq!(splitter.split("ê<"), [Piece::Text(0..3)]);
    }
}
