//! Which device a model runs on.

use std::str::FromStr;

use crate::Error;

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
    #[cfg(feature = "wgpu")]
    {
        (0..)
            .zip(pollster::block_on(azulejo_wgpu::devices()))
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
