//! Python's operators, which [`super::rewrite`] spells as calls.

use std::cmp::Ordering;

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::lazy;
use super::python::{self, invalid, to_str};

/// Values nested deeper than this are no message of anybody's.
const MAX_DEPTH: usize = 100;
/// Items or bytes that `*` may make.
const MAX_REPEATED: usize = 10_000_000;

const NAMES: [&str; 5] = ["__compute", "__compare", "__concat", "__sign", "__iter"];

pub(super) fn install(environment: &mut Environment<'_>) {
    for name in NAMES {
        environment.add_function(name, python::builtin(name, call));
    }
}

fn call(_: &mut State, name: &str, args: &[Value]) -> Result<Value, Error> {
    let (first, rest) = args.split_first().ok_or(ErrorKind::MissingArgument)?;
    Ok(match name {
        "__compute" => {
            let mut left = first.clone();
            for pair in rest.chunks_exact(2) {
                left = compute(pair[0].as_str().unwrap_or_default(), &left, &pair[1])?;
            }
            left
        }
        "__compare" => {
            let mut left = first;
            for pair in rest.chunks_exact(2) {
                if !compare(pair[0].as_str().unwrap_or_default(), left, &pair[1])? {
                    return Ok(Value::from(false));
                }
                left = &pair[1];
            }
            Value::from(true)
        }
        "__concat" => {
            args.iter().try_for_each(lazy::charge_value)?;
            Value::from(args.iter().map(to_str).collect::<String>())
        }
        "__sign" => {
            let factor = Number::Int(if first.as_str() == Some("-") { -1 } else { 1 });
            let product =
                rest.first().and_then(Number::of).and_then(|number| arithmetic("*", factor, number));
            product.ok_or_else(|| invalid("a sign stands before what is no number"))?
        }
        // What a `for` runs over, whose items may be to unpack.
        _ => {
            let unpacks = !rest.is_empty();
            let repeats = first.as_str().is_none() && !first.is_none() && first.len().is_some();
            if first.kind() == ValueKind::Map || (repeats && !unpacks) {
                return Ok(first.clone());
            }
            let mut items = lazy::items(first)?;
            for item in &mut items {
                if unpacks && item.as_str().is_some() {
                    *item = lazy::items(item)?.into();
                }
            }
            items.into()
        }
    })
}

enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    fn of(value: &Value) -> Option<Self> {
        match value.kind() {
            ValueKind::Bool => Some(Self::Int(value.is_true().into())),
            ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).ok().map(Self::Int),
            ValueKind::Number => f64::try_from(value.clone()).ok().map(Self::Float),
            _ => None,
        }
    }

    fn float(self) -> f64 {
        match self {
            Self::Int(x) => x as f64,
            Self::Float(x) => x,
        }
    }
}

fn unsupported(op: &str, a: &Value, b: &Value) -> Error {
    python::failed(format!("{op}: not between {} and {}", a.kind(), b.kind()))
}

/// `a op b`.
pub(super) fn compute(op: &str, a: &Value, b: &Value) -> Result<Value, Error> {
    if let (Some(a), Some(b)) = (Number::of(a), Number::of(b)) {
        return arithmetic(op, a, b).ok_or_else(|| python::failed(format!("{op}: there is no result")));
    }
    let list = |value: &Value| value.kind() == ValueKind::Seq;
    let bytes = |value: &Value| value.as_str().map_or(0, str::len);
    lazy::charge_text(bytes(a) + bytes(b))?;
    match op {
        "+" => match (a.as_str(), b.as_str()) {
            (Some(x), Some(y)) if !a.is_safe() && !b.is_safe() => Ok(Value::from([x, y].concat())),
            (Some(_), Some(_)) => {
                Ok(Value::from_safe_string([python::escape(a), python::escape(b)].concat()))
            }
            _ if list(a) && list(b) && a.is_tuple() == b.is_tuple() => {
                let mut items = lazy::items(a)?;
                items.extend(lazy::items(b)?);
                Ok(if a.is_tuple() { Tuple::from(items).into() } else { items.into() })
            }
            _ => Err(unsupported(op, a, b)),
        },
        "*" => {
            let (what, count) = if Number::of(a).is_some() { (b, a) } else { (a, b) };
            let Some(Number::Int(count)) = Number::of(count) else { return Err(unsupported(op, a, b)) };
            let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
            let len = what.as_str().map_or(what.len().unwrap_or(0), str::len);
            if len.saturating_mul(count) > MAX_REPEATED {
                return Err(invalid("*: the result is too long"));
            }
            lazy::charge_text(len.saturating_mul(count))?;
            match what.as_str() {
                Some(text) if what.is_safe() => Ok(Value::from_safe_string(text.repeat(count))),
                Some(text) => Ok(Value::from(text.repeat(count))),
                None if list(what) => {
                    let items = lazy::items(what)?;
                    let items: Vec<Value> = std::iter::repeat_n(items, count).flatten().collect();
                    Ok(if what.is_tuple() { Tuple::from(items).into() } else { items.into() })
                }
                None => Err(unsupported(op, a, b)),
            }
        }
        "%" if a.as_str().is_some() => {
            let args = if b.is_tuple() { lazy::items(b)? } else { vec![b.clone()] };
            super::text::percent(a, &args, !b.is_tuple())
        }
        _ => Err(unsupported(op, a, b)),
    }
}

fn arithmetic(op: &str, a: Number, b: Number) -> Option<Value> {
    let (a, b) = match (a, b) {
        (Number::Int(a), Number::Int(b)) => match op {
            "/" if b != 0 => return Some(Value::from(a as f64 / b as f64)),
            "**" if b < 0 => (Number::Int(a), Number::Int(b)),
            _ => {
                let value = match op {
                    "+" => a.checked_add(b),
                    "-" => a.checked_sub(b),
                    "*" => a.checked_mul(b),
                    "//" => floor_divide(a, b),
                    "%" => a.checked_sub(floor_divide(a, b)?.checked_mul(b)?),
                    "**" => a.checked_pow(u32::try_from(b).ok()?),
                    _ => None,
                }?;
                return Some(python::int(value));
            }
        },
        numbers => numbers,
    };
    let (a, b) = (a.float(), b.float());
    let zero = b == 0.0;
    Some(Value::from(match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" if !zero => a / b,
        "//" | "%" if !zero => {
            let rest = a % b;
            let rest = if rest == 0.0 {
                0f64.copysign(b)
            } else if (rest < 0.0) != (b < 0.0) {
                rest + b
            } else {
                rest
            };
            if op == "%" { rest } else { ((a - rest) / b).round() }
        }
        "**" if a != 0.0 || b >= 0.0 => {
            Some(a.powf(b)).filter(|x| x.is_finite() || !a.is_finite() || !b.is_finite())?
        }
        _ => return None,
    }))
}

fn floor_divide(a: i128, b: i128) -> Option<i128> {
    let quotient = a.checked_div(b)?;
    Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

fn compare(op: &str, a: &Value, b: &Value) -> Result<bool, Error> {
    Ok(match op {
        "==" => equal(a, b, 0),
        "!=" => !equal(a, b, 0),
        "in" => contains(b, a)?,
        "not in" => !contains(b, a)?,
        _ => match order(a, b)? {
            None => false,
            Some(found) => match op {
                "<" => found.is_lt(),
                "<=" => found.is_le(),
                ">" => found.is_gt(),
                _ => found.is_ge(),
            },
        },
    })
}

/// `a == b`.
pub(super) fn equal(a: &Value, b: &Value, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    if let (Some(a), Some(b)) = (Number::of(a), Number::of(b)) {
        return match (a, b) {
            (Number::Int(a), Number::Int(b)) => a == b,
            (a, b) => a.float() == b.float(),
        };
    }
    match (a.kind(), b.kind()) {
        (ValueKind::Seq, ValueKind::Seq) => {
            a.is_tuple() == b.is_tuple() && a.len() == b.len() && {
                let (a, b) = (lazy::items(a).unwrap_or_default(), lazy::items(b).unwrap_or_default());
                a.iter().zip(&b).all(|(a, b)| equal(a, b, depth + 1))
            }
        }
        (ValueKind::Map, ValueKind::Map) => {
            a.len() == b.len()
                && lazy::items(a).unwrap_or_default().iter().all(|key| {
                    let other = b.get_item(key).unwrap_or_default();
                    !other.is_undefined() && equal(&a.get_item(key).unwrap_or_default(), &other, depth + 1)
                })
        }
        (a_kind, b_kind) => a_kind == b_kind && a == b,
    }
}

/// What `<` and the like go by; nothing where a number isn't one.
pub(super) fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, Error> {
    if let (Some(a), Some(b)) = (Number::of(a), Number::of(b)) {
        return Ok(match (a, b) {
            (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
            (a, b) => a.float().partial_cmp(&b.float()),
        });
    }
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return Ok(Some(a.cmp(b)));
    }
    if (a.kind(), b.kind()) != (ValueKind::Seq, ValueKind::Seq) || a.is_tuple() != b.is_tuple() {
        return Err(unsupported("<", a, b));
    }
    let (a, b) = (lazy::items(a)?, lazy::items(b)?);
    for (a, b) in a.iter().zip(&b) {
        if !equal(a, b, 0) {
            // Lists of lists of lists are compared by nobody.
            return match (a.kind(), b.kind()) {
                (ValueKind::Seq, _) | (_, ValueKind::Seq) => Err(unsupported("<", a, b)),
                _ => order(a, b),
            };
        }
    }
    Ok(Some(a.len().cmp(&b.len())))
}

/// `value in container`.
pub(super) fn contains(container: &Value, value: &Value) -> Result<bool, Error> {
    if let Some(text) = container.as_str() {
        return match value.as_str() {
            Some(part) => Ok(text.contains(part)),
            None => Err(unsupported("in", value, container)),
        };
    }
    if container.kind() == ValueKind::Map {
        return Ok(!container.get_item(&python::hashable(value.clone())?)?.is_undefined());
    }
    Ok(lazy::items(container)?.iter().any(|item| equal(item, value, 0)))
}
