//! The devices that the tests run on.

use std::io::Write;
use std::sync::OnceLock;

use azulejo::{DeviceChoice, KvType, ModelOptions};
use azulejo_shaders::Tier;

/// The CPU, and the GPU in each tier that it can do. A machine without a GPU interface fails here: the tests need
/// at least a software one.
pub(crate) fn all() -> Vec<(String, ModelOptions)> {
    static DEVICES: OnceLock<Vec<(String, ModelOptions)>> = OnceLock::new();
    DEVICES.get_or_init(find).clone()
}

fn find() -> Vec<(String, ModelOptions)> {
    let f32_cache = ModelOptions::new().kv_types(KvType::F32, KvType::F32);
    let mut devices = vec![("cpu".to_owned(), f32_cache.clone().device(DeviceChoice::Cpu))];
    let adapters = azulejo::adapters();
    let best = adapters.iter().find(|adapter| adapter.problem.is_none()).unwrap_or_else(|| {
        panic!("no GPU to test on; install a software one: apt-get install mesa-vulkan-drivers libvulkan1")
    });
    for tier in Tier::ALL {
        if !Tier::ALL.iter().any(|t| t.name() == best.tier) || tier_is_within(tier, &best.tier) {
            let mut options = f32_cache.clone().device(DeviceChoice::Wgpu(Some(best.number)));
            options.checks.max_tier = Some(tier);
            devices.push((format!("wgpu {}", tier.name()), options));
        } else {
            // Not by println!, which shows only where a test fails.
            let (tier, name) = (tier.name(), &best.name);
            let _ = writeln!(std::io::stderr(), "not run: tier {tier} on {name}, which offers {}", best.tier);
        }
    }
    devices
}

fn tier_is_within(tier: Tier, offered: &str) -> bool {
    let Some(offered) = Tier::ALL.into_iter().find(|t| t.name() == offered) else { return true };
    (offered.subgroups() || !tier.subgroups()) && (offered.f16() || !tier.f16())
}
