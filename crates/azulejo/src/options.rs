//! How to load a model, and how a conversation becomes a prompt.

use azulejo_formats::ModelFile;
use azulejo_models::{Config, Output, PlanOptions, config, plan};
use azulejo_plan::{KvType, Plan};
use azulejo_shaders::Tier;
use azulejo_tokenizer::Now;

use crate::{DeviceChoice, Error};

/// Positions of the cache where nobody asks for a number, if the model has so many.
const DEFAULT_CONTEXT: u32 = 4096;
/// Tokens of a step where nobody asks for a number.
pub(crate) const DEFAULT_CHUNK: u32 = 128;

/// How to load a model.
///
/// ```
/// use azulejo::{DeviceChoice, KvType, Model, ModelOptions};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let options =
///     ModelOptions::new().device(DeviceChoice::Cpu).context(256).kv_types(KvType::Q8_0, KvType::Q8_0);
/// let session = Model::embedded(&options)?.session()?;
/// assert_eq!(session.context(), 256);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelOptions {
    /// The device.
    pub device: DeviceChoice,
    /// Positions of the KV cache, in tokens: none is the model's own context, at most 4,096; 0 is the model's own
    /// context.
    pub context: Option<u32>,
    /// The most tokens of one step: none is 128, on CUDA 512.
    pub chunk: Option<u32>,
    /// Whether the logits of all tokens will be asked for (`Session::logits`), which takes memory.
    pub all_logits: bool,
    /// Logits, or the hidden state for `Session::embed`.
    pub output: Output,
    /// The type of cached keys.
    pub k: KvType,
    /// The type of cached values.
    pub v: KvType,
    /// The window of the attention's layers, in tokens, for files that don't say theirs: the last so many positions.
    /// Where some layers have one, these get this one; 0 takes it away.
    pub sliding_window: Option<u32>,
    /// Threads of the CPU back-end; none is one for each core.
    pub threads: Option<usize>,
    /// What only the project's own checks change.
    #[doc(hidden)]
    pub checks: Checks,
}

/// What exists to check that it makes no difference. It may change at any time.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Checks {
    /// Whether ops are fused.
    pub fuse: bool,
    /// No tier of a GPU with more than this one has.
    pub max_tier: Option<Tier>,
    /// Bind at most so many bytes of a GPU at once, which cuts matrices into shards.
    pub binding_bytes: Option<u64>,
    /// Whether kernels that were written by hand take the place of translated ones, on CUDA.
    pub overrides: bool,
}

impl Default for ModelOptions {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            context: None,
            chunk: None,
            all_logits: false,
            output: Output::Logits,
            k: KvType::F16,
            v: KvType::F16,
            sliding_window: None,
            threads: None,
            checks: Checks { fuse: true, max_tier: None, binding_bytes: None, overrides: true },
        }
    }
}

impl ModelOptions {
    /// The usual ones: the best device, a context of at most 4,096 tokens, an F16 cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`device`](field@Self::device).
    pub fn device(mut self, device: DeviceChoice) -> Self {
        self.device = device;
        self
    }

    /// Sets [`context`](field@Self::context), in tokens.
    pub fn context(mut self, tokens: u32) -> Self {
        self.context = Some(tokens);
        self
    }

    /// Sets [`chunk`](field@Self::chunk), in tokens.
    pub fn chunk(mut self, tokens: u32) -> Self {
        self.chunk = Some(tokens);
        self
    }

    /// Sets [`all_logits`](field@Self::all_logits).
    pub fn all_logits(mut self, all_logits: bool) -> Self {
        self.all_logits = all_logits;
        self
    }

    /// Sets [`output`](field@Self::output).
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// Sets the types of cached keys ([`k`](field@Self::k)) and values ([`v`](field@Self::v)).
    pub fn kv_types(mut self, k: KvType, v: KvType) -> Self {
        (self.k, self.v) = (k, v);
        self
    }

    /// Sets [`sliding_window`](field@Self::sliding_window), in tokens.
    pub fn sliding_window(mut self, tokens: u32) -> Self {
        self.sliding_window = Some(tokens);
        self
    }

    /// Sets [`threads`](field@Self::threads).
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }
}

/// How a conversation becomes a prompt.
///
/// ```
/// use azulejo::{ChatOptions, DeviceChoice, Message, Model, ModelOptions};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let model = Model::embedded(&ModelOptions::new().device(DeviceChoice::Cpu))?;
/// let chat = ChatOptions::new().template("{{ messages[0].content }}");
/// let prompt = model.chat_prompt_with(&[Message::new("user", "Hello")], &chat)?;
/// assert_eq!(model.tokenizer()?.decode(&prompt, true), "Hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ChatOptions<'a> {
    /// A chat template's Jinja source, or a built-in one's name (`chatml`), instead of the model's own.
    pub template: Option<&'a str>,
    /// The date and time, for templates that tell them.
    pub now: Option<Now>,
    /// Further variables of the template (`enable_thinking`).
    pub variables: Option<&'a serde_json::Map<String, serde_json::Value>>,
    /// Reads a control token's spelling in a message (`<|im_end|>`) as that token. Whoever writes messages can then
    /// forge turns: only for messages that the program itself wrote.
    pub parse_special_in_content: bool,
}

impl<'a> ChatOptions<'a> {
    /// The model's own template, without a date.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`template`](field@Self::template).
    pub fn template(mut self, template: &'a str) -> Self {
        self.template = Some(template);
        self
    }

    /// Sets [`now`](field@Self::now).
    pub fn now(mut self, now: Now) -> Self {
        self.now = Some(now);
        self
    }

    /// Sets [`variables`](field@Self::variables).
    pub fn variables(mut self, variables: &'a serde_json::Map<String, serde_json::Value>) -> Self {
        self.variables = Some(variables);
        self
    }

    /// Sets [`parse_special_in_content`](field@Self::parse_special_in_content).
    pub fn parse_special_in_content(mut self, parse: bool) -> Self {
        self.parse_special_in_content = parse;
        self
    }
}

/// The hyper-parameters, as the options change them, and the plan. `chunk`: the tokens of a step where the options don't say.
pub(crate) fn planned(file: &ModelFile, options: &ModelOptions, chunk: u32) -> Result<(Config, Plan), Error> {
    let mut config = config(file)?;
    if let Some(window) = options.sliding_window {
        config.set_window(window);
    }
    let plan = plan(file, &config, &plan_options(&config, options, chunk)?)?;
    Ok((config, plan))
}

fn plan_options(config: &Config, options: &ModelOptions, chunk: u32) -> Result<PlanOptions, Error> {
    let most = config.context_length;
    let context = match options.context {
        None => most.min(DEFAULT_CONTEXT),
        Some(0) => most,
        Some(n) if n <= most => n,
        Some(context) => return Err(azulejo_models::ModelError::Context { context, most }.into()),
    };
    // An encoder sees a text as a whole.
    let chunk = options.chunk.unwrap_or(chunk);
    let mut chunk = if config.is_causal { chunk.clamp(1, 4096).min(context) } else { context };
    // The logits of a chunk stay under 64 MiB.
    let most = ((16 << 20) / config.vocabulary).max(1);
    let is_hidden = options.output == Output::Hidden;
    if options.all_logits && config.is_causal && !is_hidden {
        chunk = chunk.min(most);
    }
    let has_all = is_hidden || options.all_logits && chunk <= most;
    let output_rows = if has_all { chunk } else { 1 };
    let (k, v, fuse, output) = (options.k, options.v, options.checks.fuse, options.output);
    Ok(PlanOptions { context, chunk, output_rows, k, v, fuse, output })
}
