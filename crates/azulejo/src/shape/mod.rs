//! Shapes of known models, from their cards and configuration files, to time them without their files.

mod mix;

use std::io;
use std::ops::Range;
use std::sync::Arc;

use azulejo_formats::gguf::{Gguf, Metadata, Writer, WriterTensor};
use azulejo_formats::{ByteSource, ModelFile, ParseStep};
use azulejo_quant::BlockFormat;

pub use mix::{Matrix, Quant};

use crate::{Code, Error};

/// The sizes of a decoder.
///
/// ```
/// use azulejo::shape::{Quant, Shape};
/// use azulejo::{Model, ModelOptions, estimated_memory};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let file = Shape::from_name("salamandra-2b")?.file(Quant::Q4KM)?;
/// let (_, plan) = Model::plan_of(&file, &ModelOptions::new())?;
/// assert!(estimated_memory(&plan)?.weights > 1_400_000_000);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    family: Family,
    layers: u32,
    hidden: u32,
    ffn: u32,
    heads: u32,
    kv_heads: u32,
    head_size: u32,
    vocabulary: u32,
    context: u32,
    rope_base: f32,
    /// The output matrix is the embedding table.
    tied: bool,
    /// Positions that the attention of the family's windowed layers sees; 0 is no window.
    window: u32,
}

/// The architecture, by GGUF's name, and which vectors come with its matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Llama,
    Qwen2,
    Qwen3,
    Olmo,
    Olmo2,
    Gemma3,
}

impl Family {
    fn name(self) -> &'static str {
        match self {
            Family::Llama => "llama",
            Family::Qwen2 => "qwen2",
            Family::Qwen3 => "qwen3",
            Family::Olmo => "olmo",
            Family::Olmo2 => "olmo2",
            Family::Gemma3 => "gemma3",
        }
    }
}

/// The shapes that have a name. Stretching of rope is left out: it costs nothing a token.
pub const SHAPES: &[Shape] = &[
    // TeenyTinyLlama.
    shape("ttl-160m", [12, 768, 3072, 12, 12, 64, 32_000, 2048], 1e4, false),
    shape("ttl-460m", [24, 1024, 4096, 16, 16, 64, 32_000, 2048], 1e4, false),
    shape("salamandra-2b", [24, 2048, 5440, 16, 16, 128, 256_000, 8192], 1e4, false),
    shape("salamandra-7b", [32, 4096, 11_008, 32, 8, 128, 256_000, 8192], 1e4, false),
    shape("alia-40b", [48, 8192, 24_576, 64, 8, 128, 256_000, 32_768], 1e4, false),
    shape("amalia-9b", [42, 4096, 12_288, 32, 8, 128, 128_000, 32_768], 1e6, false),
    shape("eurollm-1.7b", [24, 2048, 5632, 16, 8, 128, 128_000, 4096], 1e4, false),
    shape("eurollm-9b", [42, 4096, 12_288, 32, 8, 128, 128_000, 4096], 1e4, false),
    shape("llama-3.2-1b", [16, 2048, 8192, 32, 8, 64, 128_256, 131_072], 5e5, true),
    shape("llama-2-7b", [32, 4096, 11_008, 32, 32, 128, 32_000, 4096], 1e4, false),
    shape("minerva-350m", [16, 1152, 4032, 16, 4, 72, 32_768, 16_384], 1e4, false).windowed(2048),
    shape("minerva-3b", [32, 2560, 8960, 32, 8, 80, 32_768, 16_384], 1e4, false).windowed(2048),
    shape("minerva-7b", [32, 4096, 14_336, 32, 8, 128, 51_200, 4096], 1e4, false),
    shape("qwen2.5-0.5b", [24, 896, 4864, 14, 2, 64, 151_936, 32_768], 1e6, true).of(Family::Qwen2),
    shape("qwen3-0.6b", [28, 1024, 3072, 16, 8, 128, 151_936, 40_960], 1e6, true).of(Family::Qwen3),
    shape("qwen3-8b", [36, 4096, 12_288, 32, 8, 128, 151_936, 40_960], 1e6, false).of(Family::Qwen3),
    shape("olmo-7b", [32, 4096, 11_008, 32, 32, 128, 50_304, 2048], 1e4, false).of(Family::Olmo),
    shape("olmo-2-1b", [16, 2048, 8192, 16, 16, 128, 100_352, 4096], 5e5, false).of(Family::Olmo2),
    shape("olmo-2-7b", [32, 4096, 11_008, 32, 32, 128, 100_352, 4096], 5e5, false).of(Family::Olmo2),
    shape("olmo-3-7b", [32, 4096, 11_008, 32, 32, 128, 100_278, 65_536], 5e5, false)
        .of(Family::Olmo2)
        .windowed(4096),
    shape("gemma-3-270m", [18, 640, 2048, 4, 1, 256, 262_144, 32_768], 1e6, true)
        .of(Family::Gemma3)
        .windowed(512),
    shape("gemma-3-1b", [26, 1152, 6912, 4, 1, 256, 262_144, 32_768], 1e6, true)
        .of(Family::Gemma3)
        .windowed(512),
    // The part that writes.
    shape("gemma-3-4b", [34, 2560, 10_240, 8, 4, 256, 262_144, 131_072], 1e6, true)
        .of(Family::Gemma3)
        .windowed(1024),
];

/// Layers, hidden, feed-forward, heads, heads of keys and values, head size, vocabulary, context: of the Llama family.
const fn shape(name: &'static str, sizes: [u32; 8], rope_base: f32, tied: bool) -> Shape {
    let [layers, hidden, ffn, heads, kv_heads, head_size, vocabulary, context] = sizes;
    let (family, window) = (Family::Llama, 0);
    Shape {
        name,
        family,
        layers,
        hidden,
        ffn,
        heads,
        kv_heads,
        head_size,
        vocabulary,
        context,
        rope_base,
        tied,
        window,
    }
}

/// A shape that any device runs in a moment: to find out which of two devices is the faster one.
pub const TRIAL: Shape = shape("trial", [2, 512, 1536, 8, 4, 64, 8192, 64], 1e4, true);

impl Shape {
    const fn of(self, family: Family) -> Self {
        Self { family, ..self }
    }

    const fn windowed(self, window: u32) -> Self {
        Self { window, ..self }
    }

    /// The shape of that name, in upper or lower case.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`], which lists the names.
    pub fn from_name(name: &str) -> Result<&'static Self, Error> {
        SHAPES.iter().find(|s| s.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let names: Vec<&str> = SHAPES.iter().map(|s| s.name).collect();
            Error::invalid(format!("there is no shape '{name}'; these are: {}", names.join(", ")))
        })
    }

    /// A file of the shape, whose weights are all zeros and take no memory.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`], for a shape that can't be written.
    pub fn file(&self, quant: Quant) -> Result<ModelFile, Error> {
        let tensors = tensors(self, quant);
        let mut header = Vec::new();
        // The data never comes, so the writer isn't finished.
        Writer::new(&mut header, &metadata(self, quant), &tensors)
            .map_err(|e| Error::new(Code::InvalidArgument, e))?;
        let data: u64 = tensors.iter().map(|t| bytes(t).next_multiple_of(32)).sum();
        let len = header.len() as u64 + data;
        match Gguf::parse(&header, len) {
            Ok(ParseStep::Done(gguf)) => {
                Ok(ModelFile::from_gguf(gguf, vec![Arc::new(Zeros { header, len })])?)
            }
            Ok(ParseStep::NeedBytes(_)) => Err(Error::invalid("the shape's header is incomplete")),
            Err(e) => Err(Error::new(Code::InvalidArgument, e)),
        }
    }
}

fn bytes(tensor: &WriterTensor) -> u64 {
    let cols = tensor.shape.last().copied().unwrap_or(1);
    let rows: u64 = tensor.shape.iter().product::<u64>() / cols;
    rows * tensor.format.row_bytes(cols as usize).unwrap_or(0) as u64
}

fn metadata(s: &Shape, quant: Quant) -> Metadata {
    let mut m = Metadata::default();
    m.insert("general.architecture", s.family.name());
    m.insert("general.name", format!("{} {} (random weights)", s.name, quant.name()));
    let key = |key: &str| format!("{}.{key}", s.family.name());
    m.insert(key("block_count"), s.layers);
    m.insert(key("context_length"), s.context);
    m.insert(key("embedding_length"), s.hidden);
    m.insert(key("feed_forward_length"), s.ffn);
    m.insert(key("attention.head_count"), s.heads);
    m.insert(key("attention.head_count_kv"), s.kv_heads);
    m.insert(key("attention.key_length"), s.head_size);
    m.insert(key("attention.value_length"), s.head_size);
    let eps = if s.family == Family::Olmo { "layer_norm_epsilon" } else { "layer_norm_rms_epsilon" };
    m.insert(key(&format!("attention.{eps}")), 1e-5f32);
    if s.window > 0 {
        m.insert(key("attention.sliding_window"), s.window);
    }
    m.insert(key("rope.freq_base"), s.rope_base);
    m.insert(key("rope.dimension_count"), s.head_size);
    m.insert(key("vocab_size"), s.vocabulary);
    m
}

fn tensors(s: &Shape, quant: Quant) -> Vec<WriterTensor> {
    let vector =
        |name: String, size: u32| WriterTensor { name, format: BlockFormat::F32, shape: vec![size.into()] };
    let matrix = |name: String, format: BlockFormat, rows: u32, cols: u32| WriterTensor {
        name,
        format,
        shape: vec![rows.into(), cols.into()],
    };
    let (q, kv) = (s.heads * s.head_size, s.kv_heads * s.head_size);
    let format = |what: &str, layer: u32, is_output: bool, cols: u32| {
        let (layers, cols) = (s.layers, cols.into());
        quant.format(&Matrix { what, layer, layers, is_output, cols, ..Matrix::default() })
    };
    let table = format("token_embd", 0, s.tied, s.hidden);
    let mut tensors = vec![matrix("token_embd.weight".to_owned(), table, s.vocabulary, s.hidden)];
    for layer in 0..s.layers {
        let name = |what: &str| format!("blk.{layer}.{what}.weight");
        let matrices = [
            ("attn_q", q, s.hidden),
            ("attn_k", kv, s.hidden),
            ("attn_v", kv, s.hidden),
            ("attn_output", s.hidden, q),
            ("ffn_gate", s.ffn, s.hidden),
            ("ffn_up", s.ffn, s.hidden),
            ("ffn_down", s.hidden, s.ffn),
        ];
        for (what, rows, cols) in matrices {
            tensors.push(matrix(name(what), format(what, layer, false, cols), rows, cols));
        }
        let vectors: &[(&str, u32)] = match s.family {
            Family::Llama | Family::Qwen2 => &[("attn_norm", s.hidden), ("ffn_norm", s.hidden)],
            Family::Qwen3 => &[
                ("attn_norm", s.hidden),
                ("ffn_norm", s.hidden),
                ("attn_q_norm", s.head_size),
                ("attn_k_norm", s.head_size),
            ],
            Family::Olmo => &[],
            Family::Olmo2 => &[
                ("post_attention_norm", s.hidden),
                ("post_ffw_norm", s.hidden),
                ("attn_q_norm", q),
                ("attn_k_norm", kv),
            ],
            Family::Gemma3 => &[
                ("attn_norm", s.hidden),
                ("post_attention_norm", s.hidden),
                ("ffn_norm", s.hidden),
                ("post_ffw_norm", s.hidden),
                ("attn_q_norm", s.head_size),
                ("attn_k_norm", s.head_size),
            ],
        };
        tensors.extend(vectors.iter().map(|(what, size)| vector(name(what), *size)));
        if s.family == Family::Qwen2 {
            for (what, size) in [("attn_q", q), ("attn_k", kv), ("attn_v", kv)] {
                tensors.push(vector(format!("blk.{layer}.{what}.bias"), size));
            }
        }
    }
    if s.family != Family::Olmo {
        tensors.push(vector("output_norm.weight".to_owned(), s.hidden));
    }
    if !s.tied {
        let format = format("output", 0, true, s.hidden);
        tensors.push(matrix("output.weight".to_owned(), format, s.vocabulary, s.hidden));
    }
    tensors
}

/// A file of a header and zeros behind it.
struct Zeros {
    header: Vec<u8>,
    len: u64,
}

impl ByteSource for Zeros {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buf.fill(0);
        let header =
            self.slice(offset..(offset + buf.len() as u64).min(self.header.len() as u64)).unwrap_or_default();
        buf[..header.len()].copy_from_slice(header);
        Ok(())
    }

    fn slice(&self, range: Range<u64>) -> Option<&[u8]> {
        self.header.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(name: &str, quant: Quant) -> u64 {
        let shape = SHAPES.iter().find(|s| s.name == name).unwrap();
        shape.file(quant).unwrap().tensors.values().map(|t| t.bytes).sum()
    }

    #[test]
    fn shape_sizes_are_those_of_the_real_files() {
        // Bytes of the published files, which hold a vocabulary besides.
        for (name, quant, published) in [
            ("ttl-160m", Quant::Q4KM, 102.3e6),
            ("ttl-160m", Quant::Plain(BlockFormat::Q4_0), 97.8e6),
            ("ttl-460m", Quant::Plain(BlockFormat::Q8_0), 497.7e6),
            ("salamandra-2b", Quant::Q4KM, 1.500e9),
            ("salamandra-7b", Quant::Q4KM, 4.844e9),
            ("amalia-9b", Quant::Plain(BlockFormat::F16), 18.31e9),
            ("alia-40b", Quant::Q4KM, 24.59e9),
            ("qwen3-8b", Quant::Q4KM, 5.028e9),
            // Of 253,113,024 bytes, 6.7 MB are the vocabulary of 262,144 tokens.
            ("gemma-3-270m", Quant::Q4KM, 246.4e6),
        ] {
            let bytes = size(name, quant) as f64;
            assert!(
                (0.985..1.002).contains(&(bytes / published)),
                "{name} {}: {bytes}, not {published}",
                quant.name()
            );
        }
    }

    #[test]
    fn shape_every_one_makes_a_plan() {
        for shape in SHAPES {
            for quant in [Quant::Q4KM, Quant::Plain(BlockFormat::Q2_K), Quant::Plain(BlockFormat::F32)] {
                let file = shape.file(quant).unwrap();
                crate::Model::plan_of(&file, &crate::ModelOptions::default()).unwrap();
            }
        }
    }
}
