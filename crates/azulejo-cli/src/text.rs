//! Texts from flags, files and pipes.

use std::io::{self, IsTerminal, Read};
use std::path::Path;

use anyhow::{Context, Result};
use azulejo::{EncodeOptions, Tokenizer};

use crate::exit::Usage;
use crate::load;

/// A file's bytes.
pub(crate) fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

/// The bytes of a file of text, or of standard input where it's called `-`.
fn text_bytes_of(path: &Path) -> Result<Vec<u8>> {
    let bytes = if path == Path::new("-") { stdin_bytes()? } else { bytes_of(path)? };
    Ok(without_byte_order_mark(bytes))
}

fn stdin_bytes() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).context("stdin")?;
    Ok(bytes)
}

/// What some editors put in front of UTF-8 isn't text.
fn without_byte_order_mark(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(..3);
    }
    bytes
}

/// The text of a file, or of standard input where it's called `-`.
pub(crate) fn text_of(path: &Path) -> Result<String> {
    let bytes = text_bytes_of(path)?;
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        anyhow::anyhow!(
            "{}: not UTF-8: the first bad byte is at offset {at}; convert the file",
            path.display()
        )
    })
}

/// The text of `-p`, of `-f` (`-` is standard input), or of a pipe: its bytes as they are, but for a byte-order mark.
pub(crate) fn input(prompt: Option<&str>, file: Option<&Path>) -> Result<Vec<u8>> {
    match (prompt, file) {
        (Some(text), _) => Ok(text.as_bytes().to_vec()),
        (None, Some(path)) => text_bytes_of(path),
        (None, None) if io::stdin().is_terminal() => {
            Err(Usage("no text: give one by -p or -f, or pipe one in".to_owned()).into())
        }
        (None, None) => Ok(without_byte_order_mark(stdin_bytes()?)),
    }
}

/// A prompt: as [`input`], without the line break at the end of a file or of what `echo` pipes in.
pub(crate) fn prompt(prompt: Option<&str>, file: Option<&Path>, escape: bool) -> Result<String> {
    let bytes = input(prompt, file)?;
    let mut text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        anyhow::anyhow!("the prompt is not UTF-8: the first bad byte is at offset {at}")
    })?;
    if prompt.is_none() && text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(Usage("the prompt is empty: give one by -p or -f, or pipe one in".to_owned()).into());
    }
    Ok(if escape { unescape(&text) } else { text })
}

/// Replaces `\n`, `\t`, `\r`, `\\`, `\'`, `\"` and `\xHH` (of ASCII); anything else stays.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let simple = match tail.chars().next() {
            Some('n') => Some('\n'),
            Some('t') => Some('\t'),
            Some('r') => Some('\r'),
            Some(c @ ('\\' | '\'' | '"')) => Some(c),
            _ => None,
        };
        let hex =
            tail.strip_prefix('x').and_then(|t| t.get(..2)).and_then(|h| u8::from_str_radix(h, 16).ok());
        rest = match (simple, hex.filter(u8::is_ascii)) {
            (Some(c), _) => {
                out.push(c);
                &tail[1..]
            }
            (None, Some(byte)) => {
                out.push(char::from(byte));
                &tail[3..]
            }
            (None, None) => {
                out.push('\\');
                tail
            }
        };
    }
    out.push_str(rest);
    out
}

/// A text's tokens; an error names the file that it is from.
pub(crate) fn tokens(
    tokenizer: &Tokenizer,
    bytes: &[u8],
    options: EncodeOptions,
    file: Option<&Path>,
) -> Result<Vec<u32>, azulejo::Error> {
    tokenizer.encode_bytes(bytes, options).map_err(|error| load::named(file, error.into()))
}

/// A token's text for a list: control characters and line breaks as escapes.
pub(crate) fn visible(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\""),
        Err(_) => bytes.iter().map(|b| format!("\\x{b:02X}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_escapes_are_those_of_c() {
        assert_eq!(unescape(r#"a\nb\t\"\\\x41\q\"#), "a\nb\t\"\\A\\q\\");
        assert_eq!(unescape(r"\xé\xFF\x4"), r"\xé\xFF\x4");
    }

    #[test]
    fn text_visible_shows_what_a_line_can_hold() {
        assert_eq!(visible("é\n'x'".as_bytes()), "é\\n'x'");
        assert_eq!(visible(&[0xC3]), "\\xC3");
    }
}
