//! A device that computes right: a GPU is tried with a few small kernels before it is trusted, once for a driver and a
//! version of this program; what passed is kept in the user's cache folder.
//!
//! A driver may compute wrongly in one tier and not in a lower one, so that the best one that passes is taken; where none
//! does, `auto` takes the CPU.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};
use azulejo::{Device, DeviceChoice, DeviceInfo, ModelOptions};
use azulejo_shaders::Tier;

use crate::output::Output;

/// Opens the device that the options ask for.
///
/// # Errors
/// It can't be opened; or it was asked for by its name, and computes wrongly in every tier.
pub(crate) fn open(options: &ModelOptions, output: &Output) -> Result<Device> {
    let mut problems = Vec::new();
    let mut tried = Vec::new();
    let below = Tier::ALL.into_iter().rev().map(Some);
    for max_tier in std::iter::once(options.checks.max_tier).chain(below) {
        let mut options = options.clone();
        options.checks.max_tier = max_tier;
        let device = pollster::block_on(Device::open(&options))?;
        let info = device.info();
        if info.backend == "cpu" || is_kept(&info) {
            return Ok(device);
        }
        if tried.contains(&info.tier) {
            continue;
        }
        output.detail(&format!("testing {} in the tier {}", info.name, info.tier));
        let failed = match pollster::block_on(device.self_test()) {
            Ok(failed) => failed.first().map(ToString::to_string),
            Err(error) => Some(error.to_string()),
        };
        let Some(problem) = failed else {
            keep(&info);
            return Ok(device);
        };
        output.warning(&format!("{} computes wrongly in the tier {}: {problem}", info.name, info.tier));
        problems.push(problem);
        tried.push(info.tier);
    }
    if options.device != DeviceChoice::Auto {
        bail!("the GPU computes wrongly in every tier: update its driver, or take --device cpu");
    }
    output.warning("the GPU is not used: this runs on the CPU");
    Ok(pollster::block_on(Device::open(&options.clone().device(DeviceChoice::Cpu)))?)
}

/// What stands for a device, its driver, its tier and this program: a line of the file.
fn line(info: &DeviceInfo) -> String {
    let program = concat!(env!("CARGO_PKG_VERSION"), " ", env!("AZULEJO_COMMIT"));
    format!("{program}: {}, {}, {}", info.name, info.driver, info.tier).replace('\n', " ")
}

/// The file of what passed. None if nothing says where such files go: then each start tests anew.
fn file() -> Option<PathBuf> {
    Some(azulejo::cache_folder()?.join("self-tests.txt"))
}

fn is_kept(info: &DeviceInfo) -> bool {
    let kept = file().and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    let line = line(info);
    kept.lines().any(|kept| kept == line)
}

/// Writes it down. A folder that can't be written costs a test at each start and no more.
fn keep(info: &DeviceInfo) {
    let Some(file) = file() else { return };
    let Some(folder) = file.parent() else { return };
    let _ = std::fs::create_dir_all(folder).and_then(|()| {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&file)?;
        // One write, so that two programs at once leave whole lines.
        file.write_all(format!("{}\n", line(info)).as_bytes())
    });
}
