//! A step: one command buffer, one compute pass, one submit.

use std::future::Future;

#[cfg(not(target_arch = "wasm32"))]
use azulejo_plan::CallTime;
use azulejo_plan::{Backend, Constant, DeviceInfo, Memory, Outputs, Plan, StepInput, Tokens};
use azulejo_quant::Plane;
use azulejo_shaders::{Phase, Run, Step};

use crate::read::Mapping;
use crate::report::count;
use crate::state::LogitsRead;
use crate::{WgpuBackend, WgpuError, WgpuModel, WgpuState};

const READ_BACK: wgpu::BufferUsages = wgpu::BufferUsages::COPY_DST.union(wgpu::BufferUsages::MAP_READ);

impl Backend for WgpuBackend {
    type Model = WgpuModel;
    type State = WgpuState;
    type Error = WgpuError;

    fn info(&self) -> DeviceInfo {
        self.device_info().clone()
    }

    fn prepare(&self, plan: &Plan) -> Result<WgpuModel, WgpuError> {
        self.prepare_plan(plan)
    }

    fn constants<'m>(&self, model: &'m WgpuModel) -> &'m [Constant] {
        self.constants_of(model)
    }

    fn memory(&self, model: &WgpuModel) -> Memory {
        model.program.memory()
    }

    fn write(
        &self,
        model: &mut WgpuModel,
        constant: usize,
        plane: Plane,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), WgpuError> {
        self.write_constant(model, constant, plane, offset, bytes)
    }

    fn new_state(&self, model: &WgpuModel) -> Result<WgpuState, WgpuError> {
        self.make_state(model)
    }

    fn step(&self, model: &WgpuModel, state: &mut WgpuState, input: StepInput<'_>) -> Result<(), WgpuError> {
        self.reporter.check()?;
        let Step { run, phases, spans } = model.program.step(&input)?;
        if let (Some(texts), Some(spans)) = (&state.texts, spans) {
            self.queue.write_buffer(texts, 0, &words(spans.as_flattened()));
        }
        if let Tokens::These(tokens) = input.tokens {
            self.queue.write_buffer(&state.tokens, 0, &words(tokens));
        }
        self.queue.write_buffer(&state.run, 0, &words(&[run.position, run.tokens, run.row, run.unused]));
        let mut encoder = self.device.create_command_encoder(&Default::default());
        self.encode(&mut encoder, model, state, run, &phases);
        match input.outputs {
            Outputs::Nothing => {
                self.submit(encoder);
            }
            Outputs::Token => {
                let free = state.free.pop();
                let buffer = free.unwrap_or_else(|| self.buffer("chosen token", 4, READ_BACK));
                encoder.copy_buffer_to_buffer(&state.tokens, 0, &buffer, 0, 4);
                let index = self.submit(encoder);
                state.chosen.push_back(Mapping::start(buffer, 4, index));
            }
            Outputs::Logits | Outputs::LogitsOf(_) | Outputs::AllLogits => {
                let rows = if input.outputs == Outputs::AllLogits { run.tokens } else { 1 };
                let bytes = u64::from(rows) * u64::from(model.program.logits_stride) * 4;
                let read = self.logits_read(state.logits_read.take(), bytes, rows);
                encoder.copy_buffer_to_buffer(&state.logits, 0, &read.buffer, 0, bytes);
                let index = Some(self.submit(encoder));
                state.logits_read = Some(LogitsRead { index, ..read });
            }
        }
        Ok(())
    }

    fn read_token(
        &self,
        _model: &WgpuModel,
        state: &mut WgpuState,
    ) -> impl Future<Output = Result<u32, WgpuError>> {
        self.next_token(state)
    }

    fn read_logits(
        &self,
        model: &WgpuModel,
        state: &mut WgpuState,
    ) -> impl Future<Output = Result<Vec<f32>, WgpuError>> {
        self.last_logits(model, state)
    }

    #[cfg(not(target_arch = "wasm32"))]
    async fn time_calls(
        &self,
        model: &WgpuModel,
        state: &mut WgpuState,
        input: StepInput<'_>,
    ) -> Result<Option<Vec<CallTime>>, WgpuError> {
        self.time_step(model, state, input).await
    }
}

/// Little-endian bytes, which is what a device reads.
pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

impl WgpuBackend {
    fn encode(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        model: &WgpuModel,
        state: &WgpuState,
        run: Run,
        phases: &[Phase],
    ) {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for &phase in phases {
            let pipelines = &model.pipelines[phase as usize];
            let groups = &state.groups[phase as usize];
            for ((call, pipeline), group) in phase.calls(&model.program).iter().zip(pipelines).zip(groups) {
                let [x, y, z] = call.workgroups(run);
                pass.set_pipeline(&pipeline.pipeline);
                pass.set_bind_group(0, group, &[]);
                pass.dispatch_workgroups(x, y, z);
            }
            count(&self.counters.dispatches, groups.len() as u64);
        }
    }

    /// A free read-back buffer of logits, the old one if it is large enough.
    fn logits_read(&self, old: Option<LogitsRead>, bytes: u64, rows: u32) -> LogitsRead {
        let old = old.map(|old| {
            // A read that nobody waited for.
            if old.mapping.is_some() {
                old.buffer.unmap();
            }
            old.buffer
        });
        let buffer =
            old.filter(|b| b.size() >= bytes).unwrap_or_else(|| self.buffer("read logits", bytes, READ_BACK));
        LogitsRead { buffer, rows, index: None, mapping: None }
    }
}
