//! The back-end: models, states, steps.

use std::collections::VecDeque;

use azulejo_plan::{Backend, Constant, DeviceInfo, Memory, Outputs, Plan, StepInput, Tokens, View};
use azulejo_quant::Plane;
use azulejo_shaders::{BufferClass, Limits, Phase, Program, Run, Step, lower};

use crate::CpuError;
use crate::call::{Buffers, Prepared};
use crate::simd::{Context, Instructions, Scratch};
use crate::threads::Threads;
use crate::words::Words;

/// What a back-end may be told.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuOptions {
    /// Threads; as many as the machine runs at once where nothing is said.
    pub threads: Option<usize>,
    /// Instructions; the best that the machine has where nothing is said.
    pub instructions: Option<Instructions>,
}

/// The CPU.
#[derive(Debug)]
pub struct CpuBackend {
    pub(crate) threads: Threads,
    pub(crate) instructions: Instructions,
}

/// A lowered plan with its constants.
#[derive(Debug)]
pub struct CpuModel {
    program: Program,
    /// By the program's numbers; empty but for constants.
    buffers: Vec<Words>,
    /// For each phase, its calls.
    calls: [Vec<Prepared>; 5],
    logits: View,
}

/// A KV cache and the activations to go with it.
#[derive(Debug)]
pub struct CpuState {
    /// By the program's numbers; empty for constants.
    buffers: Vec<Words>,
    /// The token that the last step chose, if it did.
    chosen: Option<u32>,
    /// Chosen tokens that were not read yet, the oldest first.
    unread: VecDeque<u32>,
    /// Rows of logits that the last step left.
    logits_rows: usize,
    scratch: Scratch,
    /// What matrices were multiplied with, where somebody asked for it.
    #[cfg(not(target_arch = "wasm32"))]
    inputs: Option<InputSquares>,
}

/// For each matrix, the sum of the squares of its inputs in each column, and the tokens summed over.
#[cfg(not(target_arch = "wasm32"))]
pub type InputSquares = std::collections::BTreeMap<String, (Vec<f64>, u64)>;

#[cfg(not(target_arch = "wasm32"))]
impl CpuState {
    /// From now on, sums up the squares of what each matrix of the body is multiplied with. The plan has to be one
    /// that wasn't fused.
    pub fn watch_inputs(&mut self) {
        self.inputs = Some(InputSquares::new());
    }

    /// The sums so far; none if nobody watches.
    pub fn input_squares(&self) -> Option<&InputSquares> {
        self.inputs.as_ref()
    }

    fn watch(&mut self, call: &Prepared, run: Run) {
        let Some(inputs) = &mut self.inputs else { return };
        let Some((label, rows, stride)) = call.product_input(run, &self.buffers) else { return };
        let (sums, tokens) = inputs.entry(label.to_owned()).or_insert_with(|| (vec![0.0; stride], 0));
        for row in rows.chunks_exact(stride) {
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x) * f64::from(*x));
            *tokens += 1;
        }
    }
}

impl CpuBackend {
    /// Starts the threads and picks the instructions.
    ///
    /// # Errors
    /// [`CpuError::Instructions`], [`CpuError::Threads`].
    pub fn new(options: CpuOptions) -> Result<Self, CpuError> {
        let available = Instructions::available();
        let best = available.last().copied().unwrap_or(Instructions::Portable);
        let instructions = options.instructions.unwrap_or(best);
        if !available.contains(&instructions) {
            let available = available.iter().map(|i| i.name()).collect::<Vec<_>>().join(", ");
            return Err(CpuError::Instructions { wanted: instructions.name(), available });
        }
        Ok(Self { threads: Threads::new(options.threads)?, instructions })
    }

    fn execute(&self, calls: &[Prepared], run: Run, model: &CpuModel, state: &mut CpuState) {
        let context = Context { threads: &self.threads, instructions: self.instructions };
        for call in calls {
            #[cfg(not(target_arch = "wasm32"))]
            state.watch(call, run);
            let mut buffers = Buffers { constants: &model.buffers, state: &mut state.buffers };
            call.execute(context, run, &mut buffers, &mut state.scratch);
        }
    }

    /// Checks a step, and puts its tokens and texts into the state's buffers.
    fn begin(&self, model: &CpuModel, state: &mut CpuState, input: &StepInput<'_>) -> Result<Step, CpuError> {
        let chosen;
        let tokens = match input.tokens {
            Tokens::These(tokens) => tokens,
            Tokens::Chosen => {
                chosen = [state.chosen.ok_or(CpuError::NothingToRead("a token"))?];
                if chosen[0] == u32::MAX {
                    return Err(CpuError::NotANumber);
                }
                &chosen[..]
            }
        };
        let program = &model.program;
        let step = program.step(input)?;
        if let (Some(texts), Some(spans)) = (program.texts, &step.spans) {
            state.buffers[texts].words_mut()[..2 * tokens.len()].copy_from_slice(spans.as_flattened());
        }
        state.buffers[program.tokens].words_mut()[..tokens.len()].copy_from_slice(tokens);
        Ok(step)
    }
}

/// Zeros for the buffers of some classes, empty for the others.
fn buffers(program: &Program, is_wanted: impl Fn(BufferClass) -> bool) -> Result<Vec<Words>, CpuError> {
    let zeros = |b: &azulejo_shaders::Buffer| {
        if is_wanted(b.class) { Words::zeros(&b.label, b.bytes) } else { Ok(Words::default()) }
    };
    program.buffers.iter().map(zeros).collect()
}

impl Backend for CpuBackend {
    type Model = CpuModel;
    type State = CpuState;
    type Error = CpuError;

    fn info(&self) -> DeviceInfo {
        DeviceInfo {
            backend: "cpu",
            name: std::env::consts::ARCH.to_owned(),
            driver: format!("{} threads", self.threads.count()),
            tier: self.instructions.name().to_owned(),
            reason: match self.instructions {
                Instructions::Avx2 => "the machine has AVX2, FMA and F16C",
                Instructions::Avx512 => "the machine has AVX-512 with VNNI, AVX2, FMA and F16C",
                Instructions::Simd128 => "the program was built for WebAssembly with SIMD",
                Instructions::Portable => "no faster instructions were found, or they were asked for",
                Instructions::Twin => "they were asked for",
            }
            .to_owned(),
        }
    }

    fn prepare(&self, plan: &Plan) -> Result<CpuModel, CpuError> {
        let program = lower(plan, Limits::NONE)?;
        let prepare = |phase: Phase| {
            let calls = phase.calls(&program).iter().map(|call| Prepared::new(call, self.instructions));
            calls.collect::<Result<Vec<_>, _>>().map_err(CpuError::Call)
        };
        let [prefill, decode, head_one, head_all, choose] = Phase::ALL.map(prepare);
        Ok(CpuModel {
            calls: [prefill?, decode?, head_one?, head_all?, choose?],
            buffers: buffers(&program, |class| class == BufferClass::Constant)?,
            logits: plan.logits,
            program,
        })
    }

    fn constants<'m>(&self, model: &'m CpuModel) -> &'m [Constant] {
        &model.program.constants
    }

    fn memory(&self, model: &CpuModel) -> Memory {
        model.program.memory()
    }

    fn write(
        &self,
        model: &mut CpuModel,
        constant: usize,
        plane: Plane,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), CpuError> {
        let length = bytes.len() as u64;
        let place = model.program.place_of_write(constant, plane, offset, length);
        let place = place.map_err(|bytes| CpuError::Write { constant, offset, len: length, bytes })?;
        let words = model.buffers[place].words_mut();
        bytemuck::cast_slice_mut::<u32, u8>(words)[offset as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn new_state(&self, model: &CpuModel) -> Result<CpuState, CpuError> {
        Ok(CpuState {
            buffers: buffers(&model.program, |class| class != BufferClass::Constant)?,
            chosen: None,
            unread: VecDeque::new(),
            logits_rows: 0,
            scratch: Scratch::default(),
            #[cfg(not(target_arch = "wasm32"))]
            inputs: None,
        })
    }

    fn step(&self, model: &CpuModel, state: &mut CpuState, input: StepInput<'_>) -> Result<(), CpuError> {
        let Step { run, phases, .. } = self.begin(model, state, &input)?;
        state.chosen = None;
        state.logits_rows = 0;
        self.threads.run(|| {
            for phase in phases {
                self.execute(&model.calls[phase as usize], run, model, state);
            }
        });
        match input.outputs {
            Outputs::Nothing => {}
            Outputs::Token => {
                let token = state.buffers[model.program.tokens].words()[0];
                state.chosen = Some(token);
                state.unread.push_back(token);
            }
            Outputs::Logits | Outputs::LogitsOf(_) => state.logits_rows = 1,
            Outputs::AllLogits => state.logits_rows = run.tokens as usize,
        }
        Ok(())
    }

    async fn read_token(&self, _model: &CpuModel, state: &mut CpuState) -> Result<u32, CpuError> {
        state.unread.pop_front().ok_or(CpuError::NothingToRead("a token"))
    }

    async fn read_logits(&self, model: &CpuModel, state: &mut CpuState) -> Result<Vec<f32>, CpuError> {
        if state.logits_rows == 0 {
            return Err(CpuError::NothingToRead("logits"));
        }
        let rows =
            state.buffers[model.program.logits].floats().chunks_exact(model.program.logits_stride as usize);
        let (offset, width) = (model.logits.offset as usize, model.logits.width as usize);
        Ok(rows.take(state.logits_rows).flat_map(|row| &row[offset..offset + width]).copied().collect())
    }
}
