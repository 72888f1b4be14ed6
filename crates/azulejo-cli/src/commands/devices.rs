//! `devices`: what models can run on.

use anyhow::Result;
use azulejo::{Adapter, Cuda, adapters};
use serde_json::json;

use crate::output::Output;

pub(crate) fn run(output: &Output) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let instructions = instructions();
    let gpus = adapters();
    let cuda = Cuda::find();
    let auto = match gpus.iter().find(|gpu| gpu.is_hardware() && gpu.problem.is_none()) {
        Some(_) if cfg!(feature = "wgpu") => "wgpu",
        _ => "cpu",
    };
    if output.is_json() {
        let gpus: Vec<_> = gpus
            .iter()
            .map(|gpu| {
                json!({
                    "device": format!("wgpu:{}", gpu.number),
                    "name": gpu.name,
                    "kind": gpu.kind,
                    "interface": gpu.interface,
                    "driver": gpu.driver,
                    "tier": gpu.tier,
                    "reason": reason(gpu),
                    "binding_bytes": gpu.binding_bytes,
                    "problem": gpu.problem,
                })
            })
            .collect();
        output.json(&json!({
            "cpu": {
                "device": "cpu",
                "architecture": std::env::consts::ARCH,
                "threads": threads,
                "instructions": instructions,
            },
            "gpus": gpus,
            "cuda": cuda.as_ref().map(of_cuda),
            "auto": auto,
        }))?;
        return Ok(());
    }
    let found = if instructions.is_empty() { "baseline".to_owned() } else { instructions.join(" ") };
    output.line(&format!("cpu       {}, {threads} threads, {found}", std::env::consts::ARCH))?;
    for gpu in &gpus {
        let device = format!("wgpu:{}", gpu.number);
        output.line(&format!("{device:<9} {} ({}), {} {}", gpu.name, gpu.kind, gpu.interface, gpu.driver))?;
        match &gpu.problem {
            Some(problem) => output.line(&format!("          passed over: {problem}"))?,
            None => output.line(&format!("          tier {}: {}", gpu.tier, reason(gpu)))?,
        }
    }
    if let Some(cuda) = &cuda {
        for gpu in &cuda.devices {
            let (device, gib) = (format!("cuda:{}", gpu.number), gpu.bytes as f64 / f64::from(1 << 30));
            let what = format!("{} ({}), {}, {gib:.1} GiB", gpu.name, gpu.architecture, gpu.driver);
            output.line(&format!("{device:<9} {what}"))?;
            let kernels = gpu.kernels.iter().map(|kernels| format!("kernels: {kernels}"));
            let problem = gpu.problem.iter().map(|problem| format!("can't be used: {problem}"));
            for line in kernels.chain(problem) {
                output.line(&format!("          {line}"))?;
            }
        }
        if let Some(problem) = &cuda.problem {
            output.notice(&format!("cuda: {problem}"));
        }
        output.notice(&format!("for CUDA this program carries {}", cuda.carries));
    }
    if gpus.is_empty() {
        output.notice("no GPU was found; on Debian or Ubuntu, mesa-vulkan-drivers has the drivers of most");
    }
    output.notice(&format!("--device auto takes {auto}"));
    Ok(())
}

fn of_cuda(cuda: &Cuda) -> serde_json::Value {
    let devices: Vec<_> = cuda
        .devices
        .iter()
        .map(|gpu| {
            json!({
                "device": format!("cuda:{}", gpu.number),
                "name": gpu.name,
                "architecture": gpu.architecture,
                "driver": gpu.driver,
                "bytes": gpu.bytes,
                "kernels": gpu.kernels,
                "problem": gpu.problem,
            })
        })
        .collect();
    json!({ "carries": cuda.carries, "devices": devices, "problem": cuda.problem })
}

fn reason(gpu: &Adapter) -> String {
    let has = |word: &str| gpu.tier.contains(word);
    let subgroups = if has("subgroups") { "subgroups" } else { "no subgroups" };
    let f16 = if has("f16") { "16-bit floats" } else { "no 16-bit floats" };
    let mib = gpu.binding_bytes >> 20;
    format!("it offers {subgroups} and {f16}, and binds {mib} MiB at once")
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn instructions() -> Vec<&'static str> {
    macro_rules! found {
        ($($name:tt),*) => {
            [$(($name, std::arch::is_x86_feature_detected!($name))),*]
        };
    }
    let all = found!(
        "sse4.2",
        "avx",
        "avx2",
        "fma",
        "f16c",
        "avxvnni",
        "avx512f",
        "avx512bw",
        "avx512vnni",
        "avx512bf16"
    );
    all.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
}

#[cfg(target_arch = "aarch64")]
fn instructions() -> Vec<&'static str> {
    macro_rules! found {
        ($($name:tt),*) => {
            [$(($name, std::arch::is_aarch64_feature_detected!($name))),*]
        };
    }
    let all = found!("neon", "fp16", "dotprod", "i8mm", "bf16", "sve");
    all.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
fn instructions() -> Vec<&'static str> {
    Vec::new()
}
