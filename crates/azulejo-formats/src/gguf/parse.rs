//! The parser of a file's header.

use std::collections::HashSet;

use azulejo_quant::{BlockFormat, ggml_type_name};

use super::cursor::{Cursor, Step, Stop};
use super::value::ids;
use super::{ALIGNMENT_KEY, Array, DEFAULT_ALIGNMENT, Gguf, GgufError, MAGIC, MAX_DIMS, Metadata, Value};
use crate::tensor::{ShapeError, first_overlap, tensor_bytes};
use crate::{ParseStep, TensorInfo, looks_like};

/// The least bytes of a metadata entry: the length of its key, the type, a value of one byte.
const ENTRY_BYTES: u64 = 8 + 4 + 1;
/// The least bytes of a tensor info: the length of its name, the number of dimensions, type and offset.
const INFO_BYTES: u64 = 8 + 4 + 4 + 8;
/// The least bytes of a nested array: type and length.
const ARRAY_BYTES: u64 = 4 + 8;
/// The deepest nesting of arrays that is read; files in use have none.
const MAX_DEPTH: u32 = 8;
/// The largest alignment; files in use have 32.
const MAX_ALIGNMENT: u64 = 1 << 20;
/// The least bytes to ask for when more are needed.
const FIRST_PIECE: u64 = 64 << 10;

impl Gguf {
    /// Parses the header from the first bytes of a file that is `file_len` bytes long.
    ///
    /// `prefix` may be any part of the header, from nothing to the whole file: call again with as many bytes as
    /// [`ParseStep::NeedBytes`] asks for. Each call starts afresh; the sizes asked for at least double, so that the
    /// work is at most twice that of one call.
    ///
    /// # Errors
    /// [`GgufError`] for whatever is wrong with the file: each check is made as soon as the bytes at hand allow it.
    pub fn parse(prefix: &[u8], file_len: u64) -> Result<ParseStep<Self>, GgufError> {
        let given = (prefix.len() as u64).min(file_len);
        match parse(&mut Cursor::new(prefix, file_len), file_len) {
            Ok(gguf) => Ok(ParseStep::Done(gguf)),
            Err(Stop::Error(error)) => Err(error),
            Err(Stop::NeedBytes(end)) => {
                Ok(ParseStep::NeedBytes(end.max(given.saturating_mul(2)).max(FIRST_PIECE).min(file_len)))
            }
        }
    }
}

fn parse(cursor: &mut Cursor<'_>, file_len: u64) -> Step<Gguf> {
    let version = parse_start(cursor, file_len)?;
    let tensor_count = cursor.count(INFO_BYTES, "the number of tensors")?;
    let entry_count = cursor.count(ENTRY_BYTES, "the number of metadata entries")?;

    let mut metadata = Metadata::default();
    for _ in 0..entry_count {
        let offset = cursor.offset();
        let key = cursor.string("a metadata key")?;
        let value = parse_value(cursor, key)?;
        if metadata.insert(key, value).is_some() {
            return Err(GgufError::DuplicateKey { key: key.to_owned(), offset }.into());
        }
    }
    let alignment = metadata.find_u64(ALIGNMENT_KEY)?.unwrap_or(DEFAULT_ALIGNMENT);
    if !alignment.is_power_of_two() || alignment > MAX_ALIGNMENT {
        return Err(GgufError::Alignment { alignment }.into());
    }

    let mut tensors =
        Vec::with_capacity(cursor.expect_items(tensor_count, INFO_BYTES, "the tensor infos")?);
    for _ in 0..tensor_count {
        tensors.push(parse_tensor(cursor, alignment)?);
    }
    let data_offset = cursor.offset().next_multiple_of(alignment);
    place(&mut tensors, data_offset, file_len)?;
    Ok(Gguf { version, alignment, metadata, tensors, data_offset })
}

/// Magic and version.
fn parse_start(cursor: &mut Cursor<'_>, file_len: u64) -> Step<u32> {
    let start = cursor.take(file_len.min(64), "the magic")?;
    if !start.starts_with(&MAGIC) {
        let looks_like = looks_like(start);
        return Err(GgufError::WrongMagic { start: start[..start.len().min(4)].to_vec(), looks_like }.into());
    }
    cursor.rewind(4);
    let version = cursor.u32("the version")?;
    match version {
        2 | 3 => {}
        _ if (1..=3).contains(&version.swap_bytes()) => {
            return Err(GgufError::BigEndian { version: version.swap_bytes() }.into());
        }
        _ => return Err(GgufError::Version { version }.into()),
    }
    Ok(version)
}

fn parse_value(cursor: &mut Cursor<'_>, key: &str) -> Step<Value> {
    let what = "a metadata value";
    let offset = cursor.offset();
    let value_type = cursor.u32("the type of a metadata value")?;
    Ok(match value_type {
        ids::U8 => Value::U8(u8::from_le_bytes(cursor.array(what)?)),
        ids::I8 => Value::I8(i8::from_le_bytes(cursor.array(what)?)),
        ids::U16 => Value::U16(u16::from_le_bytes(cursor.array(what)?)),
        ids::I16 => Value::I16(i16::from_le_bytes(cursor.array(what)?)),
        ids::U32 => Value::U32(u32::from_le_bytes(cursor.array(what)?)),
        ids::I32 => Value::I32(i32::from_le_bytes(cursor.array(what)?)),
        ids::F32 => Value::F32(f32::from_le_bytes(cursor.array(what)?)),
        ids::U64 => Value::U64(u64::from_le_bytes(cursor.array(what)?)),
        ids::I64 => Value::I64(i64::from_le_bytes(cursor.array(what)?)),
        ids::F64 => Value::F64(f64::from_le_bytes(cursor.array(what)?)),
        ids::BOOL => Value::Bool(parse_bool(cursor, key)?),
        ids::STRING => Value::String(cursor.string(what)?.to_owned()),
        ids::ARRAY => Value::Array(parse_array(cursor, key, 1)?),
        _ => return Err(GgufError::ValueType { key: key.to_owned(), value_type, offset }.into()),
    })
}

fn parse_bool(cursor: &mut Cursor<'_>, key: &str) -> Step<bool> {
    let offset = cursor.offset();
    match cursor.array("a boolean")? {
        [0] => Ok(false),
        [1] => Ok(true),
        [byte] => Err(GgufError::InvalidBool { key: key.to_owned(), byte, offset }.into()),
    }
}

fn parse_array(cursor: &mut Cursor<'_>, key: &str, depth: u32) -> Step<Array> {
    let offset = cursor.offset();
    if depth > MAX_DEPTH {
        return Err(GgufError::NestedTooDeep { key: key.to_owned(), limit: MAX_DEPTH, offset }.into());
    }
    let value_type = cursor.u32("the type of an array")?;

    fn numbers<const N: usize, T>(cursor: &mut Cursor<'_>, read: impl Fn([u8; N]) -> T) -> Step<Vec<T>> {
        let count = cursor.count(N as u64, "the length of an array")?;
        let bytes = cursor.take(count * N as u64, "an array")?;
        Ok(bytes.as_chunks().0.iter().map(|item| read(*item)).collect())
    }

    /// Items one by one. Their number is held back until the bytes for the least sizes of all of them are at hand.
    fn items<'a, T>(
        cursor: &mut Cursor<'a>,
        item_bytes: u64,
        mut read: impl FnMut(&mut Cursor<'a>) -> Step<T>,
    ) -> Step<Vec<T>> {
        let count = cursor.count(item_bytes, "the length of an array")?;
        let mut items = Vec::with_capacity(cursor.expect_items(count, item_bytes, "an array")?);
        for _ in 0..count {
            items.push(read(cursor)?);
        }
        Ok(items)
    }

    Ok(match value_type {
        ids::U8 => Array::U8(numbers(cursor, u8::from_le_bytes)?),
        ids::I8 => Array::I8(numbers(cursor, i8::from_le_bytes)?),
        ids::U16 => Array::U16(numbers(cursor, u16::from_le_bytes)?),
        ids::I16 => Array::I16(numbers(cursor, i16::from_le_bytes)?),
        ids::U32 => Array::U32(numbers(cursor, u32::from_le_bytes)?),
        ids::I32 => Array::I32(numbers(cursor, i32::from_le_bytes)?),
        ids::F32 => Array::F32(numbers(cursor, f32::from_le_bytes)?),
        ids::U64 => Array::U64(numbers(cursor, u64::from_le_bytes)?),
        ids::I64 => Array::I64(numbers(cursor, i64::from_le_bytes)?),
        ids::F64 => Array::F64(numbers(cursor, f64::from_le_bytes)?),
        ids::BOOL => Array::Bool(items(cursor, 1, |cursor| parse_bool(cursor, key))?),
        ids::STRING => {
            Array::String(items(cursor, 8, |cursor| Ok(cursor.string("a string of an array")?.to_owned()))?)
        }
        ids::ARRAY => Array::Array(items(cursor, ARRAY_BYTES, |cursor| parse_array(cursor, key, depth + 1))?),
        _ => return Err(GgufError::ValueType { key: key.to_owned(), value_type, offset }.into()),
    })
}

/// One tensor info; its offset is still relative to the data section.
fn parse_tensor(cursor: &mut Cursor<'_>, alignment: u64) -> Step<TensorInfo> {
    let name = cursor.string("a tensor's name")?;
    let dims = cursor.u32("a tensor's number of dimensions")?;
    if dims > MAX_DIMS {
        return Err(GgufError::Dimensions { name: name.to_owned(), dims, limit: MAX_DIMS }.into());
    }
    let mut shape = Vec::with_capacity(dims as usize);
    for _ in 0..dims {
        shape.push(cursor.u64("a tensor's dimensions")?);
    }
    shape.reverse();
    let id = cursor.u32("a tensor's type")?;
    let offset = cursor.u64("a tensor's offset")?;

    let name = name.to_owned();
    let Some(format) = BlockFormat::from_ggml_type(id) else {
        let type_name = ggml_type_name(id).unwrap_or("an unknown type");
        return Err(GgufError::UnsupportedType { name, id, type_name }.into());
    };
    if shape.contains(&0) {
        return Err(GgufError::Shape { name, error: ShapeError::ZeroDimension { shape } }.into());
    }
    if !offset.is_multiple_of(alignment) {
        return Err(GgufError::Misaligned { name, offset, alignment }.into());
    }
    match tensor_bytes(format, &shape) {
        Ok(bytes) => Ok(TensorInfo { name, format, shape, file: 0, offset, bytes }),
        Err(error) => Err(GgufError::Shape { name, error }.into()),
    }
}

/// Makes the offsets absolute, and checks names and ranges.
fn place(tensors: &mut [TensorInfo], data_offset: u64, file_len: u64) -> Result<(), GgufError> {
    let mut names = HashSet::with_capacity(tensors.len());
    let mut ranges = Vec::with_capacity(tensors.len());
    for tensor in tensors.iter_mut() {
        let start = data_offset.checked_add(tensor.offset);
        let end = start.and_then(|start| start.checked_add(tensor.bytes)).filter(|end| *end <= file_len);
        let (Some(start), Some(end)) = (start, end) else {
            let (name, start, bytes) = (tensor.name.clone(), start.unwrap_or(u64::MAX), tensor.bytes);
            return Err(GgufError::OutOfFile { name, start, bytes, file_len });
        };
        tensor.offset = start;
        ranges.push((start, end));
    }
    for tensor in tensors.iter() {
        if !names.insert(tensor.name.as_str()) {
            return Err(GgufError::DuplicateTensor { name: tensor.name.clone() });
        }
    }
    if let Some((first, second)) = first_overlap(&ranges) {
        let (first, second) = (tensors[first].name.clone(), tensors[second].name.clone());
        return Err(GgufError::Overlap { first, second });
    }
    Ok(())
}
