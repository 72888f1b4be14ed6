//! Which device a model runs on, and opening it.

#[cfg(not(target_arch = "wasm32"))]
use std::collections::HashSet;
#[cfg(not(target_arch = "wasm32"))]
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::Arc;

use azulejo_plan::{Backend, DeviceInfo};
use azulejo_shaders::check;

use crate::backend::AnyBackend;
use crate::{Code, Error, ModelOptions};

/// A wish for a device: `auto`, `cpu`, `wgpu`, `wgpu:N`, `cuda` or `cuda:N`.
///
/// ```
/// use azulejo::DeviceChoice;
///
/// # fn main() -> Result<(), azulejo::Error> {
/// assert_eq!("wgpu:1".parse::<DeviceChoice>()?, DeviceChoice::Wgpu(Some(1)));
/// assert_eq!("cuda".parse::<DeviceChoice>()?, DeviceChoice::Cuda(0));
/// assert!("cpu:1".parse::<DeviceChoice>().is_err());
/// assert!("gpu".parse::<DeviceChoice>().is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A GPU where there is a real one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU: the best there is, or the one of that number in [`find_adapters`].
    Wgpu(Option<usize>),
    /// A GPU of NVIDIA's by CUDA, of that number as the driver counts from 0.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, number) = text.split_once(':').map_or((text, None), |(name, number)| (name, Some(number)));
        let number = number.map(|number| number.parse().ok());
        match (name, number) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("wgpu", None) => Ok(Self::Wgpu(None)),
            ("wgpu", Some(Some(n))) => Ok(Self::Wgpu(Some(n))),
            ("cuda", None) => Ok(Self::Cuda(0)),
            ("cuda", Some(Some(n))) => Ok(Self::Cuda(n)),
            _ => Err(Error::invalid(format!(
                "no such device: '{text}'; choose auto, cpu, wgpu, wgpu:N, cuda or cuda:N"
            ))),
        }
    }
}

/// A GPU that could be used.
///
/// ```
/// for gpu in azulejo::adapters() {
///     println!("wgpu:{}: {} ({}), tier {}", gpu.number, gpu.name, gpu.kind, gpu.tier);
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Adapter {
    /// Its number, as in `wgpu:N`.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// `discrete GPU`, `integrated GPU`, `virtual GPU`, `software` or `other`.
    pub kind: String,
    /// The interface: Vulkan, Metal, DX12.
    pub interface: String,
    /// The driver.
    pub driver: String,
    /// The tier of kernels that it would get, by its name.
    pub tier: String,
    /// Bytes that it binds at once: larger matrices are cut.
    pub binding_bytes: u64,
    /// Why it can't be opened, if so: `auto` passes it over then.
    pub problem: Option<String>,
    is_hardware: bool,
}

impl Adapter {
    /// True for a GPU that is one, not a program on the CPU.
    pub fn is_hardware(&self) -> bool {
        self.is_hardware
    }
}

/// The GPUs of this machine, software ones included.
#[cfg(not(target_arch = "wasm32"))]
pub fn adapters() -> Vec<Adapter> {
    pollster::block_on(find_adapters())
}

/// The GPUs of this machine, software ones included; in a browser the one that it offers.
pub async fn find_adapters() -> Vec<Adapter> {
    #[cfg(feature = "wgpu")]
    {
        (0..)
            .zip(azulejo_wgpu::devices().await)
            .map(|(number, (d, problem))| Adapter {
                number,
                is_hardware: d.is_hardware(),
                problem: problem.map(|problem| problem.to_string()),
                name: d.name,
                kind: d.kind.to_owned(),
                interface: d.interface,
                driver: d.driver,
                tier: d.tier.name().to_owned(),
                binding_bytes: d.binding_bytes,
            })
            .collect()
    }
    #[cfg(not(feature = "wgpu"))]
    Vec::new()
}

/// What this build and this machine have for CUDA.
///
/// ```
/// if let Some(cuda) = azulejo::Cuda::find() {
///     println!("this program carries {}", cuda.carries);
///     for gpu in cuda.devices {
///         println!("cuda:{}: {}, {}", gpu.number, gpu.name, gpu.architecture);
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Cuda {
    /// The kernels that are compiled into the program, in words.
    pub carries: String,
    /// The GPUs of NVIDIA's.
    pub devices: Vec<CudaGpu>,
    /// Why none can be used, if the driver says so.
    pub problem: Option<String>,
}

/// A GPU of NVIDIA's.
///
/// ```
/// let gpus = azulejo::Cuda::find().map_or(Vec::new(), |cuda| cuda.devices);
/// assert!(gpus.iter().all(|gpu: &azulejo::CudaGpu| gpu.architecture.starts_with("sm_")));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CudaGpu {
    /// Its number, as in `cuda:N`.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Its architecture, `sm_90`.
    pub architecture: String,
    /// The driver.
    pub driver: String,
    /// Bytes of its memory.
    pub bytes: u64,
    /// Where the kernels' machine code comes from, in words.
    pub kernels: Option<String>,
    /// Why there is none, if so.
    pub problem: Option<String>,
}

impl Cuda {
    /// Looks for them, without opening one. `None`: this build has no back-end for CUDA.
    pub fn find() -> Option<Self> {
        #[cfg(feature = "cuda")]
        {
            let (devices, problem) = match azulejo_cuda::CudaDevice::all() {
                Ok(devices) => (devices, None),
                Err(error) => (Vec::new(), Some(error.to_string())),
            };
            let gpu = |device: azulejo_cuda::CudaDevice| {
                let (kernels, problem) = match device.kernels {
                    Ok(kernels) => (Some(kernels), None),
                    Err(error) => (None, Some(error.to_string())),
                };
                CudaGpu {
                    number: device.index,
                    name: device.name,
                    architecture: device.architecture,
                    driver: format!("CUDA {}.{}", device.driver.0, device.driver.1),
                    bytes: device.bytes,
                    kernels,
                    problem,
                }
            };
            let devices = devices.into_iter().map(gpu).collect();
            Some(Self { carries: azulejo_cuda::carried_kernels(), devices, problem })
        }
        #[cfg(not(feature = "cuda"))]
        None
    }
}

/// An opened device. Cheap to clone.
///
/// ```
/// use azulejo::{Device, DeviceChoice, ModelOptions};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// # pollster::block_on(async {
/// let device = Device::open(&ModelOptions::new().device(DeviceChoice::Cpu)).await?;
/// assert_eq!(device.info().backend, "cpu");
/// assert_eq!(device.self_test().await?, []);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Device {
    pub(crate) backend: Arc<AnyBackend>,
    /// What became of devices that would have been preferred.
    pub(crate) warnings: Vec<String>,
}

impl Device {
    /// Opens the device that the options ask for.
    ///
    /// # Errors
    /// - [`Code::NoDevice`]: there is no such device, it can't be opened, or this build has no back-end for it;
    /// - [`Code::Device`]: the CPU's threads can't be started.
    pub async fn open(options: &ModelOptions) -> Result<Self, Error> {
        match options.device {
            #[cfg(feature = "wgpu")]
            DeviceChoice::Wgpu(number) => {
                let selection = number.map_or(azulejo_wgpu::Selection::Auto, azulejo_wgpu::Selection::Index);
                Ok(Self::on_wgpu(open_wgpu(selection, options).await?))
            }
            #[cfg(all(feature = "wgpu", feature = "cpu"))]
            DeviceChoice::Auto => match open_wgpu(azulejo_wgpu::Selection::Hardware, options).await {
                Ok(backend) => Ok(Self::on_wgpu(backend)),
                Err(azulejo_wgpu::WgpuError::NoAdapter { detail }) if detail.is_empty() => {
                    Self::on_cpu(options, Vec::new())
                }
                Err(error) => Self::on_cpu(options, vec![error.to_string()]),
            },
            #[cfg(all(feature = "cpu", not(feature = "wgpu")))]
            DeviceChoice::Auto => Self::on_cpu(options, Vec::new()),
            #[cfg(feature = "cpu")]
            DeviceChoice::Cpu => Self::on_cpu(options, Vec::new()),
            #[cfg(feature = "cuda")]
            DeviceChoice::Cuda(index) => {
                let cache = crate::cache_folder().map(|folder| folder.join("cuda"));
                let no_overrides = !options.checks.overrides;
                let options = azulejo_cuda::CudaOptions { index, cache, no_overrides };
                let backend = azulejo_cuda::CudaBackend::open(&options)?;
                Ok(Self { backend: Arc::new(AnyBackend::Cuda(backend)), warnings: Vec::new() })
            }
            #[allow(unreachable_patterns, reason = "reached where a back-end is left out of the build")]
            choice => Err(Error::new(Code::NoDevice, format!("this build has no back-end for {choice:?}"))),
        }
    }

    #[cfg(feature = "cpu")]
    fn on_cpu(options: &ModelOptions, warnings: Vec<String>) -> Result<Self, Error> {
        let cpu = azulejo_cpu::CpuOptions { threads: options.threads, ..Default::default() };
        Ok(Self { backend: Arc::new(AnyBackend::Cpu(azulejo_cpu::CpuBackend::new(cpu)?)), warnings })
    }

    #[cfg(feature = "wgpu")]
    fn on_wgpu(backend: azulejo_wgpu::WgpuBackend) -> Self {
        let warnings = backend.skipped().iter().map(ToString::to_string).collect();
        Self { backend: Arc::new(AnyBackend::Wgpu(backend)), warnings }
    }

    /// The device, in words.
    pub fn info(&self) -> DeviceInfo {
        self.backend.info()
    }

    /// Runs the few small kernel cases that a device is tried with before it is trusted, and returns those that
    /// failed: a GPU's driver may compute wrongly without an error.
    ///
    /// # Errors
    /// [`Code::DeviceLost`], [`Code::OutOfMemory`], [`Code::Device`]: what the device reports besides a wrong result.
    pub async fn self_test(&self) -> Result<Vec<KernelCheck>, Error> {
        let mut results = Vec::new();
        match &*self.backend {
            #[cfg(feature = "cpu")]
            AnyBackend::Cpu(_) => {
                let one_thread = azulejo_cpu::CpuOptions { threads: Some(1), ..Default::default() };
                let mut executor = azulejo_cpu::CpuExecutor::new(one_thread)?;
                for case in check::probe_cases() {
                    results.push(check::run_case(&mut executor, &case));
                }
            }
            #[cfg(feature = "cuda")]
            AnyBackend::Cuda(backend) => {
                for case in check::probe_cases() {
                    results.push(check::run_case(&mut &*backend, &case));
                }
            }
            #[cfg(feature = "wgpu")]
            AnyBackend::Wgpu(backend) => {
                for case in check::probe_cases() {
                    let setup = case.setup();
                    let mut buffers = setup.buffers.clone();
                    backend.run_call(&setup.call, setup.run, &mut buffers).await?;
                    results.push(case.judge(&setup, &buffers));
                }
            }
        }
        results.retain(|result| !result.passed);
        Ok(results.into_iter().map(KernelCheck::from).collect())
    }

    /// What became of devices that would have been preferred: why they can't be opened.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// How many cases `run_kernels` has for a tier.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn kernel_cases() -> usize {
        check::all_cases().len()
    }

    /// Runs every kernel's cases, and tells of each. A case that is in `done` already, as another tier had the very same
    /// shader and inputs, is left out; others are put there. `ControlFlow::Break` ends it. Blocks.
    ///
    /// # Errors
    /// [`Code::Device`]: the CPU's threads can't be started, or a shader can't be made. What else a device reports is
    /// its case's failure.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn run_kernels(
        &self,
        done: &mut HashSet<String>,
        each: &mut dyn FnMut(KernelCheck) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        use check::{all_cases, run_case};
        match &*self.backend {
            #[cfg(feature = "cpu")]
            AnyBackend::Cpu(_) => {
                let mut executor = azulejo_cpu::CpuExecutor::new(azulejo_cpu::CpuOptions::default())?;
                for case in all_cases() {
                    if done.insert(case.name.clone())
                        && each(run_case(&mut executor, &case).into()).is_break()
                    {
                        break;
                    }
                }
            }
            #[cfg(feature = "cuda")]
            AnyBackend::Cuda(backend) => {
                for case in all_cases() {
                    if done.insert(case.name.clone())
                        && each(run_case(&mut &*backend, &case).into()).is_break()
                    {
                        break;
                    }
                }
            }
            #[cfg(feature = "wgpu")]
            AnyBackend::Wgpu(backend) => {
                for case in all_cases() {
                    let identity =
                        check::identity(&case, backend.tier()).map_err(azulejo_wgpu::WgpuError::from)?;
                    if done.insert(identity) && each(run_case(&mut &*backend, &case).into()).is_break() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Where a GPU is on the PCI bus (`0000:65:00.0`), if its driver says so: what another library knows it by.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn pci_address(&self) -> Option<String> {
        match &*self.backend {
            #[cfg(feature = "cpu")]
            AnyBackend::Cpu(_) => None,
            #[cfg(feature = "cuda")]
            AnyBackend::Cuda(backend) => backend.pci_address().ok(),
            #[cfg(feature = "wgpu")]
            AnyBackend::Wgpu(backend) => backend.pci_address().map(str::to_owned),
        }
    }

    /// The bytes a second that a GPU reads and writes when it copies a buffer; none on the CPU. Blocks.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]: there is no room for two buffers of 256 MiB; [`Code::DeviceLost`], [`Code::Device`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn copy_bandwidth(&self) -> Result<Option<f64>, Error> {
        match &*self.backend {
            #[cfg(feature = "cpu")]
            AnyBackend::Cpu(_) => Ok(None),
            #[cfg(feature = "cuda")]
            AnyBackend::Cuda(backend) => Ok(Some(backend.copy_bandwidth()?)),
            #[cfg(feature = "wgpu")]
            AnyBackend::Wgpu(backend) => Ok(Some(backend.copy_bandwidth()?)),
        }
    }

    /// The floating-point operations a second that a GPU's tensor cores do, multiplications and additions of dense bf16 products
    /// with f32 sums, from registers alone: what bounds the products of prompts on CUDA. None on the CPU and by wgpu, where
    /// nothing here uses them. Blocks.
    ///
    /// # Errors
    /// [`Code::Device`]: its tensor cores have no bf16, before compute capability 8.0; [`Code::DeviceLost`],
    /// [`Code::OutOfMemory`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn matrix_peak(&self) -> Result<Option<f64>, Error> {
        match &*self.backend {
            #[cfg(feature = "cpu")]
            AnyBackend::Cpu(_) => Ok(None),
            #[cfg(feature = "cuda")]
            AnyBackend::Cuda(backend) => Ok(Some(backend.matrix_peak()?)),
            #[cfg(feature = "wgpu")]
            AnyBackend::Wgpu(_) => Ok(None),
        }
    }

    /// Waits until the device says that what was made on it so far, shaders and buffers, is right. Natively it said so
    /// at once.
    ///
    /// # Errors
    /// [`Code::DeviceLost`], [`Code::OutOfMemory`], [`Code::Device`]: what it says.
    pub async fn settle(&self) -> Result<(), Error> {
        match &*self.backend {
            #[cfg(feature = "cpu")]
            AnyBackend::Cpu(_) => Ok(()),
            // Errors come with the call that made them, or the next.
            #[cfg(feature = "cuda")]
            AnyBackend::Cuda(_) => Ok(()),
            #[cfg(feature = "wgpu")]
            AnyBackend::Wgpu(backend) => Ok(backend.settle().await?),
        }
    }

    /// Waits until the device has taken what was written to it, so that copies on the way don't pile up.
    ///
    /// # Errors
    /// [`Code::DeviceLost`], [`Code::OutOfMemory`], [`Code::Device`]: what it says.
    pub async fn flush(&self) -> Result<(), Error> {
        match &*self.backend {
            #[cfg(feature = "cpu")]
            AnyBackend::Cpu(_) => Ok(()),
            // Errors come with the call that made them, or the next.
            #[cfg(feature = "cuda")]
            AnyBackend::Cuda(_) => Ok(()),
            #[cfg(feature = "wgpu")]
            AnyBackend::Wgpu(backend) => Ok(backend.flush().await?),
        }
    }

    /// Asks a GPU for nothing. Firefox answers a read only when its device is polled, each 100 ms or at the next
    /// submit, so that a page calls this every few milliseconds while it waits.
    pub fn nudge(&self) {
        #[cfg(feature = "wgpu")]
        #[allow(irrefutable_let_patterns, reason = "there may be no other back-end in this build")]
        if let AnyBackend::Wgpu(backend) = &*self.backend {
            backend.nudge();
        }
    }

    /// Ends a GPU: all that comes after fails with [`Code::DeviceLost`].
    pub fn destroy(&self) {
        #[cfg(feature = "wgpu")]
        #[allow(irrefutable_let_patterns, reason = "there may be no other back-end in this build")]
        if let AnyBackend::Wgpu(backend) = &*self.backend {
            backend.destroy();
        }
    }
}

/// What became of a case of a kernel: a call of it beside the same call's reference on the CPU.
///
/// ```
/// use std::collections::HashSet;
/// use std::ops::ControlFlow;
///
/// use azulejo::{Device, DeviceChoice, ModelOptions};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let device = pollster::block_on(Device::open(&ModelOptions::new().device(DeviceChoice::Cpu)))?;
/// device.run_kernels(&mut HashSet::new(), &mut |first| {
///     assert!(first.passed && first.error <= first.tolerance, "{first}");
///     ControlFlow::Break(())
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct KernelCheck {
    /// The case: its kernel, variant and sizes.
    pub name: String,
    /// Whether all is right.
    pub passed: bool,
    /// The greatest error of its outputs: the squares of differences, summed, over those of the right values. Infinite if
    /// something else is wrong.
    pub error: f64,
    /// The greatest error that is right; 0 where values have to be equal.
    pub tolerance: f64,
    /// All of it in words.
    text: String,
}

impl From<check::CaseResult> for KernelCheck {
    fn from(result: check::CaseResult) -> Self {
        let text = result.to_string();
        Self {
            name: result.name,
            passed: result.passed,
            error: result.nmse,
            tolerance: result.tolerance,
            text,
        }
    }
}

impl std::fmt::Display for KernelCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(feature = "wgpu")]
async fn open_wgpu(
    selection: azulejo_wgpu::Selection,
    options: &ModelOptions,
) -> Result<azulejo_wgpu::WgpuBackend, azulejo_wgpu::WgpuError> {
    let options = azulejo_wgpu::Options {
        selection,
        max_tier: options.checks.max_tier,
        binding_bytes: options.checks.binding_bytes,
        ..Default::default()
    };
    azulejo_wgpu::open(options).await
}
