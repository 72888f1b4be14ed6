//! What can go wrong with quantised data: wrong lengths, shapes that don't fit a format, unencodable values.

use crate::BlockFormat;

/// An error of this crate. Lengths are in bytes where the text says bytes, else in weights.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantError {
    /// A row doesn't hold a whole number of blocks.
    #[error("rows of {cols} columns aren't whole {format} blocks of {}: use another format for this tensor", format.block_len())]
    PartialBlock {
        /// The format asked for.
        format: BlockFormat,
        /// Columns a row.
        cols: usize,
    },
    /// A matrix without rows or without columns.
    #[error("a matrix of {rows} x {cols} holds no weights")]
    Empty {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        cols: usize,
    },
    /// A matrix whose size in bytes overflows 64 bits (or a piece of it the address space).
    #[error("a {format} matrix of {rows} x {cols} is too large to address")]
    TooLarge {
        /// The format asked for.
        format: BlockFormat,
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        cols: usize,
    },
    /// A buffer of the wrong length.
    #[error("{what}: expected {expected}, got {got}")]
    WrongLength {
        /// Which buffer, and its unit.
        what: &'static str,
        /// The length that fits the other arguments.
        expected: u64,
        /// The length that came.
        got: u64,
    },
    /// Rows outside of the matrix.
    #[error("rows {first}..{first}+{count} are outside of a matrix of {rows} rows")]
    RowsOutOfRange {
        /// First row asked for.
        first: u64,
        /// Rows asked for.
        count: u64,
        /// Rows there are.
        rows: u64,
    },
    /// A piece that doesn't begin and end on a row where every section of the planes is at a whole word.
    #[error(
        "rows {first}..{first}+{count}: pieces begin and end at multiples of {granularity} rows, but for the last row"
    )]
    RowsMisaligned {
        /// First row asked for.
        first: u64,
        /// Rows asked for.
        count: u64,
        /// See [`crate::PlaneLayout::row_granularity`].
        granularity: u64,
    },
    /// Rows that can't be repeated, as they are of another format or length.
    #[error("rows of {got_cols} weights in {got} can't fill a matrix whose rows are of {cols} in {format}")]
    OtherRows {
        /// The matrix' format.
        format: BlockFormat,
        /// Its columns.
        cols: usize,
        /// The rows' format.
        got: BlockFormat,
        /// Their length.
        got_cols: usize,
    },
}

/// Why weights can't be encoded. It is apart from [`QuantError`], so that programs that only read have none of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Lengths that don't fit.
    #[error(transparent)]
    Quant(#[from] QuantError),
    /// NaN or an infinity can't be written in a block of integers and a scale.
    #[error("weight {index} is not finite, so it can't be encoded as {format}")]
    NotFinite {
        /// Index of the weight in the input.
        index: usize,
        /// The format asked for.
        format: BlockFormat,
    },
    /// A weight that is too large for a scale of 16 bits.
    #[error(
        "weight {index} is beyond 65504, the most that {format} can hold: keep this tensor as F32 or BF16"
    )]
    OutOfRange {
        /// Index of the weight in the input.
        index: usize,
        /// The format asked for.
        format: BlockFormat,
    },
    /// An importance that is no number to count with.
    #[error("the importance of column {column} is negative or not finite")]
    Importance {
        /// The column.
        column: usize,
    },
}
