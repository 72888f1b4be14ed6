//! Jinja2's filters and tests, as in `jinja2/filters.py` and `jinja2/tests.py` (3.1).

use std::cmp::Ordering;
use std::collections::BTreeSet;

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::lazy::{self, Generator, Group, Namespace, Range, Turns, View, items};
use super::ops::{compute, contains, equal, order};
use super::python::{self, bind, failed, invalid, required, to_str, whole};
use super::text;

pub(super) const FILTERS: [&str; 48] = [
    "center",
    "wordcount",
    "truncate",
    "forceescape",
    "attr",
    "pprint",
    "tojson",
    "abs",
    "batch",
    "slice",
    "groupby",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "sort",
    "string",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
    "urlencode",
];
pub(super) const TESTS: [&str; 37] = [
    "defined",
    "undefined",
    "none",
    "boolean",
    "true",
    "false",
    "integer",
    "float",
    "number",
    "string",
    "mapping",
    "sequence",
    "iterable",
    "callable",
    "lower",
    "upper",
    "odd",
    "even",
    "divisibleby",
    "in",
    "escaped",
    "sameas",
    "==",
    "eq",
    "equalto",
    "!=",
    "ne",
    "<",
    "lt",
    "lessthan",
    "<=",
    "le",
    ">",
    "gt",
    "greaterthan",
    ">=",
    "ge",
];
const FUNCTIONS: [&str; 6] = ["range", "joiner", "cycler", "dict", "namespace", "__set"];
/// What `range` may count to, as in Jinja2's sandbox.
const MAX_RANGE: i128 = 100_000;

pub(super) fn install(environment: &mut Environment<'_>) {
    for name in FILTERS {
        environment.add_filter(name, python::builtin(name, filter));
    }
    for name in TESTS {
        environment.add_test(name, python::builtin(name, test));
    }
    for name in FUNCTIONS {
        environment.add_function(name, python::builtin(name, function));
    }
}

/// The arguments of `dict`: a mapping or pairs, and names with values.
fn pairs(args: &[Value]) -> Result<Vec<(Value, Value)>, Error> {
    let mut pairs: Vec<(Value, Value)> = Vec::new();
    for arg in args {
        if arg.is_undefined() {
            return Err(ErrorKind::UndefinedError.into());
        }
        for item in items(arg)? {
            let (key, value) = if arg.kind() == ValueKind::Map {
                (item.clone(), arg.get_item(&item)?)
            } else {
                let [key, value] = items(&item)?.try_into().map_err(|_| invalid("dict: not a pair"))?;
                (key, value)
            };
            match pairs.iter_mut().find(|(other, _)| *other == key) {
                Some((_, old)) => *old = value,
                None => pairs.push((key, value)),
            }
        }
    }
    Ok(pairs)
}

fn function(_: &mut State, name: &str, args: &[Value]) -> Result<Value, Error> {
    let items = match name {
        "joiner" => {
            let [separator] = bind(args, ["sep"])?;
            vec![separator.unwrap_or_else(|| Value::from(", "))]
        }
        "dict" => return pairs(args).map(Value::from_pairs),
        "namespace" => return Ok(Value::from_object(Namespace(pairs(args)?.into()))),
        // `{% set namespace.name = value %}`.
        "__set" => {
            let [space, name, value] = bind(args, ["namespace", "name", "value"])?;
            let space = space.as_ref().and_then(|space| space.downcast_object_ref::<Namespace>());
            let space = space.ok_or_else(|| invalid("only a namespace's names can be set"))?;
            space.set(name.unwrap_or_default(), value.unwrap_or_default())?;
            return Ok(Value::UNDEFINED);
        }
        "cycler" if args.is_empty() => return Err(ErrorKind::MissingArgument.into()),
        "cycler" => args.to_vec(),
        _ => {
            let [start, stop, step] = bind(args, ["start", "stop", "step"])?;
            let (start, stop) = if stop.is_some() { (start, stop) } else { (None, start) };
            let (start, step) = (whole(start.as_ref(), 0)?, whole(step.as_ref(), 1)?);
            let stop = whole(Some(required(stop.as_ref())?), 0)?;
            let span = if step > 0 { stop.saturating_sub(start) } else { start.saturating_sub(stop) }.max(0);
            let by = step.saturating_abs();
            let len = span.saturating_add(by - 1).checked_div(by).filter(|&len| len <= MAX_RANGE);
            let len =
                len.and_then(|len| usize::try_from(len).ok()).ok_or_else(|| invalid("range: bad numbers"))?;
            return Ok(Value::from_object(Range { start, stop, step, len }));
        }
    };
    Ok(Value::from_object(Turns { items, joins: name == "joiner", at: 0.into() }))
}

/// What an attribute's name leads to: `"a.b"`, `"0"` or a number.
fn attribute(value: &Value, path: &Value, default: Option<&Value>) -> Result<Value, Error> {
    let Some(path) = path.as_str() else { return value.get_item(path) };
    let mut value = value.clone();
    for part in path.split('.') {
        let key = if part.bytes().all(|b| b.is_ascii_digit()) {
            part.parse::<i64>().map_or_else(|_| Value::from(part), Value::from)
        } else {
            Value::from(part)
        };
        value = value.get_item(&key)?;
        if let (true, Some(default)) = (value.is_undefined(), default) {
            value = default.clone();
        }
    }
    Ok(value)
}

/// What items are sorted and told apart by.
fn key(item: &Value, path: Option<&Value>, case_sensitive: Option<&Value>) -> Result<Value, Error> {
    let value = match path {
        Some(path) => attribute(item, path, None)?,
        None => item.clone(),
    };
    let ignores = !case_sensitive.is_some_and(Value::is_true);
    Ok(value
        .as_str()
        .filter(|_| ignores)
        .map_or_else(|| value.clone(), |text| Value::from(text.to_lowercase())))
}

fn sorted(mut keyed: Vec<(Vec<Value>, Value)>, reverse: bool, as_lists: bool) -> Result<Vec<Value>, Error> {
    let mut failure = None;
    keyed.sort_by(|(a, _), (b, _)| {
        for (a, b) in a.iter().zip(b) {
            // Python looks for the first two that differ.
            if as_lists && equal(a, b, 0) {
                continue;
            }
            match order(a, b) {
                Ok(found) => match found.unwrap_or(Ordering::Equal) {
                    Ordering::Equal => {}
                    found => return if reverse { found.reverse() } else { found },
                },
                Err(err) => failure = Some(err),
            }
        }
        Ordering::Equal
    });
    failure.map_or_else(|| Ok(keyed.into_iter().map(|(_, item)| item).collect()), Err)
}

/// The length that Python's `len` gives.
fn length(value: &Value) -> Result<usize, Error> {
    match value.as_str() {
        Some(text) => Ok(text.chars().count()),
        None if value.is_undefined() => Ok(0),
        None => value.len().ok_or_else(|| failed(format!("a value of type {} has no length", value.kind()))),
    }
}

fn select(state: &mut State, name: &str, value: &Value, args: &[Value]) -> Result<Vec<Value>, Error> {
    let by_attribute = name.ends_with("attr");
    let (path, args) = match args.split_first() {
        Some((path, rest)) if by_attribute => (Some(path), rest),
        None if by_attribute => return Err(ErrorKind::MissingArgument.into()),
        _ => (None, args),
    };
    let mut kept = Vec::new();
    for item in if value.is_true() { items(value)? } else { Vec::new() } {
        let tested = match path {
            Some(path) => attribute(&item, path, None)?,
            None => item.clone(),
        };
        let passes = match args.split_first() {
            None => tested.is_true(),
            Some((name, rest)) => {
                let name = name.as_str().ok_or_else(|| invalid("a test's name must be a string"))?;
                let mut args = vec![tested];
                args.extend_from_slice(rest);
                state.perform_test(name, &args)?
            }
        };
        if passes == name.starts_with("select") {
            kept.push(item);
        }
    }
    Ok(kept)
}

fn map(state: &mut State, value: &Value, args: &[Value]) -> Result<Vec<Value>, Error> {
    let by_attribute = matches!(args, [only] if only.is_kwargs());
    let mut mapped = Vec::new();
    for item in if value.is_true() { items(value)? } else { Vec::new() } {
        mapped.push(if by_attribute {
            let [path, default] = bind(args, ["attribute", "default"])?;
            attribute(&item, required(path.as_ref())?, default.as_ref())?
        } else {
            let (name, rest) = args.split_first().ok_or(ErrorKind::MissingArgument)?;
            let name = name.as_str().ok_or_else(|| invalid("a filter's name must be a string"))?;
            let mut args = vec![item];
            args.extend_from_slice(rest);
            state.apply_filter(name, &args)?
        });
    }
    Ok(mapped)
}

/// `value` as text that keeps being marked as safe.
fn soft(value: &Value, change: impl Fn(&str) -> String) -> Result<Value, Error> {
    lazy::charge_value(value)?;
    let text = change(&to_str(value));
    Ok(if value.is_safe() { Value::from_safe_string(text) } else { Value::from(text) })
}

fn filter(state: &mut State, name: &str, args: &[Value]) -> Result<Value, Error> {
    let (value, args) = args.split_first().ok_or(ErrorKind::MissingArgument)?;
    const BARE: [&str; 18] = [
        "abs",
        "capitalize",
        "count",
        "e",
        "escape",
        "first",
        "forceescape",
        "items",
        "last",
        "length",
        "list",
        "lower",
        "reverse",
        "safe",
        "string",
        "title",
        "upper",
        "wordcount",
    ];
    if BARE.contains(&name) && !args.is_empty() {
        return Err(ErrorKind::TooManyArguments.into());
    }
    Ok(match name {
        "select" | "reject" | "selectattr" | "rejectattr" => Generator::of(select(state, name, value, args)),
        "map" => Generator::of(map(state, value, args)),
        "length" | "count" => Value::from(length(value)?),
        "list" => items(value)?.into(),
        "string" => soft(value, str::to_owned)?,
        "upper" => soft(value, str::to_uppercase)?,
        "lower" => soft(value, str::to_lowercase)?,
        "capitalize" => soft(value, text::capitalize)?,
        "title" => soft(value, |text| text::title(text, |c| c.is_whitespace() || "-({[<".contains(c)))?,
        "trim" => {
            let [chars] = bind(args, ["chars"])?;
            soft(value, str::to_owned)?.call_method(state, "strip", chars.as_slice())?
        }
        "safe" => Value::from_safe_string(to_str(value)),
        "e" | "escape" => Value::from_safe_string(python::escape(value)),
        "default" | "d" => {
            let [other, boolean] = bind(args, ["default_value", "boolean"])?;
            let replaced = value.is_undefined() || (boolean.is_some_and(|b| b.is_true()) && !value.is_true());
            if replaced { other.unwrap_or_else(|| Value::from("")) } else { value.clone() }
        }
        "join" => {
            let [separator, path] = bind(args, ["d", "attribute"])?;
            let path = path.filter(|path| !path.is_none());
            let mut texts = Vec::new();
            let separator = separator.as_ref().map_or_else(String::new, to_str);
            for item in items(value)? {
                let item = match &path {
                    Some(path) => attribute(&item, path, None)?,
                    None => item,
                };
                lazy::charge_value(&item)?;
                lazy::charge_text(separator.len())?;
                texts.push(to_str(&item));
            }
            Value::from(texts.join(&separator))
        }
        "replace" => {
            let [old, new, count] = bind(args, ["old", "new", "count"])?;
            let (old, new) = (to_str(required(old.as_ref())?), to_str(required(new.as_ref())?));
            let count = whole(count.filter(|count| !count.is_none()).as_ref(), -1)?;
            lazy::charge_value(value)?;
            let text = to_str(value);
            text::charge_replaced(&text, &old, &new)?;
            Value::from(match usize::try_from(count) {
                Ok(count) => text.replacen(&old, &new, count),
                Err(_) => text.replace(&old, &new),
            })
        }
        "indent" => {
            let [width, first, blank] = bind(args, ["width", "first", "blank"])?;
            let truth = |value: Option<Value>| value.is_some_and(|value| value.is_true());
            let spaces = |width: i128| " ".repeat(usize::try_from(width.clamp(0, 10_000)).unwrap_or(0));
            let by = match width.as_ref().and_then(Value::as_str) {
                Some(by) => by.to_owned(),
                None => spaces(whole(width.as_ref(), 4)?),
            };
            text::indent(value, &by, truth(first), truth(blank))?
        }
        "format" => {
            let named = matches!(args, [only] if only.is_kwargs());
            text::percent(&soft(value, str::to_owned)?, args, named)?
        }
        "urlencode" => match value.kind() {
            ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => {
                let pairs = if python::is_mapping(value) {
                    value.call_method(state, "items", &[])?
                } else {
                    value.clone()
                };
                let mut texts = Vec::new();
                for pair in items(&pairs)? {
                    let [name, item] =
                        items(&pair)?.try_into().map_err(|_| invalid("urlencode: not a pair"))?;
                    texts.push(
                        text::quote_url(&to_str(&name), true) + "=" + &text::quote_url(&to_str(&item), true),
                    );
                }
                Value::from(texts.join("&"))
            }
            _ => Value::from(text::quote_url(&to_str(value), false)),
        },
        "items" => Generator::of(match value {
            value if value.is_undefined() => Ok(Vec::new()),
            value if python::is_mapping(value) => {
                value.call_method(state, "items", &[]).and_then(|view| items(&view))
            }
            _ => Err(invalid("items: not a mapping")),
        }),
        "dictsort" => {
            let [case_sensitive, by, reverse] = bind(args, ["case_sensitive", "by", "reverse"])?;
            let at = match by.as_ref().map(|by| by.as_str().unwrap_or_default()) {
                None | Some("key") => 0,
                Some("value") => 1,
                Some(_) => return Err(invalid("dictsort: neither by key nor by value")),
            };
            if !python::is_mapping(value) {
                return Err(invalid("dictsort: not a mapping"));
            }
            let mut keyed = Vec::new();
            for pair in items(&value.call_method(state, "items", &[])?)? {
                keyed.push((vec![key(&pair.get_item_by_index(at)?, None, case_sensitive.as_ref())?], pair));
            }
            sorted(keyed, reverse.is_some_and(|reverse| reverse.is_true()), false)?.into()
        }
        "sort" => {
            let [reverse, case_sensitive, path] = bind(args, ["reverse", "case_sensitive", "attribute"])?;
            let paths: Vec<Value> = match path.filter(|path| !path.is_none()) {
                None => Vec::new(),
                Some(path) => path
                    .as_str()
                    .map_or_else(|| vec![path.clone()], |path| path.split(',').map(Value::from).collect()),
            };
            let mut keyed = Vec::new();
            for item in items(value)? {
                let keys = if paths.is_empty() {
                    vec![key(&item, None, case_sensitive.as_ref())?]
                } else {
                    paths
                        .iter()
                        .map(|path| key(&item, Some(path), case_sensitive.as_ref()))
                        .collect::<Result<_, _>>()?
                };
                keyed.push((keys, item));
            }
            sorted(keyed, reverse.is_some_and(|reverse| reverse.is_true()), !paths.is_empty())?.into()
        }
        "unique" => {
            let [case_sensitive, path] = bind(args, ["case_sensitive", "attribute"])?;
            let unique = || {
                let (mut seen, mut kept) = (BTreeSet::new(), Vec::new());
                for item in items(value)? {
                    if seen.insert(python::hashable(key(&item, path.as_ref(), case_sensitive.as_ref())?)?) {
                        kept.push(item);
                    }
                }
                Ok(kept)
            };
            Generator::of(unique())
        }
        "min" | "max" => {
            let [case_sensitive, path] = bind(args, ["case_sensitive", "attribute"])?;
            let mut best: Option<(Value, Value)> = None;
            for item in items(value)? {
                let key = key(&item, path.as_ref(), case_sensitive.as_ref())?;
                let better = match &best {
                    None => true,
                    Some((other, _)) if name == "min" => order(&key, other)? == Some(Ordering::Less),
                    Some((other, _)) => order(&key, other)? == Some(Ordering::Greater),
                };
                if better {
                    best = Some((key, item));
                }
            }
            best.map(|(_, item)| item).unwrap_or_default()
        }
        "sum" => {
            let [path, start] = bind(args, ["attribute", "start"])?;
            let path = path.filter(|path| !path.is_none());
            let mut sum = start.unwrap_or_else(|| Value::from(0));
            for item in items(value)? {
                let item =
                    path.as_ref().map_or_else(|| Ok(item.clone()), |path| attribute(&item, path, None))?;
                if sum.as_str().is_some() {
                    return Err(invalid("sum: not of texts"));
                }
                sum = compute("+", &sum, &item)?;
            }
            sum
        }
        "first" => match value.as_object() {
            // Only the first of a generator's items is used up.
            Some(_) if value.kind() == ValueKind::Iterable => {
                value.try_iter()?.checked().next().transpose()?.unwrap_or_default()
            }
            _ => items(value)?.into_iter().next().unwrap_or_default(),
        },
        "last" | "reverse" => {
            let text = value.as_str().filter(|_| name == "reverse");
            if let Some(text) = text {
                return soft(value, |_| text.chars().rev().collect());
            }
            if name == "last" && value.downcast_object_ref::<Generator>().is_some() {
                return Err(invalid("last: a generator can't be reversed"));
            }
            let mut all = items(value)?;
            if name == "last" {
                return Ok(all.pop().unwrap_or_default());
            }
            all.reverse();
            let generated = value.downcast_object_ref::<Generator>().is_some();
            if generated { all.into() } else { Generator::of(Ok(all)) }
        }
        "abs" => match value.as_i64() {
            Some(x) if value.is_integer() => Value::from(x.saturating_abs()),
            _ if value.kind() == ValueKind::Number => Value::from(f64::try_from(value.clone())?.abs()),
            _ if value.kind() == ValueKind::Bool => Value::from(i64::from(value.is_true())),
            _ => return Err(invalid("abs: not a number")),
        },
        "batch" => {
            let [count, fill] = bind(args, ["linecount", "fill_with"])?;
            let count = usize::try_from(whole(Some(required(count.as_ref())?), 0)?).unwrap_or(0);
            let batch = || {
                let all = items(value)?;
                let mut rows: Vec<Vec<Value>> = all.chunks(count.max(1)).map(<[Value]>::to_vec).collect();
                if let (Some(last), Some(fill)) = (rows.last_mut(), fill.filter(|fill| !fill.is_none())) {
                    last.resize(count.min(100_000).max(last.len()), fill);
                }
                Ok(rows.into_iter().map(Value::from).collect())
            };
            Generator::of(batch())
        }
        "slice" => {
            let [count, fill] = bind(args, ["slices", "fill_with"])?;
            let count = usize::try_from(whole(Some(required(count.as_ref())?), 0)?).unwrap_or(0);
            let fill = fill.filter(|fill| !fill.is_none());
            let slices = || {
                let all = items(value)?;
                let Some(each) = all.len().checked_div(count).filter(|_| count <= 100_000) else {
                    return Err(invalid("slice: no slices"));
                };
                let (more, mut rest) = (all.len() % count, all.as_slice());
                let mut rows = Vec::new();
                for at in 0..count {
                    let (row, after) = rest.split_at(each + usize::from(at < more));
                    rest = after;
                    let mut row = row.to_vec();
                    row.extend(fill.clone().filter(|_| at >= more));
                    rows.push(Value::from(row));
                }
                Ok(rows)
            };
            Generator::of(slices())
        }
        "groupby" => {
            let [path, default, case_sensitive] = bind(args, ["attribute", "default", "case_sensitive"])?;
            let path = required(path.as_ref())?;
            let mut keyed = Vec::new();
            for item in items(value)? {
                let whole = attribute(&item, path, default.as_ref())?;
                keyed.push((
                    vec![key(&whole, None, case_sensitive.as_ref())?],
                    Tuple::from([whole, item]).into(),
                ));
            }
            let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
            for pair in sorted(keyed, false, false)? {
                let (name, item) = (pair.get_item_by_index(0)?, pair.get_item_by_index(1)?);
                let lowered = key(&name, None, case_sensitive.as_ref())?;
                match groups.last_mut() {
                    Some((of, list)) if equal(&key(of, None, case_sensitive.as_ref())?, &lowered, 0) => {
                        list.push(item)
                    }
                    _ => groups.push((name, vec![item])),
                }
            }
            let groups =
                groups.into_iter().map(|(name, list)| Value::from_object(Group([name, list.into()])));
            groups.collect::<Vec<_>>().into()
        }
        "center" => {
            let [width] = bind(args, ["width"])?;
            Value::from(text::pad(&to_str(value), whole(width.as_ref(), 80)?, ' ', true, true))
        }
        "wordcount" => {
            let text = to_str(value);
            Value::from(
                text.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .filter(|word| !word.is_empty())
                    .count(),
            )
        }
        "truncate" => {
            let [most, kills, end, leeway] = bind(args, ["length", "killwords", "end", "leeway"])?;
            let (most, leeway) = (whole(most.as_ref(), 255)?, whole(leeway.as_ref(), 5)?);
            let end = end.as_ref().map_or_else(|| "...".to_owned(), to_str);
            let kept = usize::try_from(most - end.chars().count() as i128).ok();
            let Some(kept) = kept.filter(|_| leeway >= 0) else { return Err(invalid("truncate: too short")) };
            if length(value)? as i128 <= most + leeway {
                return Ok(value.clone());
            }
            let text = value.as_str().ok_or_else(|| invalid("truncate: not a text"))?;
            let cut: String = text.chars().take(kept).collect();
            let words = if kills.is_some_and(|kills| kills.is_true()) { None } else { cut.rsplit_once(' ') };
            Value::from(words.map_or(cut.as_str(), |(words, _)| words).to_owned() + &end)
        }
        "forceescape" => Value::from_safe_string(python::escape(&Value::from(to_str(value)))),
        "attr" => {
            let [name] = bind(args, ["name"])?;
            let name = required(name.as_ref())?;
            if value.is_undefined() {
                return Err(ErrorKind::UndefinedError.into());
            }
            if python::is_mapping(value) {
                Value::UNDEFINED
            } else {
                value.get_item(name).unwrap_or_default()
            }
        }
        "pprint" => Value::from(python::repr(value, 0)),
        "int" => {
            let [default, base] = bind(args, ["default", "base"])?;
            if value.is_undefined() {
                return Err(ErrorKind::UndefinedError.into());
            }
            let base = u32::try_from(whole(base.as_ref(), 10)?)
                .ok()
                .filter(|base| (2..=36).contains(base))
                .unwrap_or(10);
            let found = match value.as_str() {
                Some(text) => text::int(text, base)
                    .or_else(|| text::float(text).filter(|x| x.is_finite()).map(|x| x as i128)),
                None if value.is_integer() => return Ok(value.clone()),
                None => match value.kind() {
                    ValueKind::Bool => Some(value.is_true().into()),
                    ValueKind::Number => {
                        f64::try_from(value.clone()).ok().filter(|x| x.is_finite()).map(|x| x as i128)
                    }
                    _ => None,
                },
            };
            found.map_or_else(|| default.unwrap_or_else(|| Value::from(0)), python::int)
        }
        "float" => {
            let [default] = bind(args, ["default"])?;
            if value.is_undefined() {
                return Err(ErrorKind::UndefinedError.into());
            }
            let found = match value.as_str() {
                Some(text) => text::float(text),
                None if value.kind() == ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
                None if value.kind() == ValueKind::Number => {
                    compute("+", value, &Value::from(0.0)).ok().and_then(|x| f64::try_from(x).ok())
                }
                None => None,
            };
            found.map_or_else(|| default.unwrap_or_else(|| Value::from(0.0)), Value::from)
        }
        "round" => {
            let [precision, method] = bind(args, ["precision", "method"])?;
            let precision = i32::try_from(whole(precision.as_ref(), 0)?).unwrap_or(0).clamp(-300, 300);
            let method = method.as_ref().map_or("common", |method| method.as_str().unwrap_or_default());
            if !matches!(value.kind(), ValueKind::Number | ValueKind::Bool) {
                return Err(invalid("round: not a number"));
            }
            let x = f64::try_from(compute("+", value, &Value::from(0.0))?)?;
            let scale = 10f64.powi(precision);
            match method {
                "common"
                    if x.fract() == 0.0
                        && precision >= 0
                        && (value.is_integer() || value.kind() == ValueKind::Bool) =>
                {
                    compute("+", value, &Value::from(0))?
                }
                "common" if precision >= 0 => {
                    let digits = usize::try_from(precision).unwrap_or(0);
                    Value::from(format!("{x:.digits$}").parse::<f64>().unwrap_or(x))
                }
                "common" => Value::from((x * scale).round_ties_even() / scale),
                "ceil" => Value::from((x * scale).ceil() / scale),
                "floor" => Value::from((x * scale).floor() / scale),
                _ => return Err(invalid("round: the method must be common, ceil or floor")),
            }
        }
        "tojson" => super::json::tojson(value, args)?,
        _ => return Err(ErrorKind::UnknownFilter.into()),
    })
}

fn test(_: &mut State, name: &str, args: &[Value]) -> Result<Value, Error> {
    let (value, args) = args.split_first().ok_or(ErrorKind::MissingArgument)?;
    let other = || match args {
        [only] => Ok(only),
        _ => Err(Error::from(ErrorKind::MissingArgument)),
    };
    let kind = value.kind();
    let compared = |by: fn(Ordering) -> bool| Ok::<_, Error>(order(value, other()?)?.is_some_and(by));
    let rest = |by: &Value| compute("%", value, by);
    if !args.is_empty()
        && !matches!(name, "divisibleby" | "in" | "sameas" | "==" | "eq" | "equalto" | "!=" | "ne")
        && !matches!(name, "<" | "lt" | "lessthan" | "<=" | "le" | ">" | "gt" | "greaterthan" | ">=" | "ge")
    {
        return Err(ErrorKind::TooManyArguments.into());
    }
    let listed =
        value.downcast_object_ref::<Generator>().is_none() && value.downcast_object_ref::<View>().is_none();
    Ok(Value::from(match name {
        "defined" => !value.is_undefined(),
        "undefined" => value.is_undefined(),
        "none" => value.is_none(),
        "boolean" => kind == ValueKind::Bool,
        "true" => kind == ValueKind::Bool && value.is_true(),
        "false" => kind == ValueKind::Bool && !value.is_true(),
        "integer" => kind == ValueKind::Number && value.is_integer(),
        "float" => kind == ValueKind::Number && !value.is_integer(),
        "number" => matches!(kind, ValueKind::Number | ValueKind::Bool),
        "string" => kind == ValueKind::String,
        "mapping" => python::is_mapping(value),
        "sequence" => {
            python::is_mapping(value)
                || matches!(kind, ValueKind::String | ValueKind::Seq | ValueKind::Undefined)
                || (kind == ValueKind::Iterable && listed)
        }
        "iterable" => {
            python::is_mapping(value)
                || matches!(
                    kind,
                    ValueKind::String | ValueKind::Seq | ValueKind::Undefined | ValueKind::Iterable
                )
        }
        "callable" => {
            matches!(kind, ValueKind::Plain | ValueKind::Undefined)
                && value.downcast_object_ref::<Namespace>().is_none()
        }
        "lower" | "upper" => {
            let method = if name == "lower" { "islower" } else { "isupper" };
            text::is(&to_str(value), method).unwrap_or(false)
        }
        "odd" => equal(&rest(&Value::from(2))?, &Value::from(1), 0),
        "even" => equal(&rest(&Value::from(2))?, &Value::from(0), 0),
        "divisibleby" => equal(&rest(other()?)?, &Value::from(0), 0),
        "in" => contains(other()?, value)?,
        "escaped" => value.is_safe(),
        "sameas" => {
            let other = other()?;
            kind == other.kind() && value.is_integer() == other.is_integer() && equal(value, other, 0)
        }
        "==" | "eq" | "equalto" => equal(value, other()?, 0),
        "!=" | "ne" => !equal(value, other()?, 0),
        "<" | "lt" | "lessthan" => compared(Ordering::is_lt)?,
        "<=" | "le" => compared(Ordering::is_le)?,
        ">" | "gt" | "greaterthan" => compared(Ordering::is_gt)?,
        _ => compared(Ordering::is_ge)?,
    }))
}
