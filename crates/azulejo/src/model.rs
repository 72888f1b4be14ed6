//! A model: its file, its tokenizer, and its weights on a device.

#[cfg(not(target_arch = "wasm32"))]
use std::path::Path;
use std::sync::Arc;

use azulejo_engine::Engine;
use azulejo_formats::ModelFile;
use azulejo_models::{Config, Output, PlanOptions, config, plan};
use azulejo_plan::{Backend, DeviceInfo, KvType, Memory, Plan};
use azulejo_shaders::{BufferClass, Limits, Tier, lower};
use azulejo_tokenizer::{Message, Now, RenderOptions, Tokenizer};

use crate::{Code, DeviceChoice, Error, Session};
#[cfg(not(target_arch = "wasm32"))]
use crate::{Device, Loading};

/// Positions of the cache where nobody asks for a number, if the model has so many.
const DEFAULT_CONTEXT: u32 = 4096;

/// How to load a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelOptions {
    /// The device.
    pub device: DeviceChoice,
    /// Positions of the KV cache: none is the model's own context, at most 4,096; 0 is the model's own context.
    pub context: Option<u32>,
    /// The most tokens of one step.
    pub chunk: u32,
    /// Whether the logits of all tokens will be asked for ([`Session::logits`]), which takes memory.
    pub all_logits: bool,
    /// Logits, or the hidden state for [`Session::embed`].
    pub output: Output,
    /// The type of cached keys.
    pub k: KvType,
    /// The type of cached values.
    pub v: KvType,
    /// The window of the attention's layers, for files that don't say theirs: the last so many positions. Where some
    /// layers have one, these get this one; 0 takes it away.
    pub sliding_window: Option<u32>,
    /// Threads of the CPU back-end; none is one for each core.
    pub threads: Option<usize>,
    /// Whether ops are fused; off only to check that it makes no difference.
    pub fuse: bool,
    /// No tier of a GPU with more than this one has; to check that tiers agree.
    pub max_tier: Option<Tier>,
    /// Bind at most so many bytes of a GPU at once; to check that shards agree.
    pub binding_bytes: Option<u64>,
}

impl Default for ModelOptions {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            context: None,
            chunk: 128,
            all_logits: false,
            output: Output::Logits,
            k: KvType::F16,
            v: KvType::F16,
            sliding_window: None,
            threads: None,
            fuse: true,
            max_tier: None,
            binding_bytes: None,
        }
    }
}

/// A model, ready for sessions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) on: OnEngine,
    /// Or why there is none: token ids can be evaluated all the same.
    pub(crate) tokenizer: Result<Arc<Tokenizer>, (Code, String)>,
    pub(crate) config: Arc<Config>,
    pub(crate) warnings: Arc<[String]>,
}

/// The engine of one of the back-ends.
#[derive(Clone, Debug)]
pub(crate) enum OnEngine {
    #[cfg(feature = "cpu")]
    Cpu(Arc<Engine<azulejo_cpu::CpuBackend>>),
    #[cfg(feature = "wgpu")]
    Wgpu(Arc<Engine<azulejo_wgpu::WgpuBackend>>),
}

macro_rules! with_engine {
    ($on:expr, $engine:ident => $body:expr) => {
        match $on {
            #[cfg(feature = "cpu")]
            OnEngine::Cpu($engine) => $body,
            #[cfg(feature = "wgpu")]
            OnEngine::Wgpu($engine) => $body,
        }
    };
}

/// A kernel call of a decoded token, for `inspect`.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCall {
    /// The kernel.
    pub kernel: &'static str,
    /// Which shader of it.
    pub variant: String,
    /// Workgroups.
    pub workgroups: [u32; 3],
    /// What it is for.
    pub label: String,
}

/// Opens a model's file: a `.gguf` (the first, if it is split), or a Hugging Face folder.
#[cfg(not(target_arch = "wasm32"))]
pub fn open_file(path: &Path) -> Result<ModelFile, Error> {
    ModelFile::open(path).map_err(|e| Error::from(e).context(path.display().to_string()))
}

impl Model {
    /// Opens a file and loads it.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(path: impl AsRef<Path>, options: &ModelOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::from_file(&open_file(path)?, options, &mut |_, _| true)
            .map_err(|e| e.context(path.display().to_string()))
    }

    /// The demonstration model that is part of the library: it knows its small subject, public services, in seven
    /// languages.
    #[cfg(all(feature = "embedded", not(target_arch = "wasm32")))]
    pub fn embedded(options: &ModelOptions) -> Result<Self, Error> {
        Self::from_file(&Self::embedded_file()?, options, &mut |_, _| true)
    }

    /// The file of the demonstration model.
    #[cfg(feature = "embedded")]
    pub fn embedded_file() -> Result<ModelFile, Error> {
        Ok(ModelFile::from_gguf_bytes(include_bytes!("../../../models/azulejo-demo.gguf").as_slice())?)
    }

    /// Loads a file. `progress` is told bytes done and in all; false cancels.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn from_file(
        file: &ModelFile,
        options: &ModelOptions,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Self, Error> {
        let device = pollster::block_on(Device::open(options))?;
        let mut loading = Loading::new(file, &device, options)?;
        loading.fill_from(file, progress)?;
        loading.finish()
    }

    /// Loads the shapes of a file with random weights instead of its own, and no tokenizer: for benches.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn random(
        file: &ModelFile,
        options: &ModelOptions,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Self, Error> {
        let device = pollster::block_on(Device::open(options))?;
        let mut loading = Loading::new(file, &device, options)?;
        loading.fill_random(progress)?;
        loading.finish()
    }

    /// The hyper-parameters of a file, and the plan that they give: no device is needed, and no weight is read.
    pub fn plan_of(file: &ModelFile, options: &ModelOptions) -> Result<(Config, Plan), Error> {
        planned(file, options)
    }

    /// A new conversation.
    pub fn session(&self) -> Result<Session, Error> {
        Session::new(self)
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> Result<&Tokenizer, Error> {
        match &self.tokenizer {
            Ok(tokenizer) => Ok(tokenizer),
            Err((code, message)) => Err(Error::new(*code, message.clone())),
        }
    }

    /// The hyper-parameters.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What whoever loads the file should know: keys that have no effect here, ids that name no token.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        with_engine!(&self.on, engine => engine.plan())
    }

    /// The device.
    pub fn device(&self) -> DeviceInfo {
        with_engine!(&self.on, engine => engine.backend().info())
    }

    /// Bytes taken.
    pub fn memory(&self) -> Memory {
        with_engine!(&self.on, engine => engine.backend().memory(engine.model()))
    }

    /// The bytes of weights that a decoded token reads: all matrices but the embedding table.
    pub fn bytes_per_token(&self) -> u64 {
        let plan = self.plan();
        let mut bytes = 0;
        for op in plan.body.iter().chain(&plan.head) {
            if let azulejo_plan::Op::Linears(linears) = op {
                for part in &linears.parts {
                    let t = plan.tensor(part.weight);
                    bytes += t.rows * t.format.row_bytes(t.cols as usize).unwrap_or(0) as u64;
                }
            }
        }
        bytes
    }

    /// Parameters, embeddings included.
    pub fn parameters(&self) -> u64 {
        self.plan().parameters()
    }

    /// The prompt's tokens for a conversation, by the model's own chat template (or a built-in one).
    pub fn chat_prompt(&self, messages: &[Message]) -> Result<Vec<u32>, Error> {
        self.chat_prompt_with(messages, &ChatOptions::default())
    }

    /// The same with a template of the caller's, a date for templates that ask for one, and a choice of whether a
    /// control token's spelling in a message is that token.
    pub fn chat_prompt_with(&self, messages: &[Message], chat: &ChatOptions<'_>) -> Result<Vec<u32>, Error> {
        let tokenizer = self.tokenizer()?;
        let template = match chat.template {
            Some(given) => azulejo_tokenizer::ChatTemplate::given(given)?,
            None => tokenizer.chat_template(None)?,
        };
        let options =
            RenderOptions { add_generation_prompt: true, now: chat.now, ..RenderOptions::default() };
        Ok(tokenizer.encode_chat(&template, messages, &options, chat.parse_special_in_content)?)
    }
}

/// How a conversation becomes a prompt.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChatOptions<'a> {
    /// A chat template's Jinja source, or a built-in one's name (`chatml`), instead of the model's own.
    pub template: Option<&'a str>,
    /// The date and time, for templates that tell them.
    pub now: Option<Now>,
    /// Reads a control token's spelling in a message (`<|im_end|>`) as that token. Whoever writes messages can then
    /// forge turns: only for messages that the program itself wrote.
    pub parse_special_in_content: bool,
}

/// The calls of a decoded token, lowered for a device of the given limits; no device is needed.
impl PlannedCall {
    /// Lists them.
    pub fn of(file: &ModelFile, options: &ModelOptions, limits: Limits) -> Result<Vec<Self>, Error> {
        let (_, plan) = planned(file, options)?;
        let program = lower(&plan, limits).map_err(|e| Error::new(Code::Unsupported, e))?;
        let run = azulejo_shaders::Run { tokens: 1, ..Default::default() };
        Ok([&program.decode, &program.head_one, &program.choose]
            .into_iter()
            .flatten()
            .map(|call| Self {
                kernel: call.kernel.name,
                variant: call.variant.name(),
                workgroups: call.workgroups(run),
                label: call.label.clone(),
            })
            .collect())
    }
}

/// The memory that a plan takes on a GPU of WebGPU's default limits; another device differs little.
pub fn estimated_memory(plan: &Plan) -> Result<Memory, Error> {
    let program = lower(plan, Limits::BASELINE).map_err(|e| Error::new(Code::Unsupported, e))?;
    Ok(Memory {
        weights: program.bytes(BufferClass::Constant),
        kv: program.bytes(BufferClass::Kv),
        activations: program.bytes(BufferClass::Activation),
    })
}

/// The hyper-parameters, as the options change them, and the plan.
pub(crate) fn planned(file: &ModelFile, options: &ModelOptions) -> Result<(Config, Plan), Error> {
    let mut config = config(file)?;
    if let Some(window) = options.sliding_window {
        config.set_window(window);
    }
    let plan = plan(file, &config, &plan_options(&config, options)?)?;
    Ok((config, plan))
}

fn plan_options(config: &Config, options: &ModelOptions) -> Result<PlanOptions, Error> {
    let most = config.context_length;
    let context = match options.context {
        None => most.min(DEFAULT_CONTEXT),
        Some(0) => most,
        Some(n) if n <= most => n,
        Some(context) => return Err(azulejo_models::ModelError::Context { context, most }.into()),
    };
    // An encoder sees a text as a whole.
    let mut chunk = if config.is_causal { options.chunk.clamp(1, 4096).min(context) } else { context };
    // The logits of a chunk stay under 64 MiB.
    let most = ((16 << 20) / config.vocabulary).max(1);
    let is_hidden = options.output == Output::Hidden;
    if options.all_logits && config.is_causal && !is_hidden {
        chunk = chunk.min(most);
    }
    let has_all = is_hidden || options.all_logits && chunk <= most;
    let output_rows = if has_all { chunk } else { 1 };
    let (k, v, fuse, output) = (options.k, options.v, options.fuse, options.output);
    Ok(PlanOptions { context, chunk, output_rows, k, v, fuse, output })
}
