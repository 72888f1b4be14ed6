//! What Python makes of an iterable without making a list of it: each kind prints, counts and repeats in its own way.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueIter};
use minijinja::{Error, State, Value};

use super::python;

/// A generator: it gives its items once, has no length, and is true even if it's empty.
#[derive(Debug)]
pub(super) struct Generator(Mutex<std::vec::IntoIter<Value>>);

impl Generator {
    /// Of `items`; an error is raised where the items are asked for, as in Python.
    pub(super) fn of(items: Result<Vec<Value>, Error>) -> Value {
        let items = items.unwrap_or_else(|err| vec![Value::from(err)]);
        Value::from_object(Self(Mutex::new(items.into_iter())))
    }
}

impl Object for Generator {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    /// Neither has an index.
    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::UNDEFINED)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let this = self.clone();
        let next = move || this.0.lock().unwrap_or_else(PoisonError::into_inner).next();
        Enumerator::Iter(Box::new(std::iter::from_fn(next)))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        None
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<generator object>")
    }
}

/// `dict.keys()`, `dict.values()` and `dict.items()`.
#[derive(Debug)]
pub(super) struct View {
    pub(super) name: &'static str,
    pub(super) items: Vec<Value>,
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::UNDEFINED)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Iter(Box::new(self.items.clone().into_iter()))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.items.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dict_{}({})", self.name, python::to_str(&Value::from(self.items.clone())))
    }
}

/// `range(start, stop, step)`.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) start: i128,
    pub(super) stop: i128,
    pub(super) step: i128,
    pub(super) len: usize,
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let (start, step) = (self.start, self.step);
        let number = move |at: usize| start.saturating_add(step.saturating_mul(at as i128));
        Enumerator::Iter(Box::new((0..self.len).map(move |at| python::int(number(at)))))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.len)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "range({}, {}", self.start, self.stop)?;
        if self.step == 1 { f.write_str(")") } else { write!(f, ", {})", self.step) }
    }
}

/// A method that isn't called yet.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) value: Value,
    pub(super) name: String,
}

impl Object for Bound {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.value.call_method(state, &self.name, args)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<built-in method {}>", self.name)
    }
}

/// `joiner(sep)`: nothing at the first call, then the separator. `cycler(*items)`: one after the other.
#[derive(Debug)]
pub(super) struct Turns {
    pub(super) items: Vec<Value>,
    pub(super) joins: bool,
    pub(super) at: Mutex<usize>,
}

impl Object for Turns {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = *self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if self.joins || key.as_str() != Some("current") { None } else { self.items.get(at).cloned() }
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        if !self.joins || !args.is_empty() {
            return Err(python::invalid("it can't be called so"));
        }
        let first = std::mem::replace(&mut *self.at.lock().unwrap_or_else(PoisonError::into_inner), 1) == 0;
        Ok(if first { Value::from("") } else { self.items.first().cloned().unwrap_or_default() })
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        name: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if self.joins || !args.is_empty() || !matches!(name, "next" | "reset") {
            return Err(python::invalid("it has no such method"));
        }
        let item = self.items.get(*at).cloned().unwrap_or_default();
        *at = if name == "next" && *at + 1 < self.items.len() { *at + 1 } else { 0 };
        Ok(if name == "next" { item } else { Value::from(()) })
    }
}

/// The items of what a `for` may run over: Python iterates over strings' characters too.
pub(super) fn items(value: &Value) -> Result<Vec<Value>, Error> {
    match value.as_str() {
        Some(text) => Ok(text.chars().map(|c| Value::from(c.to_string())).collect()),
        None => iterate(value)?.checked().collect(),
    }
}

fn iterate(value: &Value) -> Result<ValueIter, Error> {
    if value.is_none() {
        return Err(python::invalid("None is not iterable"));
    }
    value.try_iter()
}
