//! One opened model, whatever it is stored as.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
#[cfg(not(target_arch = "wasm32"))]
use std::path::Path;
use std::sync::Arc;

use crate::gguf::{Gguf, Metadata};
use crate::hf::HfFiles;
use crate::safetensors::{IndexError, Safetensors, ShardIndex};
use crate::{ByteSource, BytesSource, FormatError, ParseStep, TensorInfo};

/// What a model says of itself.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelKind {
    /// A GGUF file, or several that make one model.
    Gguf(Metadata),
    /// A Hugging Face folder.
    HuggingFace(Box<HfFiles>),
}

/// An opened model: what it says of itself, and its tensors by name.
#[derive(Clone)]
pub struct ModelFile {
    /// The metadata.
    pub kind: ModelKind,
    /// The tensors by name.
    pub tensors: BTreeMap<String, TensorInfo>,
    /// The files that [`TensorInfo::file`] counts.
    pub sources: Vec<Arc<dyn ByteSource>>,
    /// Tensors of types that can't be read, with their types; asking for one is an error.
    unsupported: BTreeMap<String, String>,
}

impl std::fmt::Debug for ModelFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tensors = self.tensors.len();
        f.debug_struct("ModelFile")
            .field("kind", &self.kind)
            .field("tensors", &tensors)
            .finish_non_exhaustive()
    }
}

impl ModelFile {
    /// Opens a model by a memory map: a `.gguf` file, any part of a split one (the others are beside it), a
    /// Hugging Face folder, or the `config.json` or a `.safetensors` in it. Tensors' data isn't read yet.
    ///
    /// # Errors
    /// [`FormatError`], which names the file.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FormatError> {
        let path = path.as_ref();
        if path.is_dir() {
            return crate::hf::open(path);
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name == "config.json"
            || name.ends_with(".safetensors")
            || name.ends_with(".safetensors.index.json")
        {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            return crate::hf::open(folder.unwrap_or(Path::new(".")));
        }
        open_gguf(path, name)
    }

    /// A GGUF model in memory: embedded in the program, or downloaded.
    ///
    /// # Errors
    /// [`FormatError::Gguf`].
    pub fn from_gguf_bytes(bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self, FormatError> {
        let source: Arc<dyn ByteSource> = Arc::new(BytesSource::new(bytes));
        let gguf = read_gguf("the GGUF model", &*source)?;
        Self::from_gguf(gguf, vec![source])
    }

    /// A parsed GGUF model (see [`crate::gguf::merge`] for several files) and its files.
    ///
    /// # Errors
    /// [`FormatError::Gguf`] if it is a part of a split model, whose other parts are missing.
    pub fn from_gguf(gguf: Gguf, sources: Vec<Arc<dyn ByteSource>>) -> Result<Self, FormatError> {
        // A merged model still has its first part's count, which `sources` must fit.
        let expected = gguf.split_count().map_err(|error| gguf_error("the GGUF model", error))?.unwrap_or(1);
        if expected as usize != sources.len() {
            let problem = format!("it says that there are {expected} parts: give all of them");
            let error = crate::gguf::GgufError::Split { part: 1, parts: sources.len(), problem };
            return Err(gguf_error("the GGUF model", error));
        }
        let tensors = gguf.tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        Ok(Self { kind: ModelKind::Gguf(gguf.metadata), tensors, sources, unsupported: BTreeMap::new() })
    }

    /// A Hugging Face model: its files, the index if it has one, and its shards by file name (without an index, the
    /// one file).
    ///
    /// # Errors
    /// [`FormatError::Safetensors`] for a shard; [`FormatError::Index`] if shards and index don't fit;
    /// [`FormatError::Io`].
    pub fn from_hugging_face(
        files: HfFiles,
        index: Option<&ShardIndex>,
        shards: Vec<(String, Arc<dyn ByteSource>)>,
    ) -> Result<Self, FormatError> {
        let mut model = Self {
            kind: ModelKind::HuggingFace(Box::new(files)),
            tensors: BTreeMap::new(),
            sources: Vec::with_capacity(shards.len()),
            unsupported: BTreeMap::new(),
        };
        for (file, (shard, source)) in shards.into_iter().enumerate() {
            let parsed = read_safetensors(&shard, &*source)?;
            let names = parsed.tensors.iter().map(|tensor| &tensor.name).chain(parsed.unsupported.keys());
            for name in names.clone() {
                if model.tensors.contains_key(name) || model.unsupported.contains_key(name) {
                    return Err(IndexError::InTwoShards { tensor: name.clone(), shard }.into());
                }
            }
            if let Some(index) = index {
                let names: std::collections::BTreeSet<&String> = names.collect();
                let mut claimed = index.weight_map.iter().filter(|(_, place)| **place == shard);
                if let Some((tensor, _)) = claimed.find(|(tensor, _)| !names.contains(tensor)) {
                    return Err(IndexError::NotInShard { tensor: tensor.clone(), shard }.into());
                }
            }
            model.unsupported.extend(parsed.unsupported);
            for mut tensor in parsed.tensors {
                tensor.file = file;
                model.tensors.insert(tensor.name.clone(), tensor);
            }
            model.sources.push(source);
        }
        if let Some(index) = index {
            let found =
                |name: &String| model.tensors.contains_key(name) || model.unsupported.contains_key(name);
            if let Some((tensor, shard)) = index.weight_map.iter().find(|(tensor, _)| !found(tensor)) {
                return Err(IndexError::NotInShard { tensor: tensor.clone(), shard: shard.clone() }.into());
            }
        }
        Ok(model)
    }

    /// The tensor of that name.
    ///
    /// # Errors
    /// [`FormatError::TensorNotFound`]; [`FormatError::UnsupportedDtype`] if it is there, but of a type that can't
    /// be read.
    pub fn tensor(&self, name: &str) -> Result<&TensorInfo, FormatError> {
        if let Some(tensor) = self.tensors.get(name) {
            return Ok(tensor);
        }
        let name = name.to_owned();
        match self.unsupported.get(&name) {
            Some(dtype) => Err(FormatError::UnsupportedDtype { name, dtype: dtype.clone() }),
            None => Err(FormatError::TensorNotFound { name }),
        }
    }

    /// The source of a tensor, if the range of bytes, from the tensor's start, is in it.
    fn locate(
        &self,
        tensor: &TensorInfo,
        range: &Range<u64>,
        buffer: u64,
    ) -> Result<(&dyn ByteSource, Range<u64>), FormatError> {
        let source = self.sources.get(tensor.file).map(|source| &**source);
        let fits = range.start <= range.end && range.end <= tensor.bytes && range.end - range.start == buffer;
        match (source, tensor.offset.checked_add(tensor.bytes)) {
            (Some(source), Some(_)) if fits => {
                Ok((source, tensor.offset + range.start..tensor.offset + range.end))
            }
            _ => Err(FormatError::TensorRange {
                name: tensor.name.clone(),
                start: range.start,
                end: range.end,
                bytes: tensor.bytes,
                buffer,
            }),
        }
    }

    /// Reads a range of a tensor's bytes, counted from its start, into `buf`, which is as long as the range.
    ///
    /// # Errors
    /// [`FormatError::TensorRange`], [`FormatError::Io`].
    pub fn read(&self, tensor: &TensorInfo, range: Range<u64>, buf: &mut [u8]) -> Result<(), FormatError> {
        let (source, range) = self.locate(tensor, &range, buf.len() as u64)?;
        source
            .read_at(range.start, buf)
            .map_err(|error| FormatError::Io { file: format!("tensor `{}`", tensor.name), error })
    }

    /// The bytes of a range of a tensor without a copy, if its file is in memory or mapped.
    pub fn slice(&self, tensor: &TensorInfo, range: Range<u64>) -> Option<&[u8]> {
        let buffer = range.end.checked_sub(range.start)?;
        let (source, range) = self.locate(tensor, &range, buffer).ok()?;
        source.slice(range)
    }

    /// Says that a range of a tensor's bytes won't be read again soon; see [`ByteSource::release`].
    pub fn release(&self, tensor: &TensorInfo, range: Range<u64>) {
        let buffer = range.end.saturating_sub(range.start);
        if let Ok((source, range)) = self.locate(tensor, &range, buffer) {
            source.release(range);
        }
    }
}

fn gguf_error(file: &str, error: crate::gguf::GgufError) -> FormatError {
    FormatError::Gguf { file: file.to_owned(), error }
}

/// Opens a GGUF file, and the other parts of a split model beside it.
#[cfg(not(target_arch = "wasm32"))]
fn open_gguf(path: &Path, name: &str) -> Result<ModelFile, FormatError> {
    use crate::gguf::{SplitName, merge};

    let map = |path: &Path| -> Result<Arc<dyn ByteSource>, FormatError> {
        let file = path.display().to_string();
        match crate::MmapSource::open(path) {
            Ok(source) => Ok(Arc::new(source)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(FormatError::MissingFile { file, hint: "there is no such file".to_owned() })
            }
            Err(error) => Err(FormatError::Io { file, error }),
        }
    };
    let file = path.display().to_string();
    let source = map(path)?;
    let gguf = read_gguf(&file, &*source)?;
    let count = gguf.split_count().map_err(|error| gguf_error(&file, error))?;
    let Some(count) = count else {
        return ModelFile::from_gguf(gguf, vec![source]);
    };
    let split = SplitName::parse(name).filter(|split| split.count == count);
    let split = split.ok_or_else(|| FormatError::MissingFile {
        file: format!("{file}: another part of it"),
        hint: format!(
            "it is one of {count} parts, whose names must end in -00001-of-{count:05}.gguf and so on"
        ),
    })?;
    let (mut parts, mut sources) = (Vec::new(), Vec::new());
    for name in split.all() {
        let part = path.with_file_name(name);
        let source = map(&part).map_err(|error| match error {
            FormatError::MissingFile { file, .. } => {
                FormatError::MissingFile { file, hint: format!("download all {count} parts of the model") }
            }
            other => other,
        })?;
        parts.push(read_gguf(&part.display().to_string(), &*source)?);
        sources.push(source);
    }
    ModelFile::from_gguf(merge(parts).map_err(|error| gguf_error(&file, error))?, sources)
}

fn read_gguf(file: &str, source: &dyn ByteSource) -> Result<Gguf, FormatError> {
    parse_growing(file, source, |prefix| {
        Gguf::parse(prefix, source.len()).map_err(|error| gguf_error(file, error))
    })
}

fn read_safetensors(file: &str, source: &dyn ByteSource) -> Result<Safetensors, FormatError> {
    parse_growing(file, source, |prefix| {
        Safetensors::parse(prefix, source.len())
            .map_err(|error| FormatError::Safetensors { file: file.to_owned(), error })
    })
}

/// Parses a header from as much of the source as it needs.
fn parse_growing<T>(
    file: &str,
    source: &dyn ByteSource,
    parse: impl Fn(&[u8]) -> Result<ParseStep<T>, FormatError>,
) -> Result<T, FormatError> {
    let failed = |error| FormatError::Io { file: file.to_owned(), error };
    if let Some(all) = source.slice(0..source.len())
        && let ParseStep::Done(done) = parse(all)?
    {
        return Ok(done);
    }
    let mut prefix = Vec::new();
    loop {
        match parse(&prefix)? {
            ParseStep::Done(done) => return Ok(done),
            ParseStep::NeedBytes(wanted) => {
                let have = prefix.len();
                let wanted = usize::try_from(wanted).ok().filter(|wanted| *wanted > have);
                let wanted = wanted.ok_or_else(|| failed(std::io::ErrorKind::OutOfMemory.into()))?;
                prefix.resize(wanted, 0);
                source.read_at(have as u64, &mut prefix[have..]).map_err(failed)?;
            }
        }
    }
}
