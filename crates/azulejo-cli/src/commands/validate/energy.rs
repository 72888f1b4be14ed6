//! What a generated token costs in energy, by the counter of the card (NVML), where there is one.

use std::time::Instant;

use anyhow::Result;
use azulejo::{Device, DeviceInfo, Session};
use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use super::super::bench::{Test, measure};

/// The least seconds of generation: the counter moves every 0.1 s at worst, which is 5 % of it.
pub(super) const SECONDS: f64 = 2.0;

/// The energy counter of a card.
pub(super) struct Meter {
    nvml: Nvml,
    /// The card, as NVML counts.
    index: u32,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Meter({})", self.index)
    }
}

/// Energy of generation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Energy {
    pub(super) tokens: u32,
    pub(super) seconds: f64,
    /// All that the card took meanwhile, idling included.
    pub(super) joules: f64,
}

impl Energy {
    pub(super) fn joules_per_token(&self) -> f64 {
        self.joules / f64::from(self.tokens)
    }

    pub(super) fn watts(&self) -> f64 {
        self.joules / self.seconds
    }
}

impl Meter {
    /// That of the card which the device is: by its place on the bus, else by its name, if only one card has it. The error
    /// says why there is none.
    pub(super) fn of(device: &Device, info: &DeviceInfo) -> Result<Self, String> {
        if info.backend == "cpu" {
            return Err("only cards of NVIDIA's have a counter that is read here".to_owned());
        }
        let nvml = Nvml::init().map_err(|error| match error {
            NvmlError::LibloadingError(error) => {
                format!("NVIDIA's management library (NVML) isn't there ({error})")
            }
            error => format!("NVIDIA's management library (NVML) can't be used: {error}"),
        })?;
        let index = match device.pci_address() {
            Some(address) => nvml
                .device_by_pci_bus_id(address.as_str())
                .and_then(|card| card.index())
                .map_err(|error| format!("NVML has no card at {address}: {error}"))?,
            None => {
                let count = nvml.device_count().map_err(|error| format!("NVML counts no cards: {error}"))?;
                let name = |index: &u32| nvml.device_by_index(*index).and_then(|card| card.name());
                let named: Vec<u32> =
                    (0..count).filter(|index| name(index).is_ok_and(|name| name == info.name)).collect();
                let [index] = named[..] else {
                    return Err(format!("NVML has {} cards named {}", named.len(), info.name));
                };
                index
            }
        };
        let meter = Self { nvml, index };
        meter.joules()?;
        Ok(meter)
    }

    fn joules(&self) -> Result<f64, String> {
        let read = self.nvml.device_by_index(self.index).and_then(|card| card.total_energy_consumption());
        read.map(|millijoules| millijoules as f64 / 1000.0)
            .map_err(|error| format!("NVML reads no energy of this card: {error}"))
    }

    /// Generates for a while, test after test.
    pub(super) fn of_generation(
        &self,
        session: &mut Session,
        test: Test,
        vocabulary: u32,
    ) -> Result<Result<Energy, String>> {
        let (start, mut tokens) = (Instant::now(), 0);
        let before = match self.joules() {
            Ok(joules) => joules,
            Err(why) => return Ok(Err(why)),
        };
        while start.elapsed().as_secs_f64() < SECONDS {
            measure(session, test, vocabulary)?;
            tokens += test.tokens();
        }
        let seconds = start.elapsed().as_secs_f64();
        Ok(self.joules().and_then(|after| match after - before {
            joules if joules > 0.0 => Ok(Energy { tokens, seconds, joules }),
            _ => Err("the card's counter stood still".to_owned()),
        }))
    }
}
