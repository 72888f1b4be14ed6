//! A file mapped into memory, read-only.
#![allow(unsafe_code, reason = "a memory map is unsafe by nature: another process may change the file")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;

use super::{ByteSource, copy_part, part};

/// Bytes that the system may map around a page that is read (Linux: 64 KiB, `fault_around_bytes`).
#[cfg(unix)]
const AROUND: usize = 64 << 10;

/// A map of a file. Pages come in as they are read and go as they are released, so a model that is read once from
/// front to back is never in memory as a whole.
#[derive(Debug)]
pub struct MmapSource {
    /// `None` for an empty file, which can't be mapped.
    map: Option<Mmap>,
}

impl MmapSource {
    /// Maps the file.
    ///
    /// The file must not be truncated or written while this lives: reading a page that is gone ends the process
    /// (SIGBUS), as with every memory map.
    ///
    /// # Errors
    /// Whatever opening or mapping it gives.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "a folder, not a file"));
        }
        if file.metadata()?.len() == 0 {
            return Ok(Self { map: None });
        }
        // SAFETY: the map is read-only and shared. Changes by another process could be seen as changing bytes; all
        // that is read is copied or repacked as plain integers, for which any bits are valid, and lengths are
        // checked on the copy that is used. What remains, truncation, is documented above.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self { map: Some(map) })
    }

    fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}

impl ByteSource for MmapSource {
    fn len(&self) -> u64 {
        self.bytes().len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        copy_part(self.bytes(), offset, buf)
    }

    fn slice(&self, range: Range<u64>) -> Option<&[u8]> {
        part(self.bytes(), range)
    }

    #[cfg(unix)]
    fn release(&self, range: Range<u64>) {
        let Some(map) = &self.map else { return };
        if part(map, range.clone()).is_none_or(<[u8]>::is_empty) {
            return;
        }
        let start = (range.start as usize).saturating_sub(AROUND);
        let end = (range.end as usize + AROUND).min(map.len());
        // Reading this range may have brought in its neighbours' pages, too, after they were released.
        // SAFETY: the map is read-only and backed by the file, so a dropped page is read again from the file, with
        // the same bytes, if someone still needs it; slices into it stay valid.
        let advised =
            unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, end - start) };
        // Advice that the system refuses costs memory, nothing else.
        drop(advised);
    }
}
