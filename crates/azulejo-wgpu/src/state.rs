//! A KV cache, the activations to go with it, and the bind groups over them.

use std::collections::VecDeque;

use azulejo_shaders::{BufferClass, PARAMS_PITCH, Phase};

use crate::read::Mapping;
use crate::{WgpuBackend, WgpuError, WgpuModel};

/// A KV cache and the activations to go with it.
#[derive(Debug)]
pub struct WgpuState {
    /// The position, tokens and row of a step (`lib/run.wesl`).
    pub(crate) run: wgpu::Buffer,
    /// Token ids, in and out.
    pub(crate) tokens: wgpu::Buffer,
    /// Texts' spans, where a call reads them.
    pub(crate) texts: Option<wgpu::Buffer>,
    pub(crate) logits: wgpu::Buffer,
    /// For each phase, the bind groups of its calls.
    pub(crate) groups: [Vec<wgpu::BindGroup>; 5],
    /// Chosen tokens on their way to the host, the oldest first.
    pub(crate) chosen: VecDeque<Mapping>,
    /// Read-back buffers of one token that are free.
    pub(crate) free: Vec<wgpu::Buffer>,
    /// The read-back buffer of logits, as large as was needed so far.
    pub(crate) logits_read: Option<LogitsRead>,
}

/// The logits of the last step that gave any.
#[derive(Debug)]
pub(crate) struct LogitsRead {
    pub(crate) buffer: wgpu::Buffer,
    pub(crate) rows: u32,
    pub(crate) index: Option<wgpu::SubmissionIndex>,
    /// A read that was asked for and not finished.
    pub(crate) mapping: Option<Mapping>,
}

impl WgpuBackend {
    pub(crate) fn make_state(&self, model: &WgpuModel) -> Result<WgpuState, WgpuError> {
        self.reporter.check()?;
        let program = &model.program;
        let own = |class| class != BufferClass::Constant;
        let buffers = self.make_buffers(program, "the KV cache with its activations", own)?;
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let run = self.buffer("run", 16, usage);
        let buffer = |place: usize| buffers[place].as_ref().or(model.buffers[place].as_ref());
        let mut offset = 0;
        let mut groups: [Vec<wgpu::BindGroup>; 5] = Default::default();
        for (phase, groups) in Phase::ALL.into_iter().zip(&mut groups) {
            for (call, pipeline) in phase.calls(program).iter().zip(&model.pipelines[phase as usize]) {
                let size = wgpu::BufferSize::new(PARAMS_PITCH);
                let params = wgpu::BufferBinding { buffer: &model.params, offset, size };
                groups.push(self.bind_group(call, pipeline, params, &run, buffer)?);
                offset += PARAMS_PITCH;
            }
        }
        let place = |place: usize, what| buffers[place].clone().ok_or(WgpuError::NothingToRead(what));
        let tokens = place(program.tokens, "tokens")?;
        let logits = place(program.logits, "logits")?;
        let texts = program.texts.and_then(|texts| buffers[texts].clone());
        Ok(WgpuState {
            run,
            tokens,
            texts,
            logits,
            groups,
            chosen: VecDeque::new(),
            free: Vec::new(),
            logits_read: None,
        })
    }
}
