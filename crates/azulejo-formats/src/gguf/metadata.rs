//! Metadata by key, with conversions between the number types that converters use.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Array, Value};

/// The metadata of a GGUF file, by key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    values: BTreeMap<String, Value>,
}

/// A key that isn't there, or whose value can't be used as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// There is no such key.
    #[error(
        "metadata key `{key}` is missing: the file wasn't converted for this kind of model, or with an old tool"
    )]
    Missing {
        /// The key.
        key: String,
    },
    /// The value is of another type.
    #[error("metadata key `{key}` is {got}, not {expected}")]
    WrongType {
        /// The key.
        key: String,
        /// The type asked for.
        expected: &'static str,
        /// The type in the file.
        got: &'static str,
    },
    /// The value is a number, but not one of the type asked for.
    #[error("metadata key `{key}`: {value} doesn't fit {expected}")]
    OutOfRange {
        /// The key.
        key: String,
        /// The value in the file.
        value: String,
        /// The type asked for.
        expected: &'static str,
    },
}

type Result<T> = std::result::Result<T, MetadataError>;

/// The three forms of an accessor of a scalar: `find_*` gives `None` for a missing key, `get_*` an error.
macro_rules! scalars {
    ($($find:ident, $get:ident, $type:ty, $expected:literal, $value:ident => $convert:expr;)*) => {$(
        #[doc = concat!("The value as ", $expected, "; `None` if the key is missing.\n\n# Errors\n",
            "[`MetadataError::WrongType`], [`MetadataError::OutOfRange`].")]
        pub fn $find(&self, key: &str) -> Result<Option<$type>> {
            let Some($value) = self.values.get(key) else { return Ok(None) };
            match $convert {
                Some(Ok(value)) => Ok(Some(value)),
                Some(Err(value)) => Err(MetadataError::OutOfRange {
                    key: key.to_owned(),
                    value,
                    expected: $expected,
                }),
                None => Err(wrong_type(key, $expected, $value)),
            }
        }

        #[doc = concat!("The value as ", $expected, ".\n\n# Errors\n[`MetadataError::Missing`], ",
            "[`MetadataError::WrongType`], [`MetadataError::OutOfRange`].")]
        pub fn $get(&self, key: &str) -> Result<$type> {
            self.$find(key)?.ok_or_else(|| missing(key))
        }
    )*};
}

fn missing(key: &str) -> MetadataError {
    MetadataError::Missing { key: key.to_owned() }
}

fn wrong_type(key: &str, expected: &'static str, value: &Value) -> MetadataError {
    MetadataError::WrongType { key: key.to_owned(), expected, got: value.type_name() }
}

/// The number in the type asked for, or its text.
fn fit<T: TryFrom<i128>>(number: i128) -> std::result::Result<T, String> {
    T::try_from(number).map_err(|_| number.to_string())
}

impl Metadata {
    /// The value of a key, whatever its type.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// Sets a key; gives back the value it had.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.values.insert(key.into(), value.into())
    }

    /// Removes a key; gives back the value it had.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.values.remove(key)
    }

    /// All keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    scalars! {
        find_u32, get_u32, u32, "an unsigned integer of 32 bits", value => value.integer().map(fit);
        find_i32, get_i32, i32, "an integer of 32 bits", value => value.integer().map(fit);
        find_i64, get_i64, i64, "an integer of 64 bits", value => value.integer().map(fit);
        find_u64, get_u64, u64, "an unsigned integer of 64 bits", value => value.integer().map(fit);
        find_f32, get_f32, f32, "a number", value => value.float().map(|v| Ok(v as f32));
        find_bool, get_bool, bool, "a boolean", value => match value {
            Value::Bool(v) => Some(Ok(*v)),
            _ => None,
        };
    }

    /// The text of a key; `None` if it is missing.
    ///
    /// # Errors
    /// [`MetadataError::WrongType`].
    pub fn find_str(&self, key: &str) -> Result<Option<&str>> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(key, "a string", other)),
        }
    }

    /// The text of a key.
    ///
    /// # Errors
    /// [`MetadataError::Missing`], [`MetadataError::WrongType`].
    pub fn get_str(&self, key: &str) -> Result<&str> {
        self.find_str(key)?.ok_or_else(|| missing(key))
    }

    fn array(&self, key: &str, expected: &'static str) -> Result<&Array> {
        match self.values.get(key).ok_or_else(|| missing(key))? {
            Value::Array(array) => Ok(array),
            other => Err(wrong_type(key, expected, other)),
        }
    }

    fn integers<T: TryFrom<i128>>(&self, key: &str, expected: &'static str) -> Result<Vec<T>> {
        let array = self.array(key, expected)?;
        let got = array.type_name();
        let items = array.integers();
        let items = items.ok_or(MetadataError::WrongType { key: key.to_owned(), expected, got })?;
        let out_of_range = |value| MetadataError::OutOfRange { key: key.to_owned(), value, expected };
        items.into_iter().map(|item| fit(item).map_err(out_of_range)).collect()
    }

    /// An array of texts.
    ///
    /// # Errors
    /// [`MetadataError::Missing`], [`MetadataError::WrongType`].
    pub fn get_array_str(&self, key: &str) -> Result<&[String]> {
        let expected = "an array of strings";
        match self.array(key, expected)? {
            Array::String(items) => Ok(items),
            // Converters write an empty list as an array of whatever type.
            other if other.is_empty() => Ok(&[]),
            other => Err(MetadataError::WrongType { key: key.to_owned(), expected, got: other.type_name() }),
        }
    }

    /// An array of numbers.
    ///
    /// # Errors
    /// [`MetadataError::Missing`], [`MetadataError::WrongType`].
    pub fn get_array_f32(&self, key: &str) -> Result<Cow<'_, [f32]>> {
        let expected = "an array of numbers";
        Ok(match self.array(key, expected)? {
            Array::F32(items) => Cow::Borrowed(items),
            Array::F64(items) => items.iter().map(|item| *item as f32).collect(),
            other => {
                let wrong =
                    || MetadataError::WrongType { key: key.to_owned(), expected, got: other.type_name() };
                other.integers().ok_or_else(wrong)?.into_iter().map(|item| item as f32).collect()
            }
        })
    }

    /// An array of unsigned integers.
    ///
    /// # Errors
    /// [`MetadataError::Missing`], [`MetadataError::WrongType`], [`MetadataError::OutOfRange`].
    pub fn get_array_u32(&self, key: &str) -> Result<Vec<u32>> {
        self.integers(key, "an array of unsigned integers of 32 bits")
    }

    /// An array of integers.
    ///
    /// # Errors
    /// [`MetadataError::Missing`], [`MetadataError::WrongType`], [`MetadataError::OutOfRange`].
    pub fn get_array_i32(&self, key: &str) -> Result<Vec<i32>> {
        self.integers(key, "an array of integers of 32 bits")
    }

    /// An array of booleans; integers count, if they are 0 or 1.
    ///
    /// # Errors
    /// [`MetadataError::Missing`], [`MetadataError::WrongType`], [`MetadataError::OutOfRange`].
    pub fn get_array_bool(&self, key: &str) -> Result<Vec<bool>> {
        let expected = "an array of booleans";
        if let Array::Bool(items) = self.array(key, expected)? {
            return Ok(items.clone());
        }
        let as_bool = |item: u32| match item {
            0 | 1 => Ok(item == 1),
            _ => Err(MetadataError::OutOfRange { key: key.to_owned(), value: item.to_string(), expected }),
        };
        self.integers(key, expected)?.into_iter().map(as_bool).collect()
    }
}
