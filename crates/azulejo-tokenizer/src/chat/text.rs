//! Python's text: formats, lines and words.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::lazy;
use super::python::{escape, int as int_value, invalid, repr, to_str};

fn made(text: String, safe: bool) -> Value {
    if safe { Value::from_safe_string(text) } else { Value::from(text) }
}

/// A field of `%` or of `str.format`, as in Python's format specification.
#[derive(Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    grouped: Option<char>,
    width: usize,
    precision: Option<usize>,
    kind: Option<char>,
}

/// Wider fields and more digits are nobody's.
const MAX_WIDTH: usize = 1000;

fn bad() -> Error {
    invalid("a format and what is to be formatted don't fit")
}

impl Spec {
    fn read(text: &str) -> Result<Self, Error> {
        let mut spec = Self::default();
        let mut rest = text;
        let mut chars = text.chars();
        let is_align = |c: Option<char>| c.filter(|c| "<>^=".contains(*c));
        match (chars.next(), is_align(chars.next())) {
            (fill, Some(align)) => (spec.fill, spec.align, rest) = (fill, Some(align), chars.as_str()),
            (first, None) => spec.align = is_align(first),
        }
        if spec.fill.is_none() && spec.align.is_some() {
            rest = &rest[1..];
        }
        let mut skip = |of: &[char]| {
            let found = rest.chars().next().filter(|c| of.contains(c));
            rest = &rest[usize::from(found.is_some())..];
            found
        };
        spec.sign = skip(&['+', '-', ' ']);
        spec.alternate = skip(&['#']).is_some();
        if skip(&['0']).is_some() && spec.align.is_none() {
            (spec.fill, spec.align) = (Some('0'), Some('='));
        }
        (spec.width, rest) = number(rest)?;
        if let Some(after) = rest.strip_prefix([',', '_']) {
            spec.grouped = rest.chars().next();
            rest = after;
        }
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = number(after)?;
            (spec.precision, rest) = (Some(precision), after);
        }
        spec.kind = rest.chars().next();
        if rest.chars().nth(1).is_some() { Err(bad()) } else { Ok(spec) }
    }

    fn write(&self, value: &Value) -> Result<String, Error> {
        let kind = match (self.kind, value.kind()) {
            (Some(kind), _) => kind,
            (None, ValueKind::Bool | ValueKind::Number)
                if self.precision.is_some() && !value.is_integer() =>
            {
                'g'
            }
            (None, ValueKind::Bool) => 'd',
            (None, ValueKind::Number) if value.is_integer() => 'd',
            (None, ValueKind::Number) => 'R',
            (None, _) => 's',
        };
        let (number, body) = match kind {
            'd' | 'x' | 'X' | 'o' | 'b' => {
                let value = super::python::whole(Some(value), 0)?;
                let digits = match kind {
                    'd' => value.unsigned_abs().to_string(),
                    'x' => format!("{:x}", value.unsigned_abs()),
                    'X' => format!("{:X}", value.unsigned_abs()),
                    'o' => format!("{:o}", value.unsigned_abs()),
                    _ => format!("{:b}", value.unsigned_abs()),
                };
                let prefix = if self.alternate && kind != 'd' { format!("0{kind}") } else { String::new() };
                (Some(value < 0), prefix + &digits)
            }
            'f' | 'F' | 'e' | 'E' | 'g' | 'G' | '%' | 'R' => {
                let value = super::ops::compute("+", value, &Value::from(0.0))?;
                let x = f64::try_from(value)?;
                (Some(x.is_sign_negative()), self.float(x.abs(), kind))
            }
            's' => {
                let text = to_str(value);
                (None, self.precision.map_or_else(|| text.clone(), |most| text.chars().take(most).collect()))
            }
            'c' => (None, char::from_u32(u32::try_from(value.clone())?).map(String::from).ok_or_else(bad)?),
            _ => return Err(bad()),
        };
        let sign = match (number, self.sign) {
            (Some(true), _) => "-",
            (Some(false), Some('+')) => "+",
            (Some(false), Some(' ')) => " ",
            _ => "",
        };
        let body = self.grouped.map_or_else(|| body.clone(), |by| grouped(&body, by));
        let missing = self.width.saturating_sub(sign.len() + body.chars().count());
        let align = self.align.unwrap_or(if number.is_some() { '>' } else { '<' });
        let before = match align {
            '<' => 0,
            '^' => missing / 2,
            _ => missing,
        };
        let fill = |count: usize| std::iter::repeat_n(self.fill.unwrap_or(' '), count).collect::<String>();
        Ok(match align {
            '=' => [sign, &fill(missing), &body].concat(),
            _ => [&fill(before), sign, &body, &fill(missing - before)].concat(),
        })
    }

    fn float(&self, x: f64, kind: char) -> String {
        if !x.is_finite() {
            return if x.is_nan() { "nan" } else { "inf" }.to_owned();
        }
        let precision = self.precision.unwrap_or(6);
        let exponential = |digits: usize| {
            let text = format!("{x:.digits$e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let exponent: i32 = exponent.parse().unwrap_or(0);
            (digits.to_owned(), exponent)
        };
        let exponent_text =
            |exponent: i32| format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
        let text = match kind {
            'R' => return super::python::float(x),
            'f' | 'F' => return format!("{x:.precision$}"),
            '%' => return format!("{:.precision$}%", x * 100.0),
            'e' | 'E' => {
                let (digits, exponent) = exponential(precision);
                digits + &exponent_text(exponent)
            }
            _ => {
                let precision = precision.max(1);
                let (digits, exponent) = exponential(precision - 1);
                let trim = |text: &str| match text.contains('.') {
                    true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                    false => text.to_owned(),
                };
                let decimals = i32::try_from(precision).unwrap_or(0) - 1 - exponent;
                match usize::try_from(decimals) {
                    Ok(decimals) if exponent >= -4 => trim(&format!("{x:.decimals$}")),
                    _ => trim(&digits) + &exponent_text(exponent),
                }
            }
        };
        if kind.is_ascii_uppercase() { text.to_uppercase() } else { text }
    }
}

/// The number that a text begins with, or 0, and what's behind it.
fn number(text: &str) -> Result<(usize, &str), Error> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - rest.len()];
    let number = if digits.is_empty() { 0 } else { digits.parse().unwrap_or(usize::MAX) };
    if number > MAX_WIDTH { Err(bad()) } else { Ok((number, rest)) }
}

fn grouped(digits: &str, by: char) -> String {
    let whole = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let mut out = String::new();
    for (at, c) in digits[..whole].chars().enumerate() {
        if at > 0 && (whole - at) % 3 == 0 {
            out.push(by);
        }
        out.push(c);
    }
    out + &digits[whole..]
}

/// `pattern % args`, or of a `lone` value that isn't a tuple.
pub(super) fn percent(pattern: &Value, args: &[Value], lone: bool) -> Result<Value, Error> {
    let mut rest = pattern.as_str().unwrap_or_default();
    let mut out = String::with_capacity(rest.len());
    let mut unused = args.iter();
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let named = match rest.strip_prefix('(') {
            Some(after) => {
                let (name, after) = after.split_once(')').ok_or_else(bad)?;
                rest = after;
                unused = [].iter();
                Some(args.first().filter(|_| lone).ok_or_else(bad)?.get_item(&Value::from(name))?)
            }
            None => None,
        };
        let mut spec = Spec { align: Some('>'), ..Spec::default() };
        while let Some(flag) = rest.chars().next().filter(|c| "#0- +".contains(*c)) {
            match flag {
                '#' => spec.alternate = true,
                '0' if spec.align == Some('>') => (spec.fill, spec.align) = (Some('0'), Some('=')),
                '-' => (spec.fill, spec.align) = (None, Some('<')),
                '+' | ' ' => spec.sign = Some(flag),
                _ => {}
            }
            rest = &rest[1..];
        }
        (spec.width, rest) = number(rest)?;
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = number(after)?;
            (spec.precision, rest) = (Some(precision), after);
        }
        let kind = rest.chars().next().ok_or_else(bad)?;
        rest = &rest[kind.len_utf8()..];
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = match &named {
            Some(value) if value.is_undefined() => return Err(bad()),
            Some(value) => value,
            None => unused.next().ok_or_else(bad)?,
        };
        lazy::charge_value(value)?;
        spec.kind = Some(if "iu".contains(kind) { 'd' } else { kind });
        let cut = |value: &Value| f64::try_from(value.clone()).map(|x| int_value(x as i128));
        let value = match kind {
            'd' | 'i' | 'u' if value.is_number() && !value.is_integer() => cut(value)?,
            'r' | 'a' => Value::from(repr(value, 0)),
            's' | 'c' if pattern.is_safe() => Value::from(escape(value)),
            'c' if value.as_str().is_some() => value.clone(),
            _ => value.clone(),
        };
        if "rac".contains(kind) && value.as_str().is_some() {
            spec.kind = Some('s');
        }
        if spec.kind == Some('s') && spec.align == Some('=') {
            (spec.fill, spec.align) = (None, Some('>'));
        }
        out.push_str(&spec.write(&value)?);
    }
    out.push_str(rest);
    // What isn't a tuple but can be looked into may stay unused.
    let optional = |value: &Value| {
        lone && matches!(value.kind(), ValueKind::Map | ValueKind::Seq | ValueKind::Undefined)
    };
    if unused.next().is_some_and(|value| !optional(value)) {
        return Err(invalid("not all arguments converted during string formatting"));
    }
    Ok(made(out, pattern.is_safe()))
}

/// `pattern.format(*args, **kwargs)`.
pub(super) fn braces(pattern: &Value, args: &[Value]) -> Result<Value, Error> {
    let (args, kwargs) = match args.split_last() {
        Some((last, before)) if last.is_kwargs() => (before, last.clone()),
        _ => (args, Value::UNDEFINED),
    };
    let mut rest = pattern.as_str().unwrap_or_default();
    let mut out = String::with_capacity(rest.len());
    // Fields without a number count for themselves, and aren't mixed with numbered ones.
    let (mut next, mut automatic) = (0, None);
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
            continue;
        }
        let (field, after) = rest.split_once('}').filter(|_| brace == "{").ok_or_else(bad)?;
        rest = after;
        let (field, spec) = field.split_once(':').unwrap_or((field, ""));
        let (path, conversion) = field.split_once('!').unwrap_or((field, ""));
        let (name, mut path) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
        let index = if name.is_empty() { Some(next) } else { name.parse().ok() };
        if index.is_some() && *automatic.get_or_insert(name.is_empty()) != name.is_empty() {
            return Err(bad());
        }
        next += usize::from(name.is_empty());
        let mut value = match index {
            Some(index) => args.get(index).cloned().ok_or_else(bad)?,
            None if kwargs.is_undefined() => return Err(bad()),
            None => Some(kwargs.get_item(&Value::from(name))?)
                .filter(|value| !value.is_undefined())
                .ok_or_else(bad)?,
        };
        while !path.is_empty() {
            let (part, after) = match path.strip_prefix('[') {
                Some(part) => part.split_once(']').ok_or_else(bad)?,
                None => path[1..].split_at(path[1..].find(['.', '[']).unwrap_or(path.len() - 1)),
            };
            path = after;
            value = value.get_item(&part.parse::<i64>().map_or_else(|_| Value::from(part), Value::from))?;
        }
        lazy::charge_value(&value)?;
        let safe = pattern.is_safe();
        value = match conversion {
            "" if spec.is_empty() && safe => Value::from(escape(&value)),
            "" if spec.is_empty() => Value::from(to_str(&value)),
            "" => value,
            "s" => Value::from(to_str(&value)),
            "r" => Value::from(repr(&value, 0)),
            _ => return Err(bad()),
        };
        if !spec.is_empty()
            && !value.is_number()
            && value.as_str().is_none()
            && value.kind() != ValueKind::Bool
        {
            return Err(bad());
        }
        let text = Spec::read(spec)?;
        if value.as_str().is_some() && !matches!(text.kind, None | Some('s')) {
            return Err(bad());
        }
        out.push_str(&text.write(&value)?);
    }
    out.push_str(rest);
    Ok(made(out, pattern.is_safe()))
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

/// Counts what [`str::replace`] is going to make.
pub(super) fn charge_replaced(text: &str, old: &str, new: &str) -> Result<(), Error> {
    let places = if old.is_empty() { text.len() + 1 } else { text.len() / old.len() };
    // What grows is counted as it is; counting finds is as much work as replacing.
    let grows = new.len() > old.len();
    let found = if grows && !old.is_empty() { text.matches(old).count() } else { places };
    lazy::charge_text(text.len() + if grows { found.saturating_mul(new.len()) } else { 0 })
}

/// The filter `indent`.
pub(super) fn indent(text: &Value, by: &str, first: bool, blank: bool) -> Result<Value, Error> {
    let Some(source) = text.as_str() else { return Err(invalid("indent: not a text")) };
    let lines_at_most = source.bytes().filter(|b| matches!(b, b'\n' | b'\r' | 0x0b | 0x0c)).count() + 2;
    lazy::charge_text(source.len() + lines_at_most.saturating_mul(by.len()))?;
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

/// `text` at the right, the left or in the middle of `width` characters.
pub(super) fn pad(text: &str, width: i128, fill: char, left: bool, right: bool) -> String {
    let width = usize::try_from(width.clamp(0, MAX_WIDTH as i128)).unwrap_or(0);
    let missing = width.saturating_sub(text.chars().count());
    let before = match (left, right) {
        // As CPython rounds.
        (true, true) => missing / 2 + (missing & width & 1),
        (true, false) => missing,
        _ => 0,
    };
    let fills = |count: usize| std::iter::repeat_n(fill, count).collect::<String>();
    fills(before) + text + &fills(missing - before)
}

/// `text.isalpha()` and the like; nothing if there is no such method.
pub(super) fn is(text: &str, name: &str) -> Option<bool> {
    let every = |of: fn(char) -> bool| !text.is_empty() && text.chars().all(of);
    let cased = |of: fn(char) -> bool, not: fn(char) -> bool| text.chars().any(of) && !text.chars().any(not);
    Some(match name {
        "isspace" => every(char::is_whitespace),
        "isdecimal" => every(|c| c.is_ascii_digit()),
        "isdigit" | "isnumeric" => every(char::is_numeric),
        "isalpha" => every(char::is_alphabetic),
        "isalnum" => every(char::is_alphanumeric),
        "isascii" => text.is_ascii(),
        "islower" => cased(char::is_lowercase, char::is_uppercase),
        "isupper" => cased(char::is_uppercase, char::is_lowercase),
        _ => return None,
    })
}
