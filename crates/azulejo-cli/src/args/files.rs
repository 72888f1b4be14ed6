//! The command line of what makes and judges files.

use std::path::PathBuf;

use azulejo::DeviceChoice;
use clap::{Args, Subcommand, ValueEnum};

use super::LoadArgs;
use crate::making::lora::LoraChoice;
use crate::numbers::Counts;

#[derive(Args, Debug)]
pub(crate) struct CompareArgs {
    /// The model that is compared with: a .gguf file or a Hugging Face folder
    #[arg(value_name = "A")]
    pub(crate) first: PathBuf,
    /// The model that is judged; it may be the same file, on another device
    #[arg(value_name = "B")]
    pub(crate) second: PathBuf,
    /// The text; without it it is read from a pipe
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Tokens of a piece, of which the second half is scored; 0 is the first model's own context
    #[arg(short, long, value_name = "N", default_value_t = 512)]
    pub(crate) ctx_size: u32,
    /// Only so many pieces; -1 is all
    #[arg(long, value_name = "N", default_value_t = -1, allow_negative_numbers = true)]
    pub(crate) chunks: i64,
    /// Read control tokens' spelling (<|im_end|>) in the text as these tokens
    #[arg(long)]
    pub(crate) parse_special: bool,
    /// auto, cpu, wgpu, wgpu:N, cuda or cuda:N, for both models
    #[arg(long, value_name = "DEVICE", default_value = "auto", visible_alias = "device-a")]
    pub(crate) device: DeviceChoice,
    /// Another device for B
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device_b: Option<DeviceChoice>,
    /// Threads of the CPU; as many as it has cores if absent
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
}

impl CompareArgs {
    /// How models are loaded.
    pub(crate) fn load(&self) -> LoadArgs {
        LoadArgs { device: self.device, threads: self.threads, ..LoadArgs::default() }
    }
}

#[derive(Args, Debug)]
pub(crate) struct ImatrixArgs {
    /// The text; without it it is read from a pipe
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The file to write
    #[arg(short, long, value_name = "FILE", visible_alias = "output-file", default_value = "imatrix.gguf")]
    pub(crate) output: PathBuf,
    /// Tokens of a piece; 0 is the model's own context
    #[arg(short, long, value_name = "N", default_value_t = 512)]
    pub(crate) ctx_size: u32,
    /// Only so many pieces; -1 is all
    #[arg(long, value_name = "N", default_value_t = -1, allow_negative_numbers = true)]
    pub(crate) chunks: i64,
    /// Read control tokens' spelling (<|im_end|>) in the text as these tokens
    #[arg(long)]
    pub(crate) parse_special: bool,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

#[derive(Args, Debug)]
pub(crate) struct SplitArgs {
    /// A .gguf file
    #[arg(value_name = "PATH")]
    pub(crate) model: PathBuf,
    /// What the new names begin with, before -00001-of-00003.gguf [default: the model's name]
    #[arg(short, long, value_name = "PREFIX")]
    pub(crate) output: Option<PathBuf>,
    /// Bytes of tensors in a file: a number with K, M or G (powers of 1000)
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = size, visible_alias = "split-max-size")]
    pub(crate) max_size: u64,
    /// Tensors in a file
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), visible_alias = "split-max-tensors")]
    pub(crate) max_tensors: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct MergeArgs {
    /// Any part of a split model; the others are beside it
    #[arg(value_name = "PATH")]
    pub(crate) model: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// The tests.
#[derive(Subcommand, Debug)]
pub(crate) enum EvalCommand {
    /// Find one sentence in a long text, at several lengths and depths
    Needle(Box<NeedleArgs>),
    /// Say the last word of texts (LAMBADA, CALAME-PT)
    LastWord(Box<LastWordArgs>),
}

#[derive(Args, Debug)]
pub(crate) struct LastWordArgs {
    /// The texts: JSON, an object a line or an array of objects
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where an object has the text without its last word
    #[arg(long, value_name = "NAME", default_value = "sentence")]
    pub(crate) text_field: String,
    /// Where it has the word
    #[arg(long, value_name = "NAME", default_value = "last_word")]
    pub(crate) word_field: String,
    /// The most tokens of an answer
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) predict: u32,
    /// Only the first N texts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
    /// Positions of the context [default: the model's own, at most 4096]
    #[arg(short, long, value_name = "N")]
    pub(crate) ctx_size: Option<u32>,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

#[derive(Args, Debug)]
pub(crate) struct NeedleArgs {
    /// Tokens of the whole prompt; a list (1024,4096) or a range (1024-8192*2)
    #[arg(long, value_name = "N", default_value = "512,1024,2048")]
    pub(crate) lengths: Counts,
    /// Where in the text the needle is, in percent; a list or a range
    #[arg(long, value_name = "N", default_value = "0-100+25")]
    pub(crate) depths: Counts,
    /// A text to hide the needle in, repeated as often as needed [default: made-up sentences]
    #[arg(long, value_name = "FILE")]
    pub(crate) haystack: Option<PathBuf>,
    /// The sentence to find
    #[arg(long, value_name = "TEXT", default_value = "The number of the blue door in Santarém is 48213.")]
    pub(crate) needle: String,
    /// What comes before the text
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Read this text. There is a question about it at the end."
    )]
    pub(crate) instruction: String,
    /// The question about it
    #[arg(long, value_name = "TEXT", default_value = "What is the number of the blue door in Santarém?")]
    pub(crate) question: String,
    /// The words that a right answer has
    #[arg(long, value_name = "WORDS", default_value = "48213")]
    pub(crate) expected: String,
    /// A picture of the table to write (SVG)
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,
    /// The most tokens of an answer
    #[arg(short = 'n', long, visible_alias = "n-predict", value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) predict: u32,
    /// Go on from the prompt as it is, without a chat template (-no-cnv)
    #[arg(long, alias = "no-conversation")]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

/// A number of bytes with K, M or G.
fn size(text: &str) -> Result<u64, String> {
    let factor = match text.bytes().last() {
        Some(b'K' | b'k') => 1000,
        Some(b'M' | b'm') => 1_000_000,
        Some(b'G' | b'g') => 1_000_000_000,
        _ => 1,
    };
    let digits = if factor == 1 { text } else { &text[..text.len() - 1] };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    number.filter(|bytes| *bytes > 0).ok_or_else(|| format!("'{text}' is no size: 500M or 2G, say"))
}

/// A model's manifest for web pages.
#[derive(Args, Debug, Clone)]
pub(crate) struct ManifestArgs {
    /// A .gguf file
    #[arg(value_name = "PATH")]
    pub(crate) model: PathBuf,
    /// Where to write it [default: beside the model, PATH.azulejo.json]
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Bytes of a chunk: what is downloaded, checked and kept as one
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20, value_parser = clap::value_parser!(u64).range(65_536..=67_108_864))]
    pub(crate) chunk_bytes: u64,
}

#[derive(Args, Debug)]
// Its variable is another one than that of the commands which run a model, and which may be set for those.
#[command(mut_arg("model", |arg| arg.env("AZULEJO_ENCODER").hide_env(true).help("An encoder (a .gguf file or a Hugging Face folder): passages get vectors, too (AZULEJO_ENCODER)")))]
pub(crate) struct IndexArgs {
    /// The folder of a built site: pages in HTML or Markdown
    #[arg(value_name = "SITE_FOLDER")]
    pub(crate) folder: PathBuf,
    /// The file that a search begins with; its parts go into a folder of the same name beside it
    #[arg(short, long, value_name = "FILE", default_value = "search-index.json")]
    pub(crate) output: PathBuf,
    /// The site's own address, for the pages' [default: none: they are relative to the index, which is in the site's folder]
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// The language of pages that don't say theirs, and whose words don't tell: pt-PT, es, eu ...
    #[arg(long, value_name = "TAG")]
    pub(crate) lang: Option<String>,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ConvertArgs {
    /// A folder with config.json, the tokenizer and .safetensors
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE", visible_alias = "outfile")]
    pub(crate) output: PathBuf,
    /// The matrices' type [default: bf16 if the folder's is, else f16]
    #[arg(long, value_name = "TYPE", ignore_case = true)]
    pub(crate) outtype: Option<OutType>,
    /// The model's name [default: the folder's]
    #[arg(long, value_name = "NAME", visible_alias = "model-name")]
    pub(crate) name: Option<String>,
    /// llama.cpp's name for how a byte-level tokenizer splits words, where it isn't found by itself
    #[arg(long, value_name = "NAME")]
    pub(crate) pre: Option<String>,
    /// Threads; as many as there are cores if absent
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct ConvertLoraArgs {
    /// A folder with adapter_config.json and adapter_model.safetensors
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// The model that it adapts: a .gguf file, or a Hugging Face folder (its config.json will do)
    #[arg(long, value_name = "PATH")]
    pub(crate) base: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE", visible_alias = "outfile")]
    pub(crate) output: PathBuf,
}

/// What convert can write.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutType {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 16-bit floats with the range of 32.
    #[value(name = "bf16")]
    BF16,
    /// 8-bit blocks.
    #[value(name = "q8_0")]
    Q8,
}

impl OutType {
    /// The format of matrices.
    pub(crate) fn format(self) -> azulejo::BlockFormat {
        match self {
            Self::F32 => azulejo::BlockFormat::F32,
            Self::F16 => azulejo::BlockFormat::F16,
            Self::BF16 => azulejo::BlockFormat::BF16,
            Self::Q8 => azulejo::BlockFormat::Q8_0,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct QuantizeArgs {
    /// A .gguf file, best of F16, BF16 or F32 (of a split one, any part)
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,
    /// The file to write
    #[arg(value_name = "OUTPUT")]
    pub(crate) output: PathBuf,
    /// Q4_0, Q4_1, Q4_K_S, Q4_K_M, Q5_0, Q5_1, Q5_K_M, Q6_K, Q8_0, F16, BF16 or F32
    #[arg(value_name = "TYPE")]
    pub(crate) quant: String,
    /// An importance matrix: which columns count (see `azulejo imatrix`)
    #[arg(long, value_name = "FILE")]
    pub(crate) imatrix: Option<PathBuf>,
    /// A LoRA adapter (.gguf) merged into the weights; may be given again
    #[arg(long, value_name = "FILE[:SCALE]")]
    pub(crate) lora: Vec<LoraChoice>,
    /// Take a file that is quantised already, which loses quality twice
    #[arg(long)]
    pub(crate) allow_requantize: bool,
    /// Threads; as many as there are cores if absent
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
}
