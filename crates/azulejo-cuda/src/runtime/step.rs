//! A state and its steps.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use azulejo_plan::{CallTime, Outputs, StepInput, Tokens};
use azulejo_shaders::{BufferClass, Call, PARAMS_PITCH, Phase, Run, Step};

use super::driver::{self, Finish, Graph, Launch, Memory, ReadBack};
use super::{CudaBackend, CudaError, CudaModel};

/// The lists of calls of a step that decodes a token and chooses the next: what is recorded.
const DECODING: [Phase; 3] = [Phase::Decode, Phase::HeadOne, Phase::Choose];

/// A KV cache and the activations to go with it.
#[derive(Debug)]
pub struct CudaState {
    /// Dropped first: what is under way uses the rest.
    _finish: Finish,
    /// The position, tokens and row of a step (`lib/run.wesl`), and what is there.
    run: Memory,
    /// `None` while it is being set.
    run_is: Option<Run>,
    tokens: Memory,
    /// Texts' spans, where a call reads them.
    texts: Option<Memory>,
    logits: Memory,
    /// For each phase, the launches of its calls.
    launches: [Vec<Launch>; 5],
    /// The launches of [`DECODING`], recorded at its first step.
    decoding: Option<Graph>,
    /// Chosen tokens on their way to the host, the oldest first.
    chosen: VecDeque<ReadBack>,
    /// Room for more of them.
    free: Vec<ReadBack>,
    /// Rows of logits that the last step left.
    rows: u32,
}

impl CudaBackend {
    pub(super) fn make_state(&self, model: &CudaModel) -> Result<CudaState, CudaError> {
        let program = &model.program;
        let own = |class| class != BufferClass::Constant;
        let buffers = self.make_buffers(program, "the KV cache with its activations", own)?;
        let run = Arc::new(self.driver.zeros(16, "a step's position")?);
        let buffer = |place: usize| buffers[place].clone().or_else(|| model.buffers[place].clone());
        let mut offset = 0;
        let mut launches: [Vec<Launch>; 5] = Default::default();
        for (phase, launches) in Phase::ALL.into_iter().zip(&mut launches) {
            for (call, kernel) in phase.calls(program).iter().zip(&model.kernels[phase as usize]) {
                launches.push(self.bind(call, kernel, (&model.params, offset), &run, buffer)?);
                offset += PARAMS_PITCH;
            }
        }
        let place = |place: usize, what| buffers[place].clone().ok_or(CudaError::NothingToRead(what));
        Ok(CudaState {
            _finish: self.driver.finish_at_drop(),
            run,
            run_is: Some(Run::default()),
            tokens: place(program.tokens, "tokens")?,
            texts: program.texts.and_then(|texts| buffers[texts].clone()),
            logits: place(program.logits, "logits")?,
            launches,
            decoding: None,
            chosen: VecDeque::new(),
            free: Vec::new(),
            rows: 0,
        })
    }

    /// Puts a step's input on the device.
    fn begin(
        &self,
        model: &CudaModel,
        state: &mut CudaState,
        input: &StepInput<'_>,
    ) -> Result<Step, CudaError> {
        let step = model.program.step(input)?;
        if let (Some(texts), Some(spans)) = (&state.texts, &step.spans) {
            self.driver.write(texts, 0, bytemuck::cast_slice(spans))?;
        }
        match input.tokens {
            Tokens::These([token]) => self.driver.set(&state.tokens, 0, *token)?,
            Tokens::These(tokens) => self.driver.write(&state.tokens, 0, bytemuck::cast_slice(tokens))?,
            Tokens::Chosen => {}
        }
        let words = |run: Run| [run.position, run.tokens, run.row, run.unused];
        let before = state.run_is.take().map(words);
        for (word, now) in words(step.run).into_iter().enumerate() {
            if before.is_none_or(|before| before[word] != now) {
                self.driver.set(&state.run, word, now)?;
            }
        }
        state.run_is = Some(step.run);
        Ok(step)
    }

    pub(super) fn run_step(
        &self,
        model: &CudaModel,
        state: &mut CudaState,
        input: StepInput<'_>,
    ) -> Result<(), CudaError> {
        let step = self.begin(model, state, &input)?;
        if step.phases == DECODING {
            if state.decoding.is_none() {
                let calls = calls(model, &state.launches, &step);
                let launches: Vec<_> =
                    calls.map(|(call, launch)| (launch, launch.grid(call, step.run))).collect();
                state.decoding = Some(self.driver.record(&launches)?);
            }
            if let Some(graph) = &mut state.decoding {
                self.driver.replay(graph)?;
            }
        } else {
            for (call, launch) in calls(model, &state.launches, &step) {
                self.driver.launch(launch, launch.grid(call, step.run))?;
            }
        }
        state.rows = match input.outputs {
            Outputs::Nothing | Outputs::Token => 0,
            Outputs::Logits | Outputs::LogitsOf(_) => 1,
            Outputs::AllLogits => step.run.tokens,
        };
        if input.outputs == Outputs::Token {
            let mut room = state.free.pop().map_or_else(|| self.driver.read_back(), Ok)?;
            self.driver.read_later(&state.tokens, &mut room)?;
            state.chosen.push_back(room);
        }
        Ok(())
    }

    pub(super) fn last_logits(&self, model: &CudaModel, state: &CudaState) -> Result<Vec<f32>, CudaError> {
        if state.rows == 0 {
            return Err(CudaError::NothingToRead("logits"));
        }
        let (width, stride) = (model.program.logits_width as usize, model.program.logits_stride as usize);
        let words = self.driver.read(&state.logits, state.rows as usize * stride)?;
        Ok(words
            .chunks_exact(stride)
            .flat_map(|row| row[..width].iter().map(|w| f32::from_bits(*w)))
            .collect())
    }

    /// Runs a step with each call timed. What it chooses or computes can't be read.
    pub(super) fn time_step(
        &self,
        model: &CudaModel,
        state: &mut CudaState,
        input: StepInput<'_>,
    ) -> Result<Vec<CallTime>, CudaError> {
        let step = self.begin(model, state, &input)?;
        let mut marks = vec![self.driver.mark()?];
        for (call, launch) in calls(model, &state.launches, &step) {
            self.driver.launch(launch, launch.grid(call, step.run))?;
            marks.push(self.driver.mark()?);
        }
        let calls = calls(model, &state.launches, &step).map(|(call, _)| call);
        let times = calls.zip(marks.windows(2)).map(|(call, marks)| {
            let bound = call.binds.iter().filter_map(|bind| model.program.buffers.get(bind.buffer));
            let weights = bound.filter(|b| b.class == BufferClass::Constant).map(|b| b.bytes).sum();
            Ok(CallTime {
                kernel: call.kernel.name,
                variant: call.variant.name(),
                label: call.label.clone(),
                time: Duration::from_secs_f64(driver::seconds(&marks[0], &marks[1])?),
                weights,
            })
        });
        times.collect()
    }
}

/// The calls of a step with their launches.
fn calls<'a>(
    model: &'a CudaModel,
    launches: &'a [Vec<Launch>; 5],
    step: &'a Step,
) -> impl Iterator<Item = (&'a Call, &'a Launch)> {
    step.phases
        .iter()
        .flat_map(move |&phase| phase.calls(&model.program).iter().zip(&launches[phase as usize]))
}

impl CudaState {
    /// The oldest chosen token that was not read yet.
    pub(super) fn next_token(&mut self) -> Result<u32, CudaError> {
        let oldest = self.chosen.front().ok_or(CudaError::NothingToRead("a token"))?;
        let token = oldest.wait()?;
        self.free.extend(self.chosen.pop_front());
        Ok(token)
    }
}
