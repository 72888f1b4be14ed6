//! A model: its file, its tokenizer, and its weights on a device.

#[cfg(not(target_arch = "wasm32"))]
use std::path::Path;
use std::sync::Arc;

use azulejo_engine::Engine;
use azulejo_formats::ModelFile;
use azulejo_models::Config;
use azulejo_plan::{Backend as _, DeviceInfo, Memory, Plan};
use azulejo_shaders::{BufferClass, Limits, lower};
use azulejo_tokenizer::{Message, RenderOptions, Tokenizer};
use serde::Serialize;

use crate::backend::AnyBackend;
use crate::options::{DEFAULT_CHUNK, planned};
use crate::{ChatOptions, Code, Error, ModelOptions, Session};
#[cfg(not(target_arch = "wasm32"))]
use crate::{Device, Loading};

/// A model, ready for sessions. Cheap to clone: the weights are shared.
///
/// ```
/// use azulejo::{DeviceChoice, Model, ModelOptions};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let model = Model::embedded(&ModelOptions::new().device(DeviceChoice::Cpu).context(256))?;
/// assert_eq!(model.device().backend, "cpu");
/// assert!(model.memory().weights > 1 << 20);
/// assert!(model.parameters() > 1_000_000);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) engine: Arc<Engine<AnyBackend>>,
    /// Or why there is none: token ids can be evaluated all the same.
    pub(crate) tokenizer: Result<Arc<Tokenizer>, (Code, String)>,
    pub(crate) config: Arc<Config>,
    pub(crate) warnings: Arc<[String]>,
}

/// A kernel call of a decoded token: what a token costs, without a device.
///
/// ```
/// use azulejo::{Model, ModelOptions, PlannedCall};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let calls = PlannedCall::of(&Model::embedded_file()?, &ModelOptions::new())?;
/// assert!(calls.iter().any(|call| call.kernel == "attn_decode"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlannedCall {
    /// The kernel: its folder's name under `shaders/`.
    pub kernel: &'static str,
    /// Which shader of it.
    pub variant: String,
    /// Workgroups, along x, y and z.
    pub workgroups: [u32; 3],
    /// What it is for.
    pub label: String,
}

/// Opens a model's file: a `.gguf` (the first, if it is split), or a Hugging Face folder. Weights aren't read yet.
///
/// # Errors
/// - [`Code::Io`]: it isn't there, or can't be read;
/// - [`Code::Unsupported`]: it is of a kind or version that isn't there yet;
/// - [`Code::Corrupt`]: it is damaged, cut short, or isn't what it says.
#[cfg(not(target_arch = "wasm32"))]
pub fn open_file(path: &Path) -> Result<ModelFile, Error> {
    ModelFile::open(path).map_err(|e| Error::from(e).context(path.display().to_string()))
}

impl Model {
    /// Opens a file and loads it.
    ///
    /// ```no_run
    /// let model = azulejo::Model::open("model.gguf", &azulejo::ModelOptions::new())?;
    /// # Ok::<(), azulejo::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Code::Io`], [`Code::Corrupt`], [`Code::Unsupported`]: the file, as in [`open_file`];
    /// - [`Code::InvalidArgument`]: a context longer than the model's own, or a cache type that doesn't fit its heads;
    /// - [`Code::NoDevice`], [`Code::OutOfMemory`], [`Code::DeviceLost`], [`Code::Device`]: the device.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(path: impl AsRef<Path>, options: &ModelOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::from_file(&open_file(path)?, options, &mut |_, _| true)
            .map_err(|e| e.context(path.display().to_string()))
    }

    /// The demonstration model that is part of the library: it knows its small subject, public services, in seven
    /// languages.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), but for the file.
    #[cfg(all(feature = "embedded", not(target_arch = "wasm32")))]
    pub fn embedded(options: &ModelOptions) -> Result<Self, Error> {
        Self::from_file(&Self::embedded_file()?, options, &mut |_, _| true)
    }

    /// The file of the demonstration model.
    ///
    /// # Errors
    /// None but [`Code::Corrupt`], if the program is damaged.
    #[cfg(feature = "embedded")]
    pub fn embedded_file() -> Result<ModelFile, Error> {
        Ok(ModelFile::from_gguf_bytes(include_bytes!("../../../models/azulejo-demo.gguf").as_slice())?)
    }

    /// Loads a file. `progress` is told bytes done and in all; false cancels.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and [`Code::Cancelled`].
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

    /// Loads the shapes of a file with random weights instead of its own, and no tokenizer: for benches. `progress` is
    /// told bytes done and in all; false cancels.
    ///
    /// # Errors
    /// Those of [`from_file`](Self::from_file).
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
    ///
    /// # Errors
    /// - [`Code::Unsupported`]: an architecture, or something in it, that isn't there yet;
    /// - [`Code::Corrupt`]: hyper-parameters or shapes that don't fit together;
    /// - [`Code::InvalidArgument`]: a context longer than the model's own, or a cache type that doesn't fit its heads.
    pub fn plan_of(file: &ModelFile, options: &ModelOptions) -> Result<(Config, Plan), Error> {
        planned(file, options, DEFAULT_CHUNK)
    }

    /// A new conversation, with a KV cache of its own.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`], [`Code::DeviceLost`], [`Code::Device`]: there is no room for it on the device.
    pub fn session(&self) -> Result<Session, Error> {
        Session::new(self)
    }

    /// The tokenizer.
    ///
    /// # Errors
    /// The one that reading it gave ([`tokenizer_from_file`](crate::tokenizer_from_file)); token ids can be evaluated all
    /// the same.
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

    /// The plan that it was loaded by.
    pub fn plan(&self) -> &Plan {
        self.engine.plan()
    }

    /// The device.
    pub fn device(&self) -> DeviceInfo {
        self.engine.backend().info()
    }

    /// Bytes that it takes on the device, with one session.
    pub fn memory(&self) -> Memory {
        self.engine.backend().memory(self.engine.model())
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

    /// The floating-point operations of a prompt's matrix products: two (a multiplication and an addition) a weight and
    /// token, those of the logits for the last token alone. What attention multiplies is left out: it grows with the
    /// square of the prompt and multiplies no weights.
    pub fn matrix_flops(&self, tokens: u32) -> u64 {
        let plan = self.plan();
        let weights = |ops: &[azulejo_plan::Op]| -> u64 {
            let linears = ops.iter().filter_map(|op| match op {
                azulejo_plan::Op::Linears(linears) => Some(linears),
                _ => None,
            });
            let tensors = linears.flat_map(|linears| &linears.parts).map(|part| plan.tensor(part.weight));
            tensors.map(|tensor| tensor.rows * tensor.cols).sum()
        };
        2 * (weights(&plan.body) * u64::from(tokens) + weights(&plan.head))
    }

    /// Parameters (weights), embeddings included.
    pub fn parameters(&self) -> u64 {
        self.plan().parameters()
    }

    /// The prompt's tokens for a conversation, by the model's own chat template (or a built-in one).
    ///
    /// # Errors
    /// - [`Code::InvalidArgument`]: the model has no chat template, or the template fails or refuses the messages;
    /// - those of [`tokenizer`](Self::tokenizer).
    pub fn chat_prompt(&self, messages: &[Message]) -> Result<Vec<u32>, Error> {
        self.chat_prompt_with(messages, &ChatOptions::default())
    }

    /// The same with a template of the caller's, a date for templates that ask for one, variables, and a choice of
    /// whether a control token's spelling in a message is that token. Messages are [`Message`]s, or anything that
    /// serialises to what the template expects (tool calls, names).
    ///
    /// # Errors
    /// Those of [`chat_prompt`](Self::chat_prompt), and [`Code::InvalidArgument`] for a template of the caller's that is
    /// malformed or has no such name.
    pub fn chat_prompt_with<M: Serialize>(
        &self,
        messages: &[M],
        chat: &ChatOptions<'_>,
    ) -> Result<Vec<u32>, Error> {
        let tokenizer = self.tokenizer()?;
        let template = tokenizer.chat_template(chat.template)?;
        let extra = chat.variables.cloned().unwrap_or_default();
        let options =
            RenderOptions { add_generation_prompt: true, now: chat.now, extra, ..RenderOptions::default() };
        Ok(tokenizer.encode_chat(&template, messages, &options, chat.parse_special_in_content)?)
    }
}

impl PlannedCall {
    /// The calls of a decoded token, in their order, on a GPU of WebGPU's default limits.
    ///
    /// # Errors
    /// Those of [`Model::plan_of`], and [`Code::Unsupported`] for a model that no such GPU could run.
    pub fn of(file: &ModelFile, options: &ModelOptions) -> Result<Vec<Self>, Error> {
        let (_, plan) = planned(file, options, DEFAULT_CHUNK)?;
        let program = lower(&plan, Limits::BASELINE).map_err(|e| Error::new(Code::Unsupported, e))?;
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

/// The memory, in bytes, that a plan takes on a GPU of WebGPU's default limits; another device differs little.
///
/// ```
/// use azulejo::{Model, ModelOptions, estimated_memory};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let file = Model::embedded_file()?;
/// let kv = |context| {
///     let (_, plan) = Model::plan_of(&file, &ModelOptions::new().context(context))?;
///     estimated_memory(&plan).map(|memory| memory.kv)
/// };
/// assert_eq!(kv(256)?, 2 * kv(128)?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Code::Unsupported`] for a plan that no such GPU could run.
pub fn estimated_memory(plan: &Plan) -> Result<Memory, Error> {
    let program = lower(plan, Limits::BASELINE).map_err(|e| Error::new(Code::Unsupported, e))?;
    Ok(Memory {
        weights: program.bytes(BufferClass::Constant),
        kv: program.bytes(BufferClass::Kv),
        activations: program.bytes(BufferClass::Activation),
    })
}
