//! From a kernel's variant to a pipeline, once each.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use azulejo_shaders::{Access, Binding, Call, Kernel, Linked, Variant, link};

use crate::report::{from_wgpu, lock};
use crate::{WgpuBackend, WgpuError};

/// A compiled variant of a kernel.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
    pub(crate) bindings: Vec<Binding>,
}

/// All that were compiled, by kernel and variant; the tier is the device's.
pub(crate) type Pipelines = HashMap<(&'static str, Variant), Arc<Pipeline>>;

/// What a device says to something it was asked to make. Natively it says so at once; a browser takes its time.
pub(crate) type Verdict = Pin<Box<dyn Future<Output = Option<WgpuError>>>>;

impl WgpuBackend {
    /// The pipeline of a variant.
    pub(crate) fn pipeline(
        &self,
        kernel: &'static Kernel,
        variant: &Variant,
    ) -> Result<Arc<Pipeline>, WgpuError> {
        let key = (kernel.name, variant.clone());
        if let Some(pipeline) = lock(&self.pipelines).get(&key) {
            return Ok(pipeline.clone());
        }
        let pipeline = Arc::new(self.compile(kernel, variant)?);
        lock(&self.pipelines).insert(key, pipeline.clone());
        Ok(pipeline)
    }

    fn compile(&self, kernel: &'static Kernel, variant: &Variant) -> Result<Pipeline, WgpuError> {
        let linked = link(kernel, variant, self.tier(), self.target())?;
        let label = format!("{} {}", kernel.name, variant.name());
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&label),
            source: wgpu::ShaderSource::Wgsl(linked.source.as_str().into()),
        });
        let entries: Vec<_> = linked.bindings.iter().map(layout_entry).collect();
        let layout = self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(&label),
            entries: &entries,
        });
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(&label),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&label),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(kernel.name),
            // No kernel relies on zeroed workgroup memory.
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        });
        let (validation, internal) = (validation.pop(), internal.pop());
        let bindings = linked.bindings.clone();
        let (kernel, variant) = (kernel.name, variant.name());
        self.hear(Box::pin(async move {
            let refused = validation.await;
            let failed = internal.await;
            let error = refused.or(failed)?;
            let (at, detail) = place(&module.get_compilation_info().await, &linked, &error);
            Some(WgpuError::ShaderCompile { kernel, variant, at, detail })
        }))?;
        Ok(Pipeline { pipeline, layout, bindings })
    }

    /// Binds a call's buffers; `buffer` gives the one of a place in the program.
    pub(crate) fn bind_group<'b>(
        &self,
        call: &Call,
        pipeline: &Pipeline,
        params: wgpu::BufferBinding<'b>,
        run: &'b wgpu::Buffer,
        buffer: impl Fn(usize) -> Option<&'b wgpu::Buffer>,
    ) -> Result<wgpu::BindGroup, WgpuError> {
        let mut entries = Vec::with_capacity(pipeline.bindings.len());
        for binding in &pipeline.bindings {
            let resource = match binding.number {
                0 => wgpu::BindingResource::Buffer(params.clone()),
                1 => run.as_entire_binding(),
                number => call
                    .binds
                    .iter()
                    .find(|b| b.binding == number)
                    .and_then(|b| buffer(b.buffer))
                    .ok_or_else(|| WgpuError::MissingBinding {
                        kernel: call.kernel.name,
                        label: call.label.clone(),
                        binding: number,
                    })?
                    .as_entire_binding(),
            };
            entries.push(wgpu::BindGroupEntry { binding: binding.number, resource });
        }
        Ok(self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&call.label),
            layout: &pipeline.layout,
            entries: &entries,
        }))
    }

    /// Runs `make` and hears whether the device had room for the `bytes` of `what` that it made.
    pub(crate) fn allocate<T>(
        &self,
        what: &str,
        bytes: u64,
        make: impl FnOnce() -> T,
    ) -> Result<T, WgpuError> {
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let made = make();
        let verdict = scope.pop();
        let what = what.to_owned();
        self.hear(Box::pin(async move { Some(from_wgpu(verdict.await?, &what, bytes)) }))?;
        Ok(made)
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn hear(&self, verdict: Verdict) -> Result<(), WgpuError> {
        pollster::block_on(verdict).map_or(Ok(()), Err)
    }

    #[cfg(target_arch = "wasm32")]
    fn hear(&self, verdict: Verdict) -> Result<(), WgpuError> {
        self.verdicts.borrow_mut().push(verdict);
        Ok(())
    }

    /// Waits for the verdicts on all that was made so far. Natively they were heard already; in a browser this is
    /// worth a call behind [`azulejo_plan::Backend::prepare`], and each read makes it too.
    ///
    /// # Errors
    /// [`WgpuError::ShaderCompile`], [`WgpuError::OutOfMemory`], and all that a device reports late.
    pub async fn settle(&self) -> Result<(), WgpuError> {
        #[cfg(target_arch = "wasm32")]
        loop {
            let next = self.verdicts.borrow_mut().pop();
            match next {
                Some(verdict) => verdict.await.map_or(Ok(()), Err)?,
                None => break,
            }
        }
        self.reporter.check()
    }
}

fn layout_entry(binding: &Binding) -> wgpu::BindGroupLayoutEntry {
    let ty = match binding.access {
        Access::Uniform => wgpu::BufferBindingType::Uniform,
        Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
        Access::ReadWrite => wgpu::BufferBindingType::Storage { read_only: false },
    };
    wgpu::BindGroupLayoutEntry {
        binding: binding.number,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}

/// Where the first error is in our sources, and what it says.
fn place(info: &wgpu::CompilationInfo, linked: &Linked, error: &wgpu::Error) -> (String, String) {
    let message = info.messages.iter().find(|m| m.message_type == wgpu::CompilationMessageType::Error);
    let Some(message) = message else {
        return ("the whole".to_owned(), error.to_string());
    };
    let line = message.location.and_then(|l| linked.lines.get(l.line_number.checked_sub(1)? as usize));
    let at = line.map_or("an unknown line".to_owned(), |(file, number)| format!("{file}.wesl:{number}"));
    (at, message.message.clone())
}
