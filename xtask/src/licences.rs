//! The licences of all dependencies are on the list in deny.toml, which cargo-deny reads too.
//!
//! cargo-deny checks more (sources, bans), but takes as long to build as the project; this check costs nothing.

use anyhow::{Context, Result, bail};
use spdx::{Expression, ParseMode};

use crate::steps;

/// Checks them.
pub(crate) fn check() -> Result<()> {
    let deny = std::fs::read_to_string(steps::root().join("deny.toml")).context("deny.toml")?;
    let line =
        deny.lines().find(|l| l.starts_with("allow = [")).context("deny.toml has no list of licences")?;
    let allowed: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
    let tree =
        steps::output("cargo tree --workspace --all-features --target all --prefix none --format {p}|{l}")?;
    let mut packages: Vec<&str> = tree.lines().map(|l| l.trim_end_matches(" (*)")).collect();
    packages.sort_unstable();
    packages.dedup();
    let mut wrong = Vec::new();
    for package in &packages {
        let Some((name, licence)) = package.split_once('|') else { continue };
        let is_allowed = Expression::parse_mode(licence, ParseMode::LAX)
            .is_ok_and(|e| e.evaluate(|wanted| allowed.contains(&wanted.to_string().as_str())));
        if !is_allowed {
            wrong.push(format!("{name}: '{licence}'"));
        }
    }
    if !wrong.is_empty() {
        bail!("licences that deny.toml doesn't allow:\n{}", wrong.join("\n"));
    }
    println!("licences: {} packages, all allowed", packages.len());
    Ok(())
}
