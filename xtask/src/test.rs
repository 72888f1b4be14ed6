//! Everything that CI runs.

use anyhow::{Result, bail};

use crate::web::{self, BROWSER};
use crate::{licences, packages, real, sbom, steps, tidy};

/// Systems that the program is built for besides this one; checked, as there is no linker for them here.
const SYSTEMS: [&str; 2] = ["aarch64-apple-darwin", "x86_64-pc-windows-msvc"];

/// Runs all of it; the first failure ends it.
pub(crate) fn run() -> Result<()> {
    packages::vulkan()?;
    packages::node()?;
    packages::browsers()?;
    tidy::run()?;
    licences::check()?;
    steps::run("cargo fmt --all --check")?;
    steps::run("cargo clippy --release --workspace --all-targets -- -D warnings")?;
    steps::run("cargo test --release --workspace --no-fail-fast")?;
    // Links of the public documentation that lead nowhere.
    steps::run("cargo rustdoc --release -p azulejo -- -D warnings")?;
    browser()?;
    for system in SYSTEMS {
        packages::target(system)?;
        steps::run(&format!("cargo check --release --target {system} -p azulejo-cli"))?;
    }
    if std::env::var_os("AZULEJO_MODELS").is_none() {
        println!("\nnot run: the quality of real models (AZULEJO_MODELS names no folder with them)");
    }
    println!(
        "\nall that could be run was run: CPU; wgpu on Vulkan; Chromium, Firefox and WebKitGTK. Not run here: Metal and DX12 (checked only), CUDA, Safari; the lines `not run` above say what an engine of this machine lacks"
    );
    Ok(())
}

/// Where WebAssembly's kernels are tested: libtest runs there, which the browser's target has no way to.
const WASI: &str = "wasm32-wasip1";

/// The browser's build: its lints, what must not be in it, its size, and its tests in real browsers.
fn browser() -> Result<()> {
    packages::target(web::TARGET)?;
    packages::target(WASI)?;
    steps::run(&format!("cargo clippy --profile web {BROWSER} -- -D warnings"))?;
    steps::run(&format!("cargo test --release --target {WASI} -p azulejo-cpu"))?;
    for unwanted in ["naga", "wgpu-core"] {
        let line = format!("cargo tree {BROWSER} -e normal --prefix none");
        if steps::output(&line)?.lines().any(|l| l.split(' ').next() == Some(unwanted)) {
            bail!("{unwanted} is in the browser's build; `{line} -i {unwanted}` says why");
        }
        println!("{unwanted} is not in the browser's build");
    }
    web::build()?;
    sbom::write()?;
    web::install("examples")?;
    steps::run("node web/licences.mjs")?;
    steps::run("npm run check --prefix web")?;
    steps::run("npm test --prefix web")?;
    // The program is there as the tests built it: alone it would be built again, with fewer features of its dependencies.
    let has_real = real::native()?;
    steps::run("npm test --prefix web --workspace e2e")?;
    if !has_real {
        println!("\nnot run: real models (see above)");
    }
    Ok(())
}
