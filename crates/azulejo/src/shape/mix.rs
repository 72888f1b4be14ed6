//! Which tensor gets which block format: a single one, or llama-quantize's mixes.

use azulejo_quant::BlockFormat;

/// A type of a whole model.
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

    /// The format of a matrix with rows of `cols` weights: `what` is the tensor's name without its layer, `is_output`
    /// says whether it makes the logits (also the embedding table, if the two are tied).
    pub(super) fn format(
        self,
        what: &str,
        layer: u32,
        layers: u32,
        is_output: bool,
        cols: u32,
    ) -> BlockFormat {
        let mixed = what == "attn_v" || what == "ffn_down";
        let wanted = match self {
            Self::Plain(format) if is_output && format.bits_per_weight() < 6.5 => BlockFormat::Q6_K,
            Self::Plain(format) => format,
            _ if is_output => BlockFormat::Q6_K,
            Self::Q4KM if mixed && more_bits(layer, layers) => BlockFormat::Q6_K,
            Self::Q4KM => BlockFormat::Q4_K,
            Self::Q4KS if what == "attn_v" && layer < 4 => BlockFormat::Q5_K,
            Self::Q4KS if what == "ffn_down" && layer < layers / 8 => BlockFormat::Q5_K,
            Self::Q4KS => BlockFormat::Q4_K,
            Self::Q5KM if mixed && more_bits(layer, layers) => BlockFormat::Q6_K,
            Self::Q5KM => BlockFormat::Q5_K,
        };
        narrow(wanted, cols)
    }
}

/// The first eighth of the layers, the last, and each third between.
fn more_bits(layer: u32, layers: u32) -> bool {
    let eighth = layers / 8;
    layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2
}

/// The format that takes a row which isn't whole blocks of 256.
fn narrow(format: BlockFormat, cols: u32) -> BlockFormat {
    if cols.is_multiple_of(format.block_len() as u32) {
        return format;
    }
    let by_32 = match format {
        BlockFormat::Q2_K | BlockFormat::Q3_K => BlockFormat::Q4_0,
        BlockFormat::Q4_K => BlockFormat::Q5_0,
        BlockFormat::Q5_K => BlockFormat::Q5_1,
        BlockFormat::Q6_K => BlockFormat::Q8_0,
        other => other,
    };
    if cols.is_multiple_of(by_32.block_len() as u32) { by_32 } else { BlockFormat::F16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(quant: Quant, what: &str, layers: u32, cols: u32, format: BlockFormat) -> usize {
        (0..layers).filter(|l| quant.format(what, *l, layers, false, cols) == format).count()
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
    fn mix_output_has_at_least_six_bits() {
        let output = |quant: Quant| quant.format("output", 0, 24, true, 2048);
        assert_eq!(output(Quant::Q4KM), BlockFormat::Q6_K);
        assert_eq!(output(Quant::Plain(BlockFormat::Q4_0)), BlockFormat::Q6_K);
        assert_eq!(output(Quant::Plain(BlockFormat::Q8_0)), BlockFormat::Q8_0);
        assert_eq!(output(Quant::Plain(BlockFormat::F16)), BlockFormat::F16);
    }

    #[test]
    fn mix_names_are_read() {
        for name in Quant::names().split(", ") {
            assert_eq!(Quant::from_name(&name.to_lowercase()).map(Quant::name), Some(name));
        }
        assert_eq!(Quant::from_name("Q9"), None);
    }
}
