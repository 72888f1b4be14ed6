//! A Hugging Face folder on disk.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{HfFiles, NAMED_TEMPLATES};
use crate::safetensors::ShardIndex;
use crate::{ByteSource, FormatError, MmapSource, ModelFile};

/// The largest JSON file or template that is read; `tokenizer.json` of 256,000 tokens has some 35 MB.
const MAX_TEXT_BYTES: u64 = 512 << 20;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Opens a folder with `config.json` and `model.safetensors` or its shards.
pub(crate) fn open(folder: &Path) -> Result<ModelFile, FormatError> {
    let mut files = HfFiles::read(|name| read_text(folder, name))?;
    files.read_named_templates(folder)?;
    let index = if folder.join(SINGLE).is_file() { None } else { read_text(folder, INDEX)? };
    let index = index.map(|json| ShardIndex::parse(&json)).transpose()?;
    let names = index.as_ref().map_or_else(|| vec![SINGLE.to_owned()], ShardIndex::shards);
    let mut shards = Vec::with_capacity(names.len());
    for name in names {
        let path = folder.join(&name);
        let source = match MmapSource::open(&path) {
            Ok(source) => source,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FormatError::MissingFile {
                    file: path.display().to_string(),
                    hint: hint(folder),
                });
            }
            Err(error) => return Err(FormatError::Io { file: path.display().to_string(), error }),
        };
        shards.push((name, Arc::new(source) as Arc<dyn ByteSource>));
    }
    ModelFile::from_hugging_face(files, index.as_ref(), shards)
}

impl HfFiles {
    /// What stands beside a bare `tokenizer.json`, and itself. There may be no model, nor a `config.json`.
    ///
    /// # Errors
    /// [`FormatError::Json`], [`FormatError::TooLarge`], [`FormatError::Io`].
    pub fn beside(tokenizer_json: &Path) -> Result<Self, FormatError> {
        let folder = tokenizer_json.parent().unwrap_or(Path::new(""));
        let mut files = Self::read_what_there_is(|name| match name {
            "tokenizer.json" => Ok(None),
            name => read_text(folder, name),
        })?;
        let failed = |error| FormatError::Io { file: tokenizer_json.display().to_string(), error };
        files.tokenizer_json = Some(fs::read(tokenizer_json).map_err(failed)?);
        files.read_named_templates(folder)?;
        Ok(files)
    }

    fn read_named_templates(&mut self, folder: &Path) -> Result<(), FormatError> {
        let folder = folder.join(NAMED_TEMPLATES);
        let failed = |error| FormatError::Io { file: folder.display().to_string(), error };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let file = entry.map_err(failed)?.file_name();
            let Some(file) = file.to_str() else { continue };
            let Some(name) = file.strip_suffix(".jinja") else { continue };
            if let Some(bytes) = read_text(&folder, file)? {
                self.add_chat_template(name, &format!("{NAMED_TEMPLATES}/{file}"), bytes)?;
            }
        }
        Ok(())
    }
}

/// What to do about missing tensors.
fn hint(folder: &Path) -> String {
    let has_pickle =
        ["pytorch_model.bin", "pytorch_model.bin.index.json"].iter().any(|name| folder.join(name).exists());
    if has_pickle {
        "the folder has PyTorch pickles, which aren't read: save the model as safetensors".to_owned()
    } else if folder.join(INDEX).exists() {
        "download all the shards of the model".to_owned()
    } else {
        "the folder has no model.safetensors and no model.safetensors.index.json".to_owned()
    }
}

fn read_text(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, FormatError> {
    let path = folder.join(name);
    let failed = |error| FormatError::Io { file: path.display().to_string(), error };
    let bytes = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if bytes > MAX_TEXT_BYTES {
        return Err(FormatError::TooLarge { file: path.display().to_string(), bytes, limit: MAX_TEXT_BYTES });
    }
    fs::read(&path).map(Some).map_err(failed)
}
