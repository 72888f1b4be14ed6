//! The parser of a file's header.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use azulejo_quant::BlockFormat;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::{Safetensors, SafetensorsError};
use crate::tensor::{first_overlap, tensor_bytes};
use crate::{ParseStep, TensorInfo, looks_like};

/// The longest header that is read, as in the reference implementation.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// The header's length comes first.
const LENGTH_BYTES: u64 = 8;

impl Safetensors {
    /// Parses the header from the first bytes of a file that is `file_len` bytes long; see
    /// [`crate::gguf::Gguf::parse`] for how `prefix` grows.
    ///
    /// # Errors
    /// [`SafetensorsError`] for whatever is wrong with the file. A tensor of a type that can't be read is no error
    /// here: see [`Safetensors::unsupported`].
    pub fn parse(prefix: &[u8], file_len: u64) -> Result<ParseStep<Self>, SafetensorsError> {
        let start = LENGTH_BYTES + 1;
        if file_len < start {
            return Err(SafetensorsError::WrongStart { looks_like: looks_like(prefix) });
        }
        let Some((length, [first, ..])) = prefix.split_first_chunk() else {
            return Ok(ParseStep::NeedBytes(start));
        };
        let header_len = u64::from_le_bytes(*length);
        if *first != b'{' {
            return Err(SafetensorsError::WrongStart { looks_like: looks_like(prefix) });
        }
        if header_len > MAX_HEADER_BYTES.min(file_len - LENGTH_BYTES) {
            return Err(SafetensorsError::HeaderLength { header_len, file_len, limit: MAX_HEADER_BYTES });
        }
        let data_offset = LENGTH_BYTES + header_len;
        let header = usize::try_from(data_offset).ok().and_then(|end| prefix.get(LENGTH_BYTES as usize..end));
        let Some(header) = header else {
            return Ok(ParseStep::NeedBytes(data_offset));
        };
        let header: Header = serde_json::from_slice(header)
            .map_err(|error| SafetensorsError::Header { problem: error.to_string() })?;
        place(header, data_offset, file_len - data_offset).map(ParseStep::Done)
    }
}

/// Checks the entries, and makes their offsets absolute.
fn place(header: Header, data_offset: u64, data_bytes: u64) -> Result<Safetensors, SafetensorsError> {
    let (mut tensors, mut unsupported) = (Vec::new(), BTreeMap::new());
    let (mut names, mut ranges) = (Vec::new(), Vec::new());
    for (name, TensorEntry { dtype, shape, data_offsets: [start, end] }) in header.tensors {
        if start > end || end > data_bytes {
            return Err(SafetensorsError::OutOfFile { name, start, end, have: data_bytes });
        }
        names.push(name.clone());
        ranges.push((start, end));
        let Some(format) = BlockFormat::from_name(&dtype).filter(|format| format.is_float()) else {
            unsupported.insert(name, dtype);
            continue;
        };
        let bytes = match tensor_bytes(format, &shape) {
            Ok(bytes) => bytes,
            Err(error) => return Err(SafetensorsError::Shape { name, error }),
        };
        if bytes != end - start {
            return Err(SafetensorsError::WrongLength { name, dtype, shape, expected: bytes, start, end });
        }
        tensors.push(TensorInfo { name, format, shape, file: 0, offset: data_offset + start, bytes });
    }
    if let Some((first, second)) = first_overlap(&ranges) {
        let [first, second] = [first, second].map(|index| std::mem::take(&mut names[index]));
        return Err(SafetensorsError::Overlap { first, second });
    }
    ranges.sort_unstable();
    let mut covered = 0;
    for (start, end) in ranges.into_iter().chain([(data_bytes, data_bytes)]) {
        if start > covered {
            return Err(SafetensorsError::Hole { start: covered, end: start });
        }
        covered = end;
    }
    tensors.sort_by_key(|tensor| tensor.offset);
    Ok(Safetensors { tensors, unsupported, metadata: header.metadata })
}

/// A tensor as the header describes it.
#[derive(Deserialize)]
struct TensorEntry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// The header's JSON. Unlike a map's, its parser refuses a name that comes twice.
struct Header {
    metadata: BTreeMap<String, String>,
    tensors: BTreeMap<String, TensorEntry>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut metadata = None;
        let mut tensors = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                if metadata.replace(map.next_value()?).is_some() {
                    return Err(A::Error::custom("`__metadata__` comes twice"));
                }
                continue;
            }
            match tensors.entry(name) {
                Entry::Vacant(entry) => {
                    let name = entry.key().clone();
                    let value = map.next_value();
                    entry.insert(
                        value.map_err(|error| A::Error::custom(format!("tensor `{name}`: {error}")))?,
                    );
                }
                Entry::Occupied(entry) => {
                    return Err(A::Error::custom(format!("tensor `{}` comes twice", entry.key())));
                }
            }
        }
        Ok(Header { metadata: metadata.unwrap_or_default(), tensors })
    }
}
