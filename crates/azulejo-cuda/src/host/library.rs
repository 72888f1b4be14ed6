//! A compiled library and its one entry.
#![allow(unsafe_code, reason = "code of another compiler is loaded and called")]

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::{HostBuffer, HostError};

/// `host::launch` of `shim.h`: the kernel's place, pointers and lengths of its parameters, the grid, and room for what
/// went wrong. Zero if nothing did.
type Launch = unsafe extern "C" fn(
    c_uint,
    *const *mut c_void,
    *const c_uint,
    *const c_uint,
    *mut c_char,
    usize,
) -> c_int;

/// The name of the entry.
pub(super) const ENTRY: &str = "azulejo_launch";

/// Room for what went wrong.
const ERROR_BYTES: usize = 512;

/// A loaded library. Its fibres and its workgroup memory are static, so that one launch runs at a time.
#[derive(Debug)]
pub(super) struct Library {
    library: libloading::Library,
    running: Mutex<()>,
}

impl Library {
    /// Loads what `compile` made.
    pub(super) fn open(path: &Path) -> Result<Self, HostError> {
        // SAFETY: loading and unloading run what a library has for that. It was compiled from shim.h, the prelude and
        // written kernels, of which only the first has something: it gives back the memory that it took.
        let library = unsafe { libloading::Library::new(path) }?;
        Ok(Self { library, running: Mutex::new(()) })
    }

    /// Runs a kernel. For each of its parameters, `places` has the place in `buffers` and `lengths` its elements.
    pub(super) fn launch(
        &self,
        kernel: u32,
        buffers: &mut [HostBuffer],
        places: &[usize],
        lengths: &[u32],
        grid: [u32; 3],
    ) -> Result<(), String> {
        // A launch that panicked would have left nothing behind that the next one reads.
        let _running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: `compile` gives every library an entry of this name and of this type.
        let launch = unsafe { self.library.get::<Launch>(ENTRY.as_bytes()) }.map_err(|e| e.to_string())?;
        let all: Vec<*mut c_void> =
            buffers.iter_mut().map(|buffer| buffer.words_mut().as_mut_ptr().cast()).collect();
        let pointers: Vec<*mut c_void> = places.iter().map(|&place| all[place]).collect();
        let mut error = [0u8; ERROR_BYTES];
        // SAFETY: the caller has checked that there is a pointer and a length for each parameter, that a length is no
        // more than its buffer holds, and that what is written is bound once. Indices are checked against the lengths
        // (`HostKernel::compile` refuses other text), buffers are exclusively ours and aligned for every type of WGSL,
        // and the text in `error` ends with a zero within its room.
        let failed = unsafe {
            launch(
                kernel,
                pointers.as_ptr(),
                lengths.as_ptr(),
                grid.as_ptr(),
                error.as_mut_ptr().cast(),
                error.len(),
            )
        };
        if failed == 0 {
            return Ok(());
        }
        let end = error.iter().position(|&byte| byte == 0).unwrap_or(error.len());
        Err(String::from_utf8_lossy(&error[..end]).into_owned())
    }
}
