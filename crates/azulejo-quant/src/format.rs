//! The names, ids and sizes of the block formats.

use std::fmt;

use crate::blocks::{self, Block};

/// How the weights of a tensor are stored: the float formats, and the block formats of GGUF.
///
/// The format of each block, byte by byte, is in the file of its name under `blocks`. Names and ids are those
/// of ggml (`enum ggml_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(non_camel_case_types, reason = "the field's names for these formats")]
pub enum BlockFormat {
    /// 32-bit IEEE floats.
    F32,
    /// 16-bit IEEE floats.
    F16,
    /// The upper halves of 32-bit floats.
    BF16,
    /// 32 weights: an f16 scale, 4-bit quants.
    Q4_0,
    /// 32 weights: an f16 scale and minimum, 4-bit quants.
    Q4_1,
    /// 32 weights: an f16 scale, 5-bit quants.
    Q5_0,
    /// 32 weights: an f16 scale and minimum, 5-bit quants.
    Q5_1,
    /// 32 weights: an f16 scale, 8-bit signed quants.
    Q8_0,
    /// 256 weights in groups of 16: 4-bit scales and minima, 2-bit quants.
    Q2_K,
    /// 256 weights in groups of 16: 6-bit scales, 3-bit quants.
    Q3_K,
    /// 256 weights in groups of 32: 6-bit scales and minima, 4-bit quants.
    Q4_K,
    /// 256 weights in groups of 32: 6-bit scales and minima, 5-bit quants.
    Q5_K,
    /// 256 weights in groups of 16: 8-bit scales, 6-bit quants.
    Q6_K,
}

/// Evaluates `$body` with the type `$block` that implements [`Block`] for the format `$format`.
macro_rules! with_block {
    ($format:expr, $block:ident => $body:expr) => {
        with_block!(@ $format, $block => $body;
            F32 f32, F16 f16, BF16 bf16, Q4_0 q4_0, Q4_1 q4_1, Q5_0 q5_0, Q5_1 q5_1, Q8_0 q8_0,
            Q2_K q2_k, Q3_K q3_k, Q4_K q4_k, Q5_K q5_k, Q6_K q6_k)
    };
    (@ $format:expr, $block:ident => $body:expr; $($name:ident $module:ident),*) => {
        match $format {
            $($crate::BlockFormat::$name => {
                type $block = $crate::blocks::$module::Codec;
                $body
            })*
        }
    };
}
pub(crate) use with_block;

impl BlockFormat {
    /// Every format, in the order of the enum.
    pub const ALL: [Self; 13] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q2_K,
        Self::Q3_K,
        Self::Q4_K,
        Self::Q5_K,
        Self::Q6_K,
    ];

    /// The name as GGUF tools write it, e.g. `Q4_K`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q8_0 => "Q8_0",
            Self::Q2_K => "Q2_K",
            Self::Q3_K => "Q3_K",
            Self::Q4_K => "Q4_K",
            Self::Q5_K => "Q5_K",
            Self::Q6_K => "Q6_K",
        }
    }

    /// The format of that name, in upper or lower case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name))
    }

    /// ggml's number for the format, as in a GGUF tensor info.
    pub const fn ggml_type(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q4_1 => 3,
            Self::Q5_0 => 6,
            Self::Q5_1 => 7,
            Self::Q8_0 => 8,
            Self::Q2_K => 10,
            Self::Q3_K => 11,
            Self::Q4_K => 12,
            Self::Q5_K => 13,
            Self::Q6_K => 14,
            Self::BF16 => 30,
        }
    }

    /// The format of ggml's number, if it is one of ours; [`ggml_type_name`] names the others.
    pub fn from_ggml_type(id: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.ggml_type() == id)
    }

    /// Weights a block: 1 for floats, 32, or 256 for the K formats.
    pub fn block_len(self) -> usize {
        with_block!(self, B => <B as Block>::LEN)
    }

    /// Bytes a block in a file.
    pub fn block_bytes(self) -> usize {
        with_block!(self, B => <B as Block>::BYTES)
    }

    /// Bytes of a row of `cols` weights in a file; `None` if that isn't a whole number of blocks (or overflows).
    pub fn row_bytes(self, cols: usize) -> Option<usize> {
        if !cols.is_multiple_of(self.block_len()) {
            return None;
        }
        (cols / self.block_len()).checked_mul(self.block_bytes())
    }

    /// Whether weights are stored one by one as floats.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::BF16)
    }

    /// Whether weights have 8 bits or more: floats, and [`Self::Q8_0`], which is chosen for being near to them.
    pub const fn is_precise(self) -> bool {
        self.is_float() || matches!(self, Self::Q8_0)
    }

    /// Bits a weight in a file, scales included: e.g. 4.5 for `Q4_K`.
    pub fn bits_per_weight(self) -> f32 {
        8.0 * self.block_bytes() as f32 / self.block_len() as f32
    }

    /// Units of 32 weights a block; 1 for floats, whose rows are padded to whole units.
    pub(crate) fn units_per_block(self) -> usize {
        self.block_len().div_ceil(blocks::UNIT)
    }
}

impl fmt::Display for BlockFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The name of one of ggml's tensor types, also of those that can't be read here, so that an error can name it.
pub fn ggml_type_name(id: u32) -> Option<&'static str> {
    if let Some(format) = BlockFormat::from_ggml_type(id) {
        return Some(format.name());
    }
    Some(match id {
        4 => "Q4_2",
        5 => "Q4_3",
        9 => "Q8_1",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        31 => "Q4_0_4_4",
        32 => "Q4_0_4_8",
        33 => "Q4_0_8_8",
        34 => "TQ1_0",
        35 => "TQ2_0",
        36 => "IQ4_NL_4_4",
        37 => "IQ4_NL_4_8",
        38 => "IQ4_NL_8_8",
        39 => "MXFP4",
        40 => "NVFP4",
        _ => return None,
    })
}
