//! Machine code of many kernels in one file, compiled ahead, so that a user's machine needs no compiler.
//!
//! Machine code is found by the hash of what it was made of ([`Key`]), so that an archive of an older program is no use to
//! a newer one, but never wrong. A kernel's variants for one architecture are one compressed block (LZMA): they are alike.
//!
//! All numbers are little-endian. `AZCUBIN1`; the compiler's version, major and minor, `u32`; the blocks and the entries,
//! `u32`; the hash of what comes then, up to the first block (16 bytes of SHA-256). For each block its length in the file,
//! its length and its hash (`u32`, `u32`, 16 bytes); for each entry, in the order of the keys, the key, the architecture as
//! a number, its block, and its place and length there (16 bytes, four `u32`). Then the blocks.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};

use lzma_rust2::{LzmaOptions, LzmaReader, LzmaWriter};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use sha2::{Digest, Sha256};

use crate::cubin::{Key, is_elf};
use crate::writer::Written;

const MAGIC: &[u8; 8] = b"AZCUBIN1";
const HEAD_BYTES: usize = 8 + 4 * 4 + 16;
const BLOCK_BYTES: usize = 4 + 4 + 16;
const ENTRY_BYTES: usize = 16 + 4 * 4;
/// The longest block, so that a damaged length doesn't take all memory.
const LONGEST_BLOCK: u32 = 256 << 20;
/// The most memory that a block is read with besides itself, in KiB: the dictionary of what `compress` writes takes 8 MiB.
const MOST_KIB: u32 = 16 << 10;

/// What is wrong with an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the archive of kernels compiled ahead is damaged ({0}); build it again by `cargo xtask cubins`")]
pub struct ArchiveError(&'static str);

/// An archive.
#[derive(Clone, Debug)]
pub struct Archive<'a> {
    /// Of the compiler, major and minor.
    version: (i32, i32),
    blocks: Vec<Block<'a>>,
    entries: HashMap<Key, Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Block<'a> {
    compressed: &'a [u8],
    length: u32,
    hash: [u8; 16],
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    arch: u32,
    block: u32,
    offset: u32,
    length: u32,
}

/// Machine code that is to be in an archive.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) key: Key,
    /// Its architecture: 90 for `sm_90`.
    pub(crate) arch: u32,
    /// The kernel, whose variants for one architecture are compressed together.
    pub(crate) kernel: &'static str,
    pub(crate) cubin: Vec<u8>,
}

impl<'a> Archive<'a> {
    /// The one that was built in, if one was: `AZULEJO_CUBINS` named it when this crate was built.
    ///
    /// # Errors
    /// [`ArchiveError`]: what was built in is no archive.
    pub fn embedded() -> Option<Result<Archive<'static>, ArchiveError>> {
        #[cfg(azulejo_cubins)]
        return Some(Archive::parse(include_bytes!(env!("AZULEJO_CUBINS_FILE"))));
        #[cfg(not(azulejo_cubins))]
        None
    }

    /// Reads an archive's table. Blocks are looked at when something in them is asked for.
    ///
    /// # Errors
    /// [`ArchiveError`]: it is none, or is damaged or cut short.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ArchiveError> {
        let mut rest = Reader(bytes);
        if rest.take(MAGIC.len())? != MAGIC {
            return Err(ArchiveError("it doesn't begin as one"));
        }
        let version = (rest.number()? as i32, rest.number()? as i32);
        let (blocks, entries) = (rest.number()? as usize, rest.number()? as usize);
        let hash = rest.hash()?;
        let table = blocks
            .checked_mul(BLOCK_BYTES)
            .zip(entries.checked_mul(ENTRY_BYTES))
            .and_then(|(blocks, entries)| blocks.checked_add(entries));
        let mut table = Reader(rest.take(table.ok_or(ArchiveError("its table is longer than it is"))?)?);
        if hash_of(table.0) != hash {
            return Err(ArchiveError("its table isn't what was written"));
        }
        let mut found = Vec::with_capacity(blocks);
        for _ in 0..blocks {
            let (compressed, length, hash) = (table.number()? as usize, table.number()?, table.hash()?);
            found.push(Block { compressed: rest.take(compressed)?, length, hash });
        }
        if !rest.0.is_empty() {
            return Err(ArchiveError("there is more behind its end"));
        }
        let mut by_key = HashMap::with_capacity(entries);
        for _ in 0..entries {
            let key = Key(table.hash()?);
            let entry = Entry {
                arch: table.number()?,
                block: table.number()?,
                offset: table.number()?,
                length: table.number()?,
            };
            by_key.insert(key, entry);
        }
        Ok(Self { version, blocks: found, entries: by_key })
    }

    /// The version of the compiler, major and minor.
    pub fn version(&self) -> (i32, i32) {
        self.version
    }

    /// How many kernels it has for each architecture (90 for `sm_90`).
    pub fn architectures(&self) -> BTreeMap<u32, usize> {
        let mut counts = BTreeMap::new();
        for entry in self.entries.values() {
            *counts.entry(entry.arch).or_default() += 1;
        }
        counts
    }

    /// Its bytes before compression.
    pub fn uncompressed_bytes(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.length)).sum()
    }

    /// The machine code of a text for an architecture (`sm_90`), if it has that.
    ///
    /// # Errors
    /// [`ArchiveError`]: what it has is damaged.
    pub fn cubin(&self, written: &Written, arch: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        let key = Key::of(written, arch);
        Ok(self.get(&[key])?.remove(&key))
    }

    /// Machine code of those of the keys that it has. A block is decompressed once, whatever is wanted of it.
    ///
    /// # Errors
    /// [`ArchiveError`]: a block is damaged.
    pub(crate) fn get(&self, keys: &[Key]) -> Result<HashMap<Key, Vec<u8>>, ArchiveError> {
        let mut wanted: BTreeMap<u32, Vec<(Key, Entry)>> = BTreeMap::new();
        for key in keys {
            if let Some(entry) = self.entries.get(key) {
                wanted.entry(entry.block).or_default().push((*key, *entry));
            }
        }
        let found: Vec<Vec<(Key, Vec<u8>)>> = wanted
            .into_par_iter()
            .map(|(block, entries)| {
                let block = self.blocks.get(block as usize).ok_or(ArchiveError("an entry has no block"))?;
                let bytes = block.open()?;
                let cubin = |(key, entry): (Key, Entry)| {
                    let from = entry.offset as usize;
                    let cubin = from.checked_add(entry.length as usize).and_then(|end| bytes.get(from..end));
                    let cubin = cubin.filter(|cubin| is_elf(cubin));
                    let wrong = ArchiveError("an entry isn't within its block");
                    Ok((key, cubin.ok_or(wrong)?.to_vec()))
                };
                entries.into_iter().map(cubin).collect()
            })
            .collect::<Result<_, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }
}

impl Block<'_> {
    fn open(&self) -> Result<Vec<u8>, ArchiveError> {
        let wrong = ArchiveError("a block isn't what was written");
        if self.length > LONGEST_BLOCK {
            return Err(wrong);
        }
        let bytes = decompress(self.compressed, self.length as usize).ok_or_else(|| wrong.clone())?;
        if bytes.len() != self.length as usize || hash_of(&bytes) != self.hash {
            return Err(wrong);
        }
        Ok(bytes)
    }
}

/// An archive of these, of that version of the compiler. The same machine code is there once, whoever asks for it.
pub(crate) fn write(version: (i32, i32), mut members: Vec<Member>) -> Vec<u8> {
    members.sort_by(|a, b| (a.kernel, a.arch, a.key).cmp(&(b.kernel, b.arch, b.key)));
    members.dedup_by_key(|member| member.key);
    let mut entries = BTreeMap::new();
    let (mut table, mut blocks) = (Vec::new(), Vec::new());
    let mut number = 0u32;
    for together in members.chunk_by(|a, b| (a.kernel, a.arch) == (b.kernel, b.arch)) {
        let mut bytes = Vec::new();
        let mut places: HashMap<&[u8], u32> = HashMap::new();
        for member in together {
            let offset = *places.entry(&member.cubin).or_insert_with(|| {
                let offset = bytes.len() as u32;
                bytes.extend_from_slice(&member.cubin);
                offset
            });
            let length = member.cubin.len() as u32;
            entries.insert(member.key, Entry { arch: member.arch, block: number, offset, length });
        }
        let compressed = compress(&bytes);
        table.extend((compressed.len() as u32).to_le_bytes());
        table.extend((bytes.len() as u32).to_le_bytes());
        table.extend(hash_of(&bytes));
        blocks.extend(compressed);
        number += 1;
    }
    for (key, entry) in &entries {
        table.extend(key.0);
        for number in [entry.arch, entry.block, entry.offset, entry.length] {
            table.extend(number.to_le_bytes());
        }
    }
    let mut archive = Vec::with_capacity(HEAD_BYTES + table.len() + blocks.len());
    archive.extend(MAGIC);
    for number in [version.0 as u32, version.1 as u32, number, entries.len() as u32] {
        archive.extend(number.to_le_bytes());
    }
    archive.extend(hash_of(&table));
    archive.extend(table);
    archive.extend(blocks);
    archive
}

/// The first half of SHA-256.
fn hash_of(bytes: &[u8]) -> [u8; 16] {
    let mut hash = [0; 16];
    hash.copy_from_slice(&Sha256::digest(bytes)[..16]);
    hash
}

/// The bytes that were not read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ArchiveError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ArchiveError("it is cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, ArchiveError> {
        let bytes = self.take(4)?.try_into().map_err(|_| ArchiveError("it is cut short"))?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn hash(&mut self) -> Result<[u8; 16], ArchiveError> {
        self.take(16)?.try_into().map_err(|_| ArchiveError("it is cut short"))
    }
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let options = LzmaOptions::with_preset(6);
    let written = LzmaWriter::new_use_header(Vec::new(), &options, Some(bytes.len() as u64))
        .and_then(|mut writer| writer.write_all(bytes).and_then(|()| writer.finish()));
    written.expect("these options are right, and memory takes all that is written")
}

/// At most so many bytes, and one more if there are more.
fn decompress(bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    let reader = LzmaReader::new_mem_limit(bytes, MOST_KIB, None).ok()?;
    let mut out = Vec::new();
    reader.take(length as u64 + 1).read_to_end(&mut out).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: (i32, i32) = (12, 8);

    fn key(number: u8) -> Key {
        Key([number; 16])
    }

    fn code(seed: u32) -> Vec<u8> {
        let mut word = seed;
        let noise = std::iter::repeat_with(move || {
            word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (word >> 24) as u8
        });
        b"\x7fELF".iter().copied().chain(noise.take(300)).collect()
    }

    fn member(number: u8, arch: u32, kernel: &'static str, cubin: Vec<u8>) -> Member {
        Member { key: key(number), arch, kernel, cubin }
    }

    fn sample() -> Vec<u8> {
        write(
            VERSION,
            vec![
                member(3, 90, "gemv", code(3)),
                member(1, 80, "gemv", code(1)),
                member(2, 90, "embed", code(2)),
                member(4, 90, "gemv", code(3)),
                // The same text from two variants.
                member(2, 90, "embed", code(2)),
            ],
        )
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else_is_found() {
        let bytes = sample();
        let archive = Archive::parse(&bytes).unwrap();
        assert_eq!(archive.version(), VERSION);
        assert_eq!(archive.architectures(), BTreeMap::from([(80, 1), (90, 3)]));
        // What is there twice is kept once.
        assert_eq!(archive.uncompressed_bytes(), 3 * 304);
        let found = archive.get(&[1, 2, 3, 4, 5].map(key)).unwrap();
        let wanted = [(1, 1), (2, 2), (3, 3), (4, 3)].map(|(number, seed)| (key(number), code(seed)));
        assert_eq!(found, HashMap::from(wanted));
        let empty = write(VERSION, Vec::new());
        let empty = Archive::parse(&empty).unwrap();
        assert!(empty.get(&[key(1)]).unwrap().is_empty() && empty.architectures().is_empty());
    }

    #[test]
    fn archives_that_are_cut_short_or_longer_are_refused() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(Archive::parse(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
        }
        let error = Archive::parse(&[bytes, vec![0]].concat()).unwrap_err().to_string();
        assert!(error.contains("damaged") && error.contains("cargo xtask cubins"), "{error}");
    }

    #[test]
    fn archives_with_any_byte_changed_give_errors_or_the_right_bytes() {
        let bytes = sample();
        let keys = [1, 2, 3, 4].map(key);
        let right = Archive::parse(&bytes).unwrap().get(&keys).unwrap();
        let (mut refused, mut harmless) = (0, 0);
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x41;
            match Archive::parse(&damaged).and_then(|archive| archive.get(&keys)) {
                Err(_) => refused += 1,
                Ok(found) => {
                    assert_eq!(found, right, "byte {place}");
                    harmless += 1;
                }
            }
        }
        // The version isn't machine code, and a byte behind the end of a block's code is read by nobody.
        assert!(refused > 9 * harmless, "{refused} refused, {harmless} harmless");
    }
}
