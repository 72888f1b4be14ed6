//! What Jinja2 inherits from Python: how values print, and methods of strings and lists.

use minijinja::value::{Kwargs, Value, ValueKind, from_args};
use minijinja::{Environment, Error, ErrorKind, State};
use minijinja_contrib::pycompat::unknown_method_callback;

/// Deeper values print as an ellipsis.
const MAX_DEPTH: usize = 100;

pub(super) fn install(environment: &mut Environment<'_>) {
    environment.set_formatter(|out, _, value| {
        match value.as_str() {
            Some(text) => out.write_str(text),
            None => out.write_str(&to_str(value)),
        }
        .map_err(Error::from)
    });
    environment.add_filter("string", |value: &Value| to_str(value));
    environment.set_unknown_method_callback(method);
}

/// Python's `str(value)`; nothing for an undefined one.
pub(super) fn to_str(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => repr(value, 0),
    }
}

/// Python's `repr(value)`.
fn repr(value: &Value, depth: usize) -> String {
    if depth > MAX_DEPTH {
        return "...".to_owned();
    }
    match value.kind() {
        ValueKind::Undefined => String::new(),
        ValueKind::None => "None".to_owned(),
        ValueKind::Bool => if value.is_true() { "True" } else { "False" }.to_owned(),
        ValueKind::Number if !value.is_integer() => match f64::try_from(value.clone()) {
            Ok(x) => float(x),
            Err(_) => value.to_string(),
        },
        ValueKind::String => quoted(value.as_str().unwrap_or_default()),
        ValueKind::Seq => {
            let items = value.try_iter().into_iter().flatten().map(|item| repr(&item, depth + 1));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        ValueKind::Map => {
            let pairs = value.try_iter().into_iter().flatten().map(|key| {
                let item = value.get_item(&key).unwrap_or_default();
                format!("{}: {}", repr(&key, depth + 1), repr(&item, depth + 1))
            });
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        _ => value.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// Python's shortest form of a float: Rust's, but for the exponent (`1e-05`, `1e+16`).
pub(super) fn float(x: f64) -> String {
    let text = format!("{x:?}").to_lowercase();
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// Methods that `minijinja-contrib` lacks; the rest are its own.
fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let Some(text) = value.as_str() else {
        if name == "index" && value.kind() == ValueKind::Seq {
            let (what,): (&Value,) = from_args(args)?;
            let at = value.try_iter()?.position(|item| item == *what);
            return at.map(Value::from).ok_or_else(|| invalid("list.index: the value is not in the list"));
        }
        return unknown_method_callback(state, value, name, args);
    };
    match name {
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Ok(Value::from(text.strip_prefix(prefix).unwrap_or(text)))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Ok(Value::from(text.strip_suffix(suffix).unwrap_or(text)))
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            if separator.is_empty() {
                return Err(invalid("partition: empty separator"));
            }
            let last = name == "rpartition";
            let halves = if last { text.rsplit_once(separator) } else { text.split_once(separator) };
            Ok(match halves {
                Some((left, right)) => texts([left, separator, right]),
                None if last => texts(["", "", text]),
                None => texts([text, "", ""]),
            })
        }
        "rsplit" => {
            let (separator, count, kwargs): (Option<&str>, Option<i64>, Kwargs) = from_args(args)?;
            let count = match count {
                Some(count) => count,
                None => kwargs.get::<Option<i64>>("maxsplit")?.unwrap_or(-1),
            };
            kwargs.assert_all_used()?;
            let Some(separator) = separator.filter(|separator| !separator.is_empty()) else {
                return Err(invalid("rsplit without a separator is not supported"));
            };
            let limit = usize::try_from(count).map_or(usize::MAX, |count| count.saturating_add(1));
            let mut parts: Vec<&str> = text.rsplitn(limit, separator).collect();
            parts.reverse();
            Ok(texts(parts))
        }
        "index" => {
            let (what,): (&str,) = from_args(args)?;
            let at = text.find(what).ok_or_else(|| invalid("str.index: substring not found"))?;
            Ok(Value::from(text[..at].chars().count()))
        }
        "isspace" => Ok(Value::from(!text.is_empty() && text.chars().all(char::is_whitespace))),
        _ => unknown_method_callback(state, value, name, args),
    }
}

fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Value {
    texts.into_iter().map(Value::from).collect::<Vec<_>>().into()
}

fn invalid(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_floats_have_two_digit_exponents() {
        for (x, text) in [(1.0, "1.0"), (0.1, "0.1"), (1e-5, "1e-05"), (1.5e16, "1.5e+16"), (1e100, "1e+100")]
        {
            assert_eq!(float(x), text);
        }
    }

    #[test]
    fn python_values_print_as_in_python() {
        let value = Value::from(minijinja::value::Serde(
            serde_json::json!({"a": [true, null, "it's", 2.5], "b\n": "é"}),
        ));
        assert_eq!(to_str(&value), "{'a': [True, None, \"it's\", 2.5], 'b\\n': 'é'}");
    }
}
