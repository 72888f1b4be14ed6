//! Runs the cases of the kernels.

use azulejo_shaders::check::Executor;
use azulejo_shaders::{Call, Run};

use crate::call::{Buffers, Prepared};
use crate::simd::{Context, Instructions, Scratch};
use crate::threads::Threads;
use crate::words::Words;
use crate::{CpuBackend, CpuError, CpuOptions};

/// Runs single calls, for the cases of [`azulejo_shaders::check`].
#[derive(Debug)]
pub struct CpuExecutor {
    threads: Threads,
    instructions: Instructions,
}

impl CpuExecutor {
    /// An executor with these options.
    pub fn new(options: CpuOptions) -> Result<Self, CpuError> {
        let CpuBackend { threads, instructions } = CpuBackend::new(options)?;
        Ok(Self { threads, instructions })
    }
}

impl Executor for CpuExecutor {
    fn execute(&mut self, call: &Call, run: Run, buffers: &mut [Vec<u32>]) -> Result<(), String> {
        let prepared = Prepared::new(call, self.instructions)?;
        let copy = |words: &Vec<u32>| {
            let mut copy =
                Words::zeros(call.kernel.name, words.len() as u64 * 4).map_err(|e| e.to_string())?;
            copy.words_mut().copy_from_slice(words);
            Ok(copy)
        };
        let mut state = buffers.iter().map(copy).collect::<Result<Vec<Words>, String>>()?;
        let context = Context { threads: &self.threads, instructions: self.instructions };
        let mut bound = Buffers { constants: &[], state: &mut state };
        prepared.execute(context, run, &mut bound, &mut Scratch::default());
        for (buffer, words) in buffers.iter_mut().zip(&state) {
            buffer.copy_from_slice(words.words());
        }
        Ok(())
    }
}
