//! Finding control tokens in a text before the model sees it.

use std::collections::{BTreeSet, HashMap};
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

/// Characters that stand in a text for no text, so that what is a control token's spelling without them is none with
/// them. Unicode keeps 32 that no text has.
pub(crate) struct Marks {
    /// Put inside of a spelling.
    inside: char,
    /// Put in the place of a spelling of one character, which has no inside, and that character.
    stand_ins: Vec<(char, char)>,
}

impl Marks {
    /// Marks that the texts don't have, for the spellings that occur in them; `None` where there are none. All texts
    /// come by `each_text`, which is called thrice: what has all 32 characters itself loses them.
    pub(crate) fn put(
        spellings: &Splitter,
        mut each_text: impl FnMut(&mut dyn FnMut(&mut String)),
    ) -> Option<Self> {
        const NO_TEXT: std::ops::RangeInclusive<char> = '\u{fdd0}'..='\u{fdef}';
        let mut taken = BTreeSet::new();
        let mut alone = BTreeSet::new();
        let mut is_found = false;
        each_text(&mut |text| {
            for (at, c) in text.char_indices() {
                if NO_TEXT.contains(&c) {
                    taken.insert(c);
                }
                if let Some((_, len)) = spellings.match_at(text, at) {
                    is_found = true;
                    if len == c.len_utf8() {
                        alone.insert(c);
                    }
                }
            }
        });
        if !is_found {
            return None;
        }
        if NO_TEXT.count() - taken.len() <= alone.len() {
            taken.clear();
            each_text(&mut |text| text.retain(|c| !NO_TEXT.contains(&c)));
        }
        let mut free = NO_TEXT.filter(|c| !taken.contains(c));
        let inside = free.next()?;
        let marks = Self { inside, stand_ins: free.zip(alone).collect() };
        each_text(&mut |text| *text = marks.marked(text, spellings));
        Some(marks)
    }

    fn marked(&self, text: &str, spellings: &Splitter) -> String {
        let mut out = String::with_capacity(text.len() + text.len() / 8);
        for (at, c) in text.char_indices() {
            let stand_in = self.stand_ins.iter().find(|(_, original)| *original == c);
            out.push(stand_in.map_or(c, |(stand_in, _)| *stand_in));
            if spellings.match_at(text, at).is_some_and(|(_, len)| len > c.len_utf8()) {
                out.push(self.inside);
            }
        }
        out
    }

    /// The text's own character.
    pub(crate) fn unmarked(&self, c: char) -> Option<char> {
        if c == self.inside {
            return None;
        }
        let original = self.stand_ins.iter().find(|(stand_in, _)| *stand_in == c);
        Some(original.map_or(c, |(_, original)| *original))
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
