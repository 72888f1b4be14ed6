//! Runs commands, one after the other, and says how long each took.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// The project's root: of the checkout that cargo runs this in, not of the one that it was built in.
pub(crate) fn root() -> PathBuf {
    let here =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or(env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent().map(PathBuf::from).unwrap_or_default()
}

/// A command in the project's root.
pub(crate) fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    // Mesa's layer that chooses among devices complains on every start where there is no desktop.
    command.args(words).current_dir(root()).env("NODEVICE_SELECT", "1");
    command
}

/// Runs a command line and fails if it fails.
pub(crate) fn run(line: &str) -> Result<()> {
    println!("\n== {line}");
    let start = Instant::now();
    let status = command(line).status().with_context(|| format!("can't start: {line}"))?;
    println!("== {} s: {line}", start.elapsed().as_secs());
    if !status.success() {
        bail!("failed: {line}");
    }
    Ok(())
}

/// What a command line prints on stdout; fails if it fails.
pub(crate) fn output(line: &str) -> Result<String> {
    let output = command(line).output().with_context(|| format!("can't start: {line}"))?;
    if !output.status.success() {
        bail!("failed: {line}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
