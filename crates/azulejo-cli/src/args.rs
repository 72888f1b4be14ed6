//! The command line: llama.cpp's words where it has them. Every flag is also an environment variable.

use std::ffi::OsString;
use std::path::PathBuf;

use azulejo::{DeviceChoice, KvType, Overflow, SamplerOptions};
use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::making::lora::LoraChoice;
use crate::numbers::Counts;

const AFTER_HELP: &str = "\
Results go to stdout; notices, progress and statistics to stderr. NO_COLOR is heeded.

Exit codes: 0 done; 1 an error, told on stderr; 2 the command line makes no sense; 130 stopped by Ctrl-C.

Each flag is also an environment variable: --ctx-size is AZULEJO_CTX_SIZE. The flag wins.";

/// Language models on this machine: on the CPU, or on a GPU by Vulkan, Metal or DX12
#[derive(Parser, Debug)]
#[command(name = "azulejo", version, about = "Language models on this machine: on the CPU, or on a GPU by Vulkan, Metal or DX12", long_about = None, after_help = AFTER_HELP, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What all commands take.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct Common {
    /// Print the result as JSON; errors are JSON too, on stderr
    #[arg(long, global = true, display_order = 900)]
    pub(crate) json: bool,
    /// Say more on stderr: the device, memory, the plan
    #[arg(short, long, global = true, display_order = 901)]
    pub(crate) verbose: bool,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, display_order = 902)]
    pub(crate) quiet: bool,
    /// Colours on stderr: auto, always or never
    #[arg(long, global = true, display_order = 903, hide_possible_values = true, value_name = "WHEN", num_args = 0..=1, default_missing_value = "always", default_value = "auto")]
    pub(crate) color: Color,
}

/// When to use colours.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Color {
    /// On a terminal, and if NO_COLOR isn't set.
    #[default]
    Auto,
    /// Always.
    #[value(alias = "on")]
    Always,
    /// Never.
    #[value(alias = "off")]
    Never,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Answer a prompt, or go on from it
    #[command(alias = "run", alias = "completion")]
    Generate(Box<GenerateArgs>),
    /// Talk, line by line
    Chat(Box<ChatArgs>),
    /// Text to token ids
    Tokenize(TokenizeArgs),
    /// Write the logits of all tokens of a prompt to a .safetensors file
    Logits(LogitsArgs),
    /// Measure how well a model predicts a text, as llama-perplexity does
    Perplexity(PerplexityArgs),
    /// Measure speed, as llama-bench does
    Bench(BenchArgs),
    /// Show what is in a model file, without loading it
    #[command(alias = "show")]
    Inspect(InspectArgs),
    /// Write what a web page checks a model's download by: sizes and hashes
    Manifest(ManifestArgs),
    /// Compare the predictions of two model files, or of one on two devices
    Compare(CompareArgs),
    /// Judge a model
    #[command(subcommand)]
    Eval(EvalCommand),
    /// Measure which columns of the matrices count, for quantize
    Imatrix(ImatrixArgs),
    /// Split a GGUF file into several
    Split(SplitArgs),
    /// Put a split GGUF file together
    Merge(MergeArgs),
    /// Make a GGUF file of a Hugging Face folder
    Convert(ConvertArgs),
    /// Make a GGUF file of a LoRA adapter (a PEFT folder), for --lora
    ConvertLora(ConvertLoraArgs),
    /// Make a GGUF file with its matrices in fewer bits, as llama-quantize does
    Quantize(QuantizeArgs),
    /// List the devices that models can run on
    Devices,
}

/// Which model, and where it runs.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Model and device")]
pub(crate) struct LoadArgs {
    /// A .gguf file or a Hugging Face folder; without it, the small demonstration model in the program
    #[arg(short, long, value_name = "PATH")]
    pub(crate) model: Option<PathBuf>,
    /// auto, cpu, wgpu or wgpu:N (see `azulejo devices`)
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: DeviceChoice,
    /// A LoRA adapter (.gguf) merged into the weights while they are loaded, stronger or weaker by SCALE; may be given again
    #[arg(long, value_name = "FILE[:SCALE]")]
    pub(crate) lora: Vec<LoraChoice>,
    /// Threads of the CPU; as many as it has cores if absent
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// The most tokens of a prompt that are evaluated at once (-ub)
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) ubatch_size: u32,
    /// Accepted; --ubatch-size is what counts
    #[arg(short, long, value_name = "N", hide = true)]
    pub(crate) batch_size: Option<u32>,
    /// The type of cached keys (-ctk): f16 or f32
    #[arg(long, value_name = "TYPE", value_parser = kv_type)]
    pub(crate) cache_type_k: Option<KvType>,
    /// The type of cached values (-ctv): f16 or f32
    #[arg(long, value_name = "TYPE", value_parser = kv_type)]
    pub(crate) cache_type_v: Option<KvType>,
    /// Accepted (-ngl): a model is on one device as a whole, which --device chooses
    #[arg(long, value_name = "N", alias = "gpu-layers")]
    pub(crate) n_gpu_layers: Option<String>,
    /// Accepted (-fa): attention is always computed in pieces, without a matrix of scores
    #[arg(long, value_name = "WHEN", num_args = 0..=1, default_missing_value = "on")]
    pub(crate) flash_attn: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) threads_batch: Option<u32>,
    #[arg(long, hide = true)]
    pub(crate) hf_repo: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) hf_file: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) no_mmap: bool,
    /// Runs the plan as it was written, op by op; to look for the cause of a difference
    #[arg(long, hide = true)]
    pub(crate) no_fuse: bool,
}

/// How the next token is chosen.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Sampling")]
pub(crate) struct SamplingArgs {
    /// The most tokens of an answer; -1 is until its end
    #[arg(short = 'n', long, visible_alias = "n-predict", value_name = "N", default_value_t = -1, allow_negative_numbers = true)]
    pub(crate) predict: i64,
    /// The seed of the choice; -1 is a new one each time
    #[arg(short, long, value_name = "N", default_value_t = -1, allow_negative_numbers = true)]
    pub(crate) seed: i64,
    /// How much chance there is; 0 takes the most probable token
    #[arg(
        long,
        visible_alias = "temperature",
        value_name = "T",
        default_value_t = 0.8,
        allow_negative_numbers = true
    )]
    pub(crate) temp: f32,
    /// Only the K most probable tokens; 0 is all
    #[arg(long, value_name = "K", default_value_t = 40, allow_negative_numbers = true)]
    pub(crate) top_k: i32,
    /// Only the most probable tokens that make up P; 1 is all
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    pub(crate) top_p: f32,
    /// Only tokens at least P times as probable as the first; 0 is all
    #[arg(long, value_name = "P", default_value_t = 0.05)]
    pub(crate) min_p: f32,
    /// What tokens that were there are made less probable by; 1 is off
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub(crate) repeat_penalty: f32,
    /// How far back the penalties look; 0 is off, -1 is the whole context
    #[arg(long, value_name = "N", default_value_t = 64, allow_negative_numbers = true)]
    pub(crate) repeat_last_n: i32,
    /// Subtracted from a logit for each time the token was there
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) frequency_penalty: f32,
    /// Subtracted from a logit once if the token was there
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) presence_penalty: f32,
    /// Go on behind the model's end of text
    #[arg(long)]
    pub(crate) ignore_eos: bool,
    /// A text that ends the answer and isn't part of it; may be given again
    #[arg(
        short = 'r',
        long,
        visible_alias = "reverse-prompt",
        value_name = "TEXT",
        allow_hyphen_values = true
    )]
    pub(crate) stop: Vec<String>,
    /// Show control tokens as text
    #[arg(long)]
    pub(crate) special: bool,
    /// When the context is full, forget the older half of it instead of ending
    #[arg(long)]
    pub(crate) context_shift: bool,
    /// Tokens at the beginning that --context-shift keeps
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) keep: usize,
    /// Positions of the context; 0 is as many as the model was made for [default: the same, at most 4096]
    #[arg(short, long, value_name = "N")]
    pub(crate) ctx_size: Option<u32>,
}

/// The conversation's format.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Conversation")]
pub(crate) struct ChatFormatArgs {
    /// The system's message (-sys)
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) system_prompt: Option<String>,
    /// The system's message from a file (-sysf)
    #[arg(long, value_name = "FILE")]
    pub(crate) system_prompt_file: Option<PathBuf>,
    /// A Jinja chat template instead of the model's own
    #[arg(long, value_name = "TEMPLATE", allow_hyphen_values = true)]
    pub(crate) chat_template: Option<String>,
    /// The same from a file
    #[arg(long, value_name = "FILE")]
    pub(crate) chat_template_file: Option<PathBuf>,
    #[arg(long, hide = true)]
    pub(crate) jinja: bool,
}

#[derive(Args, Debug)]
pub(crate) struct GenerateArgs {
    /// The prompt; without -p and -f it is read from a pipe
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) prompt: Option<String>,
    /// The prompt from a file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Read \n, \t, \" and so on in the prompt as C does
    #[arg(short, long)]
    pub(crate) escape: bool,
    /// Go on from the prompt as it is, without a chat template (-no-cnv)
    #[arg(long, alias = "no-conversation")]
    pub(crate) raw: bool,
    #[arg(long, hide = true)]
    pub(crate) conversation: bool,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    #[command(flatten)]
    pub(crate) format: ChatFormatArgs,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ChatArgs {
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    #[command(flatten)]
    pub(crate) format: ChatFormatArgs,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    #[arg(long, hide = true)]
    pub(crate) conversation: bool,
}

#[derive(Args, Debug)]
pub(crate) struct TokenizeArgs {
    /// A .gguf file (the vocabulary alone will do), a Hugging Face folder, or a tokenizer.json
    #[arg(short, long, value_name = "PATH")]
    pub(crate) model: Option<PathBuf>,
    /// The text; without -p and -f it is read from a pipe
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) prompt: Option<String>,
    /// A file, whose bytes are taken as they are
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Don't put the token in front that begins a text (nor one behind that ends it)
    #[arg(long)]
    pub(crate) no_bos: bool,
    /// Read control tokens' spelling (<|im_end|>) as mere text
    #[arg(long)]
    pub(crate) no_parse_special: bool,
    /// One line a token: its id and its text
    #[arg(long)]
    pub(crate) show: bool,
}

#[derive(Args, Debug)]
pub(crate) struct LogitsArgs {
    /// Token ids, with commas or spaces between them
    #[arg(long, value_name = "IDS")]
    pub(crate) tokens: Option<String>,
    /// A text, whose tokens (with BOS, where the model wants it) are taken
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) prompt: Option<String>,
    /// The same from a file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The file to write: tensor `logits`, F32, [tokens, vocabulary]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Positions of the context [default: as many as there are tokens]
    #[arg(short, long, value_name = "N")]
    pub(crate) ctx_size: Option<u32>,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

#[derive(Args, Debug)]
pub(crate) struct PerplexityArgs {
    /// The text; without it it is read from a pipe
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Tokens of a piece, of which the second half is scored; 0 is the model's own context
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
    /// auto, cpu, wgpu or wgpu:N, for both models
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
        LoadArgs { device: self.device, threads: self.threads, ubatch_size: 128, ..LoadArgs::default() }
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

#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// Tokens of a prompt; a list (128,512) or a range (128-512+128, 128-1024*2); 0 is no such test
    #[arg(short = 'p', long, value_name = "N", default_value = "512")]
    pub(crate) n_prompt: Counts,
    /// Tokens to generate; a list or a range; 0 is no such test
    #[arg(short = 'n', long, value_name = "N", default_value = "64")]
    pub(crate) n_gen: Counts,
    /// Tokens that are in the cache before; a list or a range
    #[arg(short = 'd', long, value_name = "N", default_value = "0")]
    pub(crate) n_depth: Counts,
    /// How often each test is run, behind one warm-up
    #[arg(short, long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) repetitions: u32,
    /// What is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "md")]
    pub(crate) output: BenchFormat,
    /// A model's shape with random weights instead of a file: ttl-160m, ttl-460m, salamandra-2b, salamandra-7b, alia-40b, amalia-9b, eurollm-1.7b, eurollm-9b, llama-3.2-1b, llama-2-7b
    #[arg(long, value_name = "NAME")]
    pub(crate) shape: Option<String>,
    /// The weights' type with --shape: F32, F16, BF16, Q4_0 ... Q6_K, or a mix: Q4_K_M, Q4_K_S, Q5_K_M
    #[arg(long, value_name = "TYPE", default_value = "Q4_K_M")]
    pub(crate) quant: String,
    /// Don't measure the memory's bandwidth
    #[arg(long)]
    pub(crate) no_bandwidth: bool,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

/// How bench prints.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BenchFormat {
    /// A table.
    Md,
    /// An array of objects.
    Json,
    /// An object a line.
    Jsonl,
    /// Comma-separated values.
    Csv,
}

#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    /// A .gguf file or a Hugging Face folder; without it, the small demonstration model in the program
    #[arg(short, long, value_name = "PATH")]
    pub(crate) model: Option<PathBuf>,
    /// The same as --model
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<PathBuf>,
    /// Positions of the context that memory is counted for; 0 is as many as the model was made for [default: the same, at most 4096]
    #[arg(short, long, value_name = "N")]
    pub(crate) ctx_size: Option<u32>,
    /// The type of cached keys (-ctk): f16 or f32
    #[arg(long, value_name = "TYPE", value_parser = kv_type, default_value = "f16")]
    pub(crate) cache_type_k: KvType,
    /// The type of cached values (-ctv): f16 or f32
    #[arg(long, value_name = "TYPE", value_parser = kv_type, default_value = "f16")]
    pub(crate) cache_type_v: KvType,
    /// Print the kernel calls of a decoded token
    #[arg(long)]
    pub(crate) plan: bool,
    /// Leave out metadata and the list of tensors
    #[arg(long)]
    pub(crate) summary: bool,
    /// With --plan: op by op, nothing fused
    #[arg(long)]
    pub(crate) no_fuse: bool,
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

fn kv_type(text: &str) -> Result<KvType, String> {
    match text.to_ascii_lowercase().as_str() {
        "f16" => Ok(KvType::F16),
        "f32" => Ok(KvType::F32),
        _ => Err("the cache is kept as f16 or f32".to_owned()),
    }
}

impl Cli {
    /// Reads arguments that went through [`crate::argv::expand`].
    pub(crate) fn from_arguments(arguments: Vec<OsString>) -> Result<Self, clap::Error> {
        let matches = Self::definition().try_get_matches_from(arguments)?;
        Self::from_arg_matches(&matches)
    }

    /// The command line, with an environment variable for each flag.
    pub(crate) fn definition() -> clap::Command {
        let mut command = with_variables(Self::command());
        let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
        for name in names {
            command = command.mut_subcommand(name, |command| {
                let inner: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
                let command = with_variables(command);
                inner.into_iter().fold(command, |c, name| c.mut_subcommand(name, with_variables))
            });
        }
        command
    }
}

fn with_variables(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| {
        let Some(long) = arg.get_long() else { return arg };
        let variable = format!("AZULEJO_{}", long.to_ascii_uppercase().replace('-', "_"));
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let arg = arg.env(variable).hide_env(true);
        if is_switch { arg.value_parser(FalseyValueParser::new()) } else { arg }
    })
}

impl SamplingArgs {
    /// The sampler's options.
    pub(crate) fn sampler(&self) -> SamplerOptions {
        SamplerOptions {
            temperature: self.temp,
            top_k: u32::try_from(self.top_k).unwrap_or(0),
            top_p: self.top_p,
            min_p: self.min_p,
            repeat_penalty: self.repeat_penalty,
            repeat_last_n: self.repeat_last_n,
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
        }
    }

    /// The most tokens; none is until the end.
    pub(crate) fn most(&self) -> Option<usize> {
        usize::try_from(self.predict).ok()
    }

    /// What happens when the context is full.
    pub(crate) fn overflow(&self) -> Overflow {
        if self.context_shift { Overflow::Shift { keep: self.keep } } else { Overflow::Error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn args_definition_is_sound() {
        Cli::definition().debug_assert();
    }

    #[test]
    fn args_every_flag_has_a_variable() {
        for command in Cli::definition().get_subcommands() {
            for arg in command.get_arguments().filter(|a| a.get_long().is_some()) {
                assert!(arg.get_env().is_some(), "{} {}", command.get_name(), arg.get_id());
            }
        }
    }

    #[test]
    fn args_llama_spellings_are_read() {
        let line = "azulejo generate --n-predict 7 --temperature 0 --reverse-prompt a -r b --seed -1 -p -x";
        let cli = Cli::from_arguments(line.split(' ').map(OsString::from).collect()).unwrap();
        let Command::Generate(args) = cli.command else { panic!("{:?}", cli.command) };
        assert_eq!((args.sampling.most(), args.sampling.temp), (Some(7), 0.0));
        assert_eq!(args.sampling.stop, ["a", "b"]);
        assert_eq!(args.prompt.as_deref(), Some("-x"));
    }
}
