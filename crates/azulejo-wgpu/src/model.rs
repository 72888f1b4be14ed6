//! A prepared plan: its program, its pipelines and its constants.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use azulejo_plan::{Constant, NoRoom, Plan};
use azulejo_quant::Plane;
use azulejo_shaders::{BufferClass, PARAMS_PITCH, Phase, Program, lower};

use crate::pipelines::Pipeline;
use crate::report::count;
use crate::{WgpuBackend, WgpuError};

/// A prepared plan with its constants.
#[derive(Debug)]
pub struct WgpuModel {
    pub(crate) program: Program,
    /// For each phase, the pipelines of its calls.
    pub(crate) pipelines: [Vec<Arc<Pipeline>>; 5],
    /// The buffers of class constant, at their places in the program.
    pub(crate) buffers: Vec<Option<wgpu::Buffer>>,
    /// The params of all calls, those of all phases one behind the other.
    pub(crate) params: wgpu::Buffer,
}

impl WgpuModel {
    /// The lowered plan.
    pub fn program(&self) -> &Program {
        &self.program
    }
}

/// The usage of the buffers that kernels bind.
pub(crate) const STORAGE: wgpu::BufferUsages =
    wgpu::BufferUsages::STORAGE.union(wgpu::BufferUsages::COPY_DST).union(wgpu::BufferUsages::COPY_SRC);

/// Bytes of weights in staging buffers that are handed to the device at the latest; more would be host memory.
const STAGED_BYTES: u64 = 32 << 20;

/// No room for the weights, told with all that the model takes; how much is free isn't known.
fn no_room(error: WgpuError, program: &Program) -> WgpuError {
    match error {
        WgpuError::OutOfMemory { .. } => {
            NoRoom { memory: program.memory(), capacity: program.capacity, room: None }.into()
        }
        error => error,
    }
}

impl WgpuBackend {
    pub(crate) fn prepare_plan(&self, plan: &Plan) -> Result<WgpuModel, WgpuError> {
        self.reporter.check()?;
        let program = lower(plan, self.limits)?;
        let limit = self.limits.binding_bytes;
        if let Some(buffer) = program.buffers.iter().find(|b| b.bytes > limit) {
            return Err(WgpuError::OverLimit { label: buffer.label.clone(), bytes: buffer.bytes, limit });
        }
        let pipelines = Phase::ALL.map(|phase| {
            phase
                .calls(&program)
                .iter()
                .map(|call| self.pipeline(call.kernel, &call.variant))
                .collect::<Result<_, _>>()
        });
        let [a, b, c, d, e] = pipelines;
        let pipelines = [a?, b?, c?, d?, e?];
        let buffers = self
            .make_buffers(&program, "the model's weights", |c| c == BufferClass::Constant)
            .map_err(|error| no_room(error, &program))?;
        let params = self.params(&program);
        Ok(WgpuModel { pipelines, buffers, params, program })
    }

    /// The buffers of some classes, each at its place in the program.
    pub(crate) fn make_buffers(
        &self,
        program: &Program,
        what: &str,
        of: impl Fn(BufferClass) -> bool,
    ) -> Result<Vec<Option<wgpu::Buffer>>, WgpuError> {
        let bytes = program.buffers.iter().filter(|b| of(b.class)).map(|b| b.bytes).sum();
        self.allocate(what, bytes, || {
            let one =
                |b: &azulejo_shaders::Buffer| of(b.class).then(|| self.buffer(&b.label, b.bytes, STORAGE));
            program.buffers.iter().map(one).collect()
        })
    }

    fn params(&self, program: &Program) -> wgpu::Buffer {
        let bytes = program.params();
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let buffer = self.buffer("params", (bytes.len() as u64).max(PARAMS_PITCH), usage);
        self.queue.write_buffer(&buffer, 0, &bytes);
        buffer
    }

    pub(crate) fn write_constant(
        &self,
        model: &WgpuModel,
        constant: usize,
        plane: Plane,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), WgpuError> {
        self.reporter.check()?;
        let length = bytes.len() as u64;
        let outside = || WgpuError::WriteRange { constant, offset, bytes: length };
        let place = model.program.place_of_write(constant, plane, offset, length).map_err(|_| outside())?;
        let buffer = model.buffers[place].as_ref().ok_or_else(outside)?;
        self.queue.write_buffer(buffer, offset, bytes);
        if self.staged.fetch_add(length, Relaxed) + length >= STAGED_BYTES {
            self.staged.store(0, Relaxed);
            count(&self.counters.submits, 1);
            let index = self.queue.submit([]);
            self.wait(index)?;
        }
        Ok(())
    }

    pub(crate) fn constants_of<'m>(&self, model: &'m WgpuModel) -> &'m [Constant] {
        &model.program.constants
    }
}
