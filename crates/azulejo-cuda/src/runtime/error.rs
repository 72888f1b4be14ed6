//! What can go wrong on a GPU of NVIDIA's.

use azulejo_plan::NoRoom;
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
    #[error(
        "there is no CUDA device number {index}; the driver shows {count}, counted from 0: `nvidia-smi` lists those of the machine, of which CUDA_VISIBLE_DEVICES, or what a container was given, may hide some"
    )]
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
        "NVIDIA's driver knows CUDA {}.{}, and the kernels need one of CUDA {}.{}: an older driver doesn't take the machine code of a newer major version; update the driver, or choose --device wgpu or cpu (a driver of CUDA 12 takes that of an NVRTC of CUDA 12, which AZULEJO_NVRTC can name)",
        driver.0, driver.1, needs.0, needs.1
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
    /// A model that the device can't hold, as known before it is loaded.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
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
    #[error("the GPU is lost ({0}); start the program again: what is left of it can't open the GPU any more")]
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

/// Codes after which nothing on the device can be used any more by this process (driver API, "CUresult"), and why.
const LOST: [(CUresult, &str); 16] = [
    (CUresult::CUDA_ERROR_ILLEGAL_ADDRESS, A_BUG),
    (CUresult::CUDA_ERROR_ILLEGAL_INSTRUCTION, A_BUG),
    (CUresult::CUDA_ERROR_MISALIGNED_ADDRESS, A_BUG),
    (CUresult::CUDA_ERROR_INVALID_ADDRESS_SPACE, A_BUG),
    (CUresult::CUDA_ERROR_INVALID_PC, A_BUG),
    (CUresult::CUDA_ERROR_HARDWARE_STACK_ERROR, A_BUG),
    (CUresult::CUDA_ERROR_ASSERT, A_BUG),
    (CUresult::CUDA_ERROR_LAUNCH_FAILED, A_BUG),
    (
        CUresult::CUDA_ERROR_LAUNCH_TIMEOUT,
        "a kernel took longer than a GPU with a screen may; choose a smaller prompt chunk, or a GPU without a screen",
    ),
    (CUresult::CUDA_ERROR_ECC_UNCORRECTABLE, A_FAULT),
    (CUresult::CUDA_ERROR_NVLINK_UNCORRECTABLE, A_FAULT),
    (CUresult::CUDA_ERROR_CONTAINED, A_FAULT),
    (CUresult::CUDA_ERROR_EXTERNAL_DEVICE, A_FAULT),
    (CUresult::CUDA_ERROR_DEVICE_UNAVAILABLE, A_FAULT),
    (CUresult::CUDA_ERROR_CONTEXT_IS_DESTROYED, "its driver was reset"),
    (CUresult::CUDA_ERROR_UNKNOWN, A_FAULT),
];
const A_BUG: &str = "a kernel did what it must not, a bug that is worth a report, or the GPU is at fault: if the kernel's log \
                     (`dmesg`) has a line with Xid, its number says which";
const A_FAULT: &str = "the GPU or its connection is at fault: the kernel's log (`dmesg`) has a line with Xid, whose number says \
                       what, and `nvidia-smi` whether it needs a reset";

/// What to do where a device isn't opened, by code.
const ADVICE: [(CUresult, &str); 18] = [
    (
        CUresult::CUDA_ERROR_NO_DEVICE,
        "see whether `nvidia-smi` lists one, and what CUDA_VISIBLE_DEVICES hides",
    ),
    (CUresult::CUDA_ERROR_INVALID_DEVICE, "see what CUDA_VISIBLE_DEVICES hides"),
    (
        CUresult::CUDA_ERROR_DEVICE_UNAVAILABLE,
        "another process has the GPU for itself, or nobody may compute on it: end that process (`nvidia-smi` lists it), or have \
         the compute mode set back by `nvidia-smi -c 0`",
    ),
    (CUresult::CUDA_ERROR_OUT_OF_MEMORY, "the GPU's memory is full: `nvidia-smi` lists who has it"),
    (
        CUresult::CUDA_ERROR_STUB_LIBRARY,
        "what was found is the toolkit's stand-in for the driver: take its folder `stubs` out of LD_LIBRARY_PATH",
    ),
    (
        CUresult::CUDA_ERROR_DEVICE_NOT_LICENSED,
        "a virtual GPU needs a licence: ask whoever runs this machine",
    ),
    (CUresult::CUDA_ERROR_NOT_PERMITTED, NO_PERMISSION),
    (CUresult::CUDA_ERROR_OPERATING_SYSTEM, NO_PERMISSION),
    (
        CUresult::CUDA_ERROR_SYSTEM_NOT_READY,
        "GPUs behind NVSwitch need NVIDIA's fabric manager: start it (`systemctl start nvidia-fabricmanager`), in the driver's version",
    ),
    (
        CUresult::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH,
        "the driver's library and its kernel module are of different versions, as after an update: start the machine again; in a \
         container, the library must be the host's",
    ),
    (
        CUresult::CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE,
        "the library found is a newer one for older drivers (`cuda-compat`), which this GPU doesn't take: take it out of \
         LD_LIBRARY_PATH, or update the driver",
    ),
    (CUresult::CUDA_ERROR_MPS_CONNECTION_FAILED, MPS),
    (CUresult::CUDA_ERROR_MPS_RPC_FAILURE, MPS),
    (CUresult::CUDA_ERROR_MPS_SERVER_NOT_READY, MPS),
    (CUresult::CUDA_ERROR_MPS_MAX_CLIENTS_REACHED, MPS),
    (CUresult::CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED, MPS),
    (
        CUresult::CUDA_ERROR_NO_BINARY_FOR_GPU,
        "the machine code is for other GPUs; a folder of compiled kernels may be from another one: empty it",
    ),
    (CUresult::CUDA_ERROR_UNKNOWN, NO_PERMISSION),
];
const NO_PERMISSION: &str = "see whether this user may read and write /dev/nvidia0, /dev/nvidiactl and /dev/nvidia-uvm (and whether they \
                             are there: `nvidia-modprobe -u` makes them); after a sleep of the machine, loading the module \
                             nvidia_uvm again helps";
const MPS: &str = "the GPU is shared by NVIDIA's MPS, whose server doesn't answer or is full: see \
                   `nvidia-cuda-mps-control`, or unset CUDA_MPS_PIPE_DIRECTORY";

impl CudaError {
    /// What the driver said when it was asked to do `what`.
    pub(super) fn driver(what: &'static str) -> impl Fn(DriverError) -> Self {
        move |error| Self::of_code(what, error.0, &words(&error))
    }

    /// What it said when it was asked for devices. It shows none to who may not open its files, which isn't the same as none.
    pub(super) fn none_shown(error: DriverError) -> Result<usize, Self> {
        match (error.0, unreadable(0)) {
            (CUresult::CUDA_ERROR_NO_DEVICE, None) => Ok(0),
            (code, file) => Err(Self::not_opened(0, code, &words(&error), file)),
        }
    }

    /// What it said when a device was to be opened.
    pub(super) fn open(index: usize) -> impl Fn(DriverError) -> Self {
        move |error| Self::not_opened(index, error.0, &words(&error), unreadable(index))
    }

    fn of_code(what: &'static str, code: CUresult, said: &str) -> Self {
        match LOST.iter().find(|(lost, _)| *lost == code) {
            Some((_, why)) => Self::DeviceLost(format!("{}: {why}", named(code, said))),
            None => Self::Driver { what, detail: advised(code, said) },
        }
    }

    fn not_opened(index: usize, code: CUresult, said: &str, unreadable: Option<String>) -> Self {
        let detail = match unreadable {
            Some(file) => {
                format!("{}; this user may not read and write {file}", named(code, said))
            }
            None => advised(code, said),
        };
        Self::Open { index, detail }
    }
}

/// The driver's words with its code, which searches find.
fn named(code: CUresult, said: &str) -> String {
    format!("{said} ({code:?}, {})", code as u32)
}

fn advised(code: CUresult, said: &str) -> String {
    let advice = ADVICE.iter().find(|(known, _)| *known == code);
    let advice = advice.map_or(String::new(), |(_, advice)| format!("; {advice}"));
    named(code, said) + &advice
}

/// A file of the driver's that is there, and that this user may not open: the driver itself then says that there is no
/// device, or nothing.
fn unreadable(index: usize) -> Option<String> {
    let files = ["/dev/nvidiactl".to_owned(), format!("/dev/nvidia{index}"), "/dev/nvidia-uvm".to_owned()];
    files.into_iter().find(|file| {
        let opened = std::fs::OpenOptions::new().read(true).write(true).open(file);
        opened.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
    })
}

/// The driver's own words.
fn words(error: &DriverError) -> String {
    let text = error.error_string().map(|text| text.to_string_lossy().into_owned());
    text.unwrap_or_else(|_| "an error without words".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_after_which_all_is_gone_say_why_and_to_start_again() {
        for (code, wanted) in [
            (CUresult::CUDA_ERROR_ILLEGAL_ADDRESS, "a bug that is worth a report"),
            (CUresult::CUDA_ERROR_LAUNCH_TIMEOUT, "a GPU without a screen"),
            (CUresult::CUDA_ERROR_ECC_UNCORRECTABLE, "Xid"),
            (CUresult::CUDA_ERROR_UNKNOWN, "Xid"),
        ] {
            let error = CudaError::of_code("finish", code, "it failed");
            assert!(matches!(error, CudaError::DeviceLost(_)), "{error:?}");
            let text = error.to_string();
            assert!(text.contains(wanted) && text.contains("start the program again"), "{text}");
            assert!(text.contains(&format!("it failed ({code:?}, {})", code as u32)), "{text}");
        }
        let other = CudaError::of_code("finish", CUresult::CUDA_ERROR_INVALID_VALUE, "invalid argument");
        let text = other.to_string();
        assert_eq!(text, "the driver can't finish: invalid argument (CUDA_ERROR_INVALID_VALUE, 1)");
    }

    #[test]
    fn codes_of_a_device_that_is_not_opened_say_what_to_do() {
        for (code, wanted) in [
            (CUresult::CUDA_ERROR_NO_DEVICE, "CUDA_VISIBLE_DEVICES"),
            (CUresult::CUDA_ERROR_DEVICE_UNAVAILABLE, "nvidia-smi -c 0"),
            (CUresult::CUDA_ERROR_OUT_OF_MEMORY, "memory is full"),
            (CUresult::CUDA_ERROR_STUB_LIBRARY, "LD_LIBRARY_PATH"),
            (CUresult::CUDA_ERROR_OPERATING_SYSTEM, "/dev/nvidia0"),
            (CUresult::CUDA_ERROR_UNKNOWN, "/dev/nvidia0"),
            (CUresult::CUDA_ERROR_SYSTEM_NOT_READY, "nvidia-fabricmanager"),
            (CUresult::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, "start the machine again"),
            (CUresult::CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE, "cuda-compat"),
            (CUresult::CUDA_ERROR_MPS_SERVER_NOT_READY, "MPS"),
            (CUresult::CUDA_ERROR_DEVICE_NOT_LICENSED, "licence"),
        ] {
            let text = CudaError::not_opened(3, code, "no", None).to_string();
            assert!(text.starts_with("the CUDA device 3 can't be opened: no (CUDA_ERROR_"), "{text}");
            assert!(text.contains(wanted), "{code:?}: {text}");
        }
        // A file that may not be opened is the reason, whatever the driver says.
        let file = Some("/dev/nvidiactl".to_owned());
        let text = CudaError::not_opened(0, CUresult::CUDA_ERROR_NO_DEVICE, "no device", file).to_string();
        assert!(
            text.contains("may not read and write /dev/nvidiactl") && !text.contains("VISIBLE"),
            "{text}"
        );
    }

    #[test]
    fn a_driver_that_is_too_old_is_named_with_what_is_needed() {
        let text = CudaError::OldDriver { driver: (12, 4), needs: (13, 0) }.to_string();
        assert!(text.contains("CUDA 12.4") && text.contains("CUDA 13.0"), "{text}");
        let text = CudaError::NoSuchDevice { index: 2, count: 1 }.to_string();
        assert!(text.contains("number 2") && text.contains("shows 1"), "{text}");
    }
}
