//! Which tensor gets which block format: a single one, or llama-quantize's mixes.

use azulejo_quant::BlockFormat;

/// A type of a whole model.
///
/// ```
/// use azulejo::shape::Quant;
///
/// assert_eq!(Quant::from_name("q4_k_m"), Some(Quant::Q4KM));
/// assert_eq!(Quant::Q4KM.file_type(), Some(15));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quant {
    /// One format for all matrices; quantised below 8 bits, the output matrix is Q6_K, as llama-quantize has it.
    Plain(BlockFormat),
    /// Q4_K; Q6_K for half of the layers' value and down matrices, and for the output.
    Q4KM,
    /// Q4_K; Q5_K for the first layers' value and down matrices, Q6_K for the output.
    Q4KS,
    /// Q5_K; Q6_K where [`Quant::Q4KM`] has it.
    Q5KM,
}

impl Quant {
    /// The type of that name, in upper or lower case.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "Q4_K_M" => Some(Self::Q4KM),
            "Q4_K_S" => Some(Self::Q4KS),
            "Q5_K_M" => Some(Self::Q5KM),
            name => BlockFormat::from_name(name).map(Self::Plain),
        }
    }

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain(format) => format.name(),
            Self::Q4KM => "Q4_K_M",
            Self::Q4KS => "Q4_K_S",
            Self::Q5KM => "Q5_K_M",
        }
    }

    /// All names, for messages.
    pub fn names() -> String {
        let plain = BlockFormat::ALL.map(BlockFormat::name).join(", ");
        format!("{plain}, Q4_K_M, Q4_K_S, Q5_K_M")
    }

    /// llama.cpp's number for files of this type (`general.file_type`); `None` if it has no such type.
    pub fn file_type(self) -> Option<u32> {
        Some(match self {
            Self::Plain(BlockFormat::F32) => 0,
            Self::Plain(BlockFormat::F16) => 1,
            Self::Plain(BlockFormat::Q4_0) => 2,
            Self::Plain(BlockFormat::Q4_1) => 3,
            Self::Plain(BlockFormat::Q8_0) => 7,
            Self::Plain(BlockFormat::Q5_0) => 8,
            Self::Plain(BlockFormat::Q5_1) => 9,
            Self::Q4KS => 14,
            Self::Q4KM => 15,
            Self::Q5KM => 17,
            Self::Plain(BlockFormat::Q6_K) => 18,
            Self::Plain(BlockFormat::BF16) => 32,
            // These are single formats here, and mixes there.
            Self::Plain(BlockFormat::Q2_K | BlockFormat::Q3_K | BlockFormat::Q4_K | BlockFormat::Q5_K) => {
                return None;
            }
        })
    }

    /// The format of a matrix, as llama-quantize chooses it.
    pub fn format(self, matrix: &Matrix<'_>) -> BlockFormat {
        let Matrix { what, layer, layers, .. } = *matrix;
        let is_value = ["attn_v", "attn_qkv", "attn_kv_b"].contains(&what);
        let is_down = what.starts_with("ffn_down");
        let is_early = layer < layers / 8;
        let wanted = match self {
            Self::Plain(format) if format.is_float() => format,
            Self::Plain(format) if matrix.is_output && format.bits_per_weight() < 6.5 => BlockFormat::Q6_K,
            // The first layers' down matrices go wrong where only a few of their columns count.
            Self::Plain(BlockFormat::Q4_0) if is_down && is_early && matrix.has_importance => {
                BlockFormat::Q4_1
            }
            Self::Plain(BlockFormat::Q5_0) if is_down && is_early && matrix.has_importance => {
                BlockFormat::Q5_1
            }
            Self::Plain(format) => format,
            _ if matrix.is_output => BlockFormat::Q6_K,
            Self::Q4KM | Self::Q5KM if (is_value || is_down) && more_bits(layer, layers) => BlockFormat::Q6_K,
            Self::Q4KS if is_value && layer < 4 => BlockFormat::Q5_K,
            Self::Q4KS if is_down && is_early => BlockFormat::Q5_K,
            Self::Q4KM | Self::Q4KS if is_value && matrix.shares_values => BlockFormat::Q5_K,
            Self::Q4KM | Self::Q4KS => BlockFormat::Q4_K,
            Self::Q5KM => BlockFormat::Q5_K,
        };
        narrow(wanted, matrix.cols)
    }
}

/// What decides on a matrix' format.
///
/// ```
/// use azulejo::BlockFormat;
/// use azulejo::shape::{Matrix, Quant};
///
/// let output = Matrix { what: "output", layers: 24, cols: 2048, is_output: true, ..Matrix::default() };
/// assert_eq!(Quant::Q4KM.format(&output), BlockFormat::Q6_K);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Matrix<'a> {
    /// The tensor's name without its layer and without `.weight`: `attn_v`, `token_embd`.
    pub what: &'a str,
    /// Its layer.
    pub layer: u32,
    /// The model's layers.
    pub layers: u32,
    /// Columns: weights a row.
    pub cols: u64,
    /// Whether it makes the logits: the output matrix, or the embedding table if that is both.
    pub is_output: bool,
    /// Whether it is known which columns count (an importance matrix).
    pub has_importance: bool,
    /// A model of 80 layers whose heads share their values: these are few, and worth more bits.
    pub shares_values: bool,
}

/// The first eighth of the layers, the last, and each third between.
fn more_bits(layer: u32, layers: u32) -> bool {
    let eighth = layers / 8;
    layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2
}

/// The format that takes a row which isn't whole blocks of 256.
fn narrow(format: BlockFormat, cols: u64) -> BlockFormat {
    if cols.is_multiple_of(format.block_len() as u64) {
        return format;
    }
    let by_32 = match format {
        BlockFormat::Q2_K | BlockFormat::Q3_K => BlockFormat::Q4_0,
        BlockFormat::Q4_K => BlockFormat::Q5_0,
        BlockFormat::Q5_K => BlockFormat::Q5_1,
        BlockFormat::Q6_K => BlockFormat::Q8_0,
        other => other,
    };
    if cols.is_multiple_of(by_32.block_len() as u64) { by_32 } else { BlockFormat::F16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(quant: Quant, what: &str, layers: u32, cols: u64, format: BlockFormat) -> usize {
        let matrix = |layer| Matrix { what, layer, layers, cols, ..Matrix::default() };
        (0..layers).filter(|layer| quant.format(&matrix(*layer)) == format).count()
    }

    #[test]
    fn mix_q4_k_m_has_half_of_the_layers_in_more_bits() {
        // Salamandra-2B: 24 layers, rows of 5440, which aren't whole blocks of 256.
        assert_eq!(count(Quant::Q4KM, "ffn_down", 24, 5440, BlockFormat::Q5_0), 12);
        assert_eq!(count(Quant::Q4KM, "ffn_down", 24, 5440, BlockFormat::Q8_0), 12);
        assert_eq!(count(Quant::Q4KM, "attn_v", 24, 2048, BlockFormat::Q6_K), 12);
        assert_eq!(count(Quant::Q4KM, "attn_q", 24, 2048, BlockFormat::Q4_K), 24);
    }

    #[test]
    fn mix_of_gemma_is_that_of_llama_quantize() {
        // Gemma 3 270M: 18 layers, rows of 640, which aren't whole blocks of 256, and of 2048; the embeddings are the output.
        for (quant, values, downs, output) in [
            (
                Quant::Plain(BlockFormat::Q4_0),
                [(18, BlockFormat::Q4_0); 2],
                [(18, BlockFormat::Q4_0); 2],
                BlockFormat::Q8_0,
            ),
            (
                Quant::Q4KS,
                [(14, BlockFormat::Q5_0), (4, BlockFormat::Q5_1)],
                [(16, BlockFormat::Q4_K), (2, BlockFormat::Q5_K)],
                BlockFormat::Q8_0,
            ),
            (
                Quant::Q5KM,
                [(9, BlockFormat::Q5_1), (9, BlockFormat::Q8_0)],
                [(9, BlockFormat::Q5_K), (9, BlockFormat::Q6_K)],
                BlockFormat::Q8_0,
            ),
            (
                Quant::Plain(BlockFormat::Q6_K),
                [(18, BlockFormat::Q8_0); 2],
                [(18, BlockFormat::Q6_K); 2],
                BlockFormat::Q8_0,
            ),
        ] {
            for (number, format) in values {
                assert_eq!(count(quant, "attn_v", 18, 640, format), number, "{quant:?}: {format}");
            }
            for (number, format) in downs {
                assert_eq!(count(quant, "ffn_down", 18, 2048, format), number, "{quant:?}: {format}");
            }
            let embeddings =
                Matrix { what: "token_embd", layers: 18, cols: 640, is_output: true, ..Matrix::default() };
            assert_eq!(quant.format(&embeddings), output, "{quant:?}");
        }
    }

    #[test]
    fn mix_output_has_at_least_six_bits() {
        let matrix = Matrix { what: "output", layers: 24, cols: 2048, is_output: true, ..Matrix::default() };
        let output = |quant: Quant| quant.format(&matrix);
        assert_eq!(output(Quant::Q4KM), BlockFormat::Q6_K);
        assert_eq!(output(Quant::Plain(BlockFormat::Q4_0)), BlockFormat::Q6_K);
        assert_eq!(output(Quant::Plain(BlockFormat::Q8_0)), BlockFormat::Q8_0);
        assert_eq!(output(Quant::Plain(BlockFormat::F16)), BlockFormat::F16);
    }

    #[test]
    fn mix_knows_importance_and_shared_values() {
        let down = Matrix { what: "ffn_down", layers: 16, cols: 512, ..Matrix::default() };
        let weighted = Matrix { has_importance: true, ..down };
        let q4_0 = Quant::Plain(BlockFormat::Q4_0);
        assert_eq!((q4_0.format(&down), q4_0.format(&weighted)), (BlockFormat::Q4_0, BlockFormat::Q4_1));
        assert_eq!(q4_0.format(&Matrix { layer: 2, ..weighted }), BlockFormat::Q4_0);
        let shared = Matrix { what: "attn_v", layer: 11, layers: 80, cols: 8192, ..Matrix::default() };
        assert_eq!(Quant::Q4KM.format(&shared), BlockFormat::Q4_K);
        assert_eq!(Quant::Q4KM.format(&Matrix { shares_values: true, ..shared }), BlockFormat::Q5_K);
    }

    #[test]
    fn mix_odd_rows_get_the_next_wider_format() {
        let of = |quant: Quant, cols| {
            quant.format(&Matrix { what: "attn_q", layers: 8, cols, ..Matrix::default() })
        };
        assert_eq!(of(Quant::Q4KM, 288), BlockFormat::Q5_0);
        assert_eq!(of(Quant::Q5KM, 288), BlockFormat::Q5_1);
        assert_eq!(of(Quant::Plain(BlockFormat::Q6_K), 288), BlockFormat::Q8_0);
        assert_eq!(of(Quant::Plain(BlockFormat::Q8_0), 80), BlockFormat::F16);
        assert_eq!(of(Quant::Plain(BlockFormat::BF16), 80), BlockFormat::BF16);
    }

    #[test]
    fn mix_names_are_read() {
        for name in Quant::names().split(", ") {
            assert_eq!(Quant::from_name(&name.to_lowercase()).map(Quant::name), Some(name));
        }
        assert_eq!(Quant::from_name("Q9"), None);
    }
}
