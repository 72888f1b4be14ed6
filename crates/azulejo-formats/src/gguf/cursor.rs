//! A read position in the start of a file, which knows the file's whole length.

use super::GgufError;

/// The longest header that is asked for; a vocabulary of 256,000 tokens with merges takes some 10 MB. What is larger
/// is a corrupt length, which in a large file would otherwise make the caller fetch gigabytes.
const MAX_HEADER_BYTES: u64 = 512 << 20;

/// Why reading stopped: the file goes on but the bytes at hand don't, or it is wrong.
#[derive(Debug)]
pub(super) enum Stop {
    /// This many bytes from the start of the file are needed.
    NeedBytes(u64),
    /// The file is wrong.
    Error(GgufError),
}

impl<E: Into<GgufError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

pub(super) type Step<T> = Result<T, Stop>;

/// A read position. `bytes` is at most as long as the file.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    file_len: u64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(prefix: &'a [u8], file_len: u64) -> Self {
        let len = usize::try_from(file_len).map_or(prefix.len(), |len| len.min(prefix.len()));
        Self { bytes: &prefix[..len], at: 0, file_len }
    }

    /// Where the next byte is in the file.
    pub(super) fn offset(&self) -> u64 {
        self.at as u64
    }

    /// Goes to a position before this one.
    pub(super) fn rewind(&mut self, at: usize) {
        self.at = self.at.min(at);
    }

    /// Bytes of the file after the position.
    fn have(&self) -> u64 {
        self.file_len - self.offset()
    }

    /// Stops unless the next `count` bytes are at hand.
    fn need(&self, count: u64, what: &'static str) -> Step<()> {
        let (offset, have) = (self.offset(), self.have());
        if count > have {
            return Err(GgufError::Truncated { what, offset, needed: count, have }.into());
        }
        let end = offset + count;
        if end <= self.bytes.len() as u64 {
            Ok(())
        } else if end > MAX_HEADER_BYTES {
            Err(GgufError::HeaderTooLarge { what, end, limit: MAX_HEADER_BYTES }.into())
        } else {
            Err(Stop::NeedBytes(end))
        }
    }

    /// Takes bytes; `what` names them in an error.
    pub(super) fn take(&mut self, count: u64, what: &'static str) -> Step<&'a [u8]> {
        self.need(count, what)?;
        let start = self.at;
        self.at += count as usize;
        Ok(&self.bytes[start..self.at])
    }

    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Step<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N as u64, what)?);
        Ok(out)
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Step<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Step<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// A count of items that take at least `item_bytes` each: an error if the file can't hold them.
    pub(super) fn count(&mut self, item_bytes: u64, what: &'static str) -> Step<u64> {
        let offset = self.offset();
        let count = self.u64(what)?;
        if count > self.have() / item_bytes {
            return Err(GgufError::CountTooLarge { what, offset, count, have: self.have() }.into());
        }
        Ok(count)
    }

    /// Stops unless `count` items of at least `item_bytes` each are at hand, so that room for them can be reserved.
    pub(super) fn expect_items(&self, count: u64, item_bytes: u64, what: &'static str) -> Step<usize> {
        self.need(count.saturating_mul(item_bytes), what)?;
        Ok(count as usize)
    }

    pub(super) fn string(&mut self, what: &'static str) -> Step<&'a str> {
        let offset = self.offset();
        let length = self.u64(what)?;
        let bytes = self.take(length, what)?;
        Ok(std::str::from_utf8(bytes).map_err(|_| GgufError::InvalidUtf8 { what, offset: offset + 8 })?)
    }
}
