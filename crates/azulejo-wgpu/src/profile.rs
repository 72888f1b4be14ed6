//! How long kernels take on a device, by its own clock, and how fast it copies.

use std::time::{Duration, Instant};

use azulejo_plan::{CallTime, StepInput, Tokens};
use azulejo_shaders::{BufferClass, Step};

use crate::read::Mapping;
use crate::report::count;
use crate::step::words;
use crate::{WgpuBackend, WgpuError, WgpuModel, WgpuState};

/// The most calls of one profile: what a set of queries holds, two a call (WebGPU's limit of 4096).
const CALLS: usize = 2048;
/// Bytes of the two buffers that are copied, and how often.
const COPIED: u64 = 256 << 20;
const COPIES: u32 = 16;

impl WgpuBackend {
    /// Runs a step with each call timed; none if the device has no clock, or the step more calls than can be timed.
    /// What it chooses or computes can't be read.
    ///
    /// # Errors
    /// Those of a step.
    pub(crate) async fn time_step(
        &self,
        model: &WgpuModel,
        state: &mut WgpuState,
        input: StepInput<'_>,
    ) -> Result<Option<Vec<CallTime>>, WgpuError> {
        let Step { run, phases, .. } = model.program.step(&input)?;
        let calls = phases.iter().flat_map(|&phase| {
            let (pipelines, groups) = (&model.pipelines[phase as usize], &state.groups[phase as usize]);
            phase.calls(&model.program).iter().zip(pipelines).zip(groups)
        });
        let calls: Vec<_> = calls.collect();
        if !self.has_timestamps || calls.len() > CALLS {
            return Ok(None);
        }
        if let Tokens::These(tokens) = input.tokens {
            self.queue.write_buffer(&state.tokens, 0, &words(tokens));
        }
        self.queue.write_buffer(&state.run, 0, &words(&[run.position, run.tokens, run.row, run.unused]));
        let queries = 2 * calls.len() as u32;
        let set = self.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("times of calls"),
            ty: wgpu::QueryType::Timestamp,
            count: queries,
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        for (i, ((call, pipeline), group)) in (0..).zip(&calls) {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some(&call.label),
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: &set,
                    beginning_of_pass_write_index: Some(2 * i),
                    end_of_pass_write_index: Some(2 * i + 1),
                }),
            });
            let [x, y, z] = call.workgroups(run);
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(0, *group, &[]);
            pass.dispatch_workgroups(x, y, z);
        }
        count(&self.counters.dispatches, calls.len() as u64);
        let bytes = u64::from(queries) * 8;
        let resolved = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let resolved = self.buffer("times", bytes, resolved);
        encoder.resolve_query_set(&set, 0..queries, &resolved, 0);
        let read = wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ;
        let read = self.buffer("read times", bytes, read);
        encoder.copy_buffer_to_buffer(&resolved, 0, &read, 0, bytes);
        let index = self.submit(encoder);
        let words = self.read_words(Mapping::start(read, bytes, index)).await?;
        let ticks = |i: usize| u64::from(words[2 * i]) | u64::from(words[2 * i + 1]) << 32;
        let period = f64::from(self.queue.get_timestamp_period());
        let times = calls.iter().enumerate().map(|(i, ((call, _), _))| {
            let nanoseconds = ticks(2 * i + 1).saturating_sub(ticks(2 * i)) as f64 * period;
            let bound = call.binds.iter().filter_map(|bind| model.program.buffers.get(bind.buffer));
            let weights = bound.filter(|b| b.class == BufferClass::Constant).map(|b| b.bytes).sum();
            CallTime {
                kernel: call.kernel.name,
                variant: call.variant.name(),
                label: call.label.clone(),
                time: Duration::from_nanos(nanoseconds as u64),
                weights,
            }
        });
        Ok(Some(times.collect()))
    }

    /// The bytes a second that the device reads and writes when it copies a buffer, the two counted together: the best
    /// of three times.
    ///
    /// # Errors
    /// No memory for two buffers of 256 MiB, or what the device reports late.
    pub fn copy_bandwidth(&self) -> Result<f64, WgpuError> {
        let bytes = COPIED.min(self.limits.binding_bytes);
        let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let [from, to] = self.allocate("the buffers that are copied", 2 * bytes, || {
            ["copied from", "copied to"].map(|label| self.buffer(label, bytes, usage))
        })?;
        let mut best = f64::INFINITY;
        // The first time the memory is only being made.
        for _ in 0..4 {
            let mut encoder = self.device.create_command_encoder(&Default::default());
            for _ in 0..COPIES {
                encoder.copy_buffer_to_buffer(&from, 0, &to, 0, bytes);
            }
            let start = Instant::now();
            let index = self.submit(encoder);
            self.wait(index)?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        from.destroy();
        to.destroy();
        Ok(2.0 * f64::from(COPIES) * bytes as f64 / best)
    }
}
