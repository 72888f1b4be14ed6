//! What Jinja2 inherits from Python: how values print, and methods of strings, lists and dictionaries.

use minijinja::value::{Kwargs, Rest, Tuple, Value, ValueKind, from_args};
use minijinja::{Environment, Error, ErrorKind, State};

use super::lazy::{self, Bound, View};
use super::text;

/// Deeper values print as an ellipsis.
const MAX_DEPTH: usize = 100;

/// The methods of strings, those of lists and those of dictionaries.
const METHODS: [&str; 3] = [
    " capitalize casefold center count encode endswith expandtabs find format format_map index isalnum isalpha \
     isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower \
     lstrip maketrans partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split \
     splitlines startswith strip swapcase title translate upper zfill ",
    " copy count index ",
    " copy fromkeys get items keys values ",
];
/// Those that would change a value, which `transformers` forbids.
const FORBIDDEN: [&str; 3] =
    ["", " append clear extend insert pop remove reverse sort ", " clear pop popitem setdefault update "];

fn lists(names: &[&str; 3], of: usize, name: &str) -> bool {
    !name.contains(' ') && names[of].contains(&format!(" {name} "))
}

/// Whether any kind of value has a method `name`.
pub(super) fn is_method(name: &str) -> bool {
    (0..3).any(|kind| lists(&METHODS, kind, name) || lists(&FORBIDDEN, kind, name))
}

pub(super) fn install(environment: &mut Environment<'_>) {
    environment.set_formatter(|out, _, value| {
        lazy::charge_value(value)?;
        match value.as_str() {
            Some(text) => out.write_str(text),
            None => out.write_str(&to_str(value)),
        }
        .map_err(Error::from)
    });
    environment.set_unknown_method_callback(method);
}

/// Python's `str(value)`; nothing for an undefined one.
pub(super) fn to_str(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_undefined() => String::new(),
        None => repr(value, 0),
    }
}

/// Python's `repr(value)`.
pub(super) fn repr(value: &Value, depth: usize) -> String {
    if depth > MAX_DEPTH {
        return "...".to_owned();
    }
    match value.kind() {
        ValueKind::Undefined => "Undefined".to_owned(),
        ValueKind::None => "None".to_owned(),
        ValueKind::Bool => if value.is_true() { "True" } else { "False" }.to_owned(),
        ValueKind::Number if !value.is_integer() => match f64::try_from(value.clone()) {
            Ok(x) => float(x),
            Err(_) => value.to_string(),
        },
        ValueKind::String if value.is_safe() => {
            format!("Markup({})", quoted(value.as_str().unwrap_or_default()))
        }
        ValueKind::String => quoted(value.as_str().unwrap_or_default()),
        ValueKind::Seq => {
            let items = value.try_iter().into_iter().flatten().map(|item| repr(&item, depth + 1));
            let items = items.collect::<Vec<_>>();
            match (value.is_tuple(), items.as_slice()) {
                (true, [only]) => format!("({only},)"),
                (true, _) => format!("({})", items.join(", ")),
                _ => format!("[{}]", items.join(", ")),
            }
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
            '\u{ad}' | '\u{a0}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            // Neither space but ' ' nor format characters are printable.
            c if c != ' '
                && (c.is_whitespace()
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}')) =>
            {
                let code = u32::from(c);
                out.push_str(&if code < 0x100 { format!("\\x{code:02x}") } else { format!("\\u{code:04x}") });
            }
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
    format!("{}e{sign}{digits:0>2}", mantissa.strip_suffix(".0").unwrap_or(mantissa))
}

/// As `markupsafe.escape`, which leaves what's marked as safe.
pub(super) fn escape(value: &Value) -> String {
    let text = to_str(value);
    if value.is_safe() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    out
}

/// What a filter, a test or a function does, by its name.
pub(super) type Body = fn(&mut State, &str, &[Value]) -> Result<Value, Error>;

/// One type for all of them, since each type costs the engine's glue once more.
pub(super) fn builtin(
    name: &'static str,
    body: Body,
) -> impl Fn(&mut State, Rest<Value>, Kwargs) -> Result<Value, Error> + Send + Sync + 'static {
    move |state, args, kwargs| {
        let mut args = args.0;
        if kwargs.args().next().is_some() {
            args.push(kwargs.into());
        }
        body(state, name, &args)
    }
}

/// Arguments by name, as Python binds them to a function's parameters.
pub(super) fn bind<const N: usize>(args: &[Value], names: [&str; N]) -> Result<[Option<Value>; N], Error> {
    let mut bound = [const { None }; N];
    bind_to(&mut bound, args, &names)?;
    Ok(bound)
}

fn bind_to(bound: &mut [Option<Value>], args: &[Value], names: &[&str]) -> Result<(), Error> {
    let (positional, kwargs) = match args.split_last() {
        Some((last, before)) if last.is_kwargs() => (before, Some(Kwargs::try_from(last.clone())?)),
        _ => (args, None),
    };
    if positional.len() > names.len() {
        return Err(ErrorKind::TooManyArguments.into());
    }
    for (to, from) in bound.iter_mut().zip(positional) {
        *to = Some(from.clone());
    }
    if let Some(kwargs) = kwargs {
        for (to, name) in bound.iter_mut().zip(names) {
            if kwargs.has(name) {
                if to.is_some() {
                    return Err(invalid("an argument is given twice"));
                }
                *to = Some(kwargs.get(name)?);
            }
        }
        kwargs.assert_all_used()?;
    }
    Ok(())
}

pub(super) fn required(value: Option<&Value>) -> Result<&Value, Error> {
    value.ok_or_else(|| ErrorKind::MissingArgument.into())
}

fn string(value: Option<&Value>) -> Result<&str, Error> {
    required(value)?.as_str().ok_or_else(|| invalid("an argument must be a string"))
}

/// A whole number, or one's absence.
pub(super) fn whole(value: Option<&Value>, absent: i128) -> Result<i128, Error> {
    match value {
        None => Ok(absent),
        Some(value) if value.kind() == ValueKind::Bool => Ok(value.is_true().into()),
        Some(value) if value.is_integer() => i128::try_from(value.clone()),
        Some(_) => Err(invalid("an argument must be a whole number")),
    }
}

fn given(value: Option<Value>) -> Option<Value> {
    value.filter(|value| !value.is_none())
}

fn is_dict(value: &Value) -> bool {
    // Loops and macros are no dictionaries.
    let Some(object) = value.as_object() else { return false };
    let type_name = object.type_name();
    value.kind() == ValueKind::Map
        && !["Loop", "Turns", "Module", "Macro"].iter().any(|no| type_name.ends_with(no))
}

/// 0 for strings, 1 for lists and tuples, 2 for dictionaries: [`METHODS`].
fn kind_of(value: &Value) -> Option<usize> {
    match value.kind() {
        ValueKind::String => Some(0),
        ValueKind::Seq => Some(1),
        _ if is_dict(value) => Some(2),
        _ => None,
    }
}

pub(super) fn is_mapping(value: &Value) -> bool {
    kind_of(value) == Some(2)
}

/// `value`, if it may be a dictionary's key.
pub(super) fn hashable(value: Value) -> Result<Value, Error> {
    match kind_of(&value) {
        Some(1) if !value.is_tuple() => Err(invalid("unhashable type: list")),
        Some(2) => Err(invalid("unhashable type: dict")),
        _ => Ok(value),
    }
}

/// `value.name` or `value['name']`, where `name` is some kind of value's method: a value's own method comes first if
/// it's asked for with a dot, and else its item.
fn attribute(value: &Value, name: &Value, item_first: bool) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    let indexed = value.as_str().is_some() || matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable);
    let Some(text) = name.as_str() else {
        return if indexed && name.is_number() && !name.is_integer() {
            Ok(Value::UNDEFINED)
        } else if indexed && name.kind() == ValueKind::Bool {
            value.get_item(&Value::from(i64::from(name.is_true())))
        } else {
            value.get_item(name)
        };
    };
    let item = if indexed { Value::UNDEFINED } else { value.get_item(name).unwrap_or_default() };
    if item_first && !item.is_undefined() {
        return Ok(item);
    }
    let Some(kind) = kind_of(value) else { return Ok(item) };
    if lists(&METHODS, kind, text) && !(value.is_tuple() && text == "copy") {
        return Ok(Value::from_object(Bound { value: value.clone(), name: text.to_owned() }));
    }
    if lists(&FORBIDDEN, kind, text) && !value.is_tuple() {
        return Ok(Value::UNDEFINED);
    }
    Ok(item)
}

/// `value[start:stop:step]`.
fn slice(value: &Value, args: &[Value]) -> Result<Value, Error> {
    let range = value.downcast_object_ref::<lazy::Range>().is_some();
    if value.as_str().is_none() && value.kind() != ValueKind::Seq && !range {
        return Err(failed(format!("{} can't be sliced", value.kind())));
    }
    let items = lazy::items(value)?;
    let len = items.len() as i128;
    let step = whole(given(args.get(2).cloned()).as_ref(), 1)?;
    if step == 0 {
        return Err(invalid("a slice's step is 0"));
    }
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let bound = |at: Option<&Value>, absent: i128| -> Result<i128, Error> {
        let Some(at) = given(at.cloned()) else { return Ok(absent) };
        let at = whole(Some(&at), 0)?;
        Ok(if at < 0 { at.saturating_add(len) } else { at }.clamp(low, high))
    };
    let mut at = bound(args.first(), if step > 0 { 0 } else { len - 1 })?;
    let stop = bound(args.get(1), if step > 0 { len } else { -1 })?;
    let mut kept = Vec::new();
    while if step > 0 { at < stop } else { at > stop } {
        kept.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
        at = at.saturating_add(step);
    }
    Ok(match value.as_str() {
        Some(_) => {
            let text: String = kept.iter().filter_map(Value::as_str).collect();
            if value.is_safe() { Value::from_safe_string(text) } else { text.into() }
        }
        None if value.is_tuple() => Tuple::from(kept).into(),
        None => kept.into(),
    })
}

/// Methods that values don't have by themselves.
fn method(_: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    match name {
        "__attribute" => return attribute(value, required(args.first())?, false),
        "__item" => return attribute(value, required(args.first())?, true),
        "__slice" => return slice(value, args),
        "__cycle" if kind_of(value).is_none() => {
            let at = value.get_attr("index0")?.as_usize().ok_or(ErrorKind::UnknownMethod)?;
            return args
                .get(at % args.len().max(1))
                .cloned()
                .ok_or_else(|| invalid("no items to cycle over"));
        }
        _ => {}
    }
    match kind_of(value) {
        Some(0) => text_method(value, name, args),
        Some(1) => match name {
            "index" | "count" => {
                let [what, from, to] = bind(args, ["value", "start", "stop"])?;
                let items = lazy::items(&slice(value, &[or_none(from), or_none(to)])?)?;
                let what = required(what.as_ref())?;
                let mut found = items.iter().enumerate().filter(|(_, item)| super::ops::equal(item, what, 0));
                if name == "count" {
                    return Ok(Value::from(found.count()));
                }
                let at = found.next().ok_or_else(|| invalid("list.index: the value is not in the list"))?;
                Ok(Value::from(at.0))
            }
            "copy" if !value.is_tuple() && args.is_empty() => Ok(value.clone()),
            _ => Err(ErrorKind::UnknownMethod.into()),
        },
        Some(_) => dict_method(value, name, args),
        None => Err(ErrorKind::UnknownMethod.into()),
    }
}

fn dict_method(value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let view = |name: &'static str, of: &dyn Fn(&Value, Value) -> Value| {
        let () = from_args(args)?;
        let items =
            lazy::items(value)?.iter().map(|key| of(key, value.get_item(key).unwrap_or_default())).collect();
        Ok(Value::from_object(View { name, items }))
    };
    match name {
        "items" => view("items", &|key, item| Tuple::from([key.clone(), item]).into()),
        "keys" => view("keys", &|key, _| key.clone()),
        "values" => view("values", &|_, item| item),
        "get" => {
            let (key, default): (&Value, Option<Value>) = from_args(args)?;
            let item = value.get_item(key).unwrap_or_default();
            Ok(if item.is_undefined() { default.unwrap_or_else(|| Value::from(())) } else { item })
        }
        "copy" if args.is_empty() => Ok(value.clone()),
        // What's stored in a dictionary isn't its method.
        _ => Err(failed(format!("a dictionary has no method {name:?}"))),
    }
}

fn text_method(value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let text = value.as_str().unwrap_or_default();
    lazy::charge_text(text.len())?;
    let safe = value.is_safe();
    let made = |text: String| if safe { Value::from_safe_string(text) } else { Value::from(text) };
    let parts = |parts: Vec<&str>| parts.into_iter().map(|part| made(part.to_owned())).collect::<Vec<_>>();
    let plain = |given: &str, value: Option<&Value>| match value {
        Some(value) if safe => escape(value),
        _ => given.to_owned(),
    };
    Ok(match name {
        "removeprefix" | "removesuffix" => {
            let [fix] = bind(args, ["prefix"])?;
            let fix = string(fix.as_ref())?;
            let rest = if name == "removeprefix" { text.strip_prefix(fix) } else { text.strip_suffix(fix) };
            made(rest.unwrap_or(text).to_owned())
        }
        "partition" | "rpartition" => {
            let [separator] = bind(args, ["sep"])?;
            let separator = string(separator.as_ref())?;
            if separator.is_empty() {
                return Err(invalid("partition: empty separator"));
            }
            let last = name == "rpartition";
            let halves = if last { text.rsplit_once(separator) } else { text.split_once(separator) };
            let made = match halves {
                Some((left, right)) => vec![left, separator, right],
                None if last => vec!["", "", text],
                None => vec![text, "", ""],
            };
            Tuple::from(parts(made)).into()
        }
        "split" | "rsplit" => {
            let [separator, most] = bind(args, ["sep", "maxsplit"])?;
            let separator = given(separator);
            let separator = separator.as_ref().map(|separator| string(Some(separator))).transpose()?;
            parts(text::split(text, separator, whole(most.as_ref(), -1)?, name == "rsplit")?).into()
        }
        "splitlines" => {
            let [keep] = bind(args, ["keepends"])?;
            parts(text::lines(text, keep.is_some_and(|keep| keep.is_true()))).into()
        }
        "strip" | "lstrip" | "rstrip" => {
            let [chars] = bind(args, ["chars"])?;
            let chars = given(chars);
            let chars: Option<Vec<char>> = chars
                .as_ref()
                .map(|chars| Ok::<_, Error>(string(Some(chars))?.chars().collect()))
                .transpose()?;
            let strips = |c: char| match &chars {
                Some(chars) => chars.contains(&c),
                None => c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}'),
            };
            let mut rest = text;
            if name != "rstrip" {
                rest = rest.trim_start_matches(strips);
            }
            if name != "lstrip" {
                rest = rest.trim_end_matches(strips);
            }
            made(rest.to_owned())
        }
        "replace" => {
            let [old, new, count] = bind(args, ["old", "new", "count"])?;
            let (from, to) = (string(old.as_ref())?, string(new.as_ref())?);
            let to = plain(to, new.as_ref());
            text::charge_replaced(text, from, &to)?;
            made(match usize::try_from(whole(count.as_ref(), -1)?) {
                Ok(count) => text.replacen(from, &to, count),
                Err(_) => text.replace(from, &to),
            })
        }
        "join" => {
            let [items] = bind(args, ["iterable"])?;
            let items = lazy::items(required(items.as_ref())?)?;
            let items = items.iter().map(|item| {
                lazy::charge_text(string(Some(item))?.len() + text.len())?;
                Ok(plain(string(Some(item))?, Some(item)))
            });
            made(items.collect::<Result<Vec<_>, Error>>()?.join(text))
        }
        "format" => text::braces(value, args)?,
        "find" | "rfind" | "index" | "rindex" | "count" => {
            let [what, from, to] = bind(args, ["sub", "start", "end"])?;
            let what = string(what.as_ref())?;
            let within = slice(&Value::from(text), &[or_none(from.clone()), or_none(to)])?;
            let within = within.as_str().unwrap_or_default();
            let len = text.chars().count() as i128;
            let mut before = whole(given(from).as_ref(), 0)?;
            if before < 0 {
                before = (before + len).max(0);
            }
            if name == "count" {
                return Ok(Value::from(within.matches(what).count()));
            }
            let at = if name.starts_with('r') { within.rfind(what) } else { within.find(what) };
            match at {
                Some(at) => Value::from(before + within[..at].chars().count() as i128),
                None if name.ends_with("index") => return Err(invalid("str.index: substring not found")),
                None => Value::from(-1),
            }
        }
        "startswith" | "endswith" => {
            let [what, from, to] = bind(args, ["prefix", "start", "end"])?;
            let what = required(what.as_ref())?;
            let within = slice(&Value::from(text), &[or_none(from), or_none(to)])?;
            let within = within.as_str().unwrap_or_default();
            let options = if what.is_tuple() { lazy::items(what)? } else { vec![what.clone()] };
            let mut found = false;
            for option in &options {
                let option = string(Some(option))?;
                found |=
                    if name == "startswith" { within.starts_with(option) } else { within.ends_with(option) };
            }
            Value::from(found)
        }
        "center" | "ljust" | "rjust" => {
            let [width, fill] = bind(args, ["width", "fillchar"])?;
            let fill = fill.as_ref().map_or(Ok(" "), |fill| string(Some(fill)))?;
            let mut fill = fill.chars();
            let (Some(c), None) = (fill.next(), fill.next()) else {
                return Err(invalid("a fill must be one character"));
            };
            let width = whole(Some(required(width.as_ref())?), 0)?;
            made(text::pad(text, width, c, name != "ljust", name != "rjust"))
        }
        "zfill" => {
            let [width] = bind(args, ["width"])?;
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['+', '-'])));
            let width = whole(Some(required(width.as_ref())?), 0)?.saturating_sub(sign.len() as i128);
            made(sign.to_owned() + &text::pad(digits, width, '0', true, false))
        }
        _ if !args.is_empty() => return Err(ErrorKind::UnknownMethod.into()),
        "title" => made(text::title(text, |c| !c.is_alphabetic())),
        "capitalize" => made(text::capitalize(text)),
        "upper" => made(text.to_uppercase()),
        "lower" | "casefold" => made(text.to_lowercase()),
        _ => Value::from(text::is(text, name).ok_or(ErrorKind::UnknownMethod)?),
    })
}

fn or_none(value: Option<Value>) -> Value {
    value.unwrap_or_else(|| Value::from(()))
}

/// A whole number, in the engine's usual form.
pub(super) fn int(x: i128) -> Value {
    i64::try_from(x).map_or_else(|_| Value::from(x), Value::from)
}

pub(super) fn invalid(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

pub(super) fn failed(detail: String) -> Error {
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
