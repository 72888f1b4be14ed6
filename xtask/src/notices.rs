//! Whose code is in the browser's build besides ours, with the licences that want to be told: a file of the npm package.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use spdx::{Expression, ParseMode};

use crate::steps;
use crate::web::BROWSER;

const HEAD: &str = "Code of others in azulejo_wasm_bg.wasm and the JavaScript that calls it.\n";

/// The file's text. Of what is under several licences we choose the one that is ours too.
pub(crate) fn text() -> Result<String> {
    let (target, package) = BROWSER.split_once(" -p ").context("no target")?;
    let tree = steps::output(&format!(
        "cargo tree -p {package} {target} -e normal,no-proc-macro --prefix none --format {{p}}|{{l}}"
    ))?;
    let folders = folders()?;
    let mut ours = Vec::new();
    let mut others: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut packages: Vec<&str> = tree.lines().map(|l| l.trim_end_matches(" (*)")).collect();
    packages.sort_unstable();
    packages.dedup();
    for package in packages {
        let (name, licence) = package.split_once('|').context("cargo tree's format")?;
        // What has a path is of this project.
        let Some(folder) = folders.get(name) else { continue };
        let expression = Expression::parse_mode(licence, ParseMode::LAX).with_context(|| name.to_owned())?;
        let files = files(folder)?;
        let notices = files.iter().filter(|file| is(file, "notice"));
        let told: Vec<&PathBuf> = if expression.evaluate(|wanted| wanted.to_string() == "Apache-2.0") {
            ours.push(name.to_owned());
            notices.collect()
        } else {
            let mit: Vec<&PathBuf> = files.iter().filter(|file| is(file, "mit")).collect();
            let one = !mit.is_empty() && expression.evaluate(|wanted| wanted.to_string() == "MIT");
            if files.is_empty() {
                bail!("{name} ({licence}) has no text of its licence: write it into xtask/src/notices.rs");
            }
            if one { mit } else { files.iter().collect() }
        };
        for file in told {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            others.entry(text.replace('\r', "").trim().to_owned()).or_default().push(name.to_owned());
        }
    }
    let mut out =
        format!("{HEAD}\nUnder the Apache License 2.0, whose text is in LICENSE:\n{}\n", ours.join(", "));
    out.push_str(
        "\nThe standard library of Rust, by the Rust project's contributors, under the same licence.\n",
    );
    for (text, names) in others {
        out.push_str(&format!("\n{}\n{}:\n\n{text}\n", "-".repeat(80), names.join(", ")));
    }
    Ok(out)
}

/// Where the sources of each package are that isn't of this project, by `name v1.2.3`.
fn folders() -> Result<BTreeMap<String, PathBuf>> {
    let metadata = steps::output("cargo metadata --format-version 1")?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let others = packages.iter().filter(|package| !package["source"].is_null()).map(|package| {
        let name = format!("{} v{}", text(&package["name"]), text(&package["version"]));
        (name, Path::new(&text(&package["manifest_path"])).with_file_name(""))
    });
    Ok(others.collect())
}

fn is(file: &Path, word: &str) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().contains(word))
}

/// The texts of licences in a package's folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_file() && ["licen", "copying", "notice"].iter().any(|word| is(&path, word)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
