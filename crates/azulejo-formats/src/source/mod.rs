//! Where a file's bytes come from: memory, or a map of the file.

mod bytes;
#[cfg(not(target_arch = "wasm32"))]
mod mmap;

use std::io;
use std::ops::Range;

pub use bytes::BytesSource;
#[cfg(not(target_arch = "wasm32"))]
pub use mmap::MmapSource;

/// A file's bytes, read by ranges.
#[allow(clippy::len_without_is_empty, reason = "an empty file is an error everywhere, so nobody asks")]
pub trait ByteSource: Send + Sync {
    /// The length of the file in bytes. It doesn't change.
    fn len(&self) -> u64;

    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` if the range is not in the file; whatever reading it gives.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    /// The bytes of a range without a copy, if this source has them in memory and the range is in the file.
    fn slice(&self, _range: Range<u64>) -> Option<&[u8]> {
        None
    }

    /// Says that a range won't be read again soon, so that its memory can go back to the system.
    fn release(&self, _range: Range<u64>) {}
}

/// The part of `bytes` that a range asks for.
fn part(bytes: &[u8], range: Range<u64>) -> Option<&[u8]> {
    bytes.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

/// [`ByteSource::read_at`] for sources that have it all in memory.
fn copy_part(bytes: &[u8], offset: u64, buf: &mut [u8]) -> io::Result<()> {
    let range = offset..offset.saturating_add(buf.len() as u64);
    let part = part(bytes, range.clone()).filter(|part| part.len() == buf.len()).ok_or_else(|| {
        let text = format!("bytes {}..{} of a file of {} bytes", range.start, range.end, bytes.len());
        io::Error::new(io::ErrorKind::UnexpectedEof, text)
    })?;
    buf.copy_from_slice(part);
    Ok(())
}
