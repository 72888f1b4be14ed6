//! The `tojson` of `transformers`: Python's `json.dumps`, not an HTML-safe encoding.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::{lazy, python};

/// Values nested deeper than this are no message of anybody's.
const MAX_DEPTH: usize = 100;

struct Style {
    ascii: bool,
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
    sort_keys: bool,
}

/// `value | tojson(ensure_ascii=false, indent=none, separators=none, sort_keys=false)`.
pub(super) fn tojson(value: &Value, args: &[Value]) -> Result<Value, Error> {
    let names = ["ensure_ascii", "indent", "separators", "sort_keys"];
    let options = python::bind(args, names)?;
    let [ascii, indent, separators, sort_keys] = options.map(|value| value.filter(|value| !value.is_none()));
    let ascii = ascii.is_some_and(|value| value.is_true());
    let sort_keys = sort_keys.is_some_and(|value| value.is_true());
    let indent = indent.map(|indent| match indent.as_usize() {
        Some(spaces) => " ".repeat(spaces.min(64)),
        None => indent.as_str().unwrap_or_default().to_owned(),
    });
    let (mut item_separator, mut key_separator) = (", ".to_owned(), ": ".to_owned());
    if indent.is_some() {
        item_separator = ",".to_owned();
    }
    if let Some(separators) = separators {
        let mut parts = separators.try_iter()?.map(|part| part.as_str().map(str::to_owned));
        let (Some(Some(item)), Some(Some(key)), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::new(ErrorKind::InvalidOperation, "tojson: separators must be two strings"));
        };
        (item_separator, key_separator) = (item, key);
    }
    let style = Style { ascii, indent, item_separator, key_separator, sort_keys };
    let mut out = String::new();
    style.write(&mut out, value, 0)?;
    Ok(Value::from(out))
}

impl Style {
    fn write(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        lazy::charge(1)?;
        let indent = self.indent.as_ref().map_or(0, |indent| indent.len() * (depth + 1));
        let around = indent + self.item_separator.len() + self.key_separator.len();
        lazy::charge_text(value.as_str().map_or(0, str::len) + around)?;
        if depth > MAX_DEPTH {
            return Err(Error::new(ErrorKind::InvalidOperation, "tojson: the value is nested too deeply"));
        }
        match value.kind() {
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => out.push_str(&number(value)),
            ValueKind::String => self.string(out, value.as_str().unwrap_or_default()),
            ValueKind::Seq => {
                let items: Vec<Value> = value.try_iter()?.collect();
                self.block(out, ('[', ']'), depth, &items, |out, item| self.write(out, item, depth + 1))?;
            }
            ValueKind::Map => {
                let mut keys: Vec<Value> = value.try_iter()?.collect();
                if self.sort_keys {
                    keys.sort();
                }
                self.block(out, ('{', '}'), depth, &keys, |out, key| {
                    match key.as_str() {
                        Some(key) => {
                            lazy::charge_text(key.len())?;
                            self.string(out, key);
                        }
                        None => {
                            let mut text = String::new();
                            self.write(&mut text, key, depth + 1)?;
                            self.string(out, &text);
                        }
                    }
                    out.push_str(&self.key_separator);
                    self.write(out, &value.get_item(key)?, depth + 1)
                })?;
            }
            kind => {
                let detail = format!("tojson: a value of type {kind} is not JSON");
                return Err(Error::new(ErrorKind::BadSerialization, detail));
            }
        }
        Ok(())
    }

    fn block(
        &self,
        out: &mut String,
        (open, close): (char, char),
        depth: usize,
        items: &[Value],
        mut write: impl FnMut(&mut String, &Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        out.push(open);
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                out.push_str(&self.item_separator);
            }
            self.new_line(out, depth + 1);
            write(out, item)?;
        }
        if !items.is_empty() {
            self.new_line(out, depth);
        }
        out.push(close);
        Ok(())
    }

    fn new_line(&self, out: &mut String, depth: usize) {
        if let Some(indent) = &self.indent {
            out.push('\n');
            for _ in 0..depth {
                out.push_str(indent);
            }
        }
    }

    fn string(&self, out: &mut String, text: &str) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if c < ' ' || (self.ascii && !c.is_ascii()) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

fn number(value: &Value) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    match f64::try_from(value.clone()) {
        Ok(x) if x.is_nan() => "NaN".to_owned(),
        Ok(x) if x.is_infinite() => if x > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        Ok(x) => python::float(x),
        Err(_) => value.to_string(),
    }
}
