//! Everything that CI runs.

use anyhow::{Result, bail};

use crate::{licences, packages, steps, tidy};

/// Crates that the browser's build consists of.
const BROWSER: &str = "-p azulejo-cpu -p azulejo-wgpu -p azulejo-engine";
/// Systems that the program is built for besides this one; checked, as there is no linker for them here.
const SYSTEMS: [&str; 2] = ["aarch64-apple-darwin", "x86_64-pc-windows-msvc"];

/// Runs all of it; the first failure ends it.
pub(crate) fn run() -> Result<()> {
    packages::vulkan()?;
    tidy::run()?;
    licences::check()?;
    steps::run("cargo fmt --all --check")?;
    steps::run("cargo clippy --release --workspace --all-targets -- -D warnings")?;
    steps::run("cargo test --release --workspace --no-fail-fast")?;
    browser()?;
    for system in SYSTEMS {
        steps::run(&format!("rustup target add {system}"))?;
        steps::run(&format!("cargo check --release --target {system} -p azulejo-cli"))?;
    }
    println!(
        "\nall that could be run was run: CPU, wgpu on Vulkan; not run here: Metal and DX12 (checked only), CUDA"
    );
    Ok(())
}

/// The crates of the browser's build compile for it, and naga isn't among them.
fn browser() -> Result<()> {
    const TARGET: &str = "--target wasm32-unknown-unknown";
    steps::run(&format!("cargo check --release {TARGET} {BROWSER}"))?;
    for unwanted in ["naga", "wgpu-core"] {
        let line = format!("cargo tree {TARGET} {BROWSER} -e normal --prefix none");
        if steps::output(&line)?.lines().any(|l| l.split(' ').next() == Some(unwanted)) {
            bail!("{unwanted} is in the browser's build; `{line} -i {unwanted}` says why");
        }
        println!("{unwanted} is not in the browser's build");
    }
    Ok(())
}
