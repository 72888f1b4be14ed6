//! Unit planes: the layout of weights in memory, a contract between this crate, the shaders and the CPU kernels.
//!
//! A matrix `[rows, cols]` of any of the 13 formats is repacked, at load, into two buffers: `quants`
//! (`array<vec4<u32>>` on the GPU) and `aux` (`array<u32>`), made of *units* of 32 consecutive weights of a row.
//! Rows of float formats are zero-padded to a multiple of 32 columns. Units are numbered row-major:
//! u = row * units_per_row + k. U = total units of the matrix (rows * units_per_row), S = U/8 superblocks of 256
//! (K formats only; K rows are multiples of 256). No bits are added: the planes are as large as the file's blocks
//! (plus alignment).
//!
//! A unit's weight j (0..32): `w[j] = scale[h] * q[j] + offset[h]`, h = j/16.
//!
//! # The quants plane
//! - F32: 8 vec4 a unit (32 f32). F16, BF16: 4 vec4 a unit (weights 2i, 2i+1 in word i: low half first).
//! - *nibbles* (Q4_0 Q4_1 Q5_0 Q5_1 Q4_K Q5_K Q6_K: the low 4 bits): 1 vec4 = 16 bytes a unit; byte j (j<16): low
//!   nibble = weight j, high nibble = weight j+16.
//! - Q8_0: 2 vec4 = 32 bytes a unit, byte j = weight j (i8).
//! - Q2_K, Q3_K: *bits2*: 2 words a unit (so unit u is the .xy / .zw half of vec4 u/2): word h (h=0,1), byte b,
//!   2-bit field s (bits 2s..2s+1 of the byte) = weight 16h + 4s + b.
//!
//! # The aux plane
//! Sections in the order of the table, each starting right after the one before, in units of u32 words (a section
//! of halves is rounded up to whole words; the whole aux is padded to 16 bytes, at least 16 bytes):
//! - *bit1* section: 1 word a unit: byte b, bit i (i=0..8) = weight 4i + b.
//! - *bits2* section: 2 words a unit, as above.
//! - *d16* section over units / over superblocks: f16, two a word, low half = even index.
//! - *dm* section: 1 word a unit or superblock: low half = d (f16), high half = m / dmin (f16).
//! - *sc6* section: 3 words a superblock: for j in 0..8: byte j of the first 8 bytes =
//!   `(a_j & 15) | (b_j & 15) << 4`; third word: bits 4j..4j+1 = `a_j >> 4`, bits 4j+2..4j+3 = `b_j >> 4`. (Q4_K,
//!   Q5_K: a_j, b_j = 6-bit scale and min of sub-block j of 32; Q3_K: a_j, b_j = 6-bit scales of the 16-groups 2j,
//!   2j+1, still with the +32 bias.)
//! - *sc8* section: 4 words = 16 bytes a superblock, in the order of the 16-groups (Q6_K: i8 scales; Q2_K:
//!   `scale | min << 4`).
//!
//! | format | sections of aux, in order | a unit's numbers |
//! |---|---|---|
//! | Q4_0 | d16\[U\] | scale=d, q=nibble, offset=-8d |
//! | Q4_1 | dm\[U\] | scale=d, offset=m |
//! | Q5_0 | bit1\[U\], d16\[U\] | q=nibble\|bit<<4, scale=d, offset=-16d |
//! | Q5_1 | bit1\[U\], dm\[U\] | scale=d, offset=m |
//! | Q8_0 | d16\[U\] | q=i8, scale=d, offset=0 |
//! | Q2_K | sc8\[S\], dm\[S\] | scale\[h\]=d*(b&15), offset\[h\]=-dmin*(b>>4), b = byte 2j+h of the superblock's sc8, j = u%8 |
//! | Q3_K | bit1\[U\], sc6\[S\], d16\[S\] | q = bits2 + 4*bit1 (hmask bit set = +4), scale\[h\]=d*(s-32), offset\[h\]=-4*scale\[h\] |
//! | Q4_K | 4 words a superblock: dm, sc6(3) | scale=d*a_j, offset=-dmin*b_j |
//! | Q5_K | (dm, sc6(3))\[S\], bit1\[U\] | scale=d*a_j, offset=-dmin*b_j |
//! | Q6_K | bits2\[U\], sc8\[S\], d16\[S\] | q = nibble \| bits2<<4, scale\[h\]=d*sc, offset\[h\]=-32*scale\[h\] |
//! | F32, F16, BF16 | aux empty (16 zero bytes) | scale 1, offset 0 |

use std::ops::Range;

use crate::blocks::{Block, MAX_SECTIONS, Sections};
use crate::format::with_block;
use crate::{BlockFormat, QuantError};

/// Weights a unit.
pub const UNIT: usize = 32;

/// One of the two buffers of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plane {
    /// The quants: `array<vec4<u32>>`.
    Quants,
    /// Everything else: `array<u32>`.
    Aux,
}

/// What a section of a plane holds; see the [module](self)'s text for each layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// Quants plane: 32-bit floats.
    Floats32,
    /// Quants plane: 16-bit floats.
    Floats16,
    /// Quants plane: 4-bit quants, or the lower 4 bits of them.
    Nibbles,
    /// Quants plane: signed bytes.
    Bytes,
    /// Quants plane: 2-bit quants, or the lower 2 bits of them.
    QuantBits2,
    /// Aux plane: one more bit a weight.
    Bit1,
    /// Aux plane: two more bits a weight.
    AuxBits2,
    /// Aux plane: an f16 scale a file block.
    D16,
    /// Aux plane: an f16 scale and an f16 minimum a file block.
    Dm,
    /// Aux plane: 16 numbers of 6 bits a superblock.
    Sc6,
    /// Aux plane: 16 numbers of 8 bits a superblock.
    Sc8,
    /// Aux plane: dm and sc6 of a superblock side by side, 4 words.
    DmSc6,
}

impl SectionKind {
    /// The plane it is in.
    pub const fn plane(self) -> Plane {
        match self {
            Self::Floats32 | Self::Floats16 | Self::Nibbles | Self::Bytes | Self::QuantBits2 => Plane::Quants,
            _ => Plane::Aux,
        }
    }

    /// Bytes that `units` units take, which make one file block.
    const fn block_bytes(self, units: usize) -> usize {
        match self {
            Self::Floats32 => 128 * units,
            Self::Floats16 => 64 * units,
            Self::Nibbles => 16 * units,
            Self::Bytes => 32 * units,
            Self::QuantBits2 | Self::AuxBits2 => 8 * units,
            Self::Bit1 => 4 * units,
            Self::D16 => 2,
            Self::Dm => 4,
            Self::Sc6 => 12,
            Self::Sc8 | Self::DmSc6 => 16,
        }
    }
}

/// Where a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// What it holds.
    pub kind: SectionKind,
    /// Bytes from the start of its plane; a multiple of 4.
    pub offset: u64,
    /// Bytes, rounded up to whole words.
    pub bytes: u64,
    /// Bytes a file block (a unit, or a superblock of 8 units).
    pub block_bytes: usize,
}

/// What a unit holds: its weight j is `scale[j / 16] * q[j] + offset[j / 16]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    /// The quants, before scale and offset.
    pub q: [f32; UNIT],
    /// The scale of each half.
    pub scale: [f32; 2],
    /// The offset of each half.
    pub offset: [f32; 2],
}

impl Unit {
    pub(crate) fn new(q: impl Fn(usize) -> f32, scale: [f32; 2], offset: [f32; 2]) -> Self {
        Self { q: std::array::from_fn(q), scale, offset }
    }

    /// A unit of floats.
    pub(crate) fn plain(q: impl Fn(usize) -> f32) -> Self {
        Self::new(q, [1.0; 2], [0.0; 2])
    }

    /// The 32 weights.
    pub fn weights(&self) -> [f32; UNIT] {
        std::array::from_fn(|j| self.scale[j / 16] * self.q[j] + self.offset[j / 16])
    }
}

/// Where everything of a matrix is in its two planes, and the repack of file blocks into them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaneLayout {
    /// The format of the weights, in the file and in the planes.
    pub format: BlockFormat,
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix, without padding.
    pub cols: usize,
    /// Units a row, the last one padded with zeros if the format is a float format.
    pub units_per_row: usize,
    /// Units of the matrix.
    pub units: u64,
    /// Bytes of a row in a file.
    pub file_row_bytes: usize,
    /// Bytes of the quants plane, a multiple of 16.
    pub quants_bytes: u64,
    /// Bytes of the aux plane, a multiple of 16, at least 16.
    pub aux_bytes: u64,
    sections: Vec<Section>,
}

impl PlaneLayout {
    /// The layout of a matrix of `rows` x `cols` weights.
    ///
    /// # Errors
    /// [`QuantError::Empty`], [`QuantError::PartialBlock`], [`QuantError::TooLarge`].
    pub fn new(format: BlockFormat, rows: usize, cols: usize) -> Result<Self, QuantError> {
        let too_large = QuantError::TooLarge { format, rows, cols };
        if rows == 0 || cols == 0 {
            return Err(QuantError::Empty { rows, cols });
        }
        if !cols.is_multiple_of(format.block_len()) {
            return Err(QuantError::PartialBlock { format, cols });
        }
        let file_row_bytes = format.row_bytes(cols).ok_or(too_large.clone())?;
        let units_per_row = cols.div_ceil(UNIT);
        let units = (rows as u64).checked_mul(units_per_row as u64).ok_or(too_large.clone())?;
        // 128 bytes a unit is the most that any format takes, so nothing below overflows.
        if units.checked_mul(128).is_none_or(|bytes| bytes > i64::MAX as u64) {
            return Err(too_large);
        }
        let units_per_block = format.units_per_block();
        let blocks = units / units_per_block as u64;
        let (mut quants_bytes, mut aux_bytes) = (0u64, 0u64);
        let kinds = with_block!(format, B => <B as Block>::SECTIONS);
        let mut sections = Vec::with_capacity(kinds.len());
        for &kind in kinds {
            let block_bytes = kind.block_bytes(units_per_block);
            let bytes = (blocks * block_bytes as u64).next_multiple_of(4);
            let end = match kind.plane() {
                Plane::Quants => &mut quants_bytes,
                Plane::Aux => &mut aux_bytes,
            };
            sections.push(Section { kind, offset: *end, bytes, block_bytes });
            *end += bytes;
        }
        let aux_bytes = aux_bytes.next_multiple_of(16).max(16);
        let (quants_bytes, units_per_row) = (quants_bytes.next_multiple_of(16), units_per_row);
        Ok(Self {
            format,
            rows,
            cols,
            units_per_row,
            units,
            file_row_bytes,
            quants_bytes,
            aux_bytes,
            sections,
        })
    }

    /// The sections, in the order of the [module](self)'s table; the first one is the quants plane.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The smallest number of rows that write whole words in each section: 2 if a row has an odd number of f16
    /// scales, else 1.
    pub fn row_granularity(&self) -> u64 {
        let blocks_per_row = self.units_per_row / self.format.units_per_block();
        let halves = self.sections.iter().any(|section| section.kind == SectionKind::D16);
        if halves && !blocks_per_row.is_multiple_of(2) { 2 } else { 1 }
    }

    /// Repacks rows `first_row..first_row + n_rows`, whose file blocks are `src`, and hands the planes' bytes out:
    /// plane, offset in bytes, bytes. Offsets and lengths are multiples of 4.
    ///
    /// When all rows were repacked, in pieces of any sizes and in any order, each byte of both planes (padding
    /// included) was handed out exactly once. `scratch` is reused from call to call; it grows to the size of the
    /// largest section of a piece.
    ///
    /// # Errors
    /// [`QuantError::RowsOutOfRange`]; [`QuantError::RowsMisaligned`] if the piece doesn't begin and end at multiples
    /// of [`Self::row_granularity`] (the last row ends a piece too); [`QuantError::WrongLength`] for `src`.
    pub fn repack_rows(
        &self,
        first_row: u64,
        n_rows: u64,
        src: &[u8],
        scratch: &mut Vec<u8>,
        mut emit: impl FnMut(Plane, u64, &[u8]),
    ) -> Result<(), QuantError> {
        self.check_piece(first_row, n_rows, src.len())?;
        if n_rows == 0 {
            return Ok(());
        }
        let is_last = first_row + n_rows == self.rows as u64;
        if self.format.is_float() {
            self.repack_floats(first_row, src, scratch, &mut emit);
        } else {
            let n_blocks = src.len() / self.format.block_bytes();
            let first_block = first_row * (self.units_per_row / self.format.units_per_block()) as u64;
            for (index, section) in self.sections.iter().enumerate() {
                let bytes = n_blocks * section.block_bytes;
                // What the blocks don't fill (at most the last half word) must be zero.
                scratch.clear();
                scratch.resize(bytes.next_multiple_of(4), 0);
                with_block!(self.format, B => B::repack(index, src, &mut scratch[..bytes]));
                emit(
                    section.kind.plane(),
                    section.offset + first_block * section.block_bytes as u64,
                    scratch,
                );
            }
        }
        if is_last {
            self.emit_padding(&mut emit);
        }
        Ok(())
    }

    /// Zeros behind the last section of each plane.
    pub(crate) fn emit_padding(&self, emit: &mut impl FnMut(Plane, u64, &[u8])) {
        let end_of = |plane| {
            self.sections.iter().filter(|s| s.kind.plane() == plane).map(|s| s.offset + s.bytes).max()
        };
        for (plane, bytes) in [(Plane::Quants, self.quants_bytes), (Plane::Aux, self.aux_bytes)] {
            let end = end_of(plane).unwrap_or(0);
            if end < bytes {
                emit(plane, end, &[0; 16][..(bytes - end) as usize]);
            }
        }
    }

    /// Bytes of a row in a section, padding included.
    pub(crate) fn section_row_bytes(&self, section: usize) -> u64 {
        let blocks = self.units_per_row / self.format.units_per_block();
        (blocks * self.sections[section].block_bytes) as u64
    }

    fn check_piece(&self, first: u64, count: u64, bytes: usize) -> Result<(), QuantError> {
        self.check_rows(first, count)?;
        let expected = count.saturating_mul(self.file_row_bytes as u64);
        if bytes as u64 != expected {
            return Err(QuantError::WrongLength { what: "bytes of rows", expected, got: bytes as u64 });
        }
        Ok(())
    }

    pub(crate) fn check_rows(&self, first: u64, count: u64) -> Result<(), QuantError> {
        let (rows, granularity) = (self.rows as u64, self.row_granularity());
        let end = first.checked_add(count).filter(|end| *end <= rows);
        let end = end.ok_or(QuantError::RowsOutOfRange { first, count, rows })?;
        let is_edge = |row: u64| row == rows || row.is_multiple_of(granularity);
        if !is_edge(first) || !is_edge(end) {
            return Err(QuantError::RowsMisaligned { first, count, granularity });
        }
        Ok(())
    }

    /// Rows of floats: as they are, or each padded to whole units.
    fn repack_floats(
        &self,
        first_row: u64,
        src: &[u8],
        scratch: &mut Vec<u8>,
        emit: &mut impl FnMut(Plane, u64, &[u8]),
    ) {
        let padded = self.units_per_row * UNIT * self.format.block_bytes();
        let offset = first_row * padded as u64;
        if padded == self.file_row_bytes {
            emit(Plane::Quants, offset, src);
            return;
        }
        scratch.clear();
        scratch.reserve(src.len() / self.file_row_bytes * padded);
        for row in src.chunks_exact(self.file_row_bytes) {
            scratch.extend_from_slice(row);
            scratch.resize(scratch.len() + padded - row.len(), 0);
        }
        emit(Plane::Quants, offset, scratch);
    }

    /// Repacks a whole matrix, into the words of the quants and of the aux plane. For tests, and for matrices that
    /// may be in memory twice.
    ///
    /// # Errors
    /// [`QuantError::WrongLength`] for `src`; [`QuantError::TooLarge`] if the planes can't be addressed.
    pub fn repack_all(&self, src: &[u8]) -> Result<(Vec<u32>, Vec<u32>), QuantError> {
        self.check_piece(0, self.rows as u64, src.len())?;
        let too_large = QuantError::TooLarge { format: self.format, rows: self.rows, cols: self.cols };
        let words = |bytes: u64| usize::try_from(bytes / 4).map_err(|_| too_large.clone());
        let (mut quants, mut aux) =
            (vec![0u32; words(self.quants_bytes)?], vec![0u32; words(self.aux_bytes)?]);
        self.repack_rows(0, self.rows as u64, src, &mut Vec::new(), |plane, offset, bytes| {
            let plane = match plane {
                Plane::Quants => &mut quants,
                Plane::Aux => &mut aux,
            };
            for (word, bytes) in plane[(offset / 4) as usize..].iter_mut().zip(bytes.as_chunks().0) {
                *word = u32::from_le_bytes(*bytes);
            }
        })?;
        Ok((quants, aux))
    }

    /// Reads a unit as the shaders do. `quants` and `aux` are the planes of the whole matrix.
    ///
    /// # Panics
    /// If `unit` is not a unit of the matrix, or a plane is shorter than this layout says.
    pub fn load_unit(&self, quants: &[u32], aux: &[u32], unit: usize) -> Unit {
        let mut words: Sections<'_> = [&[]; MAX_SECTIONS];
        for (words, section) in words.iter_mut().zip(&self.sections) {
            let plane = match section.kind.plane() {
                Plane::Quants => quants,
                Plane::Aux => aux,
            };
            let range: Range<usize> =
                (section.offset / 4) as usize..((section.offset + section.bytes) / 4) as usize;
            *words = &plane[range];
        }
        with_block!(self.format, B => B::load(&words, unit))
    }

    /// The 32 weights of a unit; see [`Self::load_unit`].
    ///
    /// # Panics
    /// As [`Self::load_unit`].
    pub fn decode_unit(&self, quants: &[u32], aux: &[u32], unit: usize) -> [f32; UNIT] {
        self.load_unit(quants, aux, unit).weights()
    }
}
