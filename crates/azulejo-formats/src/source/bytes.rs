//! A file in memory: embedded in the program, or downloaded.

use std::borrow::Cow;
use std::io;
use std::ops::Range;

use super::{ByteSource, copy_part, part};

/// A file's bytes in memory, owned or `'static`.
#[derive(Debug, Clone)]
pub struct BytesSource(Cow<'static, [u8]>);

impl BytesSource {
    /// A source of those bytes.
    pub fn new(bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        Self(bytes.into())
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl ByteSource for BytesSource {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        copy_part(&self.0, offset, buf)
    }

    fn slice(&self, range: Range<u64>) -> Option<&[u8]> {
        part(&self.0, range)
    }
}
