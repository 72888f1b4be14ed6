//! What can go wrong on the host.

use azulejo_shaders::LowerError;

use crate::translate::TranslateError;

/// Why a kernel isn't compiled for the host, or didn't run to its end there.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The kernel has no CUDA C++.
    #[error(transparent)]
    Translate(#[from] TranslateError),
    /// None of the usual compilers was found.
    #[error("there is no C++ compiler ({tried}); install g++, or name one in the environment variable CXX")]
    NoCompiler {
        /// The programs that were looked for.
        tried: String,
    },
    /// The compiler refuses what was written: a mistake in the writer or in the shim.
    #[error("{compiler} refuses the written kernels:\n{detail}")]
    Compile {
        /// The compiler.
        compiler: String,
        /// What it says.
        detail: String,
    },
    /// The compiler comes without the runtime that finds races.
    #[error(
        "{compiler} can't link ThreadSanitizer; install its runtime (Debian's libtsan2 with g++ 12, Fedora's libtsan, \
         libclang-rt-dev with clang++), or name another compiler in the environment variable CXX:\n{detail}"
    )]
    NoThreadSanitizer {
        /// The compiler.
        compiler: String,
        /// What it says.
        detail: String,
    },
    /// Threads of a kernel access the same memory, at least one of them to write it, and no barrier orders them.
    #[error("kernel '{kernel}' has a data race:\n{detail}")]
    Race {
        /// The kernel.
        kernel: String,
        /// Each of the accesses, with its line of the kernel's text and its thread (`block 2:7` is thread 7 of block 2).
        detail: String,
    },
    /// A file can't be written or a program can't be started.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// What was compiled can't be loaded.
    #[error("the compiled kernels can't be loaded: {0}")]
    Load(#[from] libloading::Error),
    /// It was written without checks, and could do anything to this program's memory.
    #[error("kernel '{kernel}' was written without checks of its indices; write it with `Bounds::Abort`")]
    Unchecked {
        /// The kernel.
        kernel: String,
    },
    /// The device was made without it.
    #[error("kernel '{kernel}' is not among those that this device was made with")]
    Unknown {
        /// The kernel.
        kernel: String,
    },
    /// A binding of the kernel has no buffer.
    #[error("kernel '{kernel}': nothing is bound at {binding}")]
    Unbound {
        /// The kernel.
        kernel: String,
        /// The binding.
        binding: u32,
    },
    /// A buffer is smaller than what the kernel declares.
    #[error("kernel '{kernel}': {bytes} bytes are bound at {binding}, which needs {needed}")]
    TooSmall {
        /// The kernel.
        kernel: String,
        /// The binding.
        binding: u32,
        /// Bytes that are there.
        bytes: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// A buffer has more elements than an index can name.
    #[error("kernel '{kernel}': {elements} elements are bound at {binding}; at most 4294967295 can be")]
    TooLarge {
        /// The kernel.
        kernel: String,
        /// The binding.
        binding: u32,
        /// The elements.
        elements: u64,
    },
    /// A buffer that is written is bound twice, which the kernels' `__restrict__` rules out.
    #[error("kernel '{kernel}': the buffer at {binding} is written and bound elsewhere too")]
    Shared {
        /// The kernel.
        kernel: String,
        /// The binding.
        binding: u32,
    },
    /// The kernel did something that it must not; the text says which, in which block and thread.
    #[error("kernel {0}")]
    Fault(String),
    /// The plan can't be lowered.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// A write outside of a constant.
    #[error(
        "constant {constant}: {length} bytes at offset {offset} don't lie within the plane's {bytes}, in whole words"
    )]
    Write {
        /// The constant.
        constant: usize,
        /// Where the bytes were to go.
        offset: u64,
        /// How many there were.
        length: u64,
        /// The size of the plane, 0 where the constant has no such plane.
        bytes: u64,
    },
    /// A step outside of the plan's bounds.
    #[error(transparent)]
    Step(#[from] azulejo_shaders::StepError),
    /// Something was read, or meant, that no step left.
    #[error("no step left {0} to be read")]
    NothingToRead(&'static str),
}
