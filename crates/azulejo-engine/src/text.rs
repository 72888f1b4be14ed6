//! From tokens to text, up to the end of the text or a stop string.

use std::collections::{BTreeMap, BTreeSet};

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

/// What a text is made of where stop strings are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Symbol {
    Char(char),
    /// A control token that isn't shown, by the place of its spelling in a list.
    Control(usize),
}

/// Turns tokens into pieces of text that never hold half a character, nor the beginning of a stop string.
///
/// A stop string that spells a control token (`<|im_end|>`, `\n<|user|>`) is also found where the model says that token,
/// though its text isn't shown; one that is a mere part of the spelling (`user`) isn't.
pub struct TextStream {
    decoder: StreamDecoder,
    ends: BTreeSet<u32>,
    stops: Vec<Stop>,
    /// Control tokens that stop strings spell.
    controls: BTreeMap<u32, usize>,
    /// What may yet turn out to be the beginning of a stop string.
    held: Vec<Symbol>,
}

/// A way to find a stop string.
struct Stop {
    string: String,
    symbols: Vec<Symbol>,
}

impl Stop {
    /// Where one without control tokens is looked for, those aren't there.
    fn sees(&self, symbol: Symbol) -> bool {
        matches!(symbol, Symbol::Char(_)) || self.symbols.iter().any(|s| matches!(s, Symbol::Control(_)))
    }

    /// The places of what it sees.
    fn seen(&self, held: &[Symbol]) -> Vec<usize> {
        (0..held.len()).filter(|&at| self.sees(held[at])).collect()
    }

    fn find(&self, held: &[Symbol]) -> Option<usize> {
        let seen = self.seen(held);
        let found = seen
            .windows(self.symbols.len())
            .find(|places| places.iter().zip(&self.symbols).all(|(&place, symbol)| held[place] == *symbol));
        found.map(|places| places[0])
    }

    /// Where its longest beginning stands that the text ends with.
    fn begins(&self, held: &[Symbol]) -> Option<usize> {
        let seen = self.seen(held);
        let most = seen.len().min(self.symbols.len() - 1);
        let tails = (1..=most).rev().map(|n| &seen[seen.len() - n..]);
        let is_beginning =
            |tail: &&[usize]| tail.iter().zip(&self.symbols).all(|(&place, symbol)| held[place] == *symbol);
        tails.into_iter().find(is_beginning).map(|tail| tail[0])
    }
}

impl std::fmt::Debug for TextStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TextStream({} characters held)", self.held.len())
    }
}

impl TextStream {
    /// A stream that goes on from a prompt; empty stop strings are ignored.
    pub fn new(tokenizer: &Tokenizer, stops: Vec<String>, ends: BTreeSet<u32>, show_special: bool) -> Self {
        let decoder = tokenizer.stream_decoder(!show_special).continuing();
        let mut stream =
            Self { decoder, ends, stops: Vec::new(), controls: BTreeMap::new(), held: Vec::new() };
        let stops: Vec<String> = stops.into_iter().filter(|stop| !stop.is_empty()).collect();
        // Control tokens that are shown are text like any other.
        let spellings = if show_special { Vec::new() } else { spellings(tokenizer, &stops) };
        for string in stops {
            let symbols = spelt(&string, &spellings);
            if symbols.iter().any(|symbol| matches!(symbol, Symbol::Control(_))) {
                stream.stops.push(Stop { string: string.clone(), symbols });
            }
            // The model may as well write the same characters by tokens of text.
            stream.stops.push(Stop { symbols: string.chars().map(Symbol::Char).collect(), string });
        }
        let ids = spellings
            .into_iter()
            .enumerate()
            .flat_map(|(i, (_, ids))| ids.into_iter().map(move |id| (id, i)));
        stream.controls = ids.collect();
        stream
    }

    /// Takes a token: the text that is certain now, and the reason if this is the end.
    pub fn push(&mut self, token: u32) -> (String, Option<StopReason>) {
        if self.ends.contains(&token) {
            return (self.finish(), Some(StopReason::EndOfText(token)));
        }
        self.held.extend(self.controls.get(&token).map(|&spelling| Symbol::Control(spelling)));
        if let Some(piece) = self.decoder.push(token) {
            self.held.extend(piece.chars().map(Symbol::Char));
        }
        let found = self
            .stops
            .iter()
            .filter_map(|stop| stop.find(&self.held).map(|at| (at, stop.string.clone())))
            .min_by_key(|(at, _)| *at);
        if let Some((at, stop)) = found {
            let text = shown(&self.held[..at]);
            self.held.clear();
            return (text, Some(StopReason::StopString(stop)));
        }
        let begins = self.stops.iter().filter_map(|stop| stop.begins(&self.held)).min();
        let certain = self.held.drain(..begins.unwrap_or(self.held.len()));
        (shown(certain.as_slice()), None)
    }

    /// The text that is left when no more tokens come.
    pub fn finish(&mut self) -> String {
        let mut text = shown(&std::mem::take(&mut self.held));
        text.extend(self.decoder.finish());
        text
    }
}

fn shown(symbols: &[Symbol]) -> String {
    let chars = symbols.iter().filter_map(|symbol| match symbol {
        Symbol::Char(c) => Some(*c),
        Symbol::Control(_) => None,
    });
    chars.collect()
}

/// The control tokens whose spellings are in one of the texts, longest first: each spelling with its ids.
fn spellings(tokenizer: &Tokenizer, texts: &[String]) -> Vec<(String, Vec<u32>)> {
    let mut found: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    let ids = 0..u32::try_from(tokenizer.vocab_size()).unwrap_or(u32::MAX);
    for id in ids.filter(|&id| !texts.is_empty() && tokenizer.is_special(id)) {
        let spelling = tokenizer.token_text(id).filter(|spelling| !spelling.is_empty());
        let Some(spelling) = spelling.filter(|spelling| texts.iter().any(|t| t.contains(spelling))) else {
            continue;
        };
        found.entry(spelling).or_default().push(id);
    }
    let mut found: Vec<_> = found.into_iter().map(|(spelling, ids)| (spelling.to_owned(), ids)).collect();
    found.sort_by_key(|(spelling, _)| std::cmp::Reverse(spelling.len()));
    found
}

/// A text with the control tokens that it spells: leftmost first, and the longest of those that begin at one place.
fn spelt(text: &str, spellings: &[(String, Vec<u32>)]) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let control = spellings.iter().position(|(spelling, _)| rest.starts_with(spelling.as_str()));
        let (symbol, bytes) = match control {
            Some(i) => (Symbol::Control(i), spellings[i].0.len()),
            None => (Symbol::Char(c), c.len_utf8()),
        };
        symbols.push(symbol);
        rest = &rest[bytes..];
    }
    symbols
}

#[cfg(test)]
mod tests {
    use azulejo_tokenizer::GgufVocabulary;

    use super::*;

    /// Letters as words of their own, and the control tokens `<s>`, `<|user|>` and `<|end|>`.
    fn tokenizer() -> Tokenizer {
        let words = ["<s>", "<|user|>", "<|end|>", "a", "b", "c", "\n", "<", "|", "user", ">", "é"];
        let tokens: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let token_types = Some((0..words.len()).map(|i| if i < 3 { 3 } else { 1 }).collect());
        let scores = Some((0..words.len()).map(|i| -(i as f32)).collect());
        let model = "llama".to_owned();
        let vocabulary = GgufVocabulary { model, tokens, token_types, scores, ..GgufVocabulary::default() };
        Tokenizer::from_gguf(vocabulary).expect("a vocabulary")
    }

    /// The text of words, piece by piece, and the stop string that ended it.
    fn run(stops: &[&str], words: &[&str], show_special: bool) -> (Vec<String>, Option<String>) {
        let tokenizer = tokenizer();
        let stops = stops.iter().map(|&stop| stop.to_owned()).collect();
        let mut stream = TextStream::new(&tokenizer, stops, BTreeSet::new(), show_special);
        let mut pieces = Vec::new();
        for word in words {
            let (piece, end) = stream.push(tokenizer.token_id(word).expect("a word"));
            pieces.push(piece);
            if let Some(StopReason::StopString(stop)) = end {
                return (pieces, Some(stop));
            }
        }
        pieces.push(stream.finish());
        (pieces, None)
    }

    fn text(stops: &[&str], words: &[&str]) -> (String, Option<String>) {
        let (pieces, stop) = run(stops, words, false);
        (pieces.concat(), stop)
    }

    fn ended(text: &str, stop: &str) -> (String, Option<String>) {
        (text.to_owned(), Some(stop.to_owned()))
    }

    #[test]
    fn text_stop_strings_hold_back_their_beginnings_only() {
        let (pieces, stop) = run(&["bca", "éb"], &["a", "b", "c", "c", "é", "b", "a"], false);
        assert_eq!(
            (pieces, stop),
            (["a", "", "", "bcc", "", ""].map(str::to_owned).to_vec(), Some("éb".into()))
        );
        let (pieces, stop) = run(&["bca"], &["a", "b", "c"], false);
        assert_eq!((pieces, stop), (["a", "", "", "bc"].map(str::to_owned).to_vec(), None));
        assert_eq!(text(&["c", "bc"], &["a", "b", "c"]), ended("a", "bc"));
        assert_eq!(text(&[""], &["a"]), ("a".to_owned(), None));
    }

    #[test]
    fn text_stop_strings_that_spell_a_control_token_end_at_it() {
        assert_eq!(text(&["<|user|>"], &["a", "b", "<|user|>", "c"]), ended("ab", "<|user|>"));
        assert_eq!(text(&["<|user|>"], &["a", "<|end|>", "b"]), ("ab".to_owned(), None));
        // With text around it, and more than one of them.
        assert_eq!(text(&["b\n<|user|>"], &["a", "b", "\n", "<|user|>", "c"]), ended("a", "b\n<|user|>"));
        assert_eq!(text(&["<|end|>\n<|user|>a"], &["b", "<|end|>", "\n", "c"]), ("b\nc".to_owned(), None));
        let words = ["b", "<|end|>", "\n", "<|user|>", "a"];
        assert_eq!(text(&["<|end|>\n<|user|>a"], &words), ended("b", "<|end|>\n<|user|>a"));
        // By tokens of text, it is the same string.
        assert_eq!(text(&["<|user|>"], &["a", "<", "|", "user", "|", ">", "c"]), ended("a", "<|user|>"));
        let (pieces, _) = run(&["<|user|>"], &["a", "<|user|>"], true);
        assert_eq!(pieces, ["a", ""]);
    }

    #[test]
    fn text_stop_strings_are_not_found_in_a_part_of_a_hidden_spelling() {
        assert_eq!(text(&["user", "|>", "<", "a<|"], &["a", "<|user|>", "b"]), ("ab".to_owned(), None));
        // What isn't shown is between no two characters.
        assert_eq!(text(&["ab"], &["c", "a", "<|user|>", "b"]), ended("c", "ab"));
        assert_eq!(text(&["ab", "<|user|>c"], &["c", "a", "<|user|>", "b"]), ended("c", "ab"));
    }
}
