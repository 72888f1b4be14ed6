//! From tokens to text, up to the end of the text or a stop string.

use std::collections::BTreeSet;

use azulejo_tokenizer::{StreamDecoder, Tokenizer};

/// Why a text ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The model said so, by this token.
    EndOfText(u32),
    /// This string came up; it isn't part of the text.
    StopString(String),
    /// As many tokens as were asked for.
    MaxTokens,
    /// The context has no room for more.
    ContextFull,
    /// The caller stopped it.
    Cancelled,
}

/// Turns tokens into pieces of text that never hold half a character, nor the beginning of a stop string.
pub struct TextStream {
    decoder: StreamDecoder,
    ends: BTreeSet<u32>,
    stops: Vec<String>,
    /// Text that may yet turn out to be the beginning of a stop string.
    held: String,
}

impl std::fmt::Debug for TextStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TextStream({} bytes held)", self.held.len())
    }
}

impl TextStream {
    /// A stream that goes on from a prompt; empty stop strings are ignored.
    pub fn new(tokenizer: &Tokenizer, stops: Vec<String>, ends: BTreeSet<u32>, show_special: bool) -> Self {
        let decoder = tokenizer.stream_decoder(!show_special).continuing();
        Self {
            decoder,
            ends,
            stops: stops.into_iter().filter(|s| !s.is_empty()).collect(),
            held: String::new(),
        }
    }

    /// Takes a token: the text that is certain now, and the reason if this is the end.
    pub fn push(&mut self, token: u32) -> (String, Option<StopReason>) {
        if self.ends.contains(&token) {
            return (self.finish(), Some(StopReason::EndOfText(token)));
        }
        if let Some(piece) = self.decoder.push(token) {
            self.held.push_str(&piece);
        }
        let found = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop).map(|at| (at, stop.clone())))
            .min_by_key(|(at, _)| *at);
        if let Some((at, stop)) = found {
            let text = self.held[..at].to_owned();
            self.held.clear();
            return (text, Some(StopReason::StopString(stop)));
        }
        let certain = self.held.len() - self.longest_beginning();
        let rest = self.held.split_off(certain);
        (std::mem::replace(&mut self.held, rest), None)
    }

    /// The text that is left when no more tokens come.
    pub fn finish(&mut self) -> String {
        if let Some(piece) = self.decoder.finish() {
            self.held.push_str(&piece);
        }
        std::mem::take(&mut self.held)
    }

    /// Bytes at the end of the held text that a stop string begins with.
    fn longest_beginning(&self) -> usize {
        let beginning = |stop: &String| {
            (1..stop.len().min(self.held.len() + 1))
                .rev()
                .find(|&n| stop.is_char_boundary(n) && self.held.ends_with(&stop[..n]))
                .unwrap_or(0)
        };
        self.stops.iter().map(beginning).max().unwrap_or(0)
    }
}
