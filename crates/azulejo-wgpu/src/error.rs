//! What can go wrong on a GPU.

use azulejo_plan::NoRoom;
use azulejo_shaders::{LinkError, LowerError, StepError};

/// What can go wrong on a GPU.
#[derive(Debug, thiserror::Error)]
pub enum WgpuError {
    /// No device.
    #[error(
        "no GPU was found ({detail}); install its driver (on Debian or Ubuntu `mesa-vulkan-drivers` has those of most GPUs and one that runs on the CPU), or choose the CPU back-end"
    )]
    NoAdapter {
        /// What was tried.
        detail: String,
    },
    /// A number that no device has.
    #[error("there is no GPU number {index}; this machine has {count}, counted from 0")]
    NoSuchDevice {
        /// The number.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The adapter gives no device.
    #[error("the GPU '{name}' can't be opened: {detail}")]
    Request {
        /// The adapter.
        name: String,
        /// Its own words.
        detail: String,
    },
    /// A model that the device can't hold.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// No room.
    #[error(
        "{what} takes {bytes} bytes, more than the GPU has free; choose a smaller model or context, or the CPU back-end"
    )]
    OutOfMemory {
        /// What has no room.
        what: String,
        /// Its size; 0 where the device didn't say.
        bytes: u64,
    },
    /// A buffer that no binding takes.
    #[error(
        "'{label}' takes {bytes} bytes, and this GPU binds at most {limit}; choose a smaller chunk or context"
    )]
    OverLimit {
        /// The buffer.
        label: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The device is gone, and all that was on it.
    #[error("the GPU is lost ({0}); open it again and load the model anew")]
    DeviceLost(String),
    /// A shader that the device refuses.
    #[error("kernel '{kernel}' ({variant}) does not compile at {at}: {detail}")]
    ShaderCompile {
        /// The kernel.
        kernel: &'static str,
        /// Its variant.
        variant: String,
        /// File and line.
        at: String,
        /// The compiler's words.
        detail: String,
    },
    /// A shader that can't be put together.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A plan that no kernels do.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// A call that lacks a buffer.
    #[error("kernel '{kernel}' for '{label}' lacks binding {binding}; this is a bug in the lowering")]
    MissingBinding {
        /// The kernel.
        kernel: &'static str,
        /// What it is for.
        label: String,
        /// The binding.
        binding: u32,
    },
    /// The device refused something that was asked of it before.
    #[error("the GPU refused a command: {0}; this is a bug")]
    Validation(String),
    /// A step outside of the plan's bounds.
    #[error(transparent)]
    Step(#[from] StepError),
    /// A constant's bytes that lie outside of it.
    #[error("{bytes} bytes at {offset} of constant {constant} are outside of it or not whole words")]
    WriteRange {
        /// The constant.
        constant: usize,
        /// The offset in its plane, in bytes.
        offset: u64,
        /// How many bytes.
        bytes: u64,
    },
    /// A read of what no step left.
    #[error("no step left {0} to be read")]
    NothingToRead(&'static str),
    /// A buffer that can't be read.
    #[error("the GPU's memory can't be read: {0}")]
    Map(String),
}

impl WgpuError {
    /// True if the device has no room.
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, WgpuError::OutOfMemory { .. } | WgpuError::NoRoom(_))
    }

    /// True if the device, the models and the states on it are gone.
    pub fn is_device_lost(&self) -> bool {
        matches!(self, WgpuError::DeviceLost(_))
    }

    /// True if the tokens don't fit in the cache.
    pub fn is_context_full(&self) -> bool {
        matches!(self, WgpuError::Step(StepError::ContextFull { .. }))
    }
}
