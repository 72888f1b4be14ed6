//! What no compiler checks: layers, file lengths, module docs, unfinished places.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::steps;

/// The crates and their ranks: a crate uses only crates of a lower rank.
const RANKS: &[(&str, &str, u32)] = &[
    ("azulejo-quant", "crates/azulejo-quant", 0),
    ("azulejo-formats", "crates/azulejo-formats", 1),
    ("azulejo-tokenizer", "crates/azulejo-tokenizer", 1),
    ("azulejo-plan", "crates/azulejo-plan", 2),
    ("azulejo-models", "crates/azulejo-models", 3),
    ("azulejo-shaders", "shaders", 3),
    ("azulejo-cpu", "crates/azulejo-cpu", 4),
    ("azulejo-cuda", "crates/azulejo-cuda", 4),
    ("azulejo-wgpu", "crates/azulejo-wgpu", 4),
    ("azulejo-engine", "crates/azulejo-engine", 5),
    ("azulejo", "crates/azulejo", 6),
    ("azulejo-cli", "crates/azulejo-cli", 7),
    ("azulejo-wasm", "crates/azulejo-wasm", 7),
    ("azulejo-tests", "tests", 8),
    ("xtask", "xtask", 8),
];
/// The longest file of a kind, in lines.
const LONGEST: [(&str, usize); 5] = [("rs", 800), ("wesl", 200), ("ts", 500), ("js", 500), ("mjs", 500)];
/// Words that stand for something unfinished; split, so that this file doesn't hold them.
const UNFINISHED: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("#[ign", "ore")];

/// Checks all of it and lists everything that is wrong.
pub(crate) fn run() -> Result<()> {
    let mut wrong = Vec::new();
    layers(&mut wrong)?;
    let files = steps::output("git ls-files --cached --others --exclude-standard")?;
    let mut count = 0;
    for file in files.lines() {
        let path = steps::root().join(file);
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        source(file, &text, &mut wrong);
        count += 1;
    }
    if !wrong.is_empty() {
        bail!("tidy: {} things are wrong\n{}", wrong.len(), wrong.join("\n"));
    }
    println!("tidy: {count} files, {} crates in order", RANKS.len());
    Ok(())
}

fn source(file: &str, text: &str, wrong: &mut Vec<String>) {
    let extension = Path::new(file).extension().and_then(|e| e.to_str()).unwrap_or("");
    if let Some((_, longest)) = LONGEST.iter().find(|(kind, _)| *kind == extension) {
        let lines = text.lines().count();
        if lines > *longest {
            wrong.push(format!("{file}: {lines} lines; {longest} is the limit"));
        }
    }
    if !["rs", "wesl", "toml", "md", "py", "sh", "yml", "ts", "js", "mjs", "css", "html"].contains(&extension)
    {
        return;
    }
    for (number, line) in (1..).zip(text.lines()) {
        if line.ends_with(' ') && extension != "md" {
            wrong.push(format!("{file}:{number}: trailing space"));
        }
        if let Some(word) = UNFINISHED.iter().find(|w| line.contains(**w)) {
            wrong.push(format!("{file}:{number}: unfinished ({word})"));
        }
    }
    if extension == "rs" && !text.starts_with("//!") && !text.starts_with("#!") {
        wrong.push(format!("{file}: no module doc (//!) at its head"));
    }
    // A script's first line says what runs it.
    let head = text.lines().find(|line| !line.starts_with("#!")).unwrap_or("");
    if ["wesl", "ts", "js", "mjs"].contains(&extension) && !head.starts_with("//") && !head.starts_with("/*")
    {
        wrong.push(format!("{file}: no comment at its head that says what it is"));
    }
}

fn layers(wrong: &mut Vec<String>) -> Result<()> {
    for (name, folder, rank) in RANKS {
        let path: PathBuf = steps::root().join(folder).join("Cargo.toml");
        let manifest = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for line in manifest.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or("");
            let Some((_, _, other)) = RANKS.iter().find(|(n, _, _)| *n == dependency) else { continue };
            if line.contains("workspace") && other >= rank {
                wrong.push(format!(
                    "{name} (rank {rank}) uses {dependency} (rank {other}); only lower ranks are allowed"
                ));
            }
        }
    }
    let known = |path: &Path| RANKS.iter().any(|(_, folder, _)| steps::root().join(folder) == path);
    for entry in std::fs::read_dir(steps::root().join("crates"))? {
        let path = entry?.path();
        if path.join("Cargo.toml").exists() && !known(&path) {
            wrong.push(format!("{}: a crate without a rank in xtask/src/tidy.rs", path.display()));
        }
    }
    Ok(())
}
