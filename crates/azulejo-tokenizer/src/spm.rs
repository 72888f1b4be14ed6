//! SentencePiece's BPE: merges by score.
//!
//! The algorithm is the one of the SentencePiece library (Kudo and Richardson, 2018, `bpe_model`): symbols start as
//! characters; the adjacent pair whose concatenation is the piece with the highest score is merged, the leftmost on a
//! tie, until no pair makes a piece; characters without a piece become bytes. A list of merges derived from the scores
//! is not the same thing: all splits of a piece share one score there, and a list must order them.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use crate::error::{Error, Result};
use crate::special::Splitter;

/// SentencePiece's mark for a space.
pub(crate) const SPACE_MARK: char = '\u{2581}';

/// A vocabulary of scored pieces.
#[derive(Default)]
pub(crate) struct ScoreBpe {
    pieces: HashMap<String, Piece>,
    byte_ids: HashMap<u8, u32>,
    /// Pieces matched as they stand, never merged, never cut.
    user_defined: Splitter,
    unknown: Option<u32>,
}

#[derive(Clone, Copy)]
struct Piece {
    id: u32,
    score: f32,
    /// Merged on the way to longer pieces, but cut again if it's what remains.
    unused: bool,
}

struct Symbol {
    start: usize,
    /// Bytes; 0 once merged into its left neighbour.
    len: usize,
    prev: Option<usize>,
    next: Option<usize>,
    /// The id of a user-defined piece.
    fixed: Option<u32>,
}

struct Pair {
    left: usize,
    right: usize,
    score: f32,
    /// Bytes of both when the pair was found; another sum now means that one of them has changed.
    len: usize,
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Pair {}

impl ScoreBpe {
    /// Adds a piece that merges may form. The first of two equal spellings stays.
    pub(crate) fn add_piece(&mut self, text: &str, id: u32, score: f32, unused: bool) {
        // -0.0 and 0.0 are equal scores, which `total_cmp` would tell apart.
        self.pieces.entry(text.to_owned()).or_insert(Piece { id, score: score + 0.0, unused });
    }

    /// Adds a piece matched as it stands.
    pub(crate) fn add_user_defined(&mut self, text: &str, id: u32) {
        self.user_defined.add(text, id);
    }

    pub(crate) fn add_byte(&mut self, byte: u8, id: u32) {
        self.byte_ids.entry(byte).or_insert(id);
    }

    pub(crate) fn set_unknown(&mut self, id: Option<u32>) {
        self.unknown = id;
    }

    /// Appends the ids of a text whose spaces are already marked. O(n log n) in its characters.
    ///
    /// # Errors
    /// [`Error::NoToken`] if a character has no piece, no bytes and no unknown token.
    pub(crate) fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Result<()> {
        let mut symbols = self.symbols(text);
        let mut heap = BinaryHeap::new();
        // Only unused pieces are ever cut again; the split is that of the pair seen last.
        let mut cuts: HashMap<&str, usize> = HashMap::new();
        for right in 1..symbols.len() {
            self.offer(text, &symbols, (right - 1, right), &mut heap, &mut cuts);
        }
        while let Some(top) = heap.pop() {
            let (left_len, right_len) = (symbols[top.left].len, symbols[top.right].len);
            if left_len == 0 || right_len == 0 || left_len + right_len != top.len {
                continue;
            }
            let after = symbols[top.right].next;
            symbols[top.right].len = 0;
            symbols[top.left].len = top.len;
            symbols[top.left].next = after;
            if let Some(after) = after {
                symbols[after].prev = Some(top.left);
                self.offer(text, &symbols, (top.left, after), &mut heap, &mut cuts);
            }
            if let Some(before) = symbols[top.left].prev {
                self.offer(text, &symbols, (before, top.left), &mut heap, &mut cuts);
            }
        }
        let mut at = (!symbols.is_empty()).then_some(0);
        let mut after_unknown = false;
        while let Some(i) = at {
            let symbol = &symbols[i];
            match symbol.fixed {
                Some(id) => {
                    ids.push(id);
                    after_unknown = false;
                }
                None => {
                    let piece = &text[symbol.start..symbol.start + symbol.len];
                    self.emit(piece, &cuts, ids, &mut after_unknown)?;
                }
            }
            at = symbol.next;
        }
        Ok(())
    }

    /// Characters, and user-defined pieces as one symbol each.
    fn symbols(&self, text: &str) -> Vec<Symbol> {
        let mut symbols: Vec<Symbol> = Vec::with_capacity(text.len());
        let mut start = 0;
        while let Some(c) = text[start..].chars().next() {
            let (fixed, len) = match self.user_defined.match_at(text, start) {
                Some((id, len)) => (Some(id), len),
                None => (None, c.len_utf8()),
            };
            let prev = symbols.len().checked_sub(1);
            if let Some(last) = symbols.last_mut() {
                last.next = prev.map(|p| p + 1);
            }
            symbols.push(Symbol { start, len, prev, next: None, fixed });
            start += len;
        }
        symbols
    }

    fn offer<'t>(
        &self,
        text: &'t str,
        symbols: &[Symbol],
        (left, right): (usize, usize),
        heap: &mut BinaryHeap<Pair>,
        cuts: &mut HashMap<&'t str, usize>,
    ) {
        let (l, r) = (&symbols[left], &symbols[right]);
        if l.fixed.is_some() || r.fixed.is_some() {
            return;
        }
        let len = l.len + r.len;
        let joined = &text[l.start..l.start + len];
        if let Some(piece) = self.pieces.get(joined) {
            heap.push(Pair { left, right, score: piece.score, len });
            if piece.unused {
                cuts.insert(joined, l.len);
            }
        }
    }

    fn emit(
        &self,
        text: &str,
        cuts: &HashMap<&str, usize>,
        ids: &mut Vec<u32>,
        after_unknown: &mut bool,
    ) -> Result<()> {
        // A stack instead of recursion, as a cut may nest as deep as the piece is long.
        let mut todo = vec![text];
        while let Some(piece) = todo.pop() {
            match self.pieces.get(piece) {
                Some(found) if !found.unused => {
                    ids.push(found.id);
                    *after_unknown = false;
                    continue;
                }
                // An "unused" character that no merge made is spelt in bytes.
                Some(_) => {
                    if let Some(&cut) = cuts.get(piece) {
                        let (left, right) = piece.split_at(cut);
                        todo.extend([right, left]);
                        continue;
                    }
                }
                None => {}
            }
            let bytes: Option<Vec<u32>> = piece.bytes().map(|b| self.byte_ids.get(&b).copied()).collect();
            match (bytes, self.unknown) {
                (Some(bytes), _) => {
                    ids.extend(bytes);
                    *after_unknown = false;
                }
                // A run of unknown characters is one unknown token.
                (None, Some(_)) if *after_unknown => {}
                (None, Some(unknown)) => {
                    ids.push(unknown);
                    *after_unknown = true;
                }
                (None, None) => {
                    let character = piece.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
                    return Err(Error::NoToken { character });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(pieces: &[(&str, f32)]) -> ScoreBpe {
        let mut bpe = ScoreBpe::default();
        for (id, (text, score)) in pieces.iter().enumerate() {
            bpe.add_piece(text, id as u32, *score, false);
        }
        bpe
    }

    fn ids(bpe: &ScoreBpe, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        bpe.encode(text, &mut ids).unwrap();
        ids
    }

    #[test]
    fn score_bpe_leftmost_pair_wins_a_tie() {
        let bpe = vocabulary(&[("a", -9.0), ("aa", -1.0)]);
        assert_eq!(ids(&bpe, "aaa"), [1, 0]);
        // "ab" and "bc" have one score: the left one is merged.
        let bpe = vocabulary(&[("a", -9.0), ("b", -9.0), ("c", -9.0), ("ab", -1.0), ("bc", -1.0)]);
        assert_eq!(ids(&bpe, "abc"), [3, 2]);
    }

    #[test]
    fn score_bpe_higher_score_wins_over_position() {
        let bpe = vocabulary(&[("a", -9.0), ("b", -9.0), ("c", -9.0), ("ab", -2.0), ("bc", -1.0)]);
        assert_eq!(ids(&bpe, "abc"), [0, 4]);
    }

    #[test]
    fn score_bpe_unused_piece_is_cut_again() {
        let mut bpe = vocabulary(&[("a", -9.0), ("b", -9.0), ("c", -9.0), ("abc", -3.0)]);
        bpe.add_piece("ab", 9, -1.0, true);
        assert_eq!(ids(&bpe, "ab"), [0, 1]);
        assert_eq!(ids(&bpe, "abc"), [3]);
    }

    #[test]
    fn score_bpe_without_any_token_is_an_error() {
        let bpe = vocabulary(&[("a", -9.0)]);
        let mut ids = Vec::new();
        assert!(matches!(bpe.encode("aé", &mut ids), Err(Error::NoToken { character: 'é' })));
    }
}
