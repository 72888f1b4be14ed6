//! Plans on the host: what a CUDA back-end does with one, kernel by kernel, for tests.

use std::collections::VecDeque;

use azulejo_plan::{Backend, Constant, DeviceInfo, Memory, Outputs, Plan, StepInput, Tokens, View};
use azulejo_quant::Plane;
use azulejo_shaders::{BufferClass, Limits, Program, Step, Tier, lower};

use super::{HostBuffer, HostDevice, HostError};

/// Executes plans by written kernels on the host, one call after another.
#[derive(Clone, Copy, Debug)]
pub struct HostBackend {
    /// The tier whose kernels are written; CUDA's devices have [`Tier::SubgroupsF16`].
    pub tier: Tier,
    /// The compute capability, major and minor, whose overrides are taken, if any are.
    pub overrides: Option<(u32, u32)>,
}

/// A lowered plan with its compiled kernels and its constants.
#[derive(Debug)]
pub struct HostModel {
    program: Program,
    device: HostDevice,
    /// By the program's numbers; empty but for constants.
    constants: Vec<HostBuffer>,
    logits: View,
}

/// A KV cache and the activations to go with it.
#[derive(Debug)]
pub struct HostState {
    /// By the program's numbers; those of constants are copies, as a launch takes all of its buffers from one list.
    buffers: Vec<HostBuffer>,
    /// The token that the last step chose, if it did.
    chosen: Option<u32>,
    /// Chosen tokens that were not read yet, the oldest first.
    unread: VecDeque<u32>,
    /// Rows of logits that the last step left.
    logits_rows: usize,
}

impl HostModel {
    /// The step, checked, with its tokens in the state's buffer.
    fn begin(&self, state: &mut HostState, input: StepInput<'_>) -> Result<Step, HostError> {
        let chosen = state.chosen.map(|token| [token]);
        let tokens = match input.tokens {
            Tokens::These(tokens) => tokens,
            Tokens::Chosen => chosen.as_ref().ok_or(HostError::NothingToRead("a token"))?,
        };
        // A chosen token is one of the vocabulary too, unless no logit was a number.
        let step = self.program.step(&StepInput { tokens: Tokens::These(tokens), ..input })?;
        if let (Some(texts), Some(spans)) = (self.program.texts, &step.spans) {
            state.buffers[texts].words_mut()[..2 * tokens.len()].copy_from_slice(spans.as_flattened());
        }
        state.buffers[self.program.tokens].words_mut()[..tokens.len()].copy_from_slice(tokens);
        Ok(step)
    }
}

impl Backend for HostBackend {
    type Model = HostModel;
    type State = HostState;
    type Error = HostError;

    fn info(&self) -> DeviceInfo {
        DeviceInfo {
            backend: "cuda",
            name: "the host".to_owned(),
            driver: "a C++ compiler".to_owned(),
            tier: self.tier.name().to_owned(),
            reason: "it was asked for".to_owned(),
        }
    }

    fn prepare(&self, plan: &Plan) -> Result<HostModel, HostError> {
        let program = lower(plan, Limits::NONE)?;
        let variants = program.calls().map(|call| (call.kernel, call.variant.clone()));
        let device = HostDevice::with_overrides(self.tier, self.overrides, variants)?;
        let constant = |buffer: &azulejo_shaders::Buffer| {
            HostBuffer::zeros(if buffer.class == BufferClass::Constant { buffer.bytes } else { 0 })
        };
        Ok(HostModel {
            device,
            constants: program.buffers.iter().map(constant).collect(),
            logits: plan.logits,
            program,
        })
    }

    fn constants<'m>(&self, model: &'m HostModel) -> &'m [Constant] {
        &model.program.constants
    }

    fn memory(&self, model: &HostModel) -> Memory {
        model.program.memory()
    }

    fn write(
        &self,
        model: &mut HostModel,
        constant: usize,
        plane: Plane,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), HostError> {
        let length = bytes.len() as u64;
        let place = model.program.place_of_write(constant, plane, offset, length);
        let place = place.map_err(|bytes| HostError::Write { constant, offset, length, bytes })?;
        let words = model.constants[place].words_mut();
        bytemuck::cast_slice_mut::<u32, u8>(words)[offset as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn new_state(&self, model: &HostModel) -> Result<HostState, HostError> {
        let buffers = model.program.buffers.iter().zip(&model.constants);
        let buffers = buffers.map(|(buffer, constant)| match buffer.class {
            BufferClass::Constant => constant.clone(),
            _ => HostBuffer::zeros(buffer.bytes),
        });
        Ok(HostState { buffers: buffers.collect(), chosen: None, unread: VecDeque::new(), logits_rows: 0 })
    }

    fn step(&self, model: &HostModel, state: &mut HostState, input: StepInput<'_>) -> Result<(), HostError> {
        let Step { run, phases, .. } = model.begin(state, input)?;
        for phase in phases {
            phase
                .calls(&model.program)
                .iter()
                .try_for_each(|call| model.device.run(call, run, &mut state.buffers))?;
        }
        state.chosen = None;
        state.logits_rows = match input.outputs {
            Outputs::Nothing | Outputs::Token => 0,
            Outputs::Logits | Outputs::LogitsOf(_) => 1,
            Outputs::AllLogits => run.tokens as usize,
        };
        if input.outputs == Outputs::Token {
            let token = state.buffers[model.program.tokens].words()[0];
            state.chosen = Some(token);
            state.unread.push_back(token);
        }
        Ok(())
    }

    async fn read_token(&self, _model: &HostModel, state: &mut HostState) -> Result<u32, HostError> {
        state.unread.pop_front().ok_or(HostError::NothingToRead("a token"))
    }

    async fn read_logits(&self, model: &HostModel, state: &mut HostState) -> Result<Vec<f32>, HostError> {
        if state.logits_rows == 0 {
            return Err(HostError::NothingToRead("logits"));
        }
        let words = state.buffers[model.program.logits].words();
        let rows = words.chunks_exact(model.program.logits_stride as usize).take(state.logits_rows);
        let (offset, width) = (model.logits.offset as usize, model.logits.width as usize);
        Ok(rows.flat_map(|row| &row[offset..offset + width]).map(|word| f32::from_bits(*word)).collect())
    }
}
