//! The back-end: plans on a GPU of NVIDIA's.
//!
//! A model has its constants on the device, a state its cache, its activations and its launches, whose arguments never
//! change. What changes from step to step is four words, which are set in the stream's order; so the steps that decode are
//! recorded once as a graph and replayed, one behind the other, while the host reads what those before chose.
//!
//! - `driver`: the foreign calls; `devices`: what is there; `kernels`: from WGSL to functions on the device; `step`: a
//!   state and its steps; `matrix_peak`: a kernel that measures.

mod devices;
mod driver;
mod error;
mod kernels;
mod matrix_peak;
mod step;

use std::path::PathBuf;
use std::sync::Arc;

use azulejo_plan::{Backend, CallTime, Constant, DeviceInfo, Memory, NoRoom, Plan, StepInput};
use azulejo_quant::Plane;
use azulejo_shaders::check::Executor;
use azulejo_shaders::{Access, BufferClass, Call, Limits, PARAMS_PITCH, Phase, Program, Run, lower};

pub use self::devices::{CudaDevice, carried_kernels};
use self::driver::{Driver, Launch};
pub use self::error::CudaError;
use self::kernels::{Code, CudaKernel, Kernels};
pub use self::matrix_peak::matrix_peak_kernel;
pub use self::step::CudaState;
use crate::archive::Archive;
use crate::cubin::TIER;

/// Bytes of one binding: its length in words is a `u32`.
const BINDING_BYTES: u64 = 4 * (u32::MAX as u64);
/// Bytes of the device that aren't given to a model: the kernels themselves, the recorded step, and what whole pages of 2 MiB
/// leave over.
const SPARE_BYTES: u64 = 128 << 20;
/// Bytes of the two buffers that are copied to measure, and how often.
const COPIED: u64 = 256 << 20;
const COPIES: u32 = 16;

/// How to open a device.
#[derive(Clone, Debug, Default)]
pub struct CudaOptions {
    /// Its number, counted from 0.
    pub index: usize,
    /// A folder where compiled kernels are kept; none are kept without one.
    pub cache: Option<PathBuf>,
    /// True if every kernel is translated, and none that was written by hand takes its place.
    pub no_overrides: bool,
}

/// A GPU of NVIDIA's.
#[derive(Debug)]
pub struct CudaBackend {
    driver: Driver,
    kernels: Kernels,
    info: DeviceInfo,
}

/// A prepared plan with its constants.
#[derive(Debug)]
pub struct CudaModel {
    program: Program,
    /// For each phase, the kernels of its calls.
    kernels: [Vec<Arc<CudaKernel>>; 5],
    /// The buffers of class constant, at their places in the program.
    buffers: Vec<Option<driver::Memory>>,
    /// The params of all calls, those of all phases one behind the other.
    params: driver::Memory,
}

impl CudaBackend {
    /// Opens a device.
    ///
    /// # Errors
    /// [`CudaError::NoDriver`], [`CudaError::OldDriver`], [`CudaError::NoCompiler`], [`CudaError::NoSuchDevice`]: what is
    /// missing; others: what the driver says.
    pub fn open(options: &CudaOptions) -> Result<Self, CudaError> {
        let driver = Driver::open(options.index)?;
        let (version, capability) = (driver::driver_version()?, driver.compute_capability()?);
        let archive = Archive::embedded().transpose()?;
        let code = Code::new(archive, version, capability, options.cache.clone());
        let number = |number: i32| u32::try_from(number).unwrap_or(0);
        let overrides = (!options.no_overrides).then_some((number(capability.0), number(capability.1)));
        let info = DeviceInfo {
            backend: "cuda",
            name: driver.name()?,
            driver: format!(
                "CUDA {}.{}, sm_{}{}, {}{}",
                version.0,
                version.1,
                capability.0,
                capability.1,
                code.source()?,
                if options.no_overrides { ", no overrides" } else { "" }
            ),
            tier: TIER.name().to_owned(),
            reason: "every device of CUDA has it".to_owned(),
        };
        Ok(Self { driver, kernels: Kernels::new(code, overrides), info })
    }

    /// Runs a call over buffers of words, and leaves there what it wrote.
    ///
    /// # Errors
    /// As the steps of a model.
    pub fn run_call(&self, call: &Call, run: Run, buffers: &mut [Vec<u32>]) -> Result<(), CudaError> {
        let upload = |words: &[u32]| {
            // Whole vectors of four, as all buffers of a program are.
            let bytes = (words.len() * 4).next_multiple_of(16).max(16);
            let memory = self.driver.zeros(bytes as u64, "a kernel's case")?;
            self.driver.write(&memory, 0, bytemuck::cast_slice(words))?;
            Ok::<_, CudaError>(Arc::new(memory))
        };
        let kernel = self.kernels.of(&self.driver, call)?;
        let on_device: Vec<driver::Memory> =
            buffers.iter().map(|words| upload(words)).collect::<Result<_, _>>()?;
        let params = upload(&call.params)?;
        let run_words = upload(&[run.position, run.tokens, run.row, run.unused])?;
        let buffer = |place: usize| on_device.get(place).cloned();
        let launch = self.bind(call, &kernel, (&params, 0), &run_words, buffer)?;
        self.driver.launch(&launch, launch.grid(call, run))?;
        let is_written = |place: usize| {
            let binding = call.binds.iter().find(|bind| bind.buffer == place).map(|bind| bind.binding);
            kernel.parameters.iter().any(|p| Some(p.binding) == binding && p.access == Access::ReadWrite)
        };
        for (place, words) in buffers.iter_mut().enumerate().filter(|(place, _)| is_written(*place)) {
            *words = self.driver.read(&on_device[place], words.len())?;
        }
        self.driver.wait()
    }

    /// A launch of a call. `params` is a memory and the first byte there.
    fn bind(
        &self,
        call: &Call,
        kernel: &CudaKernel,
        params: (&driver::Memory, u64),
        run: &driver::Memory,
        buffer: impl Fn(usize) -> Option<driver::Memory>,
    ) -> Result<Launch, CudaError> {
        let mut memory = Vec::new();
        for parameter in &kernel.parameters {
            let binding = parameter.binding;
            let place = call.binds.iter().find(|bind| bind.binding == binding).map(|bind| bind.buffer);
            let found = match binding {
                0 => Some(params.0.clone()),
                1 => Some(run.clone()),
                _ => place.and_then(&buffer),
            };
            let found = found.ok_or_else(|| CudaError::MissingBinding {
                kernel: call.kernel.name,
                label: call.label.clone(),
                binding,
            })?;
            let offset = if binding == 0 { params.1 } else { 0 };
            let elements = parameter.is_array.then(|| found.len() as u64 / u64::from(parameter.bytes.max(1)));
            // A buffer is no larger than a binding may be.
            memory.push((found, offset, elements.map(|n| u32::try_from(n).unwrap_or(u32::MAX))));
        }
        Ok(Launch::new(&self.driver, Arc::clone(&kernel.function), memory))
    }

    /// The buffers of some classes, each at its place in the program.
    fn make_buffers(
        &self,
        program: &Program,
        what: &str,
        of: impl Fn(BufferClass) -> bool,
    ) -> Result<Vec<Option<driver::Memory>>, CudaError> {
        let all = program.buffers.iter().map(|buffer| {
            let made = of(buffer.class).then(|| self.driver.zeros(buffer.bytes, what)).transpose()?;
            Ok(made.map(Arc::new))
        });
        all.collect()
    }

    /// Where the device is on the PCI bus: `0000:65:00.0`.
    ///
    /// # Errors
    /// What the driver says.
    pub fn pci_address(&self) -> Result<String, CudaError> {
        self.driver.pci_address()
    }

    /// The bytes a second that the device reads and writes when it copies a buffer, the two counted together: the best
    /// of three times.
    ///
    /// # Errors
    /// No memory for two buffers of 256 MiB, or what the driver says.
    pub fn copy_bandwidth(&self) -> Result<f64, CudaError> {
        let from = self.driver.zeros(COPIED, "a buffer that is copied")?;
        let mut to = self.driver.zeros(COPIED, "a buffer that is copied to")?;
        let mut best = f64::INFINITY;
        // The first time is for warming up.
        for _ in 0..4 {
            let begin = self.driver.mark()?;
            for _ in 0..COPIES {
                self.driver.copy(&from, &mut to)?;
            }
            best = best.min(driver::seconds(&begin, &self.driver.mark()?)?);
        }
        Ok(2.0 * f64::from(COPIES) * COPIED as f64 / best)
    }

    /// The floating-point operations a second, multiplications and additions, of the device's tensor cores: dense products of
    /// bf16 with sums of f32, by the instructions that kernels here use (`mma.sync`), from registers alone; the best of three
    /// times. It bounds what a matrix product can reach by them. Hopper's own instructions (`wgmma`) go further, and as all
    /// factors are one, less power is drawn than by other numbers.
    ///
    /// # Errors
    /// [`CudaError::Compile`]: the device has a compute capability below 8.0, whose tensor cores have no bf16; or what the
    /// driver says.
    pub fn matrix_peak(&self) -> Result<f64, CudaError> {
        let (written, operations) = matrix_peak_kernel();
        let function = self.kernels.function(&self.driver, &written)?;
        let out = self.driver.zeros(4 * u64::from(matrix_peak::THREADS), "what a measurement leaves")?;
        let memory = vec![(Arc::new(out), 0, Some(matrix_peak::THREADS))];
        let launch = Launch::new(&self.driver, function, memory);
        let mut best = f64::INFINITY;
        // The first time is for warming up.
        for _ in 0..4 {
            let begin = self.driver.mark()?;
            self.driver.launch(&launch, [matrix_peak::BLOCKS, 1, 1])?;
            best = best.min(driver::seconds(&begin, &self.driver.mark()?)?);
        }
        Ok(f64::from(matrix_peak::BLOCKS) * operations as f64 / best)
    }
}

impl Backend for CudaBackend {
    type Model = CudaModel;
    type State = CudaState;
    type Error = CudaError;

    fn info(&self) -> DeviceInfo {
        self.info.clone()
    }

    fn prepare(&self, plan: &Plan) -> Result<CudaModel, CudaError> {
        let program = lower(plan, Limits { binding_bytes: BINDING_BYTES, is_narrow: false })?;
        // Before anything is compiled, read or written: a model that doesn't fit takes minutes to find that out.
        let (free, total) = self.driver.room()?;
        NoRoom::check(program.memory(), program.capacity, free.saturating_sub(SPARE_BYTES), total)?;
        self.kernels.load(&self.driver, program.calls())?;
        let kernels = Phase::ALL.map(|phase| {
            phase.calls(&program).iter().map(|call| self.kernels.of(&self.driver, call)).collect()
        });
        let [a, b, c, d, e]: [Result<Vec<_>, CudaError>; 5] = kernels;
        let kernels = [a?, b?, c?, d?, e?];
        let buffers =
            self.make_buffers(&program, "the model's weights", |class| class == BufferClass::Constant)?;
        let bytes = program.params();
        let params = self.driver.zeros((bytes.len() as u64).max(PARAMS_PITCH), "the calls' params")?;
        self.driver.write(&params, 0, &bytes)?;
        Ok(CudaModel { kernels, buffers, params: Arc::new(params), program })
    }

    fn constants<'m>(&self, model: &'m CudaModel) -> &'m [Constant] {
        &model.program.constants
    }

    fn memory(&self, model: &CudaModel) -> Memory {
        model.program.memory()
    }

    fn write(
        &self,
        model: &mut CudaModel,
        constant: usize,
        plane: Plane,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), CudaError> {
        let length = bytes.len() as u64;
        let outside = || CudaError::WriteRange { constant, offset, bytes: length };
        let place = model.program.place_of_write(constant, plane, offset, length).map_err(|_| outside())?;
        let memory = model.buffers[place].as_ref().ok_or_else(outside)?;
        self.driver.write(memory, offset as usize, bytes)
    }

    fn new_state(&self, model: &CudaModel) -> Result<CudaState, CudaError> {
        self.make_state(model)
    }

    fn step(&self, model: &CudaModel, state: &mut CudaState, input: StepInput<'_>) -> Result<(), CudaError> {
        self.run_step(model, state, input)
    }

    async fn read_token(&self, _model: &CudaModel, state: &mut CudaState) -> Result<u32, CudaError> {
        state.next_token()
    }

    async fn read_logits(&self, model: &CudaModel, state: &mut CudaState) -> Result<Vec<f32>, CudaError> {
        self.last_logits(model, state)
    }

    async fn time_calls(
        &self,
        model: &CudaModel,
        state: &mut CudaState,
        input: StepInput<'_>,
    ) -> Result<Option<Vec<CallTime>>, CudaError> {
        self.time_step(model, state, input).map(Some)
    }
}

impl Executor for &CudaBackend {
    fn execute(&mut self, call: &Call, run: Run, buffers: &mut [Vec<u32>]) -> Result<(), String> {
        self.run_call(call, run, buffers).map_err(|e| e.to_string())
    }
}
