//! Unigram (Kudo, 2018) from a GGUF's vocabulary, as XLM-RoBERTa has it: of all ways to cut a text into tokens, the one
//! with the highest sum of scores.

use tokenizers::models::unigram::Unigram;
use tokenizers::tokenizer::Model;

use crate::error::{Error, Result, pipeline};
use crate::gguf::{CONTROL, GgufVocabulary, Spaces, UNKNOWN, UNUSED};

pub(crate) struct Pieces {
    charsmap: Option<CharsMap>,
    spaces: Spaces,
    model: Unigram,
}

impl Pieces {
    pub(crate) fn new(v: &GgufVocabulary, types: &[i32], unknown: u32, spaces: Spaces) -> Result<Self> {
        let bad = |key, reason| Error::Vocabulary { key, reason };
        const SCORES: &str = "tokenizer.ggml.scores";
        let scores = v.scores.as_ref().ok_or_else(|| bad(SCORES, "missing".to_owned()))?;
        if let Some(id) = scores.iter().position(|score| !score.is_finite()) {
            return Err(bad(SCORES, format!("the score of token {id} is no number")));
        }
        let piece = |((id, text), (&kind, &score)): ((u32, &String), (&i32, &f32))| match kind {
            // No text becomes one of these; the unknown token is known by its id. No piece is empty.
            CONTROL | UNKNOWN | UNUSED => (String::new(), 0.0),
            _ if id == unknown => (String::new(), 0.0),
            _ => (text.clone(), f64::from(score)),
        };
        let pieces = (0..).zip(&v.tokens).zip(types.iter().zip(scores)).map(piece).collect();
        let model = Unigram::from(pieces, Some(unknown as usize), false);
        let model = model.map_err(|err| bad("tokenizer.ggml.tokens", err.to_string()))?;
        let charsmap = v.precompiled_charsmap.as_deref().filter(|bytes| !bytes.is_empty());
        let charsmap = charsmap.map(CharsMap::read).transpose();
        let charsmap =
            charsmap.map_err(|reason| bad("tokenizer.ggml.precompiled_charsmap", reason.to_owned()))?;
        Ok(Self { charsmap, spaces, model })
    }

    pub(crate) fn encode(&self, text: &str, first: bool, ids: &mut Vec<u32>) -> Result<()> {
        let text = match &self.charsmap {
            Some(charsmap) => &charsmap.apply(text),
            None => text,
        };
        let marked = self.spaces.mark(text, first);
        if !marked.is_empty() {
            let tokens = self.model.tokenize(&marked).map_err(pipeline)?;
            ids.extend(tokens.iter().map(|token| token.id));
        }
        Ok(())
    }
}

/// SentencePiece's normalisation: texts and what they become, in a trie that is a double array (Aoe, 1989), as the
/// library darts-clone lays it out: each unit is 32 bits, of which 8 are the label, 22 the distance to the children.
///
/// As in SentencePiece, the longest text is replaced; Hugging Face's tokenizers look at graphemes of less than 6 bytes and
/// at characters, so that they leave decomposed Hangul as it is.
struct CharsMap {
    units: Vec<u32>,
    /// What texts become, each behind a zero.
    texts: Vec<u8>,
}

impl CharsMap {
    /// Four bytes say how many bytes the trie has; then it comes, then the texts.
    fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let (size, rest) = bytes.split_first_chunk().ok_or("is shorter than its own length")?;
        let size = u32::from_le_bytes(*size) as usize;
        let (trie, texts) = rest.split_at_checked(size).ok_or("is shorter than it says")?;
        let (units, []) = trie.as_chunks() else { return Err("holds a trie of broken units") };
        Ok(Self {
            units: units.iter().map(|unit| u32::from_le_bytes(*unit)).collect(),
            texts: texts.to_owned(),
        })
    }

    /// Replaces the longest text that the trie knows, again and again.
    fn apply(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (bytes, becomes) = self.longest(rest).unwrap_or((first.len_utf8(), None));
            out.push_str(becomes.unwrap_or(&rest[..bytes]));
            rest = &rest[bytes..];
        }
        out
    }

    /// The longest prefix that the trie knows, and what it becomes.
    fn longest(&self, text: &str) -> Option<(usize, Option<&str>)> {
        let children = |unit: u32| (unit >> 10) << ((unit & (1 << 9)) >> 6);
        let mut at = children(*self.units.first()?);
        let mut found = None;
        for (i, byte) in text.bytes().enumerate().take_while(|(_, byte)| *byte != 0) {
            at ^= u32::from(byte);
            let Some(&unit) = self.units.get(at as usize) else { break };
            if unit & (1 << 31 | 0xff) != u32::from(byte) {
                break;
            }
            at ^= children(unit);
            let has_text = unit >> 8 & 1 == 1;
            if has_text && text.is_char_boundary(i + 1) {
                let offset = self.units.get(at as usize).map(|unit| unit & !(1 << 31));
                found = offset.and_then(|offset| Some((i + 1, Some(self.text(offset)?)))).or(found);
            }
        }
        found
    }

    fn text(&self, offset: u32) -> Option<&str> {
        let rest = self.texts.get(offset as usize..)?;
        std::str::from_utf8(&rest[..rest.iter().position(|byte| *byte == 0)?]).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn charsmap_replaces_the_longest_and_takes_damaged_bytes() {
        // A trie of two texts, "a" -> "x" and "ab" -> "yz"; units by their place: the root's children begin at 256.
        let mut units = vec![0u32; 1024];
        units[0] = 256 << 10;
        let a = 256 ^ u32::from(b'a');
        // What is behind "a" begins at 512: its text there, "b" beside it.
        units[a as usize] = u32::from(b'a') | 1 << 8 | (a ^ 512) << 10;
        units[512] = 1 << 31;
        let b = 512 ^ u32::from(b'b');
        units[b as usize] = u32::from(b'b') | 1 << 8 | (b ^ 768) << 10;
        units[768] = 1 << 31 | 2;
        let trie: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let size = (trie.len() as u32).to_le_bytes();
        let bytes = [&size[..], &trie, b"x\0yz\0"].concat();
        let map = CharsMap::read(&bytes).unwrap();
        assert_eq!(map.apply("aéabb\0a"), "xéyzb\0x");
        for cut in 0..bytes.len() {
            if let Ok(map) = CharsMap::read(&bytes[..cut]) {
                map.apply("ab");
            }
        }
        for at in (4..bytes.len()).step_by(3) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            CharsMap::read(&damaged).unwrap().apply("abaab");
        }
    }
}
