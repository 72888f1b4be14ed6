//! The written kernels on the host, for tests of what is written.
//!
//! A C++ compiler makes libraries of the same text that a GPU gets, behind `shim.h`, which plays CUDA: threads are
//! fibres, warps have 32 lanes, barriers that not all threads reach and indices out of range are errors that say where.
//! It is not meant to be fast. What depends on the order of threads is found by [`ThreadedKernel`], a program whose threads
//! are the system's.
//!
//! - `compile`: texts to libraries and programs; `library`: their entry, the only place with `unsafe`; `buffer`: memory;
//! - `threaded`: a kernel as a program of its own, under ThreadSanitizer;
//! - `backend`: whole plans, by [`HostBackend`].

mod backend;
mod buffer;
mod compile;
mod error;
mod library;
mod threaded;

use std::collections::HashMap;
use std::sync::Arc;

use azulejo_shaders::check::Executor;
use azulejo_shaders::{Access, Call, Kernel, Run, Tier, Variant};

pub use backend::{HostBackend, HostModel, HostState};
pub use buffer::HostBuffer;
pub use error::HostError;
pub use threaded::ThreadedKernel;

use crate::translate::translate;
use crate::writer::{Bounds, Options, Written};
use library::Library;

/// A kernel that the host can run.
#[derive(Clone, Debug)]
pub struct HostKernel {
    label: String,
    written: Written,
    library: Arc<Library>,
    /// Its place in the library.
    place: u32,
}

impl HostKernel {
    /// Compiles written kernels, each with a label for errors; in the same order.
    ///
    /// # Errors
    /// [`HostError`]: there is no compiler, it refuses the text, or indices in it aren't checked.
    pub fn compile(kernels: Vec<(String, Written)>) -> Result<Vec<Self>, HostError> {
        if let Some((label, _)) = kernels.iter().find(|(_, w)| w.bounds == Bounds::Unchecked) {
            return Err(HostError::Unchecked { kernel: label.clone() });
        }
        if kernels.is_empty() {
            return Ok(Vec::new());
        }
        compile::compile(kernels)
    }

    /// Runs `grid` blocks over buffers; each of `binds` is a binding's number and a place in `buffers`.
    ///
    /// # Errors
    /// [`HostError`]: a binding is missing, too small, or written and bound twice; a barrier that not all threads
    /// reach; an index out of range.
    pub fn launch(
        &self,
        buffers: &mut [HostBuffer],
        binds: &[(u32, usize)],
        grid: [u32; 3],
    ) -> Result<(), HostError> {
        let (places, lengths) = bound(&self.label, &self.written, buffers, binds)?;
        self.library.launch(self.place, buffers, &places, &lengths, grid).map_err(HostError::Fault)
    }

    fn run(&self, call: &Call, run: Run, buffers: &mut Vec<HostBuffer>) -> Result<(), HostError> {
        run_call(call, run, self.written.share, buffers, |buffers, binds, grid| {
            self.launch(buffers, binds, grid)
        })
    }
}

/// Runs whatever call on this kernel.
impl Executor for HostKernel {
    fn execute(&mut self, call: &Call, run: Run, buffers: &mut [Vec<u32>]) -> Result<(), String> {
        over_words(buffers, |buffers| self.run(call, run, buffers))
    }
}

/// Launches a call's blocks, each of which does its `share` of the call's workgroups, over buffers of which those of the
/// call are places; what the call says itself is bound behind them.
fn run_call(
    call: &Call,
    run: Run,
    share: [u32; 2],
    buffers: &mut Vec<HostBuffer>,
    launch: impl FnOnce(&mut [HostBuffer], &[(u32, usize)], [u32; 3]) -> Result<(), HostError>,
) -> Result<(), HostError> {
    let given = buffers.len();
    buffers.push(HostBuffer::of(&call.params));
    buffers.push(HostBuffer::of(&[run.position, run.tokens, run.row, run.unused]));
    let mut binds = vec![(0, given), (1, given + 1)];
    binds.extend(call.binds.iter().map(|bind| (bind.binding, bind.buffer)));
    let done = launch(buffers, &binds, call.blocks(run, share));
    buffers.truncate(given);
    done
}

/// Runs something over buffers of words, and leaves there what it wrote.
fn over_words(
    words: &mut [Vec<u32>],
    run: impl FnOnce(&mut Vec<HostBuffer>) -> Result<(), HostError>,
) -> Result<(), String> {
    let mut on_device: Vec<HostBuffer> = words.iter().map(|words| HostBuffer::of(words)).collect();
    run(&mut on_device).map_err(|e| e.to_string())?;
    for (words, buffer) in words.iter_mut().zip(&on_device) {
        let length = words.len();
        words.copy_from_slice(&buffer.words()[..length]);
    }
    Ok(())
}

/// For each parameter of a kernel the place of its buffer, and the elements there.
fn bound(
    label: &str,
    written: &Written,
    buffers: &[HostBuffer],
    binds: &[(u32, usize)],
) -> Result<(Vec<usize>, Vec<u32>), HostError> {
    let kernel = || label.to_owned();
    let mut places = Vec::with_capacity(written.parameters.len());
    let mut lengths = Vec::with_capacity(written.parameters.len());
    for parameter in &written.parameters {
        let binding = parameter.binding;
        let bound = binds.iter().find(|(number, _)| *number == binding);
        let place = bound
            .map(|(_, place)| *place)
            .filter(|place| *place < buffers.len())
            .ok_or_else(|| HostError::Unbound { kernel: kernel(), binding })?;
        let bytes = buffers[place].bytes();
        let needed = u64::from(parameter.bytes);
        if bytes < needed {
            return Err(HostError::TooSmall { kernel: kernel(), binding, bytes, needed });
        }
        let elements = if parameter.is_array { bytes / needed } else { 1 };
        let length = u32::try_from(elements).map_err(|_| HostError::TooLarge {
            kernel: kernel(),
            binding,
            elements,
        })?;
        places.push(place);
        lengths.push(length);
    }
    for (i, parameter) in written.parameters.iter().enumerate() {
        let is_shared = places.iter().enumerate().any(|(j, place)| j != i && *place == places[i]);
        if parameter.access == Access::ReadWrite && is_shared {
            return Err(HostError::Shared { kernel: kernel(), binding: parameter.binding });
        }
    }
    Ok((places, lengths))
}

/// Runs calls of the kernels that it was made with, in one tier.
#[derive(Debug)]
pub struct HostDevice {
    kernels: HashMap<(&'static str, Variant), HostKernel>,
}

impl HostDevice {
    /// Translates and compiles variants of kernels, with indices checked and workgroup memory poisoned.
    ///
    /// # Errors
    /// As [`translate`] and [`HostKernel::compile`].
    pub fn new(
        tier: Tier,
        variants: impl IntoIterator<Item = (&'static Kernel, Variant)>,
    ) -> Result<Self, HostError> {
        Self::with_overrides(tier, None, variants)
    }

    /// The same with the overrides that a device of this compute capability takes.
    ///
    /// # Errors
    /// As [`HostDevice::new`].
    pub fn with_overrides(
        tier: Tier,
        overrides: Option<(u32, u32)>,
        variants: impl IntoIterator<Item = (&'static Kernel, Variant)>,
    ) -> Result<Self, HostError> {
        let options = Options { bounds: Bounds::Abort, poison: true, overrides };
        let mut keys = Vec::new();
        let mut kernels = Vec::new();
        for (kernel, variant) in variants {
            let key = (kernel.name, variant);
            if !keys.contains(&key) {
                let written = translate(kernel, &key.1, tier, &options)?;
                kernels.push((label(kernel.name, &key.1), written));
                keys.push(key);
            }
        }
        let compiled = HostKernel::compile(kernels)?;
        Ok(Self { kernels: keys.into_iter().zip(compiled).collect() })
    }

    /// Runs a call over buffers; `buffer` and those of the call are places in them.
    ///
    /// # Errors
    /// As [`HostKernel::launch`]; the device was made without the call's variant.
    pub fn run(&self, call: &Call, run: Run, buffers: &mut Vec<HostBuffer>) -> Result<(), HostError> {
        let key = (call.kernel.name, call.variant.clone());
        let kernel = self
            .kernels
            .get(&key)
            .ok_or_else(|| HostError::Unknown { kernel: label(call.kernel.name, &call.variant) })?;
        kernel.run(call, run, buffers)
    }
}

impl Executor for &HostDevice {
    fn execute(&mut self, call: &Call, run: Run, buffers: &mut [Vec<u32>]) -> Result<(), String> {
        over_words(buffers, |buffers| self.run(call, run, buffers))
    }
}

fn label(kernel: &str, variant: &Variant) -> String {
    match variant.name().as_str() {
        "" => kernel.to_owned(),
        variant => format!("{kernel}[{variant}]"),
    }
}
