//! Rows that are repacked once and handed out many times: made-up weights at the speed of a copy.

use std::ops::Range;

use crate::{BlockFormat, Plane, PlaneLayout, QuantError};

/// A few rows of a matrix in their planes, to fill matrices of the same format and columns with.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedRows {
    layout: PlaneLayout,
    quants: Vec<u8>,
    aux: Vec<u8>,
}

impl PackedRows {
    /// Repacks the file blocks `src` of `rows` x `cols` weights.
    ///
    /// # Errors
    /// Those of [`PlaneLayout::new`]; [`QuantError::WrongLength`] for `src`; [`QuantError::RowsMisaligned`] if `rows` isn't
    /// a multiple of [`PlaneLayout::row_granularity`]; [`QuantError::TooLarge`] if the planes can't be addressed.
    pub fn new(format: BlockFormat, rows: usize, cols: usize, src: &[u8]) -> Result<Self, QuantError> {
        let layout = PlaneLayout::new(format, rows, cols)?;
        let granularity = layout.row_granularity();
        if !(rows as u64).is_multiple_of(granularity) {
            return Err(QuantError::RowsMisaligned { first: 0, count: rows as u64, granularity });
        }
        let (quants, aux) = layout.repack_all(src)?;
        let bytes = |words: Vec<u32>| words.into_iter().flat_map(u32::to_le_bytes).collect();
        Ok(Self { quants: bytes(quants), aux: bytes(aux), layout })
    }

    /// How many rows.
    pub fn rows(&self) -> u64 {
        self.layout.rows as u64
    }

    /// A section's bytes of so many rows, up to a whole word.
    fn section(&self, index: usize, rows: Range<u64>) -> &[u8] {
        let section = self.layout.sections()[index];
        let row_bytes = self.layout.section_row_bytes(index);
        let plane = match section.kind.plane() {
            Plane::Quants => &self.quants,
            Plane::Aux => &self.aux,
        };
        let begin = section.offset + rows.start * row_bytes;
        let end = section.offset + (rows.end * row_bytes).next_multiple_of(4);
        &plane[begin as usize..end as usize]
    }
}

impl PlaneLayout {
    /// Hands out what [`repack_rows`](Self::repack_rows) does, for rows that repeat those of `packed`: row `first_row + i` is
    /// its row `(from + i) % packed.rows()`. Only that half of the last word which the blocks of an odd number of scales
    /// leave free needn't be zero.
    ///
    /// # Errors
    /// [`QuantError::RowsOutOfRange`]; [`QuantError::RowsMisaligned`] if the rows, or `from`, don't begin and end at
    /// multiples of [`Self::row_granularity`]; [`QuantError::OtherRows`] if `packed` has rows of another format or length.
    pub fn repeat_rows(
        &self,
        first_row: u64,
        n_rows: u64,
        packed: &PackedRows,
        from: u64,
        mut emit: impl FnMut(Plane, u64, &[u8]),
    ) -> Result<(), QuantError> {
        self.check_rows(first_row, n_rows)?;
        let (granularity, all) = (self.row_granularity(), packed.rows());
        if !from.is_multiple_of(granularity) {
            return Err(QuantError::RowsMisaligned { first: from, count: n_rows, granularity });
        }
        let PlaneLayout { format: got, cols: got_cols, .. } = packed.layout;
        if (got, got_cols) != (self.format, self.cols) {
            return Err(QuantError::OtherRows { format: self.format, cols: self.cols, got, got_cols });
        }
        let mut done = 0;
        while done < n_rows {
            let begin = (from + done) % all;
            let rows = (n_rows - done).min(all - begin);
            for (index, section) in self.sections().iter().enumerate() {
                let offset = section.offset + (first_row + done) * self.section_row_bytes(index);
                emit(section.kind.plane(), offset, packed.section(index, begin..begin + rows));
            }
            done += rows;
        }
        if n_rows > 0 && first_row + n_rows == self.rows as u64 {
            self.emit_padding(&mut emit);
        }
        Ok(())
    }
}
