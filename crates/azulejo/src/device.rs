//! Which device a model runs on, and opening it.

use std::str::FromStr;
use std::sync::Arc;

use azulejo_plan::{Backend, DeviceInfo};
use azulejo_shaders::check::CaseResult;

use crate::{Code, Error, ModelOptions};

/// A wish for a device: `auto`, `cpu`, `wgpu` or `wgpu:N`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A GPU where there is a real one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU: the best there is, or the one of that number in [`adapters`].
    Wgpu(Option<usize>),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "wgpu" => Ok(Self::Wgpu(None)),
            _ => match text.strip_prefix("wgpu:").and_then(|n| n.parse().ok()) {
                Some(n) => Ok(Self::Wgpu(Some(n))),
                None => {
                    Err(Error::invalid(format!("no such device: '{text}'; choose auto, cpu, wgpu or wgpu:N")))
                }
            },
        }
    }
}

/// A GPU that could be used.
#[derive(Clone, Debug, PartialEq)]
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
    /// The tier that it would get.
    pub tier: String,
    /// Bytes that it binds at once.
    pub binding_bytes: u64,
}

impl Adapter {
    /// True for a GPU that is one, not a program on the CPU.
    pub fn is_hardware(&self) -> bool {
        self.kind.starts_with("discrete") || self.kind.starts_with("integrated")
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
            .map(|(number, d)| Adapter {
                number,
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

/// An opened device. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Device(pub(crate) OnDevice);

/// The back-end that it is opened by.
#[derive(Clone, Debug)]
pub(crate) enum OnDevice {
    #[cfg(feature = "cpu")]
    Cpu(Arc<azulejo_cpu::CpuBackend>),
    #[cfg(feature = "wgpu")]
    Wgpu(Arc<azulejo_wgpu::WgpuBackend>),
}

macro_rules! with_device {
    ($on:expr, $backend:ident => $body:expr) => {
        match $on {
            #[cfg(feature = "cpu")]
            OnDevice::Cpu($backend) => $body,
            #[cfg(feature = "wgpu")]
            OnDevice::Wgpu($backend) => $body,
        }
    };
}

impl Device {
    /// Opens the device that the options ask for.
    pub async fn open(options: &ModelOptions) -> Result<Self, Error> {
        match options.device {
            #[cfg(feature = "wgpu")]
            DeviceChoice::Wgpu(number) => Ok(Self(OnDevice::Wgpu(open_wgpu(number, options).await?))),
            #[cfg(feature = "wgpu")]
            DeviceChoice::Auto if find_adapters().await.iter().any(Adapter::is_hardware) => {
                Ok(Self(OnDevice::Wgpu(open_wgpu(None, options).await?)))
            }
            #[cfg(feature = "cpu")]
            DeviceChoice::Auto | DeviceChoice::Cpu => {
                let cpu = azulejo_cpu::CpuOptions { threads: options.threads, ..Default::default() };
                Ok(Self(OnDevice::Cpu(Arc::new(azulejo_cpu::CpuBackend::new(cpu)?))))
            }
            #[allow(unreachable_patterns, reason = "reached where a back-end is left out of the build")]
            choice => Err(Error::new(Code::NoDevice, format!("this build has no back-end for {choice:?}"))),
        }
    }

    /// The device, in words.
    pub fn info(&self) -> DeviceInfo {
        with_device!(&self.0, backend => backend.info())
    }

    /// Runs the few small kernel cases that a device is tried with before it is trusted, and returns those that
    /// failed: a GPU's driver may compute wrongly without an error.
    pub async fn self_test(&self) -> Result<Vec<CaseResult>, Error> {
        let mut results = Vec::new();
        match &self.0 {
            #[cfg(feature = "cpu")]
            OnDevice::Cpu(_) => {
                let one_thread = azulejo_cpu::CpuOptions { threads: Some(1), ..Default::default() };
                let mut executor = azulejo_cpu::CpuExecutor::new(one_thread)?;
                for case in azulejo_shaders::check::probe_cases() {
                    results.push(azulejo_shaders::check::run_case(&mut executor, &case));
                }
            }
            #[cfg(feature = "wgpu")]
            OnDevice::Wgpu(backend) => {
                for case in azulejo_shaders::check::probe_cases() {
                    let setup = case.setup();
                    let mut buffers = setup.buffers.clone();
                    backend.run_call(&setup.call, setup.run, &mut buffers).await?;
                    results.push(case.judge(&setup, &buffers));
                }
            }
        }
        results.retain(|result| !result.passed);
        Ok(results)
    }

    /// Waits until the device says that what was made on it so far, shaders and buffers, is right. Natively it said so
    /// at once.
    pub async fn settle(&self) -> Result<(), Error> {
        match &self.0 {
            #[cfg(feature = "cpu")]
            OnDevice::Cpu(_) => Ok(()),
            #[cfg(feature = "wgpu")]
            OnDevice::Wgpu(backend) => Ok(backend.settle().await?),
        }
    }

    /// Waits until the device has taken what was written to it, so that copies on the way don't pile up.
    pub async fn flush(&self) -> Result<(), Error> {
        match &self.0 {
            #[cfg(feature = "cpu")]
            OnDevice::Cpu(_) => Ok(()),
            #[cfg(feature = "wgpu")]
            OnDevice::Wgpu(backend) => Ok(backend.flush().await?),
        }
    }

    /// Asks a GPU for nothing. Firefox answers a read only when its device is polled, each 100 ms or at the next
    /// submit, so that a page calls this every few milliseconds while it waits.
    pub fn nudge(&self) {
        #[cfg(feature = "wgpu")]
        #[allow(irrefutable_let_patterns, reason = "there may be no other back-end in this build")]
        if let OnDevice::Wgpu(backend) = &self.0 {
            backend.nudge();
        }
    }

    /// Ends a GPU: all that comes after fails with [`Code::DeviceLost`].
    pub fn destroy(&self) {
        #[cfg(feature = "wgpu")]
        #[allow(irrefutable_let_patterns, reason = "there may be no other back-end in this build")]
        if let OnDevice::Wgpu(backend) = &self.0 {
            backend.destroy();
        }
    }
}

#[cfg(feature = "wgpu")]
async fn open_wgpu(
    number: Option<usize>,
    options: &ModelOptions,
) -> Result<Arc<azulejo_wgpu::WgpuBackend>, Error> {
    let options = azulejo_wgpu::Options {
        selection: number.map_or(azulejo_wgpu::Selection::Auto, azulejo_wgpu::Selection::Index),
        max_tier: options.max_tier,
        binding_bytes: options.binding_bytes,
        ..Default::default()
    };
    Ok(Arc::new(azulejo_wgpu::open(options).await?))
}
