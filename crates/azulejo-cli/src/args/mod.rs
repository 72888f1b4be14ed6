//! The command line: llama.cpp's words where it has them. Every flag is also an environment variable.

mod files;

use std::ffi::OsString;
use std::path::PathBuf;

use azulejo::{DeviceChoice, Generate, KvType, Overflow, Pooling, SamplerOptions};
use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub(crate) use self::files::*;
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
    /// Texts to vectors, for search and comparison
    #[command(alias = "embedding")]
    Embed(EmbedArgs),
    /// Say what an encoder (RoBERTa) would put in the place of a mask
    FillMask(FillMaskArgs),
    /// Measure how well a model predicts a text, as llama-perplexity does
    Perplexity(PerplexityArgs),
    /// Check that a device computes right, and measure how fast it is
    Validate(ValidateArgs),
    /// Measure speed, as llama-bench does
    Bench(BenchArgs),
    /// Show what is in a model file, without loading it
    #[command(alias = "show")]
    Inspect(InspectArgs),
    /// Write what a web page checks a model's download by: sizes and hashes
    Manifest(ManifestArgs),
    /// Make an index of a site's pages, which visitors search in their browsers
    Index(IndexArgs),
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
    /// auto, cpu, wgpu, wgpu:N, cuda or cuda:N (see `azulejo devices`)
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: DeviceChoice,
    /// A LoRA adapter (.gguf) merged into the weights while they are loaded, stronger or weaker by SCALE; may be given again
    #[arg(long, value_name = "FILE[:SCALE]")]
    pub(crate) lora: Vec<LoraChoice>,
    /// Threads of the CPU; as many as it has cores if absent
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// The most tokens of a prompt that are evaluated at once (-ub): 128 if absent, on CUDA 512
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) ubatch_size: Option<u32>,
    /// Accepted; --ubatch-size is what counts
    #[arg(short, long, value_name = "N", hide = true)]
    pub(crate) batch_size: Option<u32>,
    /// The type of cached keys (-ctk): f16, f32, q8_0 or q4_0
    #[arg(long, value_name = "TYPE", value_parser = kv_type)]
    pub(crate) cache_type_k: Option<KvType>,
    /// The type of cached values (-ctv): f16, f32, q8_0 or q4_0
    #[arg(long, value_name = "TYPE", value_parser = kv_type)]
    pub(crate) cache_type_v: Option<KvType>,
    /// The last N positions that attention sees, for files that don't say their window (Mistral's and Minerva's GGUFs); 0 is none
    #[arg(long, value_name = "N")]
    pub(crate) sliding_window: Option<u32>,
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
    /// On CUDA: none of the kernels that were written by hand, but what is translated of all devices' ones
    #[arg(long)]
    pub(crate) no_overrides: bool,
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
        allow_negative_numbers = true,
        value_parser = finite
    )]
    pub(crate) temp: f32,
    /// Only the K most probable tokens; 0 is all
    #[arg(long, value_name = "K", default_value_t = 40, allow_negative_numbers = true)]
    pub(crate) top_k: i32,
    /// Only the most probable tokens that make up P; 1 is all
    #[arg(long, value_name = "P", default_value_t = 0.95, allow_negative_numbers = true, value_parser = fraction)]
    pub(crate) top_p: f32,
    /// Only tokens at least P times as probable as the first; 0 is all
    #[arg(long, value_name = "P", default_value_t = 0.05, allow_negative_numbers = true, value_parser = fraction)]
    pub(crate) min_p: f32,
    /// What tokens that were there are made less probable by; 1 is off
    #[arg(long, value_name = "X", default_value_t = 1.0, allow_negative_numbers = true, value_parser = divisor)]
    pub(crate) repeat_penalty: f32,
    /// How far back the penalties look; 0 is off, -1 is the whole context
    #[arg(long, value_name = "N", default_value_t = 64, allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-1..))]
    pub(crate) repeat_last_n: i32,
    /// Subtracted from a logit for each time the token was there
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true, value_parser = finite)]
    pub(crate) frequency_penalty: f32,
    /// Subtracted from a logit once if the token was there
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true, value_parser = finite)]
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
    /// A chat template instead of the model's usual one: Jinja, or a name (of the model's own ones, or chatml, llama3,
    /// gemma; a wrong one gets the list)
    #[arg(long, value_name = "TEMPLATE", allow_hyphen_values = true)]
    pub(crate) chat_template: Option<String>,
    /// The same from a file
    #[arg(long, value_name = "FILE")]
    pub(crate) chat_template_file: Option<PathBuf>,
    /// Read control tokens' spelling (<|im_end|>) in messages as those tokens; whoever writes them can forge turns
    #[arg(long)]
    pub(crate) parse_special_in_content: bool,
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
    /// A file, taken as it is but for a byte-order mark at its begin
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
    /// The other way: the text of these ids, with commas or spaces between them
    #[arg(long, value_name = "IDS", conflicts_with_all = ["prompt", "file", "no_bos", "no_parse_special", "show"])]
    pub(crate) tokens: Option<String>,
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
pub(crate) struct EmbedArgs {
    /// Token ids, with commas or spaces between them
    #[arg(long, value_name = "IDS")]
    pub(crate) tokens: Option<String>,
    /// A text; may be given again
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) prompt: Vec<String>,
    /// Texts from a file, one a line; without it and without -p and --tokens they come from a pipe
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// What becomes of the tokens' hidden states: mean, cls (the first), last, or none (all of them, as they are) [default: as the model's files say, else mean]
    #[arg(long, value_name = "HOW", value_parser = pooling)]
    pub(crate) pooling: Option<Pooling>,
    /// The prompt that the model's files have under that name (query, passage) goes in front of each text; "" for none where they have a default
    #[arg(long, value_name = "NAME", conflicts_with = "tokens")]
    pub(crate) prompt_name: Option<String>,
    /// The file to write: tensor `embeddings`, F32, [texts or tokens, hidden]; without it they are printed
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Positions of the context [default: as many as the longest text has tokens]
    #[arg(short, long, value_name = "N")]
    pub(crate) ctx_size: Option<u32>,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

#[derive(Args, Debug)]
pub(crate) struct FillMaskArgs {
    /// Token ids, with commas or spaces between them
    #[arg(long, value_name = "IDS")]
    pub(crate) tokens: Option<String>,
    /// The text, with <mask> where a word is missing; without -p and -f it is read from a pipe
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) prompt: Option<String>,
    /// The text from a file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// How many fillings of each mask
    #[arg(short = 'k', long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) top_k: u32,
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
pub(crate) struct ValidateArgs {
    /// auto, cpu, wgpu, wgpu:N, cuda or cuda:N (see `azulejo devices`)
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: DeviceChoice,
    /// On CUDA: none of the kernels that were written by hand, but what is translated of all devices' ones
    #[arg(long)]
    pub(crate) no_overrides: bool,
    /// A folder for report.json and report.md
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    /// What is measured must fit in so many seconds from the start; what is checked is checked however long it takes
    #[arg(long, value_name = "N", default_value_t = 180)]
    pub(crate) seconds: u64,
    /// Only some of it: kernels, models, speed
    #[arg(long, value_name = "PART", value_delimiter = ',', hide_possible_values = true, default_values = ["kernels", "models", "speed"])]
    pub(crate) only: Vec<ValidatePart>,
    /// A model whose greedy tokens are to be the CPU's; may be given again
    #[arg(short, long = "model", value_name = "FILE")]
    pub(crate) models: Vec<PathBuf>,
    /// A report.json of an earlier run, on another back-end, say: its rates are shown beside the new ones
    #[arg(long, value_name = "FILE")]
    pub(crate) beside: Option<PathBuf>,
    /// The shapes of models to measure, in their order; an empty one is none
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "llama-3.2-1b,salamandra-2b,salamandra-7b,amalia-9b,alia-40b"
    )]
    pub(crate) shapes: Vec<String>,
    /// The weights' types: F32, F16, BF16, Q4_0 ... Q6_K, or a mix: Q4_K_M, Q4_K_S, Q5_K_M; all shapes are measured in the first, then in the next
    #[arg(long, value_name = "TYPE", value_delimiter = ',', default_value = "Q4_K_M,Q4_0,Q8_0")]
    pub(crate) quant: Vec<String>,
    /// Threads of the CPU; as many as it has cores if absent
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
}

/// A part of `validate`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValidatePart {
    /// Every kernel beside its twin.
    Kernels,
    /// Models' greedy tokens.
    Models,
    /// Known shapes' speed.
    Speed,
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
    #[command(flatten)]
    pub(crate) shape: ShapeArgs,
    /// Don't measure the memory's bandwidth
    #[arg(long)]
    pub(crate) no_bandwidth: bool,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

/// A model without a file.
#[derive(Args, Debug)]
pub(crate) struct ShapeArgs {
    /// A known model's shape with random weights instead of a file: salamandra-2b, qwen3-8b; a wrong name gets the list
    #[arg(long, value_name = "NAME")]
    pub(crate) shape: Option<String>,
    /// The weights' type with --shape: F32, F16, BF16, Q4_0 ... Q6_K, or a mix: Q4_K_M, Q4_K_S, Q5_K_M
    #[arg(long, value_name = "TYPE", default_value = "Q4_K_M")]
    pub(crate) quant: String,
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
    #[command(flatten)]
    pub(crate) shape: ShapeArgs,
    /// Positions of the context that memory is counted for; 0 is as many as the model was made for [default: the same, at most 4096]
    #[arg(short, long, value_name = "N")]
    pub(crate) ctx_size: Option<u32>,
    /// The type of cached keys (-ctk): f16, f32, q8_0 or q4_0
    #[arg(long, value_name = "TYPE", value_parser = kv_type, default_value = "f16")]
    pub(crate) cache_type_k: KvType,
    /// The type of cached values (-ctv): f16, f32, q8_0 or q4_0
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

/// Of what `f32` reads, "nan", "inf" and what is too great for it make no sense as a parameter.
fn finite(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|x: &f32| x.is_finite()).ok_or_else(|| "it is a number".to_owned())
}

fn fraction(text: &str) -> Result<f32, String> {
    let within = finite(text).ok().filter(|x| (0.0..=1.0).contains(x));
    within.ok_or_else(|| "it is a number from 0 to 1".to_owned())
}

fn divisor(text: &str) -> Result<f32, String> {
    finite(text).ok().filter(|x| *x > 0.0).ok_or_else(|| "it is a number greater than 0".to_owned())
}

fn pooling(text: &str) -> Result<Pooling, String> {
    match text.to_ascii_lowercase().as_str() {
        "none" => Ok(Pooling::None),
        "mean" => Ok(Pooling::Mean),
        "cls" => Ok(Pooling::Cls),
        "last" => Ok(Pooling::Last),
        _ => Err("it is none, mean, cls or last".to_owned()),
    }
}

fn kv_type(text: &str) -> Result<KvType, String> {
    KvType::of_name(text).ok_or_else(|| "the cache is kept as f32, f16, q8_0 or q4_0".to_owned())
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
        let Some(long) = arg.get_long().filter(|_| arg.get_env().is_none()) else { return arg };
        let variable = format!("AZULEJO_{}", long.to_ascii_uppercase().replace('-', "_"));
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let arg = arg.env(variable).hide_env(true);
        if is_switch { arg.value_parser(FalseyValueParser::new()) } else { arg }
    })
}

impl SamplingArgs {
    /// The sampler's options.
    fn sampler(&self) -> SamplerOptions {
        SamplerOptions::new()
            .temperature(self.temp)
            .top_k(u32::try_from(self.top_k).unwrap_or(0))
            .top_p(self.top_p)
            .min_p(self.min_p)
            .repeat_penalty(self.repeat_penalty)
            .repeat_last_n(self.repeat_last_n)
            .frequency_penalty(self.frequency_penalty)
            .presence_penalty(self.presence_penalty)
    }

    /// How to go on: until the end where no number of tokens is given.
    pub(crate) fn generate(&self, seed: u64) -> Generate {
        let mut how = Generate::new()
            .sampler(self.sampler())
            .seed(seed)
            .ignore_end(self.ignore_eos)
            .show_special(self.special);
        how.max_tokens = usize::try_from(self.predict).ok();
        how.stop.clone_from(&self.stop);
        if self.context_shift {
            how.overflow = Overflow::Shift { keep: self.keep };
        }
        how
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
        assert_eq!((args.sampling.generate(0).max_tokens, args.sampling.temp), (Some(7), 0.0));
        assert_eq!(args.sampling.stop, ["a", "b"]);
        assert_eq!(args.prompt.as_deref(), Some("-x"));
    }
}
