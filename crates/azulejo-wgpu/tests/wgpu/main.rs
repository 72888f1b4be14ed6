//! The back-end on a real device: the kernels' cases in every tier, and a small model end to end. A machine without
//! any Vulkan device fails these, saying what to install.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test, and its place says enough")]

mod kernels;
mod model;
mod plans;

use azulejo_shaders::Tier;
use azulejo_wgpu::{Options, WgpuBackend};

fn open(options: Options) -> WgpuBackend {
    pollster::block_on(azulejo_wgpu::open(options)).unwrap_or_else(|e| panic!("these tests need a GPU: {e}"))
}

/// The device in every tier that it can do.
fn tiers() -> Vec<WgpuBackend> {
    let all = Tier::ALL.map(|tier| (tier, open(Options { max_tier: Some(tier), ..Options::default() })));
    all.into_iter().filter(|(tier, backend)| backend.tier() == *tier).map(|(_, backend)| backend).collect()
}

/// The normalised mean square error of floats.
fn nmse(got: &[f32], want: &[f32]) -> f64 {
    assert_eq!(got.len(), want.len());
    let error: f64 = got.iter().zip(want).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    let power: f64 = want.iter().map(|b| f64::from(*b).powi(2)).sum();
    error / power
}
