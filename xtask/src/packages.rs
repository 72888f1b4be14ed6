//! What the tests need of the system.

use std::path::Path;

use anyhow::{Result, bail};

use crate::steps;

/// Makes sure that there is a Vulkan driver to test the GPU back-end on: the system's own, or Mesa's software one.
pub(crate) fn vulkan() -> Result<()> {
    if !cfg!(target_os = "linux") {
        println!("no package to install: this system brings its own GPU interface");
        return Ok(());
    }
    let folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
    let has_driver = folders.iter().any(|f| std::fs::read_dir(f).is_ok_and(|mut d| d.next().is_some()));
    let loader = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let has_loader = loader.iter().any(|f| Path::new(f).join("libvulkan.so.1").exists());
    if has_driver && has_loader {
        println!("Vulkan: a driver is there");
        return Ok(());
    }
    const WANTED: &str = "mesa-vulkan-drivers libvulkan1";
    let is_root = steps::output("id -u").is_ok_and(|id| id.trim() == "0");
    if !is_root || steps::output("apt-get --version").is_err() {
        bail!("the GPU tests need a Vulkan driver; install Mesa's software one: apt-get install {WANTED}");
    }
    steps::run("apt-get update -qq")?;
    steps::run(&format!("apt-get install -y -qq --no-install-recommends {WANTED}"))
}
