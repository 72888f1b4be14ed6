//! The lexer of Jinja2 (`jinja2/lexer.py`, 3.1), with `trim_blocks` and `lstrip_blocks` on.

use crate::error::{Error, Result};

/// The engine compiles an expression by recursion: a chain of a few thousand operators (`not not not ...`) would
/// overflow the stack, where real templates have some 50 between two commas. 1,000 fit into 1 MiB of stack.
const MAX_CHAIN: usize = 600;
/// Bytes between two tags that the engine may write uncounted: its own bound is on steps.
const COUNTED: usize = 64;

const OPERATORS: [&str; 26] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", "<", ">",
    "=", ".", ":", "|", ",", ";",
];

#[derive(Debug, PartialEq)]
pub(super) enum Tok {
    Name(String),
    Number(String),
    /// A string's value.
    Text(String),
    Op(&'static str),
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) tok: Tok,
    /// Line ends between the token before and this one's end.
    pub(super) line_ends: usize,
    /// From 1.
    pub(super) line: usize,
}

impl Token {
    /// As the engine spells it.
    pub(super) fn write(&self, out: &mut String) {
        match &self.tok {
            // The engine knows ASCII names only.
            Tok::Name(text) if !text.is_ascii() => {
                out.push('_');
                for c in text.chars() {
                    if c.is_ascii() { out.push(c) } else { out.push_str(&format!("_{:x}_", u32::from(c))) }
                }
            }
            Tok::Name(text) | Tok::Number(text) => out.push_str(text),
            Tok::Op(op) => out.push_str(op),
            Tok::Text(text) => quote(out, text),
        }
    }
}

/// What a template is made of; white space between them is trimmed, and the line ends in it are kept inside of tags.
pub(super) enum Tag {
    /// In the engine's own spelling.
    Text(String),
    Expression(Vec<Token>),
    Statement(Vec<Token>),
}

pub(super) struct Lexer<'s> {
    source: &'s str,
    at: usize,
    /// The last tag took its line's end.
    line_begins: bool,
    /// Of `at`, from 1; and where it was counted last.
    line: usize,
    counted: usize,
    /// Line ends not yet written.
    line_ends: usize,
    text_done: bool,
}

impl<'s> Lexer<'s> {
    /// Of a source that has only LF.
    pub(super) fn new(source: &'s str) -> Self {
        let source = source.strip_suffix('\n').unwrap_or(source);
        Self { source, at: 0, line_begins: true, line: 1, counted: 0, line_ends: 0, text_done: false }
    }

    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn fail<T>(&mut self, reason: &str) -> Result<T> {
        Err(Error::Template { line: self.line(), reason: format!("syntax error: {reason}") })
    }

    fn line(&mut self) -> usize {
        self.line += count(&self.source[self.counted..self.at]);
        self.counted = self.at;
        self.line
    }

    pub(super) fn next_tag(&mut self) -> Result<Option<Tag>> {
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(None);
        }
        let open = rest
            .match_indices('{')
            .map(|(at, _)| at)
            .find(|&at| matches!(rest.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#')));
        let Some(open) = open else {
            self.at = self.source.len();
            return Ok(Some(Tag::Text(self.text(rest))));
        };
        let kind = rest.as_bytes()[open + 1];
        if !self.text_done {
            self.text_done = true;
            let sign = rest.as_bytes().get(open + 2);
            let text = &rest[..open];
            let kept = match sign {
                Some(b'-') => text.trim_end(),
                Some(b'+') => text,
                _ if kind == b'{' => text,
                _ => {
                    let line = text.rfind('\n').map_or(0, |at| at + 1);
                    let blank = text[line..].chars().all(char::is_whitespace);
                    if (line > 0 || self.line_begins) && blank { &text[..line] } else { text }
                }
            };
            self.at += open;
            let out = self.text(kept);
            self.line_ends += count(&text[kept.len()..]);
            if !out.is_empty() {
                return Ok(Some(Tag::Text(out)));
            }
        }
        self.text_done = false;
        self.line_begins = false;
        self.at += 2;
        let signed = self.rest().starts_with(['-', '+']);
        if kind == b'#' {
            let rest = self.rest();
            let Some(len) = rest.find("#}") else { return self.fail("a comment has no end") };
            self.line_ends += count(&rest[..len]);
            let sign = if len > 0 { rest.as_bytes()[len - 1] } else { 0 };
            self.at += len + 2;
            self.close(sign, true);
            // Nothing, on as many lines.
            let lines = "\n".repeat(std::mem::take(&mut self.line_ends));
            return Ok(Some(Tag::Text(if lines.is_empty() { lines } else { format!("{{#{lines}#}}") })));
        }
        self.at += usize::from(signed);
        if kind == b'%' {
            if let Some(raw) = self.raw()? {
                return Ok(Some(Tag::Text(raw)));
            }
            return Ok(Some(Tag::Statement(self.tokens("%}")?)));
        }
        Ok(Some(Tag::Expression(self.tokens("}}")?)))
    }

    /// The white space behind a tag, by the sign before its end.
    fn close(&mut self, sign: u8, trims: bool) {
        let rest = self.rest();
        let kept = match sign {
            b'-' => rest.trim_start(),
            b'+' => rest,
            _ if trims => rest.strip_prefix('\n').unwrap_or(rest),
            _ => rest,
        };
        let trimmed = &rest[..rest.len() - kept.len()];
        self.line_ends += count(trimmed);
        self.line_begins = trimmed.ends_with('\n');
        self.at += trimmed.len();
    }

    /// Text as the engine reads it.
    fn text(&self, text: &str) -> String {
        // In a loop text is made too: what's written as an expression is counted.
        let plain = text.len() <= COUNTED
            && !text.ends_with('{')
            && !["{{", "{%", "{#"].iter().any(|open| text.contains(open));
        if plain {
            return text.to_owned();
        }
        let mut out = "{{ ".to_owned();
        quote(&mut out, text);
        // On as many lines, for errors behind it.
        out.push_str(&"\n".repeat(count(text)));
        out.push_str(" }}");
        out
    }

    /// What stands between `{% raw %}` and `{% endraw %}`.
    fn raw(&mut self) -> Result<Option<String>> {
        let word = |text: &'s str, word: &str| text.trim_start().strip_prefix(word).map(str::trim_start);
        let Some(after) = word(self.rest(), "raw") else { return Ok(None) };
        let (trims, Some(body)) = (after.starts_with('-'), after.trim_start_matches('-').strip_prefix("%}"))
        else {
            return Ok(None);
        };
        for (at, _) in body.match_indices("{%") {
            let tag = &body[at + 2..];
            let Some(end) = word(tag.trim_start_matches(['-', '+']), "endraw") else { continue };
            let Some(rest) = end.trim_start_matches(['-', '+']).strip_prefix("%}") else { continue };
            let mut text = &body[..at];
            let sign = tag.as_bytes()[0];
            if sign == b'-' {
                text = text.trim_end();
            } else if sign != b'+' {
                let line = text.rfind('\n').map_or(0, |at| at + 1);
                if line > 0 && text[line..].trim().is_empty() {
                    text = &text[..line];
                }
            }
            if trims {
                text = text.trim_start();
            }
            self.at = self.source.len() - rest.len();
            self.close(end.as_bytes()[0], true);
            return Ok(Some(self.text(text)));
        }
        self.fail("a raw block has no end")
    }

    /// A tag's tokens, past its end.
    fn tokens(&mut self, close: &str) -> Result<Vec<Token>> {
        let mut tokens = Vec::new();
        let mut open = Vec::new();
        let mut chain = 0;
        loop {
            let rest = self.rest();
            let body = rest.trim_start();
            self.line_ends += count(&rest[..rest.len() - body.len()]);
            self.at += rest.len() - body.len();
            let Some(first) = body.chars().next() else { return self.fail("a tag has no end") };
            if open.is_empty() {
                let sign = if body[first.len_utf8()..].starts_with(close) { body.as_bytes()[0] } else { 0 };
                let signed = sign == b'-' || (sign == b'+' && close == "%}");
                if signed || body.starts_with(close) {
                    self.at += close.len() + usize::from(signed);
                    let sign = if signed { sign } else { 0 };
                    let ends = std::mem::take(&mut self.line_ends);
                    self.close(sign, close == "%}");
                    self.line_ends += ends;
                    return Ok(tokens);
                }
            }
            let (tok, len) = if first.is_alphabetic() || first == '_' {
                let len = body.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(body.len());
                (Tok::Name(body[..len].to_owned()), len)
            } else if first.is_ascii_digit() {
                let len = number(body, matches!(tokens.last(), Some(Token { tok: Tok::Op("."), .. })));
                (Tok::Number(body[..len].to_owned()), len)
            } else if first == '"' || first == '\'' {
                let Some(len) = string(body) else { return self.fail("a string has no end") };
                self.line_ends += count(&body[..len]);
                match unescape(&body[1..len - 1]) {
                    Some(text) => (Tok::Text(text), len),
                    None => return self.fail("a string has a bad escape"),
                }
            } else if let Some(op) = OPERATORS.iter().find(|op| body.starts_with(**op)) {
                match *op {
                    "(" | "[" | "{" => open.push(*op),
                    ")" | "]" | "}" => {
                        let matching = matches!(
                            (open.pop(), *op),
                            (Some("("), ")") | (Some("["), "]") | (Some("{"), "}")
                        );
                        if !matching {
                            return self.fail(&format!("unexpected {op:?}"));
                        }
                    }
                    _ => {}
                }
                (Tok::Op(op), op.len())
            } else {
                return self.fail(&format!("unexpected character {first:?}"));
            };
            chain = if tok == Tok::Op(",") { 0 } else { chain + 1 };
            if chain > MAX_CHAIN {
                return self.fail(&format!("an expression has more than {MAX_CHAIN} operators in a chain"));
            }
            let line = self.line();
            tokens.push(Token { tok, line_ends: std::mem::take(&mut self.line_ends), line });
            self.at += len;
        }
    }
}

fn count(text: &str) -> usize {
    text.bytes().filter(|&b| b == b'\n').count()
}

/// The length of the number that `text` begins with; behind a dot it's an index.
fn number(text: &str, index: bool) -> usize {
    let digits = |from: usize| {
        let of = |c: char| c.is_ascii_digit() || c == '_';
        text[from..].find(|c| !of(c)).map_or(text.len(), |len| from + len)
    };
    if matches!(text.as_bytes().get(1), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B'))
        && text.starts_with('0')
    {
        return text[2..]
            .find(|c: char| !c.is_ascii_hexdigit() && c != '_')
            .map_or(text.len(), |len| len + 2);
    }
    let is_digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let mut end = digits(0);
    if index {
        return end;
    }
    if text[end..].starts_with('.') && is_digit(end + 1) {
        end = digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        if is_digit(end + 1 + sign) {
            end = digits(end + 1 + sign);
        }
    }
    end
}

/// The length of the string that `text` begins with, with its quotes.
fn string(text: &str) -> Option<usize> {
    let mut escaped = false;
    let quote = text.as_bytes().first()?;
    for (at, b) in text.bytes().enumerate().skip(1) {
        match b {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b if b == *quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Python's `unicode-escape`.
fn unescape<'t>(text: &'t str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let c = rest[at + 1..].chars().next()?;
        let after = &rest[at + 1 + c.len_utf8()..];
        rest = after;
        let mut code = |digits: &'t str, radix: u32| {
            let code = u32::from_str_radix(digits, radix).ok()?;
            rest = &rest[digits.len() - usize::from(radix == 8)..];
            Some(char::from_u32(code).unwrap_or('\u{fffd}'))
        };
        match c {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(c),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\u{b}'),
            // Characters by their names would need all names.
            'N' => return None,
            'x' => out.push(code(after.get(..2)?, 16)?),
            'u' => out.push(code(after.get(..4)?, 16)?),
            'U' => out.push(code(after.get(..8)?, 16)?),
            '0'..='7' => {
                let octal = &text[text.len() - after.len() - 1..];
                let len = octal.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
                out.push(code(&octal[..len], 8)?);
            }
            c => out.extend(['\\', c]),
        }
    }
    out.push_str(rest);
    Some(out)
}

/// A string as the engine spells it, on one line.
pub(super) fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
}
