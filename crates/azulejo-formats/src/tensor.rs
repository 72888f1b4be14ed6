//! Where a tensor is, and the checks that all formats share.

use azulejo_quant::BlockFormat;

/// A tensor of a model file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// The name in the file.
    pub name: String,
    /// How its weights are stored.
    pub format: BlockFormat,
    /// Row-major: the outermost dimension first, columns last (GGUF's dimensions reversed). Empty for a scalar.
    pub shape: Vec<u64>,
    /// Index of the file that it is in, for models of several files.
    pub file: usize,
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes in the file.
    pub bytes: u64,
}

impl TensorInfo {
    /// The number of weights.
    pub fn weights(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Columns: the innermost dimension; 1 for a scalar.
    pub fn cols(&self) -> u64 {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Rows: all the other dimensions; 1 for a vector.
    pub fn rows(&self) -> u64 {
        self.shape.split_last().map_or(1, |(_, outer)| outer.iter().product())
    }
}

/// Bytes of a tensor of that shape (columns last), or why there is no such tensor.
pub(crate) fn tensor_bytes(format: BlockFormat, shape: &[u64]) -> Result<u64, ShapeError> {
    let (block_len, block_bytes) = (format.block_len() as u64, format.block_bytes() as u64);
    let cols = shape.last().copied().unwrap_or(1);
    if !cols.is_multiple_of(block_len) {
        return Err(ShapeError::PartialBlock { format, cols });
    }
    let weights = shape.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim));
    let bytes = weights.and_then(|weights| (weights / block_len).checked_mul(block_bytes));
    bytes.ok_or_else(|| ShapeError::Overflow { shape: shape.to_vec() })
}

/// A shape that no tensor can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// The product of the dimensions, or the bytes, overflow 64 bits.
    #[error("its shape {shape:?} overflows")]
    Overflow {
        /// The dimensions, columns last.
        shape: Vec<u64>,
    },
    /// A row isn't a whole number of blocks.
    #[error("its {cols} columns aren't whole {format} blocks of {}", format.block_len())]
    PartialBlock {
        /// The tensor's format.
        format: BlockFormat,
        /// Its columns.
        cols: u64,
    },
    /// A dimension of zero.
    #[error("its shape {shape:?} has a dimension of 0")]
    ZeroDimension {
        /// The dimensions, columns last.
        shape: Vec<u64>,
    },
}

/// The first pair of ranges that overlap, as indices; ranges are `(start, end)`.
pub(crate) fn first_overlap(ranges: &[(u64, u64)]) -> Option<(usize, usize)> {
    let mut order: Vec<usize> = (0..ranges.len()).collect();
    order.sort_by_key(|i| ranges[*i]);
    order.windows(2).find(|pair| ranges[pair[0]].1 > ranges[pair[1]].0).map(|pair| (pair[0], pair[1]))
}
