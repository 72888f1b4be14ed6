//! Python's text: formats, lines and words.

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, Value};

use super::python::{escape, failed, int as int_value, invalid, repr, to_str};

/// What the engine prints otherwise than Python is given to it as text; by `conversion`, as a number.
fn printable(value: &Value, safe: bool, conversion: char) -> Value {
    match (conversion, value.kind()) {
        ('d' | 'i' | 'u', ValueKind::Bool) => Value::from(i64::from(value.is_true())),
        ('d' | 'i' | 'u', ValueKind::Number) if !value.is_integer() => {
            f64::try_from(value.clone()).map_or_else(|_| value.clone(), |x| int_value(x as i128))
        }
        ('e' | 'f' | 'g' | 'E' | 'F' | 'G', ValueKind::Bool) => {
            Value::from(f64::from(u8::from(value.is_true())))
        }
        ('r', _) => Value::from(repr(value, 0)),
        (' ', ValueKind::Number) => value.clone(),
        ('s', _) | (_, ValueKind::Bool | ValueKind::None | ValueKind::Undefined) if !safe => {
            Value::from(to_str(value))
        }
        ('s', _) => Value::from(escape(value)),
        (_, ValueKind::Number) => value.clone(),
        (_, ValueKind::String) if !safe => value.clone(),
        _ if safe => Value::from(escape(value)),
        _ => Value::from(to_str(value)),
    }
}

/// What each field of a `%` format is converted to.
fn conversions(text: &str) -> Vec<char> {
    let mut found = Vec::new();
    let mut chars = text.chars();
    while chars.any(|c| c == '%') {
        let mut named = false;
        let conversion = chars.find(|&c| {
            named = (named || c == '(') && c != ')';
            !named && (c == '%' || c.is_ascii_alphabetic())
        });
        found.extend(conversion.filter(|&c| c != '%'));
    }
    found
}

fn made(text: String, safe: bool) -> Value {
    if safe { Value::from_safe_string(text) } else { Value::from(text) }
}

/// `pattern % args`, or of a `lone` value that isn't a tuple.
pub(super) fn percent(pattern: &Value, args: &[Value], lone: bool) -> Result<Value, Error> {
    let text = pattern.as_str().unwrap_or_default();
    let fields = conversions(text);
    // What isn't a tuple but can be looked into may stay unused.
    let looked_into = matches!(args, [only] if matches!(only.kind(), ValueKind::Map | ValueKind::Seq | ValueKind::Undefined));
    let mapping = matches!(args, [only] if only.kind() == ValueKind::Map);
    if !(looked_into && lone) && args.len() > fields.len() {
        return Err(invalid("not all arguments converted during string formatting"));
    }
    let safe = pattern.is_safe();
    let args: Vec<Value> = match args {
        [only] if mapping && text.contains("%(") => {
            let pairs = only.try_iter()?.map(|key| {
                let item = only.get_item(&key).unwrap_or_default();
                (key, printable(&item, safe, 'x'))
            });
            vec![Value::from_pairs(pairs)]
        }
        args => args.iter().zip(fields).map(|(arg, field)| printable(arg, safe, field)).collect(),
    };
    Ok(made(format(FormatStyle::Printf, text, &args)?, safe))
}

/// `pattern.format(*args, **kwargs)`.
pub(super) fn braces(pattern: &Value, args: &[Value]) -> Result<Value, Error> {
    let safe = pattern.is_safe();
    let looked_into = pattern.as_str().unwrap_or_default();
    // A field may look into a value: `{0[name]}`, `{a.b}`.
    let whole = looked_into.contains(['[', '.']);
    let shown = |arg: &Value| {
        if whole && arg.as_object().is_some() { arg.clone() } else { printable(arg, safe, ' ') }
    };
    let mut given = Vec::with_capacity(args.len());
    for arg in args {
        if arg.is_kwargs() {
            let kwargs = Kwargs::try_from(arg.clone())?;
            let pairs = kwargs.args().map(|name| Ok((name, shown(&kwargs.peek::<Value>(name)?))));
            given.push(Value::from(pairs.collect::<Result<Kwargs, Error>>()?));
        } else {
            given.push(shown(arg));
        }
    }
    Ok(made(format(FormatStyle::StrFormat, looked_into, &given)?, safe))
}

fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// `text.splitlines(keepends)`.
pub(super) fn lines(text: &str, keep_ends: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ends_line) {
        let end = if rest[at..].starts_with("\r\n") {
            2
        } else {
            rest[at..].chars().next().map_or(1, char::len_utf8)
        };
        lines.push(&rest[..if keep_ends { at + end } else { at }]);
        rest = &rest[at + end..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

pub(super) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + &chars.as_str().to_lowercase()
    })
}

/// Capitalises behind each of `breaks`.
pub(super) fn title(text: &str, breaks: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = !breaks(c);
    }
    out
}

/// The filter `indent`.
pub(super) fn indent(text: &Value, by: &str, first: bool, blank: bool) -> Result<Value, Error> {
    let Some(source) = text.as_str() else { return Err(invalid("indent: not a text")) };
    let source = format!("{source}\n");
    let mut out = String::new();
    for (at, line) in lines(&source, false).into_iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        if (at == 0 && first) || (at > 0 && (blank || !line.is_empty())) {
            out.push_str(by);
        }
        out.push_str(line);
    }
    Ok(made(out, text.is_safe()))
}

/// `text.split(separator, most)`, or `rsplit`.
pub(super) fn split<'t>(
    text: &'t str,
    separator: Option<&str>,
    most: i128,
    right: bool,
) -> Result<Vec<&'t str>, Error> {
    let limit = usize::try_from(most).map_or(usize::MAX, |most| most.saturating_add(1));
    let mut parts: Vec<&str> = match separator {
        Some("") => return Err(invalid("split: empty separator")),
        Some(separator) if right => text.rsplitn(limit, separator).collect(),
        Some(separator) => text.splitn(limit, separator).collect(),
        None => {
            let mut parts = Vec::new();
            let mut rest = if right { text.trim_end() } else { text.trim_start() };
            while !rest.is_empty() {
                let at = if right { rest.rfind(char::is_whitespace) } else { rest.find(char::is_whitespace) };
                let Some(at) = at.filter(|_| parts.len() + 1 < limit) else { break };
                let width = rest[at..].chars().next().map_or(1, char::len_utf8);
                let (left, after) = (&rest[..at], &rest[at + width..]);
                parts.push(if right { after } else { left });
                rest = if right { left.trim_end() } else { after.trim_start() };
            }
            if !rest.is_empty() {
                parts.push(rest);
            }
            parts
        }
    };
    if right {
        parts.reverse();
    }
    Ok(parts)
}

/// Percent-encoding, as `urllib.parse.quote` does it.
pub(super) fn quote_url(text: &str, query: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b' ' if query => out.push('+'),
            b'/' if !query => out.push('/'),
            b'_' | b'.' | b'-' | b'~' => out.push(b.into()),
            b if b.is_ascii_alphanumeric() => out.push(b.into()),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// Python's `int(text, base)`.
pub(super) fn int(text: &str, base: u32) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    let lower = digits.to_lowercase();
    let digits = lower.strip_prefix(prefix).unwrap_or(&lower);
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric())
        || digits.ends_with('_')
        || digits.contains("__")
    {
        return None;
    }
    let value = i128::from_str_radix(&digits.replace('_', ""), base).ok()?;
    Some(if negative { -value } else { value })
}

/// Python's `float(text)`.
pub(super) fn float(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// `text` in the middle of `width` characters.
pub(super) fn pad(text: &str, width: i128, fill: char, left: bool, right: bool) -> Result<String, Error> {
    let len = text.chars().count();
    let missing = usize::try_from(width).unwrap_or(0).saturating_sub(len);
    if missing > 1_000_000 {
        return Err(failed(format!("a width of {width} is too much")));
    }
    let before = match (left, right) {
        // As CPython rounds.
        (true, true) => missing / 2 + (missing & usize::try_from(width).unwrap_or(0) & 1),
        (true, false) => missing,
        _ => 0,
    };
    let fills = |count: usize| std::iter::repeat_n(fill, count).collect::<String>();
    Ok(fills(before) + text + &fills(missing - before))
}
