//! What kernels that read 8 units at once share: arrays of slices, and the ends of rows that are shorter.

use crate::matrix::{Matrix, UNITS};

/// `N` elements from `at` on.
#[inline(always)]
pub(crate) fn run<T, const N: usize>(slice: &[T], at: usize) -> &[T; N] {
    slice[at..at + N].try_into().expect("as long as it was cut")
}

/// The last units of a row that don't fill a block, with zeros behind them.
#[derive(Default)]
pub(crate) struct Tail {
    nibbles: [[u8; 16]; UNITS],
    bytes: [[u8; 32]; UNITS],
    bit1: [u32; UNITS],
    d16: [u16; UNITS],
    dm: [[u16; 2]; UNITS],
}

impl Tail {
    /// The `count` units from `first` on as a matrix of one block. Only formats with blocks of 32 have such rows.
    pub(crate) fn fill<'t>(&'t mut self, m: &Matrix<'_>, first: usize, count: usize) -> Matrix<'t> {
        fn copy<T: Copy>(from: &[T], first: usize, count: usize, to: &mut [T]) {
            if !from.is_empty() {
                to[..count].copy_from_slice(&from[first..first + count]);
            }
        }
        copy(m.nibbles, first, count, &mut self.nibbles);
        copy(m.bytes, first, count, &mut self.bytes);
        copy(m.bit1, first, count, &mut self.bit1);
        copy(m.d16, first, count, &mut self.d16);
        copy(m.dm, first, count, &mut self.dm);
        Matrix {
            format: m.format,
            units_per_row: m.units_per_row,
            nibbles: &self.nibbles,
            bytes: &self.bytes,
            bit1: &self.bit1,
            d16: &self.d16,
            dm: &self.dm,
            bits2: &[],
            sc6: &[],
            sc8: &[],
            dm_sc6: &[],
            floats32: &[],
            floats16: &[],
        }
    }
}
