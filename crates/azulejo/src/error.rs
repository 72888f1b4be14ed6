//! One error, with predicates and a stable code.

use azulejo_engine::EngineError;
use azulejo_formats::FormatError;
use azulejo_models::ModelError;

use crate::backend::AnyError;

/// What went wrong: what, where, and what to do.
///
/// ```
/// use azulejo::{Code, Model, ModelOptions};
///
/// let error = Model::open("none.gguf", &ModelOptions::new()).unwrap_err();
/// assert_eq!(error.code(), Code::Io);
/// assert!(error.to_string().starts_with("none.gguf"));
/// ```
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    context: Option<String>,
    numbers: Vec<(&'static str, u64)>,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// The kinds of errors, stable across versions; there may be more of them in a later one.
///
/// ```
/// use azulejo::Code;
///
/// assert_eq!(Code::OutOfMemory.as_str(), "out_of_memory");
/// assert_eq!(Code::OutOfMemory.hint(), "choose a smaller model or a shorter context");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The file is damaged, cut short, or isn't what it says.
    Corrupt,
    /// The file is right, but something in it isn't there yet.
    Unsupported,
    /// No such file, or it can't be read.
    Io,
    /// The device has not enough memory.
    OutOfMemory,
    /// The device went away.
    DeviceLost,
    /// There is no such device, or it can't be opened.
    NoDevice,
    /// The device failed in another way.
    Device,
    /// The caller stopped it.
    Cancelled,
    /// More tokens than the context has room for.
    ContextFull,
    /// What was asked for makes no sense.
    InvalidArgument,
}

impl Code {
    /// All of them.
    pub const ALL: &[Code] = &[
        Code::Corrupt,
        Code::Unsupported,
        Code::Io,
        Code::OutOfMemory,
        Code::DeviceLost,
        Code::NoDevice,
        Code::Device,
        Code::Cancelled,
        Code::ContextFull,
        Code::InvalidArgument,
    ];

    /// What its reader can do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Code::Corrupt => "download or convert the model again",
            Code::Unsupported => "use another model, or another quantisation of this one",
            Code::Io => "check that the file is there and can be read",
            Code::OutOfMemory => "choose a smaller model or a shorter context",
            Code::DeviceLost => "load the model again",
            Code::NoDevice => "choose another device, for instance the CPU",
            Code::Device => "update the graphics driver or the browser, or choose the CPU",
            Code::Cancelled => "nothing is wrong: the caller stopped it",
            Code::ContextFull => "shorten the conversation, or load the model with a longer context",
            Code::InvalidArgument => "correct the argument that the message names",
        }
    }

    /// The code as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Corrupt => "corrupt",
            Code::Unsupported => "unsupported",
            Code::Io => "io",
            Code::OutOfMemory => "out_of_memory",
            Code::DeviceLost => "device_lost",
            Code::NoDevice => "no_device",
            Code::Device => "device",
            Code::Cancelled => "cancelled",
            Code::ContextFull => "context_full",
            Code::InvalidArgument => "invalid_argument",
        }
    }
}

impl Error {
    pub(crate) fn new(code: Code, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Box::new(Inner { code, context: None, numbers: Vec::new(), source: source.into() }))
    }

    /// An argument that makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message.into())
    }

    /// Says what was being done, in front of the message, if the message doesn't begin with it.
    pub fn context(mut self, context: impl Into<String>) -> Self {
        let context = context.into();
        if !self.to_string().starts_with(&context) {
            self.0.context = Some(context);
        }
        self
    }

    /// The numbers that the message names, for those who say it in another language: `needed` and `capacity` tokens of
    /// a full context, the `needed` bytes of memory that can't be had, a `token` and its `vocabulary`.
    pub fn numbers(&self) -> &[(&'static str, u64)] {
        &self.0.numbers
    }

    fn with_numbers(mut self, numbers: &[(&'static str, u64)]) -> Self {
        self.0.numbers = numbers.to_vec();
        self
    }

    /// The kind.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The file is damaged.
    pub fn is_corrupt(&self) -> bool {
        self.code() == Code::Corrupt
    }

    /// Something in the file, or asked for, isn't there yet.
    pub fn is_unsupported(&self) -> bool {
        self.code() == Code::Unsupported
    }

    /// The device has not enough memory.
    pub fn is_out_of_memory(&self) -> bool {
        self.code() == Code::OutOfMemory
    }

    /// The device went away.
    pub fn is_device_lost(&self) -> bool {
        self.code() == Code::DeviceLost
    }

    /// The caller stopped it.
    pub fn is_cancelled(&self) -> bool {
        self.code() == Code::Cancelled
    }

    /// The context is full.
    pub fn is_context_full(&self) -> bool {
        self.code() == Code::ContextFull
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0.context {
            Some(context) => write!(f, "{context}: {}", self.0.source),
            None => self.0.source.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.source()
    }
}

impl From<FormatError> for Error {
    fn from(error: FormatError) -> Self {
        let code = match &error {
            FormatError::Io { .. } | FormatError::MissingFile { .. } => Code::Io,
            error if error.is_unsupported() => Code::Unsupported,
            _ => Code::Corrupt,
        };
        Self::new(code, error)
    }
}

impl From<ModelError> for Error {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Format(error) => error.into(),
            ModelError::Architecture { .. } | ModelError::Unsupported { .. } => {
                Self::new(Code::Unsupported, error)
            }
            ModelError::Context { .. } | ModelError::KvType { .. } => Self::new(Code::InvalidArgument, error),
            _ => Self::new(Code::Corrupt, error),
        }
    }
}

impl From<azulejo_tokenizer::Error> for Error {
    fn from(error: azulejo_tokenizer::Error) -> Self {
        use azulejo_tokenizer::Error as E;
        let code = match &error {
            E::UnsupportedModel { .. } | E::UnknownPreTokenizer { .. } | E::NoMergeOrder { .. } => {
                Code::Unsupported
            }
            E::NotUtf8 { .. }
            | E::NoToken { .. }
            | E::NoChatTemplate
            | E::NoDefaultChatTemplate { .. }
            | E::UnknownChatTemplate { .. }
            | E::Template { .. }
            | E::TemplateRaised { .. } => Code::InvalidArgument,
            _ => Code::Corrupt,
        };
        Self::new(code, error)
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Format(error) => error.into(),
            EngineError::Tokenizer(error) => error.into(),
            EngineError::Backend(error) => backend(error),
            EngineError::Encoder => Self::new(Code::Unsupported, error),
            EngineError::ContextFull { tokens, capacity } => Self::new(Code::ContextFull, error)
                .with_numbers(&[("needed", tokens as u64), ("capacity", capacity.into())]),
            EngineError::UnknownToken { token, vocabulary } => Self::new(Code::InvalidArgument, error)
                .with_numbers(&[("token", token.into()), ("vocabulary", vocabulary.into())]),
            EngineError::Cancelled => Self::new(Code::Cancelled, error),
            EngineError::EmptyPrompt
            | EngineError::Sampler { .. }
            | EngineError::NotFilled { .. }
            | EngineError::NoMatrix { .. } => Self::new(Code::InvalidArgument, error),
            EngineError::Quant { .. } => Self::new(Code::Corrupt, error),
            EngineError::NotANumber => Self::new(Code::Device, error),
        }
    }
}

fn backend(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match error.downcast::<AnyError>() {
        Ok(error) => (*error).into(),
        // No back-end's: nothing here makes such a one.
        Err(error) => Error::new(Code::Device, error),
    }
}

impl From<AnyError> for Error {
    fn from(error: AnyError) -> Self {
        match error {
            #[cfg(feature = "cpu")]
            AnyError::Cpu(error) => error.into(),
            #[cfg(feature = "cuda")]
            AnyError::Cuda(error) => error.into(),
            #[cfg(feature = "wgpu")]
            AnyError::Wgpu(error) => error.into(),
        }
    }
}

#[cfg(feature = "wgpu")]
impl From<azulejo_wgpu::WgpuError> for Error {
    fn from(error: azulejo_wgpu::WgpuError) -> Self {
        use azulejo_wgpu::WgpuError as E;
        let code = match &error {
            E::OutOfMemory { .. } | E::NoRoom(_) => Code::OutOfMemory,
            E::DeviceLost(_) => Code::DeviceLost,
            E::NoAdapter { .. } | E::NoSuchDevice { .. } | E::Request { .. } => Code::NoDevice,
            E::Step(azulejo_shaders::StepError::ContextFull { .. }) => Code::ContextFull,
            _ => Code::Device,
        };
        let needed = match &error {
            // A device doesn't always tell.
            &E::OutOfMemory { bytes, .. } if bytes > 0 => vec![("needed", bytes)],
            E::NoRoom(room) => vec![("needed", room.memory.total())],
            _ => Vec::new(),
        };
        Error::new(code, error).with_numbers(&needed)
    }
}

#[cfg(feature = "cuda")]
impl From<azulejo_cuda::CudaError> for Error {
    fn from(error: azulejo_cuda::CudaError) -> Self {
        use azulejo_cuda::CudaError as E;
        let (code, needed) = match &error {
            &E::OutOfMemory { bytes, .. } => (Code::OutOfMemory, Some(("needed", bytes))),
            E::NoRoom(room) => (Code::OutOfMemory, Some(("needed", room.memory.total()))),
            E::DeviceLost(_) => (Code::DeviceLost, None),
            E::NoDriver
            | E::OldDriver { .. }
            | E::NoCompiler { .. }
            | E::Archive(_)
            | E::NoSuchDevice { .. }
            | E::Open { .. } => (Code::NoDevice, None),
            E::Step(azulejo_shaders::StepError::ContextFull { .. }) => (Code::ContextFull, None),
            _ => (Code::Device, None),
        };
        Error::new(code, error).with_numbers(needed.as_slice())
    }
}

#[cfg(feature = "cpu")]
impl From<azulejo_cpu::CpuError> for Error {
    fn from(error: azulejo_cpu::CpuError) -> Self {
        match error {
            azulejo_cpu::CpuError::OutOfMemory { bytes, .. } => {
                Error::new(Code::OutOfMemory, error).with_numbers(&[("needed", bytes)])
            }
            azulejo_cpu::CpuError::Step(azulejo_shaders::StepError::ContextFull { .. }) => {
                Error::new(Code::ContextFull, error)
            }
            error => Error::new(Code::Device, error),
        }
    }
}
