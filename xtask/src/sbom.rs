//! Bills of materials in CycloneDX's JSON: what the engine for browsers, the program and the chat are made of, a file each.
//!
//! `npm sbom` writes the chat's. The crates' is `cargo tree` in another form: a tool of its own would be more to install
//! and to trust than this file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use spdx::Expression;

use crate::steps;
use crate::web::BROWSER;

/// Where they go, below the project's root.
const FOLDER: &str = "target/sbom";
/// The lines that name the packages whose code is in the chat's build: `preact 11.2.0 (MIT)`.
const IN_THE_CHAT: &str = "web/packages/azulejo-chat/dist/THIRD-PARTY.txt";
const NPM: &str = "npm sbom --sbom-format cyclonedx --package-lock-only --prefix web";

/// Writes and checks all of them; the chat has to be built.
pub(crate) fn write() -> Result<()> {
    let (target, engine) = BROWSER.split_once(" -p ").context("no target")?;
    let folder = steps::root().join(FOLDER);
    std::fs::create_dir_all(&folder)?;
    println!();
    for (name, bill) in [
        (engine, crates(engine, target)?),
        // For all systems that it can be built for.
        ("azulejo-cli", crates("azulejo-cli", "--target all")?),
        ("azulejo-chat", packages()?),
    ] {
        let wrong = wrong(&bill);
        if !wrong.is_empty() {
            bail!("the bill of materials of {name} is incomplete:\n{}", wrong.join("\n"));
        }
        let path = folder.join(format!("{name}.cdx.json"));
        std::fs::write(&path, serde_json::to_string_pretty(&bill)? + "\n")?;
        let all = components(&bill);
        let shipped = all.iter().filter(|one| one["scope"] == "required").count();
        println!("sbom: {FOLDER}/{name}.cdx.json: {shipped} shipped, {} to build with", all.len() - shipped);
    }
    Ok(())
}

/// What is missing in a bill; nothing, if it is complete.
fn wrong(bill: &Value) -> Vec<String> {
    let all = components(bill);
    let mut wrong = Vec::new();
    if !all.iter().any(|one| one["scope"] == "required") {
        wrong.push("nothing is shipped".to_owned());
    }
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    for one in all.iter().chain([&bill["metadata"]["component"]]) {
        for key in ["name", "version", "purl", "bom-ref"] {
            if !is_text(&one[key]) {
                wrong.push(format!("{}: no {key}", one["bom-ref"]));
            }
        }
        let licence = &one["licenses"][0];
        if ![&licence["expression"], &licence["license"]["id"]].into_iter().any(is_text) {
            wrong.push(format!("{}: no licence", one["bom-ref"]));
        }
    }
    let refs: BTreeSet<&str> = all
        .iter()
        .chain([&bill["metadata"]["component"]])
        .filter_map(|one| one["bom-ref"].as_str())
        .collect();
    for edge in bill["dependencies"].as_array().into_iter().flatten() {
        let ends = edge["dependsOn"].as_array().into_iter().flatten().chain([&edge["ref"]]);
        let lost = ends.filter(|end| end.as_str().is_none_or(|end| !refs.contains(end)));
        wrong.extend(lost.map(|end| format!("{end}: no such component")));
    }
    wrong
}

fn components(bill: &Value) -> &[Value] {
    bill["components"].as_array().map_or(&[], Vec::as_slice)
}

/// The bill of a crate: what is in its build, and what only builds it.
fn crates(root: &str, target: &str) -> Result<Value> {
    let tree = |edges: &str| {
        steps::output(&format!(
            "cargo tree -p {root} {target} -e {edges} --prefix depth --format {{p}}|{{l}}"
        ))
    };
    let shipped: BTreeSet<String> =
        tree("normal,no-proc-macro")?.lines().filter_map(|line| Some(line_of(line)?.1)).collect();
    let sums = checksums(&steps::root().join("Cargo.lock"))?;
    let mut components = BTreeMap::new();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // The crates from the root to the line's.
    let mut above: Vec<String> = Vec::new();
    for line in tree("normal,build")?.lines() {
        let (depth, name, licence) = line_of(line).with_context(|| format!("cargo tree's format: {line}"))?;
        let (bare, version) = name.split_once(' ').context("cargo tree's format")?;
        let sum = sums.get(&name);
        // What isn't of the registry is of this project.
        let kind = if sum.is_some() { "cargo" } else { "generic" };
        let id = format!("pkg:{kind}/{bare}@{version}");
        above.truncate(depth);
        if let Some(parent) = above.last() {
            edges.entry(parent.clone()).or_default().insert(id.clone());
        }
        edges.entry(id.clone()).or_default();
        above.push(id.clone());
        let licence = Expression::canonicalize(&licence).ok().flatten().unwrap_or(licence);
        let mut component = json!({
            "type": if depth == 0 { "application" } else { "library" },
            "bom-ref": id, "name": bare, "version": version, "purl": id,
            "scope": if shipped.contains(&name) { "required" } else { "excluded" },
            "licenses": [{ "expression": licence }],
        });
        if let Some(sum) = sum {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        components.insert(id, component);
    }
    let first = above.first().context("cargo tree has no lines")?.clone();
    let component = components.remove(&first).context("no root")?;
    let dependencies: Vec<Value> =
        edges.iter().map(|(id, on)| json!({ "ref": id, "dependsOn": on })).collect();
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "timestamp": timestamp()?, "tools": [{ "name": "cargo xtask sbom" }], "component": component },
        "components": components.into_values().collect::<Vec<_>>(),
        "dependencies": dependencies,
    }))
}

/// The time of the commit: the same sources have the same bill.
fn timestamp() -> Result<String> {
    Ok(steps::output("git log -1 --format=%cI")?.trim().to_owned())
}

/// Of a line of `cargo tree` its depth, its crate as `name version` and its licence.
fn line_of(line: &str) -> Option<(usize, String, String)> {
    let digits = line.find(|c: char| !c.is_ascii_digit())?;
    let (crate_, licence) = line[digits..].split_once('|')?;
    let mut words = crate_.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let licence = licence.trim_end_matches(" (*)").to_owned();
    Some((line[..digits].parse().ok()?, format!("{name} {version}"), licence))
}

/// The SHA-256 of each crate of the registry, by `name version`, as the lock file has it.
fn checksums(lock: &Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(lock).with_context(|| lock.display().to_string())?;
    let one = |entry: &str| {
        let value = |key: &str| {
            let line = entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""))?;
            Some(line.trim_end_matches('"').to_owned())
        };
        Some((format!("{} {}", value("name")?, value("version")?), value("checksum")?))
    };
    Ok(text.split("[[package]]").filter_map(one).collect())
}

/// The chat's bill: npm's of the whole lock file. npm takes what is bundled for a tool of the developers; the build says
/// what of it is passed on.
fn packages() -> Result<Value> {
    let path = steps::root().join(IN_THE_CHAT);
    let built = std::fs::read_to_string(&path)
        .with_context(|| format!("{}: the chat isn't built; `cargo xtask web` does", path.display()))?;
    chat_of(serde_json::from_str(&steps::output(NPM)?)?, &built)
}

fn chat_of(mut bill: Value, built: &str) -> Result<Value> {
    let mut shipped = BTreeSet::from(["azulejo".to_owned()]);
    shipped.extend(built.lines().filter_map(|line| {
        let (package, version) = line.strip_suffix(')')?.split_once(" (")?.0.rsplit_once(' ')?;
        version.starts_with(|c: char| c.is_ascii_digit()).then(|| package.to_owned())
    }));
    let project = bill["metadata"]["component"]["bom-ref"].clone();
    let all = bill["components"].as_array_mut().context("npm's bill has no components")?;
    let root = all.iter().position(|one| one["name"] == "azulejo-chat").context("no azulejo-chat")?;
    let root = all.remove(root);
    for one in all.iter_mut() {
        let is_shipped = one["name"].as_str().is_some_and(|name| shipped.remove(name));
        one["scope"] = json!(if is_shipped { "required" } else { "excluded" });
    }
    if !shipped.is_empty() {
        bail!("in the chat's build and not in npm's bill: {shipped:?}; `cargo xtask web` builds it anew");
    }
    bill["metadata"]["component"] = root;
    // The project of the web's packages is none.
    if let Some(edges) = bill["dependencies"].as_array_mut() {
        edges.retain(|edge| edge["ref"] != project);
    }
    Ok(bill)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Value {
        let one = |name: &str| {
            json!({ "name": name, "version": "1.0.0", "purl": format!("pkg:cargo/{name}@1.0.0"),
                "bom-ref": name, "scope": "required", "licenses": [{ "expression": "MIT" }] })
        };
        json!({ "metadata": { "component": one("root") }, "components": [one("a"), one("b")],
            "dependencies": [{ "ref": "root", "dependsOn": ["a", "b"] }] })
    }

    #[test]
    fn sbom_what_is_missing_is_named() {
        assert!(wrong(&complete()).is_empty());
        for key in ["name", "version", "purl", "licenses"] {
            let mut bill = complete();
            bill["components"][1].as_object_mut().unwrap().remove(key);
            assert_eq!(wrong(&bill).len(), 1, "{key}");
        }
        let mut bill = complete();
        bill["components"].as_array_mut().unwrap().pop();
        assert_eq!(wrong(&bill), [r#""b": no such component"#]);
        bill["components"][0]["scope"] = json!("excluded");
        assert_eq!(wrong(&bill).len(), 2);
    }

    #[test]
    fn sbom_lines_of_cargo_tree() {
        let own = line_of("12azulejo-cpu v0.1.0 (/a folder/crates)|Apache-2.0 (*)").unwrap();
        assert_eq!(own, (12, "azulejo-cpu 0.1.0".to_owned(), "Apache-2.0".to_owned()));
        assert_eq!(line_of("1serde v1.0.1 (proc-macro)|MIT OR Apache-2.0").unwrap().2, "MIT OR Apache-2.0");
        assert!(line_of("no tree").is_none());
    }

    #[test]
    fn sbom_of_the_chat_has_what_its_build_says() {
        let named = |name: &str| json!({ "name": name, "bom-ref": name, "scope": "optional" });
        let bill = json!({ "metadata": { "component": named("web") }, "dependencies": [{ "ref": "web" }],
            "components": (["azulejo", "azulejo-chat", "preact", "esbuild"].map(named)) });
        let chat =
            chat_of(bill.clone(), "azulejo-chat has code of:\n\npreact 11.2.0 (MIT)\n\nText (c).\n").unwrap();
        let scopes: Vec<&str> = components(&chat).iter().filter_map(|one| one["scope"].as_str()).collect();
        assert_eq!(scopes, ["required", "required", "excluded"]);
        assert_eq!(
            (&chat["metadata"]["component"]["name"], &chat["dependencies"]),
            (&json!("azulejo-chat"), &json!([]))
        );
        assert!(chat_of(bill, "lit 3.3.3 (BSD-3-Clause)").unwrap_err().to_string().contains("lit"));
    }
}
