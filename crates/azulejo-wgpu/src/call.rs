//! One call over given buffers: what the kernels' cases run on.

use azulejo_shaders::kernel::Run;
use azulejo_shaders::{Access, Call, PARAMS_PITCH};

use crate::model::STORAGE;
use crate::read::Mapping;
use crate::report::count;
use crate::step::words;
use crate::{WgpuBackend, WgpuError};

impl WgpuBackend {
    /// Runs a call over buffers of words, and leaves there what it wrote.
    ///
    /// # Errors
    /// As the steps of a model.
    pub async fn run_call(&self, call: &Call, run: Run, buffers: &mut [Vec<u32>]) -> Result<(), WgpuError> {
        self.settle().await?;
        let pipeline = self.pipeline(call.kernel, &call.variant)?;
        let upload = |label: &str, contents: &[u32], bytes: usize, usage: wgpu::BufferUsages| {
            let buffer = self.buffer(label, bytes as u64, usage | wgpu::BufferUsages::COPY_DST);
            self.queue.write_buffer(&buffer, 0, &words(contents));
            buffer
        };
        // Whole vec4s, as all buffers of a program are.
        let on_device: Vec<wgpu::Buffer> = buffers
            .iter()
            .map(|contents| {
                upload("case", contents, (contents.len() * 4).next_multiple_of(16).max(16), STORAGE)
            })
            .collect();
        let params = upload("params", &call.params, PARAMS_PITCH as usize, wgpu::BufferUsages::UNIFORM);
        let run_words = [run.position, run.tokens, run.row, run.unused];
        let run_buffer = upload("run", &run_words, 16, wgpu::BufferUsages::UNIFORM);
        let group =
            self.bind_group(call, &pipeline, params.as_entire_buffer_binding(), &run_buffer, |i| {
                on_device.get(i)
            })?;
        let written: Vec<usize> = call
            .binds
            .iter()
            .filter(|bind| {
                pipeline.bindings.iter().any(|b| b.number == bind.binding && b.access == Access::ReadWrite)
            })
            .map(|bind| bind.buffer)
            .collect();
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&pipeline.pipeline);
        pass.set_bind_group(0, &group, &[]);
        let [x, y, z] = call.workgroups(run);
        pass.dispatch_workgroups(x, y, z);
        drop(pass);
        count(&self.counters.dispatches, 1);
        let usage = wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ;
        let copies: Vec<wgpu::Buffer> = written
            .iter()
            .map(|&i| {
                let copy = self.buffer("read case", on_device[i].size(), usage);
                encoder.copy_buffer_to_buffer(&on_device[i], 0, &copy, 0, copy.size());
                copy
            })
            .collect();
        let index = self.submit(encoder);
        for (i, copy) in written.into_iter().zip(copies) {
            let bytes = copy.size();
            let mut contents = self.read_words(Mapping::start(copy, bytes, index.clone())).await?;
            contents.truncate(buffers[i].len());
            buffers[i] = contents;
        }
        Ok(())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl azulejo_shaders::check::Executor for &WgpuBackend {
    fn execute(&mut self, call: &Call, run: Run, buffers: &mut [Vec<u32>]) -> Result<(), String> {
        pollster::block_on(self.run_call(call, run, buffers)).map_err(|e| e.to_string())
    }
}
