//! What each id decodes to: one table of bytes, so that decoding is a lookup and streams exactly as it decodes.

use std::borrow::Cow;

/// Hostile files may number a token 4 billion; real vocabularies stay under 300,000.
pub(crate) const MAX_TOKENS: usize = 1 << 22;

const SPECIAL: u8 = 1;
const PRESENT: u8 = 2;

/// Texts and bytes of all tokens, by id, in two arenas.
#[derive(Default)]
pub(crate) struct TokenTable {
    text: String,
    text_ends: Vec<u32>,
    bytes: Vec<u8>,
    bytes_ends: Vec<u32>,
    flags: Vec<u8>,
    /// How many leading spaces of the whole decoded text are an artefact of encoding.
    pub(crate) leading_spaces: usize,
}

impl TokenTable {
    /// Appends the next id. `text` is the vocabulary's own spelling, `bytes` what it stands for.
    pub(crate) fn push(&mut self, text: &str, bytes: &[u8], special: bool) {
        self.text.push_str(text);
        self.bytes.extend_from_slice(bytes);
        self.flags.push(PRESENT | if special { SPECIAL } else { 0 });
        self.close();
    }

    /// Appends an id without a token (a hole in the numbering).
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "no browser reads a tokenizer.json"))]
    pub(crate) fn push_hole(&mut self) {
        self.flags.push(0);
        self.close();
    }

    fn close(&mut self) {
        // Arenas over 4 GiB would need a file that large; saturating keeps slices in order at least.
        self.text_ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        self.bytes_ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    /// Number of ids, holes included.
    pub(crate) fn len(&self) -> usize {
        self.flags.len()
    }

    fn range(ends: &[u32], id: u32) -> Option<std::ops::Range<usize>> {
        let id = id as usize;
        let end = *ends.get(id)? as usize;
        let start = if id == 0 { 0 } else { ends[id - 1] as usize };
        Some(start..end)
    }

    /// The vocabulary's spelling of an id; `None` for an id that does not exist.
    pub(crate) fn text(&self, id: u32) -> Option<&str> {
        self.present(id).then(|| Self::range(&self.text_ends, id).and_then(|r| self.text.get(r))).flatten()
    }

    /// The bytes an id decodes to; `None` for an id that does not exist.
    pub(crate) fn bytes(&self, id: u32) -> Option<&[u8]> {
        self.present(id).then(|| Self::range(&self.bytes_ends, id).and_then(|r| self.bytes.get(r))).flatten()
    }

    fn present(&self, id: u32) -> bool {
        self.flags.get(id as usize).is_some_and(|f| f & PRESENT != 0)
    }

    /// Whether an id is a control token, left out of text for people.
    pub(crate) fn is_special(&self, id: u32) -> bool {
        self.flags.get(id as usize).is_some_and(|f| f & SPECIAL != 0)
    }
}

/// The byte of a token spelt `<0xXX>` (SentencePiece's byte fallback).
pub(crate) fn byte_token(text: &str) -> Option<u8> {
    let hex = text.strip_prefix("<0x")?.strip_suffix('>')?;
    if hex.len() != 2 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(hex, 16).ok()
}

/// What a SentencePiece token stands for: its byte, or its text with `▁` as a space.
pub(crate) fn sentencepiece_bytes(text: &str) -> Cow<'_, [u8]> {
    if let Some(byte) = byte_token(text) {
        return Cow::Owned(vec![byte]);
    }
    if text.contains('\u{2581}') {
        return Cow::Owned(text.replace('\u{2581}', " ").into_bytes());
    }
    Cow::Borrowed(text.as_bytes())
}

/// What a byte-level (GPT-2) token stands for. A token with any character outside of the byte alphabet is taken
/// as it stands.
///
/// GPT-2's alphabet shows the 188 printable bytes of Latin-1 as themselves and the other 68 as U+0100 and up, in
/// order.
pub(crate) fn byte_level_bytes(text: &str) -> Cow<'_, [u8]> {
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte_of_char(c) {
            Some(b) => out.push(b),
            None => return Cow::Borrowed(text.as_bytes()),
        }
    }
    Cow::Owned(out)
}

fn byte_of_char(c: char) -> Option<u8> {
    match u32::from(c) {
        c @ (0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) => Some(c as u8),
        c @ 0x100..=0x120 => Some((c - 0x100) as u8),
        c @ 0x121..=0x142 => Some((c - 0x121 + 0x7f) as u8),
        0x143 => Some(0xad),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_level_alphabet_is_a_bijection() {
        let mut seen = [false; 256];
        for c in (0..0x200).filter_map(char::from_u32) {
            if let Some(b) = byte_of_char(c) {
                assert!(!seen[b as usize], "{c:?} repeats byte {b}");
                seen[b as usize] = true;
            }
        }
        assert!(seen.iter().all(|&s| s));
        assert_eq!(byte_of_char('Ġ'), Some(b' '));
        assert_eq!(byte_of_char('Ċ'), Some(b'\n'));
    }

    #[test]
    fn byte_token_needs_exactly_two_digits() {
        assert_eq!(byte_token("<0x0A>"), Some(10));
        assert_eq!(byte_token("<0xA>"), None);
        assert_eq!(byte_token("<0x+A>"), None);
        assert_eq!(byte_token("0x0A"), None);
    }

    #[test]
    fn token_table_holes_have_no_text() {
        let mut table = TokenTable::default();
        table.push("a", b"a", false);
        table.push_hole();
        table.push("<s>", b"<s>", true);
        assert_eq!(table.text(0), Some("a"));
        assert_eq!(table.text(1), None);
        assert_eq!(table.bytes(2), Some(&b"<s>"[..]));
        assert_eq!(table.bytes(3), None);
        assert!(table.is_special(2) && !table.is_special(0) && !table.is_special(9));
    }
}
