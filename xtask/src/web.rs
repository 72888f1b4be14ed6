//! The browser's build: the engine as WebAssembly, the npm package around it, and the chat for a site.

use std::path::Path;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::{notices, packages, steps};

/// The target of the browser's build.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// The target and the crate of the browser's build.
pub(crate) const BROWSER: &str = "--target wasm32-unknown-unknown -p azulejo-wasm";
/// The most bytes of engine and JavaScript together, compressed by brotli as servers do.
const MOST_BYTES: u64 = 950_000;
/// Where the bindings go; the package's sources import them from there.
const BINDINGS: &str = "web/packages/azulejo/src/wasm";

/// Builds the packages, each into its `dist`.
pub(crate) fn build() -> Result<()> {
    packages::target(TARGET)?;
    steps::run(&format!("cargo build --profile web {BROWSER}"))?;
    bindings()?;
    install("web")?;
    steps::run("npm run build --prefix web")?;
    size()
}

/// Makes the JavaScript that calls the engine.
fn bindings() -> Result<()> {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => folder.into(),
        None => steps::root().join("target"),
    };
    let wasm = target.join("wasm32-unknown-unknown/web/azulejo_wasm.wasm");
    let out = steps::root().join(BINDINGS);
    println!("\n== wasm-bindgen {}", wasm.display());
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&wasm).web(true)?.typescript(true).remove_name_section(true);
    bindgen.remove_producers_section(true).generate(&out)?;
    std::fs::write(out.join("THIRD-PARTY.txt"), notices::text()?)?;
    Ok(())
}

/// Installs the npm packages of a folder's lock file, where they aren't there.
pub(crate) fn install(name: &str) -> Result<()> {
    packages::node()?;
    let folder = steps::root().join(name);
    let modified = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= modified(&folder.join("package-lock.json")) {
        println!("npm packages of {name}/: installed already");
        return Ok(());
    }
    steps::run(&format!("npm ci --prefix {name} --no-audit --no-fund"))
}

/// Holds the package to its size.
pub(crate) fn size() -> Result<()> {
    let report = steps::output("node web/size.mjs")?;
    print!("\n{report}");
    let total = report.lines().last().and_then(|l| l.split_whitespace().last()).context("no sizes")?;
    let total: u64 = total.parse().context("no sizes")?;
    if total > MOST_BYTES {
        bail!("engine and JavaScript are {total} bytes, more than {MOST_BYTES}");
    }
    Ok(())
}

/// The town hall with its chat, in this machine's own browser; or a question to the bare chat in one without a window,
/// which prints the answer.
pub(crate) fn demo(check: bool) -> Result<()> {
    build()?;
    // Which makes the index of the town hall's pages.
    steps::run("cargo build --release -p azulejo-cli")?;
    if check {
        packages::browsers()?;
        return steps::run("node web/e2e/demo.js --check");
    }
    steps::run("node web/e2e/demo.js")
}

/// One of the examples that have packages, on a server of its own.
pub(crate) fn example(name: &str) -> Result<()> {
    let is_one = |name: &str| steps::root().join("examples").join(name).join("package.json").is_file();
    if name.contains(['/', '\\']) || !is_one(name) {
        bail!("examples/{name} isn't there, or is served by `cargo xtask demo`");
    }
    build()?;
    install("examples")?;
    steps::run(&format!("npm start --prefix examples/{name}"))
}
