//! The WESL files themselves: they keep to the subset that the linker knows, and to the pieces' promises.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use azulejo_shaders::{kernels, module_names};

use crate::{every_shader, report};

/// Every .wesl file by its name, with its text.
fn files() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "wesl") {
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                let twice = files.insert(name.clone(), std::fs::read_to_string(&path).unwrap());
                assert!(twice.is_none(), "two files are called {name}.wesl");
            }
        }
    }
    files
}

/// The name that a line declares at the top level, if it does.
fn declared(line: &str) -> Option<&str> {
    let rest =
        ["fn ", "struct ", "const ", "alias ", "override "].iter().find_map(|word| line.strip_prefix(word));
    let rest = match rest {
        Some(rest) => rest,
        None if line.starts_with("@group") || line.starts_with("var<") => {
            line.split_once("var<")?.1.split_once("> ")?.1
        }
        None => return None,
    };
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// The identifiers of a line, each with the character before and the one after it (spaces skipped).
fn identifiers(line: &str) -> Vec<(char, &str, char)> {
    let code = line.split("//").next().unwrap_or("");
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(is_part) {
        let at = code.len() - rest.len() + start;
        let length = code[at..].find(|c| !is_part(c)).unwrap_or(code.len() - at);
        let before = code[..at].trim_end().chars().last().unwrap_or('\n');
        let after = code[at + length..].trim_start().chars().next().unwrap_or('\n');
        found.push((before, &code[at..at + length], after));
        rest = &code[at + length..];
    }
    found
}

/// An import line's piece and names.
fn import(line: &str) -> Option<(&str, Vec<&str>)> {
    let rest = line.split_once("import package::lib::")?.1;
    let (piece, names) = rest.split_once("::{")?;
    Some((piece, names.split_once('}')?.0.split(',').map(str::trim).collect()))
}

#[test]
fn names_are_unique() {
    let shaders = every_shader();
    let mut failures = Vec::new();
    for shader in &shaders {
        let mut seen = BTreeMap::new();
        for (line, (file, number)) in shader.linked.source.lines().zip(&shader.linked.lines) {
            let Some(name) = declared(line) else { continue };
            if let Some(other) = seen.insert(name.to_owned(), *file) {
                failures
                    .push(format!("{}: '{name}' in {other}.wesl and {file}.wesl:{number}", shader.name()));
            }
        }
        assert!(seen.contains_key(shader.kernel.name), "{}: no entry point among the names", shader.name());
    }
    report("names_are_unique", shaders.len(), &failures);
}

#[test]
fn pieces_of_a_variant_are_all_used() {
    let shaders = every_shader();
    let mut failures = Vec::new();
    let mut used = BTreeSet::new();
    for shader in &shaders {
        let files: BTreeSet<&str> = shader.linked.lines.iter().map(|(file, _)| *file).collect();
        for piece in shader.variant.pieces.iter().filter(|p| !files.contains(**p)) {
            failures.push(format!(
                "{}: nothing imports a piece in whose place {piece} could stand",
                shader.name()
            ));
        }
        used.extend(files);
    }
    failures.extend(
        module_names().filter(|m| !used.contains(m)).map(|m| format!("no variant has the piece {m}")),
    );
    report("pieces_of_a_variant_are_all_used", shaders.len(), &failures);
}

#[test]
fn imports_name_all_that_is_used() {
    let files = files();
    let names = |file: &str| -> BTreeSet<&str> { files[file].lines().filter_map(declared).collect() };
    let pieces: Vec<&str> = module_names().collect();
    let mut failures = Vec::new();
    for piece in &pieces {
        assert!(files.contains_key(*piece), "{piece} is no file");
    }
    let exported: BTreeSet<&str> = pieces.iter().flat_map(|piece| names(piece)).collect();
    for (file, text) in &files {
        let mut known = names(file);
        for (number, line) in (1..).zip(text.lines()) {
            let Some((piece, imported)) = import(line) else { continue };
            let family = |name: &str| name.split('_').next().map(str::to_owned);
            for other in pieces.iter().filter(|p| family(p) == family(piece)) {
                let lacking: Vec<_> = imported.iter().filter(|name| !names(other).contains(**name)).collect();
                if !lacking.is_empty() {
                    failures.push(format!("{file}.wesl:{number}: {other}.wesl lacks {lacking:?}"));
                }
            }
            known.extend(imported);
        }
        let code = || text.lines().filter(|line| import(line).is_none());
        // Locals, parameters and fields: `let x`, `x: f32`.
        for line in code() {
            let words = identifiers(line);
            known.extend(words.iter().filter(|(_, _, after)| *after == ':').map(|(_, word, _)| *word));
            known.extend(words.windows(2).filter(|w| ["let", "var"].contains(&w[0].1)).map(|w| w[1].1));
        }
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| import(line).is_none()) {
            for (before, word, _) in identifiers(line) {
                if before != '.' && exported.contains(word) && !known.contains(word) {
                    failures.push(format!("{file}.wesl:{number}: '{word}' is not imported"));
                }
            }
        }
    }
    report("imports_name_all_that_is_used", files.len(), &failures);
}

#[test]
fn sources_keep_to_the_subset() {
    let files = files();
    let mut failures = Vec::new();
    for (file, text) in &files {
        if text.lines().count() > 200 {
            failures.push(format!("{file}.wesl has more than 200 lines"));
        }
        if !text.starts_with("// ") {
            failures.push(format!("{file}.wesl doesn't begin with what it is"));
        }
        for (number, line) in (1..).zip(text.lines()) {
            let mut fail = |what: &str| failures.push(format!("{file}.wesl:{number}: {what}"));
            if line.starts_with('#') {
                fail("a preprocessor's line");
            }
            if ["enable ", "requires ", "diagnostic("].iter().any(|word| line.starts_with(word)) {
                fail("directives are the target's");
            }
            if line.trim_start().starts_with("@if") && import(line).is_none() {
                fail("a condition that is not on an import");
            }
            if line.contains("// param") && !line.starts_with("const ") {
                fail("only a top-level const is a parameter");
            }
            if line.len() > 120 {
                fail("longer than 120 characters");
            }
        }
    }
    report("sources_keep_to_the_subset", files.len(), &failures);
}

#[test]
fn every_kernel_has_a_twin_and_cases() {
    // That there is a twin the compiler knows; that it does something, `comparison_sees_each_mistake` tells.
    for kernel in kernels::ALL {
        let cases = (kernel.cases)();
        assert!(!cases.is_empty(), "{} has no cases", kernel.name);
        assert!(!(kernel.variants)().is_empty(), "{} has no variants", kernel.name);
        for case in cases {
            assert_eq!(case.setup().call.kernel.name, kernel.name, "{}", case.name);
        }
    }
}
