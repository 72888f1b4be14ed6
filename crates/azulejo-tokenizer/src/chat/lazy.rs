//! What Python makes of an iterable without making a list of it: each kind prints, counts and repeats in its own way.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::python;

/// Brackets inside of brackets in a namespace's values.
const MAX_NESTING: usize = 200;

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

/// `namespace(...)`, whose names can be set from within a loop.
#[derive(Debug)]
pub(super) struct Namespace(pub(super) Mutex<Vec<(Value, Value)>>);

impl Namespace {
    pub(super) fn set(&self, name: Value, value: Value) -> Result<(), Error> {
        if is_too_deep(&value, 0, &mut { MAX_NESTING * 4 }) {
            return Err(python::invalid("a value is nested too deeply"));
        }
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match names.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => names.push((name, value)),
        }
        Ok(())
    }
}

impl Object for Namespace {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<Namespace>")
    }
}

/// One of `groupby`'s groups.
#[derive(Debug)]
pub(super) struct Group(pub(super) [Value; 2]);

impl Object for Group {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some("grouper") => Some(self.0[0].clone()),
            Some("list") => Some(self.0[1].clone()),
            Some(_) => None,
            None => self.0.get(key.as_usize()?).cloned(),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(2)
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

/// Items that a rendering may take into its hands, as the engine counts its own steps only.
const WORK: usize = 10_000_000;
/// And for each message on top.
const WORK_A_MESSAGE: usize = 20_000;
/// As many bytes of text are copied in an item's time.
pub(super) const BYTES: usize = 64;

/// Bytes of text that a rendering may make, results in between and the output together: what it takes of memory.
const TEXT: usize = 128 << 20;
/// And for each message on top.
const TEXT_A_MESSAGE: usize = 1 << 20;

thread_local! {
    static LEFT: Cell<usize> = const { Cell::new(0) };
    static TEXT_LEFT: Cell<usize> = const { Cell::new(0) };
}

/// A rendering begins.
pub(super) fn begin(messages: usize) {
    LEFT.set(WORK.saturating_add(messages.saturating_mul(WORK_A_MESSAGE)));
    TEXT_LEFT.set(TEXT.saturating_add(messages.saturating_mul(TEXT_A_MESSAGE)));
}

/// Counts text that is about to be made, and is an error where there was too much of it.
pub(super) fn charge_text(bytes: usize) -> Result<(), Error> {
    let left = TEXT_LEFT.get().checked_sub(bytes);
    TEXT_LEFT.set(left.unwrap_or(0));
    match left {
        Some(_) => charge(bytes / BYTES),
        None => {
            Err(python::failed("the template writes too much text (a text that grows in a loop)".to_owned()))
        }
    }
}

/// Counts the text that [`python::to_str`] makes of a value.
pub(super) fn charge_value(value: &Value) -> Result<(), Error> {
    charge_nested(value, 0)
}

fn charge_nested(value: &Value, depth: usize) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        return charge_text(text.len());
    }
    let is_map = value.kind() == ValueKind::Map;
    if depth > MAX_NESTING || !(is_map || value.kind() == ValueKind::Seq) {
        return charge_text(BYTES);
    }
    for item in value.try_iter()? {
        if is_map {
            charge_nested(&value.get_item(&item)?, depth + 1)?;
        }
        charge_nested(&item, depth + 1)?;
    }
    Ok(())
}

/// Counts work, and is an error where there was too much of it.
pub(super) fn charge(work: usize) -> Result<(), Error> {
    let left = LEFT.get().checked_sub(work);
    LEFT.set(left.unwrap_or(0));
    left.map(|_| ()).ok_or_else(|| ErrorKind::OutOfFuel.into())
}

/// The items of what a `for` may run over: Python iterates over strings' characters too.
pub(super) fn items(value: &Value) -> Result<Vec<Value>, Error> {
    if value.is_none() {
        return Err(python::invalid("None is not iterable"));
    }
    if let Some(text) = value.as_str() {
        charge(text.len())?;
        return Ok(text.chars().map(|c| Value::from(c.to_string())).collect());
    }
    charge(value.len().unwrap_or(1))?;
    value.try_iter()?.checked().collect()
}

/// Whether a value is nested more deeply than what anybody says, as far as a look at some of it tells: dropping it
/// would overflow the stack.
fn is_too_deep(value: &Value, depth: usize, budget: &mut usize) -> bool {
    if value.as_object().is_none() || !matches!(value.kind(), ValueKind::Seq | ValueKind::Map) || *budget == 0
    {
        return false;
    }
    *budget -= 1;
    let is_map = value.kind() == ValueKind::Map;
    depth > MAX_NESTING
        || value.try_iter().into_iter().flatten().take(*budget).any(|item| {
            let item = if is_map { value.get_item(&item).unwrap_or_default() } else { item };
            is_too_deep(&item, depth + 1, budget)
        })
}
