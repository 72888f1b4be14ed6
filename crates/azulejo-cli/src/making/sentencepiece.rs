//! A SentencePiece vocabulary: `tokenizer.model`.
//!
//! Source of the format: `sentencepiece_model.proto`, a protocol buffer. Of it, this reads the pieces (field 1: text,
//! score, type), the trainer's kind of model (field 2, its field 3: 2 is BPE) and the normaliser's dummy prefix
//! (field 3, its field 3).

use anyhow::{Context, Result, ensure};

/// A vocabulary.
#[derive(Debug)]
pub(crate) struct SentencePiece {
    /// By id.
    pub(crate) pieces: Vec<Piece>,
    /// Whether a space is put in front of a text.
    pub(crate) add_dummy_prefix: bool,
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// The higher is merged first.
    pub(crate) score: f32,
    /// 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte: the numbers that GGUF took over.
    pub(crate) kind: i32,
}

const BPE: u64 = 2;

impl SentencePiece {
    /// Reads it.
    ///
    /// # Errors
    /// If it is no such file, or not of the kind BPE.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let mut read = Self { pieces: Vec::new(), add_dummy_prefix: true };
        let mut kind = 1;
        let mut fields = Fields(bytes);
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (1, Value::Bytes(piece)) => read.pieces.push(piece_of(piece)?),
                (2, Value::Bytes(trainer)) => kind = number_of(trainer, 3)?.unwrap_or(1),
                (3, Value::Bytes(normalizer)) => {
                    read.add_dummy_prefix = number_of(normalizer, 3)?.unwrap_or(1) != 0;
                }
                _ => {}
            }
        }
        ensure!(!read.pieces.is_empty(), "it holds no pieces");
        ensure!(kind == BPE, "it isn't of the kind BPE, and others aren't known here");
        Ok(read)
    }
}

fn piece_of(bytes: &[u8]) -> Result<Piece> {
    let mut piece = Piece { text: String::new(), score: 0.0, kind: 1 };
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(text)) => {
                piece.text = std::str::from_utf8(text).context("a piece isn't UTF-8")?.to_owned();
            }
            (2, Value::Fixed32(bits)) => piece.score = f32::from_bits(bits),
            (3, Value::Number(kind)) => piece.kind = i32::try_from(kind)?,
            _ => {}
        }
    }
    Ok(piece)
}

/// The last number of that field.
fn number_of(bytes: &[u8], wanted: u64) -> Result<Option<u64>> {
    let mut found = None;
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        if let Value::Number(value) = value
            && number == wanted
        {
            found = Some(value);
        }
    }
    Ok(found)
}

/// The fields of a message, one after another.
struct Fields<'a>(&'a [u8]);

enum Value<'a> {
    Number(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
    Other,
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<(u64, Value<'a>)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => {
                self.take(8)?;
                Value::Other
            }
            2 => {
                let length = usize::try_from(self.varint()?)?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.take(4)?.try_into()?)),
            other => anyhow::bail!("a field of type {other}, which there is none of"),
        };
        Ok(Some((tag >> 3, value)))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).context("it ends in the middle")?;
        self.0 = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(value);
            }
        }
        anyhow::bail!("a number of more than 64 bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    #[test]
    fn sentencepiece_pieces_are_read() {
        let score = [&[2 << 3 | 5][..], &(-7.5f32).to_le_bytes()].concat();
        let piece = [message(1, "▁a".as_bytes()), score, vec![3 << 3, 6]].concat();
        let file = [message(1, &piece), message(2, &[3 << 3, 2]), message(3, &[3 << 3, 0])].concat();
        let read = SentencePiece::parse(&file).unwrap();
        assert_eq!(read.pieces, [Piece { text: "▁a".to_owned(), score: -7.5, kind: 6 }]);
        assert!(!read.add_dummy_prefix);
        // Unigram, and files cut short.
        assert!(SentencePiece::parse(&message(1, &piece)).is_err());
        for cut in 1..file.len() {
            let _ = SentencePiece::parse(&file[..cut]);
        }
        assert!(SentencePiece::parse(b"<html>").is_err());
    }
}
