//! NVIDIA's compiler for what is written, NVRTC: a library that is loaded where it is found.
//!
//! It makes machine code of one architecture (CUBIN), which any driver of that architecture loads; PTX of a compiler that
//! is newer than the driver would be refused. Source: NVIDIA, *NVRTC* documentation.
#![allow(unsafe_code, reason = "a library of C is loaded and called")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use crate::writer::{PRELUDE, Written};

/// `NVRTC_SUCCESS`.
const SUCCESS: c_int = 0;
/// Threads of a multiprocessor that leave each 128 registers, of 65,536: an eighth to a quarter of what it can have in flight.
pub(crate) const FEW_THREADS: u32 = 512;
/// What the compiler is told for every kernel. Functions of the prelude that a kernel doesn't use are no fault; what a
/// kernel takes is told in the log.
pub(crate) const OPTIONS: [&str; 3] = ["--std=c++17", "--disable-warnings", "--ptxas-options=-v"];
/// Names that the library has.
#[cfg(windows)]
const USUAL: [&str; 2] = ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll"];
#[cfg(not(windows))]
const USUAL: [&str; 3] = ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"];
/// Lines of what the compiler says that are shown.
const SHOWN: usize = 20;

/// A version of CUDA, major and minor.
pub(crate) type Version = (i32, i32);

/// Why something isn't compiled.
#[derive(Debug, thiserror::Error)]
pub enum NvrtcError {
    /// No NVRTC, or another library.
    #[error("NVRTC can't be loaded: {0}")]
    Load(#[from] libloading::Error),
    /// It fails.
    #[error("NVRTC can't {what}: {detail}")]
    Call {
        /// What was asked of it.
        what: &'static str,
        /// What it says.
        detail: String,
    },
    /// The compiler refuses a kernel: a fault of the writer.
    #[error("kernel '{kernel}' is refused by NVRTC for {arch}:\n{detail}")]
    Refused {
        /// The kernel.
        kernel: String,
        /// The architecture.
        arch: String,
        /// What the compiler says.
        detail: String,
    },
}

/// The compiler.
#[derive(Debug)]
pub struct Nvrtc(libloading::Library);

/// A compiled kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// The machine code, an ELF file.
    pub cubin: Vec<u8>,
    /// What a thread and a block of it take.
    pub resources: Resources,
}

/// What a compiled kernel takes, as the assembler (`ptxas`) tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// 32-bit registers of a thread.
    pub registers: u32,
    /// Bytes of a thread's stack, which is slow memory.
    pub stack_bytes: u32,
    /// Bytes of registers that a thread stores to its stack and loads from there, for want of registers.
    pub spilled_bytes: u32,
    /// Bytes of shared memory of a block.
    pub shared_bytes: u32,
}

type Program = *mut c_void;

impl Nvrtc {
    /// Loads the library at `path`, or of that name where the system looks for libraries (`libnvrtc.so.13`).
    ///
    /// # Errors
    /// [`NvrtcError::Load`]: there is none.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, NvrtcError> {
        // SAFETY: loading runs the library's own initialisers, and NVRTC's have no precondition. A library of another kind
        // under its name is the caller's choice, as with every program that is started by name.
        let library = unsafe { libloading::Library::new(path.as_ref()) }?;
        Ok(Self(library))
    }

    /// Loads the one that `AZULEJO_NVRTC` names, or the newest that the system finds, and whose machine code a driver of
    /// that major version of CUDA takes. An `Err` has the version of one that is there, but is too new for the driver.
    pub(crate) fn find(driver: i32) -> Result<Option<(Self, Version)>, Version> {
        let named = std::env::var_os("AZULEJO_NVRTC");
        let usual = USUAL.map(std::ffi::OsString::from);
        let names = named.map_or_else(|| usual.to_vec(), |name| vec![name]);
        let mut too_new = None;
        for name in names {
            let Ok(compiler) = Self::open(Path::new(&name)) else { continue };
            match compiler.version() {
                Ok(version) if version.0 <= driver => return Ok(Some((compiler, version))),
                Ok(version) => too_new = too_new.or(Some(version)),
                Err(_) => {}
            }
        }
        too_new.map_or(Ok(None), Err)
    }

    /// Its version, major and minor.
    ///
    /// # Errors
    /// [`NvrtcError`]: it doesn't say.
    pub fn version(&self) -> Result<(i32, i32), NvrtcError> {
        type Function = unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int;
        let (mut major, mut minor) = (0, 0);
        // SAFETY: the type is that of nvrtcVersion, which writes the two numbers.
        let code = unsafe { self.0.get::<Function>(b"nvrtcVersion")?(&mut major, &mut minor) };
        self.succeeded(code, "say its version")?;
        Ok((major, minor))
    }

    /// Compiles a kernel for an architecture, such as `sm_90`. Where the compiler stores registers to memory, so that more
    /// threads are in flight, it's asked once more for fewer.
    ///
    /// # Errors
    /// [`NvrtcError::Refused`]: the text is no right C++, or the compiler knows no such architecture.
    pub fn compile(&self, written: &Written, arch: &str) -> Result<Compiled, NvrtcError> {
        let compiled = self.compile_for(written, arch, None)?;
        match compiled.resources.spilled_bytes {
            0 => Ok(compiled),
            _ => self.compile_for(written, arch, Some(FEW_THREADS)),
        }
    }

    fn compile_for(
        &self,
        written: &Written,
        arch: &str,
        threads_in_flight: Option<u32>,
    ) -> Result<Compiled, NvrtcError> {
        let program = Handle::new(self, &format!("{PRELUDE}\n{}", written.source), &written.name)?;
        let result = program.compile(arch, threads_in_flight);
        let log = program.log()?;
        result.map_err(|_| NvrtcError::Refused {
            kernel: written.name.clone(),
            arch: arch.to_owned(),
            detail: log.lines().take(SHOWN).collect::<Vec<_>>().join("\n"),
        })?;
        Ok(Compiled { cubin: program.cubin()?, resources: Resources::in_log(&log) })
    }

    fn succeeded(&self, code: c_int, what: &'static str) -> Result<(), NvrtcError> {
        type Function = unsafe extern "C" fn(c_int) -> *const c_char;
        if code == SUCCESS {
            return Ok(());
        }
        // SAFETY: the type is that of nvrtcGetErrorString, which gives a static text that ends with a zero for any number.
        let detail = unsafe { CStr::from_ptr(self.0.get::<Function>(b"nvrtcGetErrorString")?(code)) };
        Err(NvrtcError::Call { what, detail: detail.to_string_lossy().into_owned() })
    }
}

/// A program of NVRTC's, freed with this.
struct Handle<'n> {
    nvrtc: &'n Nvrtc,
    program: Program,
}

impl<'n> Handle<'n> {
    fn new(nvrtc: &'n Nvrtc, source: &str, name: &str) -> Result<Self, NvrtcError> {
        type Function = unsafe extern "C" fn(
            *mut Program,
            *const c_char,
            *const c_char,
            c_int,
            *const *const c_char,
            *const *const c_char,
        ) -> c_int;
        let text = |text: &str| {
            CString::new(text).map_err(|e| NvrtcError::Call {
                what: "take a text with a zero in it",
                detail: e.to_string(),
            })
        };
        let (source, name) = (text(source)?, text(&format!("{name}.cu"))?);
        let mut program = std::ptr::null_mut();
        // SAFETY: the type is that of nvrtcCreateProgram; both texts end with a zero and are copied, and there are no headers,
        // so that their two lists may be null.
        let code = unsafe {
            nvrtc.0.get::<Function>(b"nvrtcCreateProgram")?(
                &mut program,
                source.as_ptr(),
                name.as_ptr(),
                0,
                std::ptr::null(),
                std::ptr::null(),
            )
        };
        nvrtc.succeeded(code, "begin a program")?;
        Ok(Self { nvrtc, program })
    }

    fn compile(&self, arch: &str, threads_in_flight: Option<u32>) -> Result<(), NvrtcError> {
        type Function = unsafe extern "C" fn(Program, c_int, *const *const c_char) -> c_int;
        let mut options = OPTIONS.map(str::to_owned).to_vec();
        options.push(format!("--gpu-architecture={arch}"));
        options
            .extend(threads_in_flight.map(|threads| format!("--define-macro=THREADS_IN_FLIGHT={threads}")));
        let options: Vec<CString> = options.into_iter().map(text).collect::<Result<_, _>>()?;
        let pointers: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        // SAFETY: the type is that of nvrtcCompileProgram; there are as many options as said, each with a zero at its end.
        let code = unsafe {
            self.nvrtc.0.get::<Function>(b"nvrtcCompileProgram")?(
                self.program,
                pointers.len() as c_int,
                pointers.as_ptr(),
            )
        };
        self.nvrtc.succeeded(code, "compile")
    }

    fn log(&self) -> Result<String, NvrtcError> {
        let bytes = self.bytes(b"nvrtcGetProgramLogSize", b"nvrtcGetProgramLog", "tell what it said")?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }

    fn cubin(&self) -> Result<Vec<u8>, NvrtcError> {
        self.bytes(b"nvrtcGetCUBINSize", b"nvrtcGetCUBIN", "give the machine code")
    }

    /// What one function gives, of the size that the other tells.
    fn bytes(&self, size: &[u8], get: &[u8], what: &'static str) -> Result<Vec<u8>, NvrtcError> {
        type Size = unsafe extern "C" fn(Program, *mut usize) -> c_int;
        type Get = unsafe extern "C" fn(Program, *mut c_char) -> c_int;
        let mut length = 0;
        // SAFETY: both callers name a function of this type, which writes a size.
        let code = unsafe { self.nvrtc.0.get::<Size>(size)?(self.program, &mut length) };
        self.nvrtc.succeeded(code, what)?;
        let mut bytes = vec![0u8; length];
        // SAFETY: both callers name a function of this type, which writes as many bytes as the other told.
        let code = unsafe { self.nvrtc.0.get::<Get>(get)?(self.program, bytes.as_mut_ptr().cast()) };
        self.nvrtc.succeeded(code, what)?;
        Ok(bytes)
    }
}

/// As C has it.
fn text(text: String) -> Result<CString, NvrtcError> {
    CString::new(text)
        .map_err(|e| NvrtcError::Call { what: "take a text with a zero in it", detail: e.to_string() })
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        type Function = unsafe extern "C" fn(*mut Program) -> c_int;
        // SAFETY: the type is that of nvrtcDestroyProgram, and the program is ours and used no more.
        if let Ok(destroy) = unsafe { self.nvrtc.0.get::<Function>(b"nvrtcDestroyProgram") } {
            // SAFETY: as above.
            let _ = unsafe { destroy(&mut self.program) };
        }
    }
}

impl Resources {
    /// The numbers in what `ptxas -v` says: "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads", "Used 40
    /// registers".
    fn in_log(log: &str) -> Self {
        let before = |words: &str| {
            let number = |at: usize| log[..at].trim_end().rsplit(' ').next()?.parse::<u32>().ok();
            log.match_indices(words).filter_map(|(at, _)| number(at)).max().unwrap_or(0)
        };
        Self {
            registers: before("registers"),
            stack_bytes: before("bytes stack frame"),
            spilled_bytes: before("bytes spill stores").max(before("bytes spill loads")),
            shared_bytes: before("bytes smem"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_read_from_what_the_assembler_says() {
        let log = "ptxas info    : 0 bytes gmem\nptxas info    : Function properties for gemv\nptxas         .     8 bytes \
                   stack frame, 16 bytes spill stores, 24 bytes spill loads\nptxas info    : Used 75 registers, used 1 \
                   barriers, 1280 bytes smem\n";
        let wanted = Resources { registers: 75, stack_bytes: 8, spilled_bytes: 24, shared_bytes: 1280 };
        assert_eq!(Resources::in_log(log), wanted);
        assert_eq!(Resources::in_log(""), Resources::default());
    }
}
