//! What can go wrong on a GPU of NVIDIA's.

use azulejo_shaders::{LowerError, StepError};
use cudarc::driver::DriverError;
use cudarc::driver::sys::CUresult;

use crate::archive::ArchiveError;
use crate::nvrtc::NvrtcError;
use crate::translate::TranslateError;

/// What can go wrong on a GPU of NVIDIA's.
#[derive(Debug, thiserror::Error)]
pub enum CudaError {
    /// No driver.
    #[error(
        "NVIDIA's driver isn't there: no libcuda.so.1 (nvcuda.dll on Windows) is where the system looks for libraries; install the driver, or choose --device wgpu or cpu"
    )]
    NoDriver,
    /// A number that no device has.
    #[error("there is no CUDA device number {index}; this machine has {count}, counted from 0")]
    NoSuchDevice {
        /// The number.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The device can't be opened.
    #[error("the CUDA device {index} can't be opened: {detail}")]
    Open {
        /// The number.
        index: usize,
        /// What the driver says.
        detail: String,
    },
    /// Machine code that this program doesn't carry, and no compiler.
    #[error(
        "there is no machine code {what} for {arch}: this program carries {carries}, and NVIDIA's compiler NVRTC isn't there to make it (no libnvrtc.so of version 12 or 13 is where the system looks for libraries); install the CUDA toolkit or the Python package nvidia-cuda-nvrtc, and name the file by AZULEJO_NVRTC if it isn't found then; or choose --device wgpu or cpu"
    )]
    NoCompiler {
        /// Of what.
        what: String,
        /// The device's architecture.
        arch: String,
        /// What the program carries.
        carries: String,
    },
    /// Machine code, or a compiler of it, that is newer than the driver.
    #[error(
        "NVIDIA's driver knows CUDA {}.{}, and the kernels are compiled by CUDA {}.{}, whose machine code needs a driver of CUDA {}.0 or newer; update the driver, name an NVRTC of CUDA {} by AZULEJO_NVRTC, or choose --device wgpu or cpu",
        driver.0, driver.1, needs.0, needs.1, needs.0, driver.0
    )]
    OldDriver {
        /// The version of CUDA that the driver knows, major and minor.
        driver: (i32, i32),
        /// That of the compiler.
        needs: (i32, i32),
    },
    /// What this program carries is no archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A kernel that isn't compiled.
    #[error(transparent)]
    Compile(#[from] NvrtcError),
    /// A kernel that can't be written.
    #[error(transparent)]
    Translate(#[from] TranslateError),
    /// A plan that no kernels do.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// A step outside of the plan's bounds.
    #[error(transparent)]
    Step(#[from] StepError),
    /// No room.
    #[error(
        "{what} takes {bytes} bytes, and the GPU has {free} free; choose a smaller model or context, or a server for several GPUs such as vLLM"
    )]
    OutOfMemory {
        /// What has no room.
        what: String,
        /// Its size.
        bytes: u64,
        /// What was free.
        free: u64,
    },
    /// The device is gone, and all that was on it.
    #[error("the GPU is lost ({0}); start again")]
    DeviceLost(String),
    /// The driver refuses something.
    #[error("the driver can't {what}: {detail}")]
    Driver {
        /// What was asked of it.
        what: &'static str,
        /// What it says.
        detail: String,
    },
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
}

/// Codes after which nothing on the device can be used any more.
const LOST: [CUresult; 7] = [
    CUresult::CUDA_ERROR_ILLEGAL_ADDRESS,
    CUresult::CUDA_ERROR_LAUNCH_FAILED,
    CUresult::CUDA_ERROR_LAUNCH_TIMEOUT,
    CUresult::CUDA_ERROR_ILLEGAL_INSTRUCTION,
    CUresult::CUDA_ERROR_MISALIGNED_ADDRESS,
    CUresult::CUDA_ERROR_ECC_UNCORRECTABLE,
    CUresult::CUDA_ERROR_CONTEXT_IS_DESTROYED,
];

impl CudaError {
    /// What the driver said when it was asked to do `what`.
    pub(super) fn driver(what: &'static str) -> impl Fn(DriverError) -> Self {
        move |error| {
            if LOST.contains(&error.0) {
                Self::DeviceLost(words(&error))
            } else {
                Self::Driver { what, detail: words(&error) }
            }
        }
    }
}

/// The driver's own words.
pub(super) fn words(error: &DriverError) -> String {
    let text = error.error_string().map(|text| text.to_string_lossy().into_owned());
    text.unwrap_or_else(|_| format!("error {:?}", error.0))
}
