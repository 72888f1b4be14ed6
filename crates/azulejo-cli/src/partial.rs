//! Files that are whole or not there.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use crate::exit::Usage;

/// A file that appears under its name when it is complete, and not before; else it is gone.
pub(crate) struct Partial {
    name: PathBuf,
    partial: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Partial {
    /// Begins it.
    pub(crate) fn create(name: &Path) -> Result<Self> {
        let Some(base) = name.file_name() else {
            return Err(Usage(format!("-o: '{}' is no file's name", name.display())).into());
        };
        if name.is_dir() {
            return Err(anyhow!("{}: it is a folder; give a file's name by -o", name.display()));
        }
        let partial = name.with_file_name(format!(".{}.{}.part", base.to_string_lossy(), std::process::id()));
        let file = File::create(&partial).with_context(|| format!("{} can't be written", name.display()))?;
        Ok(Self { name: name.to_owned(), partial, file: Some(BufWriter::new(file)) })
    }

    /// The open file.
    pub(crate) fn file(&mut self) -> std::io::Result<&mut BufWriter<File>> {
        self.file.as_mut().ok_or_else(|| std::io::Error::other("the file is finished"))
    }

    /// Writes what comes next.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(bytes).with_context(|| format!("{} can't be written", self.name.display()))
    }

    /// Gives it its name.
    pub(crate) fn finish(mut self) -> Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let done = file.into_inner().map_err(std::io::IntoInnerError::into_error).and_then(|f| f.sync_all());
        let done = done.and_then(|()| std::fs::rename(&self.partial, &self.name));
        if done.is_err() {
            let _ = std::fs::remove_file(&self.partial);
        }
        done.with_context(|| format!("{} can't be written", self.name.display()))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}
